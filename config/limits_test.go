package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// repeated writes format n times, with the number of each where it has a verb.
func repeated(format string, n int) string {
	if !strings.Contains(format, "%") {
		return strings.Repeat(format, n)
	}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// What a file holds many times costs time in proportion: each of these takes a
// fraction of a second, and minutes if one thing is compared with all others.
func TestTimeGrowsWithTheText(t *testing.T) {
	const many = 100_000
	head := "version: 1\nvrrp:\n  instances:\n    - name: a\n      interface: eth0\n      vrid: 1\n"
	peer := "    - {name: i%[1]d, interface: eth0, vrid: 7, virtual_ips: [192.0.2.1], unicast: {peers: [\"2001:db8::%[1]x\"]}}\n"
	for name, f := range map[string]files{
		"keys without values":      {"u.yaml": repeated("k%d:\n", many)},
		"empty keys":               {"u.yaml": repeated(":\n", many)},
		"one key":                  {"u.yaml": repeated("k:\n", many)},
		"keys in braces":           {"u.yaml": "global: {" + repeated("k%d,", many) + "}\n"},
		"keys of two files":        {"u.yaml": "include: [a]\n" + repeated("k%d:\n", many/2), "a": repeated("l%d:\n", many/2)},
		"addresses":                {"u.yaml": head + "      virtual_ips:\n" + repeated("        - 192.0.2.1\n", many)},
		"excluded addresses":       {"u.yaml": head + "      virtual_ips_excluded:\n" + repeated("        - 10.0.0.%d\n", many)},
		"values that are no lists": {"u.yaml": "version: 1\nvrrp:\n  instances:\n" + repeated("    - x\n", many)},
		"unicast instances":        {"u.yaml": "version: 1\nvrrp:\n  instances:\n" + repeated(peer, many/10)},
		"comments":                 {"u.yaml": repeated("# c\n\n", many)},
		"commented items":          {"u.yaml": "x:\n" + repeated("  - a # c\n  # d\n\n", many)},
		"tag directives":           {"u.yaml": "{}\n" + repeated("%%TAG !a%d! x:\n", many)},
		"anchors":                  {"u.yaml": "x:\n" + repeated("  - &a%d b\n", many)},
		"aliases":                  {"u.yaml": "x: &a y\nz:\n" + repeated("  - *a\n", many)},
		"documents":                {"u.yaml": repeated("---\n", many)},
		"brackets":                 {"u.yaml": "x: " + repeated("[", many)},
		"dashes":                   {"u.yaml": repeated("- ", many)},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if c, findings := Load(f.read, f.glob, "u.yaml", nil); c != nil || len(findings) == 0 || len(findings) > maxErrors+1 {
				t.Errorf("%t with %d findings", c != nil, len(findings))
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}
