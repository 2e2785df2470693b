// Package integration holds the tests that look at the program as a whole. The
// one here is about its imports; the others are in the folders beside it.
package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const (
	module  = "github.com/understudy-ha/understudy"
	runtime = "github.com/asynkron/protoactor-go"
)

// layer says what the packages that match may import besides the standard
// library. Patterns are paths in the module; an element is matched as by
// path.Match, and a last element "..." stands for any rest, none included. "own"
// in a pattern stands for the importing package; other modules are named in full.
type layer struct {
	packages string
	may      []string
}

// The layers; the first row that matches a package decides. "any" allows all.
var layers = []layer{
	{"actors/*/fsm", []string{"netio/packet"}},
	{"actors/*/plan", []string{"netio/packet"}},
	{"netio/packet", nil},
	{"config/...", []string{"config/...", "go.yaml.in/yaml/..."}},
	{"messages", []string{"netio/packet", "config"}},
	{"supervisors", []string{"messages", runtime + "/..."}},
	{"actors/timer", []string{"supervisors", runtime + "/..."}},
	{"actors/*", []string{"own/...", "actors/timer", "supervisors", "messages", "config", "netio/packet", runtime + "/..."}},
	{"netio/web", []string{"netio/...", "messages", "config/typo", "github.com/prometheus/...", "golang.org/x/sys/..."}},
	{"netio/...", []string{"netio/...", "golang.org/x/...", "github.com/vishvananda/...", "github.com/mdlayher/...", "github.com/google/nftables/..."}},
	{"cmd/...", []string{"any"}},
	{"integration/sim/...", []string{"actors/*/fsm", "actors/*/plan", "netio/packet", "config/..."}},
	{"integration/replay/...", []string{"actors/*/fsm", "actors/*/plan", "netio/packet", "config/..."}},
	{"integration/...", []string{"any"}},
}

// unwanted are parts of the actor runtime that no package may bring in, even through others.
var unwanted = []string{runtime + "/cluster", runtime + "/remote", runtime + "/persistence"}

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

func TestImportsFollowTheLayers(t *testing.T) {
	packages := list(t, "-deps=false", "./...")
	if len(packages) < 10 {
		t.Fatalf("go list found %d packages: is this the module's folder?", len(packages))
	}
	for _, wrong := range violations(packages) {
		t.Error(wrong)
	}
}

func TestWrongImportsAreFound(t *testing.T) {
	for _, row := range []struct{ from, to, says string }{
		{"actors/vrrp/fsm", "messages", "actors/vrrp/fsm must not import messages"},
		{"actors/vrrp/fsm", runtime + "/actor", "actors/vrrp/fsm must not import " + runtime + "/actor"},
		{"netio/packet", "golang.org/x/sys/unix", "netio/packet must not import golang.org/x/sys/unix"},
		{"actors/vrrp", "actors/link", "actors/vrrp must not import actors/link"},
		{"actors/vrrp", "netio/pacer", "actors/vrrp must not import netio/pacer"},
		{"netio/pacer", "messages", "netio/pacer must not import messages"},
		{"messages", runtime + "/actor", "messages must not import " + runtime + "/actor"},
		{"integration/sim", "netio/rawsock", "integration/sim must not import netio/rawsock"},
		{"util", "", "util is in no layer"},
		{"actors/vrrp", "actors/vrrp/fsm", ""},
		{"netio/web", "config", "netio/web must not import config"},
		{"netio/web", "messages", ""},
		{"cmd/understudy", "netio/pacer", ""},
		{"config", "strings", ""},
	} {
		p := listed{ImportPath: module + "/" + row.from}
		if row.to != "" {
			p.Imports = []string{full(row.to)}
		}
		if got := strings.Join(violations([]listed{p}), "; "); got != row.says {
			t.Errorf("%s imports %s: %q, want %q", row.from, row.to, got, row.says)
		}
	}
}

func TestUnusedRuntimePartsStayOut(t *testing.T) {
	for _, p := range list(t, "-deps", "./cmd/...") {
		for _, u := range unwanted {
			if within(p.ImportPath, u) {
				t.Errorf("%s is linked into the program", p.ImportPath)
			}
		}
	}
}

// full turns a path in the module into an import path; one with a dot in its
// first element, and one that is no folder of ours, is that already.
func full(p string) string {
	first, _, _ := strings.Cut(p, "/")
	if strings.Contains(first, ".") || !slices.Contains([]string{"actors", "netio", "config", "messages", "supervisors", "cmd", "integration"}, first) {
		return p
	}
	return module + "/" + p
}

func within(importPath, tree string) bool {
	return importPath == tree || strings.HasPrefix(importPath, tree+"/")
}

// violations lists the imports that the layers do not allow.
func violations(packages []listed) []string {
	var out []string
	for _, p := range packages {
		from := strings.TrimPrefix(p.ImportPath, module+"/")
		at := slices.IndexFunc(layers, func(l layer) bool { return matches(l.packages, from) })
		if at < 0 {
			out = append(out, from+" is in no layer")
			continue
		}
		for _, to := range p.Imports {
			if !allowed(layers[at], from, to) {
				out = append(out, fmt.Sprintf("%s must not import %s", from, strings.TrimPrefix(to, module+"/")))
			}
		}
	}
	return out
}

func allowed(l layer, from, to string) bool {
	first, _, _ := strings.Cut(to, "/")
	if !strings.Contains(first, ".") { // the standard library; what of it a core may use is for the linter
		return true
	}
	to = strings.TrimPrefix(to, module+"/")
	return slices.ContainsFunc(l.may, func(may string) bool {
		if rest, ok := strings.CutPrefix(may, "own/"); ok {
			may = from + "/" + rest
		}
		return may == "any" || matches(may, to)
	})
}

// matches compares a pattern with a path, element by element.
func matches(pattern, p string) bool {
	if head, ok := strings.CutSuffix(pattern, "/..."); ok {
		n := strings.Count(head, "/") + 1
		elements := strings.SplitN(p, "/", n+1)
		if len(elements) < n {
			return false
		}
		ok, err := path.Match(head, strings.Join(elements[:n], "/"))
		return ok && err == nil
	}
	ok, err := path.Match(pattern, p)
	return ok && err == nil
}

// list runs go list in the module's folder.
func list(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Standard,Imports"}, args...)...)
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	var packages []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		packages = append(packages, p)
	}
}
