package config

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMoreAddressesThanFitAreCounted(t *testing.T) {
	tests := []struct {
		format string
		count  int
		want   string // empty: valid
	}{
		{"192.0.%d.%d", 255, ""},
		{"192.0.%d.%d", 300, "one ipv4 advert at MTU 1500 carries 255: move 45 to virtual_ips_excluded"},
		{"'fe80::%x:%x'", 89, ""},
		{"'fe80::%x:%x'", 90, "one ipv6 advert at MTU 1500 carries 89: move 1 to virtual_ips_excluded"},
	}
	for _, tt := range tests {
		var list []string
		for i := range tt.count {
			list = append(list, fmt.Sprintf(tt.format, i/250+1, i%250+1))
		}
		f := files{"u.yaml": "version: 1\nvrrp: {instances: [{name: a, interface: eth0, vrid: 1, virtual_ips: [" + strings.Join(list, ", ") + "]}]}\n"}
		_, findings := Load(f.read, f.glob, "u.yaml", nil)
		switch {
		case tt.want == "" && len(findings) > 0:
			t.Errorf("%d of %s: %s", tt.count, tt.format, lines(findings))
		case tt.want != "" && (len(findings) != 1 || !strings.Contains(findings[0].Text, tt.want)):
			t.Errorf("%d of %s: %s, want %s", tt.count, tt.format, lines(findings), tt.want)
		}
	}
}

func TestSocketPath(t *testing.T) {
	for text, want := range map[string]string{
		"{}":                      "/run/understudy/admin.sock",
		"{global: {instance: b}}": "/run/understudy/admin-b.sock",
		"{global: {run_dir: /run/x}, admin: {socket: {path: a.sock}}}":       "/run/x/a.sock",
		"{global: {instance: b}, admin: {socket: {path: /run/x/../a.sock}}}": "/run/a.sock",
	} {
		f := files{"u.yaml": strings.Replace(text, "{", "{version: 1, ", 1)}
		c, findings := Load(f.read, f.glob, "u.yaml", nil)
		if c == nil || c.Admin.SocketPath != want {
			t.Errorf("%s: %v, want %s\n%s", text, c, want, lines(findings))
		}
	}
}

func TestIncludedFilesAreListedInReadingOrder(t *testing.T) {
	f := files{
		"/etc/u/u.yaml":        "version: 1\ninclude: ['conf.d/*', /srv/last]\n",
		"/etc/u/conf.d/b":      "global: {router_id: x}",
		"/etc/u/conf.d/a":      "include: [../more/c]",
		"/etc/u/more/c":        "admin: {pprof: true}",
		"/srv/last":            "vrrp: {startup_delay: 1s}",
		"/etc/u/conf.d/deep/d": "nonsense",
	}
	c, findings := Load(f.read, f.glob, "/etc/u/u.yaml", nil)
	if c == nil {
		t.Fatal(lines(findings))
	}
	want := []string{"/etc/u/u.yaml", "/etc/u/conf.d/a", "/etc/u/more/c", "/etc/u/conf.d/b", "/srv/last"}
	if !slices.Equal(c.Files, want) {
		t.Errorf("files %v, want %v", c.Files, want)
	}
	if c.Global.RouterID != "x" || !c.Admin.Pprof || c.VRRP.StartupDelay != time.Second {
		t.Errorf("got %+v", c)
	}
	f["/srv/last"] = "vrrp: {startup_delay: 2s}"
	other, _ := Load(f.read, f.glob, "/etc/u/u.yaml", nil)
	if other == nil || other.Hash == c.Hash {
		t.Error("the hash does not cover included files")
	}
}

func TestUnreadableFileIsAFinding(t *testing.T) {
	read := func(string) ([]byte, error) {
		return nil, &fs.PathError{Op: "open", Path: "/x", Err: errors.New("permission denied")}
	}
	c, findings := Load(read, nil, "/x", nil)
	if want := "/x:1:1: error: read /x: permission denied\n"; c != nil || lines(findings) != want {
		t.Errorf("got %q, want %q", lines(findings), want)
	}
}

func TestTextThatIsNotUTF8(t *testing.T) {
	f := files{"u.yaml": "version: 1\nglobal: {router_id: \"a\xff\"}\n"}
	_, findings := Load(f.read, f.glob, "u.yaml", nil)
	if want := "u.yaml:2:23: error: found a byte that is not UTF-8 text\n"; lines(findings) != want {
		t.Errorf("got %q, want %q", lines(findings), want)
	}
}

func TestFileSizeHasALimit(t *testing.T) {
	read := func(string) ([]byte, error) { return make([]byte, maxFileBytes+1), nil }
	if c, findings := Load(read, nil, "u.yaml", nil); c != nil || !strings.Contains(lines(findings), "16777217 bytes") {
		t.Errorf("got %s", lines(findings))
	}
}

// Line ends of other systems and a byte order mark change no place.
func TestForeignLineEnds(t *testing.T) {
	f := files{"u.yaml": "\ufeffversion: 1\r\nvrrp:\r\n  startup_delay: 1\r\n"}
	_, findings := Load(f.read, f.glob, "u.yaml", nil)
	if !strings.HasPrefix(lines(findings), "u.yaml:3:18: error: vrrp.startup_delay: found the number 1 without a unit") {
		t.Errorf("got %s", lines(findings))
	}
}
