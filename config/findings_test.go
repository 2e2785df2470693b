package config

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// The scripts in testdata/findings hold configurations and all that is said
// about them. `load` judges the text alone, `load host` a host with eth0 to
// eth3 and lo too. The files after the first begin with a line "=== NAME".
// "valid" stands for no finding.
func TestFindings(t *testing.T) {
	datadriven.Walk(t, "testdata/findings", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "load" {
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			f := split(d.Input)
			var host Host
			if d.HasArg("host") {
				host = hostOf(t, d)
			}
			c, findings := Load(f.read, f.glob, "u.yaml", host)
			if (c == nil) != Failed(findings) {
				t.Errorf("config %v with findings:\n%s", c != nil, lines(findings))
			}
			if len(findings) == 0 {
				return "valid\n"
			}
			return lines(findings)
		})
	})
}

func hostOf(t *testing.T, d *datadriven.TestData) *fakeHost {
	h := newFakeHost()
	if d.HasArg("mtu") {
		var mtu int
		d.ScanArgs(t, "mtu", &mtu)
		h.interfaces["eth0"] = HostInterface{MTU: mtu}
	}
	return h
}

// split cuts the input into files; the first is u.yaml.
func split(input string) files {
	f, name := files{}, "u.yaml"
	for line := range strings.Lines(input) {
		if rest, ok := strings.CutPrefix(line, "=== "); ok {
			name = strings.TrimSpace(rest)
			f[name] = ""
			continue
		}
		f[name] += line
	}
	if input == "" {
		f["u.yaml"] = ""
	}
	return f
}
