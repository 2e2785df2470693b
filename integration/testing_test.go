package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const scenarios = 66

// TestScenarioTableIsTrue reads the table of docs/TESTING.md: every scenario has a
// row, and what the row names exists.
func TestScenarioTableIsTrue(t *testing.T) {
	text, err := os.ReadFile("../docs/TESTING.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	row := regexp.MustCompile(`(?m)^\| (\d+)( K)? \|.*\| (.*) \|$`)
	next := 1
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		number, err := strconv.Atoi(m[1])
		if err != nil || number != next {
			t.Fatalf("row %q follows row %d", m[1], next-1)
		}
		next++
		quoted := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(m[3], -1)
		if len(quoted) == 0 && !strings.Contains(m[3], "later") {
			t.Errorf("scenario %d names no test and does not say why: %q", number, m[3])
		}
		for _, q := range quoted {
			if !exists(tests, number, q[1]) {
				t.Errorf("scenario %d names %q, which does not exist", number, q[1])
			}
		}
	}
	if next != scenarios+1 {
		t.Errorf("the table has %d scenarios, want %d", next-1, scenarios)
	}
}

// exists knows folders, tests in full, tests by what follows their number, and configuration keys.
func exists(tests map[string]bool, number int, name string) bool {
	if strings.Contains(name, "/") {
		_, err := os.Stat(filepath.Join("..", name))
		return err == nil
	}
	if first := name[:1]; first == strings.ToLower(first) {
		return true // a configuration key, checked by the tests of config
	}
	return tests[name] || tests[fmt.Sprintf("TestScenario%02d%s", number, name)]
}

// testNames collects the test functions of the folders beside this one.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
	}
	return names
}
