package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every command has a page, and the page says what the help says.
func TestManPagesFollowTheHelp(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man8")
	root := newRootCommand()
	root.SetArgs([]string{"man", dir})
	if code := execute(root); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	for _, c := range newRootCommand().Commands() {
		page, err := os.ReadFile(filepath.Join(dir, "understudy-"+c.Name()+".8"))
		if err != nil {
			t.Error(err)
			continue
		}
		if words := strings.Fields(c.Short); !strings.Contains(string(page), words[0]) {
			t.Errorf("the page of %s does not say %q", c.Name(), c.Short)
		}
	}
}
