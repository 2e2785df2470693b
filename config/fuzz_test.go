package config

import (
	"os"
	"strings"
	"testing"
)

// FuzzLoad: whatever the text, there is a Config or an Error, sorted and
// inside the file, and never a panic.
func FuzzLoad(f *testing.F) {
	reference, err := os.ReadFile("reference.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(reference))
	for _, s := range []string{
		"", "version: 1\n", "a: &x [*x]\n", "? {a: b}\n: c\n", "- - - -\n", "{}: {}", "vrrp: {instances: [a, [], {}, null, {name: {}}]}",
		"version: 1\nvrrp: {instances: [{name: a, vrid: 1, unicast: {peers: [x, 1, {}]}, virtual_ips: [1, {address: '::'}]}]}",
		"version: 1\ninclude: [u.yaml]\n", "version: !!int 1\n", "a: |\n b\n", "version: 1 # c\n---\n...\n", "\"a\n", "<<: {a: 1}\n", "a: 'b'\n\tc: d",
		"version: 1\nvrrp: {instances: [{name: a, vrid: 1, interface: eth0, virtual_ips: [{address: 192.0.2.1/0, broadcast: '+'}]}]}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		in := files{"u.yaml": text, "more.yaml": text}
		c, findings := Load(in.read, in.glob, "u.yaml", newFakeHost())
		if (c == nil) != Failed(findings) {
			t.Fatalf("config %t, findings:\n%s", c != nil, lines(findings))
		}
		last := strings.Count(text, "\n") + strings.Count(text, "\r") + 2
		for i, fd := range findings {
			if fd.Line < 1 || fd.Column < 1 || fd.Line > last || fd.Text == "" {
				t.Errorf("place of %s", fd)
			}
			if i > 0 && findings[i-1] == fd {
				t.Errorf("twice: %s", fd)
			}
		}
		if d := Compare(c, c); !d.Empty() || len(d.Refused) > 0 {
			t.Errorf("differs from itself: %+v", d)
		}
	})
}
