package config

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

// fakeHost is a host of given facts.
type fakeHost struct {
	interfaces map[string]HostInterface
	accounts   []string // users and groups
	dirs       []string
}

func (h *fakeHost) HostName() string { return "testhost" }
func (h *fakeHost) Interface(name string) (HostInterface, bool) {
	i, ok := h.interfaces[name]
	return i, ok
}
func (h *fakeHost) UserExists(name string) bool      { return slices.Contains(h.accounts, name) }
func (h *fakeHost) GroupExists(name string) bool     { return slices.Contains(h.accounts, name) }
func (h *fakeHost) DirectoryExists(path string) bool { return slices.Contains(h.dirs, path) }

// newFakeHost has eth0 to eth3 and lo.
func newFakeHost() *fakeHost {
	h := &fakeHost{interfaces: map[string]HostInterface{"lo": {Loopback: true, MTU: 65536}}, accounts: []string{"root", "understudy"}}
	for _, name := range []string{"eth0", "eth1", "eth2", "eth3"} {
		h.interfaces[name] = HostInterface{MTU: 1500}
	}
	return h
}

// files is a file system in memory.
type files map[string]string

func (f files) read(name string) ([]byte, error) {
	text, ok := f[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func (f files) glob(pattern string) ([]string, error) {
	var out []string
	for name := range f {
		ok, err := path.Match(pattern, name)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, name)
		}
	}
	return out, nil // in no order
}

// load loads one file that must be valid.
func load(t *testing.T, text string) *Config {
	t.Helper()
	f := files{"u.yaml": text}
	c, findings := Load(f.read, f.glob, "u.yaml", newFakeHost())
	if c == nil {
		t.Fatalf("refused:\n%s", lines(findings))
	}
	return c
}

// lines are the findings, one a line.
func lines(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(f.String())
		if f.Host {
			b.WriteString(" [host]")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
