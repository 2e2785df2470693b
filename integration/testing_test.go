package integration

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const scenarios = 66

var (
	scenarioRow  = regexp.MustCompile(`(?m)^\| (\d+)( K)? \|.*\| (.*) \|$`)
	otherRow     = regexp.MustCompile("(?m)^\\| [^|]*[a-z][^|]* \\|[^|]*\\| (`Test.*) \\|$")
	inQuotes     = regexp.MustCompile("`([^`]+)`")
	testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// TestScenarioTableIsTrue reads the tables of docs/TESTING.md: every scenario has
// a row, what a row names exists where it is said to, and every test has a row.
func TestScenarioTableIsTrue(t *testing.T) {
	b, err := os.ReadFile("../docs/TESTING.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	tests := map[string]map[string]bool{}
	for _, folder := range []string{"netns", "interop", "chaos"} {
		tests[folder] = testNames(t, folder)
	}
	named := map[string]bool{}
	rows := scenarioRow.FindAllStringSubmatch(text, -1)
	for n, m := range rows {
		if number, err := strconv.Atoi(m[1]); err != nil || number != n+1 {
			t.Fatalf("row %q follows row %d", m[1], n)
		}
		quoted := inQuotes.FindAllStringSubmatch(m[3], -1)
		if len(quoted) == 0 && !strings.Contains(m[3], "later") {
			t.Errorf("scenario %d names no test and does not say why: %q", n+1, m[3])
		}
		for _, q := range quoted {
			for _, complaint := range row(tests, named, n+1, m[2] != "", q[1]) {
				t.Errorf("scenario %d: %s", n+1, complaint)
			}
		}
	}
	if len(rows) != scenarios {
		t.Errorf("the table has %d scenarios, want %d", len(rows), scenarios)
	}
	for _, m := range otherRow.FindAllStringSubmatch(text, -1) {
		for _, q := range inQuotes.FindAllStringSubmatch(m[1], -1) {
			named[q[1]] = true
			if !tests["netns"][q[1]] {
				t.Errorf("%s is not in integration/netns", q[1])
			}
		}
	}
	for _, folder := range []string{"netns", "interop"} {
		for _, name := range slices.Sorted(maps.Keys(tests[folder])) {
			if !named[name] {
				t.Errorf("%s of integration/%s is in no row", name, folder)
			}
		}
	}
}

// row complains of one name in the row of a scenario. A name is a folder, a test
// in full, what follows the number of a scenario's test, or a configuration key,
// which the tests of config check. K: against keepalived as well.
func row(tests map[string]map[string]bool, named map[string]bool, number int, k bool, name string) []string {
	switch {
	case strings.Contains(name, "/"):
		if _, err := os.Stat(filepath.Join("..", name)); err != nil {
			return []string{err.Error()}
		}
		return nil
	case strings.HasPrefix(name, "Test"):
		if !tests["netns"][name] && !tests["chaos"][name] {
			return []string{name + " does not exist"}
		}
		return nil
	case name[:1] == strings.ToLower(name[:1]):
		return nil
	}
	name = fmt.Sprintf("TestScenario%02d%s", number, name)
	named[name] = true
	var out []string
	if !tests["netns"][name] {
		out = append(out, name+" is not in integration/netns")
	}
	if tests["interop"][name] != k {
		out = append(out, fmt.Sprintf("%s in integration/interop: %t, marked K: %t", name, !k, k))
	}
	return out
}

// testNames collects the test functions of a folder beside this one.
func testNames(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(folder + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testFunction.FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
	}
	return names
}
