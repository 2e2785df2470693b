package scenario

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Judged is what `understudy check` says about a configuration.
type Judged struct {
	ExitCode int
	Output   string
}

// Judge has the binary check a configuration text, without looking at this host.
func Judge(t *testing.T, yaml string) Judged {
	t.Helper()
	bin := Binary(t)
	file := filepath.Join(t.TempDir(), "understudy.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(bin, "check", "--no-host", file).CombinedOutput()
	j := Judged{Output: string(out)}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		j.ExitCode = exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	return j
}

// Says checks the exit code and that each phrase is in the output.
func (j Judged) Says(t *testing.T, code int, phrases ...string) {
	t.Helper()
	if j.ExitCode != code {
		t.Errorf("exit code %d, want %d:\n%s", j.ExitCode, code, j.Output)
	}
	for _, p := range phrases {
		if !strings.Contains(j.Output, p) {
			t.Errorf("output does not say %q:\n%s", p, j.Output)
		}
	}
}
