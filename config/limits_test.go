package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// repeated is format n times, with the number of each where it has a verb.
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

// manyOf are texts that hold n of something. None of them is valid.
var manyOf = map[string]func(n int) files{
	"keys without values": func(n int) files { return files{"u.yaml": repeated("k%d:\n", n)} },
	"empty keys":          func(n int) files { return files{"u.yaml": repeated(":\n", n)} },
	"one key":             func(n int) files { return files{"u.yaml": repeated("k:\n", n)} },
	"keys in braces":      func(n int) files { return files{"u.yaml": "global: {" + repeated("k%d,", n) + "}\n"} },
	"keys of two files": func(n int) files {
		return files{"u.yaml": "include: [a]\n" + repeated("k%d:\n", n/2), "a": repeated("l%d:\n", n/2)}
	},
	"addresses": func(n int) files { return addresses("virtual_ips", n/4) },
	"excluded":  func(n int) files { return addresses("virtual_ips_excluded", n/4) },
	"unicast instances": func(n int) files {
		const one = "    - {name: i%[1]d, interface: eth0, vrid: 7, virtual_ips: [192.0.2.1], unicast: {peers: [\"2001:db8::%[1]x\"]}}\n"
		return files{"u.yaml": "version: 1\nvrrp:\n  instances:\n" + repeated(one, n/10)}
	},
	"words for instances": func(n int) files {
		return files{"u.yaml": "version: 1\nvrrp:\n  instances:\n" + repeated("    - x\n", n)}
	},
	"comments":        func(n int) files { return files{"u.yaml": repeated("# c\n\n", n)} },
	"commented items": func(n int) files { return files{"u.yaml": "x:\n" + repeated("  - a # c\n  # d\n\n", n)} },
	"tag directives":  func(n int) files { return files{"u.yaml": "{}\n" + repeated("%%TAG !a%d! x:\n", n)} },
	"anchors":         func(n int) files { return files{"u.yaml": "x:\n" + repeated("  - &a%d b\n", n)} },
	"aliases":         func(n int) files { return files{"u.yaml": "x: &a y\nz:\n" + repeated("  - *a\n", n)} },
	"documents":       func(n int) files { return files{"u.yaml": repeated("---\n", n)} },
	"brackets":        func(n int) files { return files{"u.yaml": "x: " + repeated("[", n)} },
	"dashes":          func(n int) files { return files{"u.yaml": repeated("- ", n)} },
}

func addresses(key string, n int) files {
	const head = "version: 1\nvrrp:\n  instances:\n    - name: a\n      interface: eth0\n      vrid: 1\n      "
	return files{"u.yaml": head + key + ":\n" + repeated("        - 10.0.0.%d\n", n)}
}

// Eight times the text may cost eight times the time, not sixty-four times.
// Short times are not judged: too much else is in them.
func TestTimeGrowsWithTheText(t *testing.T) {
	for name, text := range manyOf {
		t.Run(name, func(t *testing.T) {
			const many = 100_000
			some, all := timeOf(t, text(many/8)), timeOf(t, text(many))
			if all > 2*time.Second && all > 24*some {
				t.Errorf("%v and %v", some, all)
			}
		})
	}
}

func timeOf(t *testing.T, f files) time.Duration {
	t.Helper()
	start := time.Now()
	c, findings := Load(f.read, f.glob, "u.yaml", nil)
	if c != nil || len(findings) == 0 || len(findings) > maxErrors+1 {
		t.Errorf("%t with %d findings", c != nil, len(findings))
	}
	return time.Since(start)
}

// Errors beyond the limit are counted out, warnings are all kept.
func TestErrorsHaveALimit(t *testing.T) {
	tests := []struct {
		name, text string
		want       int
		last       string
	}{
		{"all are kept at the limit", "version: 1\n" + repeated("k%d:\n", maxErrors), maxErrors, ""},
		{"one more is said", "version: 1\n" + repeated("k%d:\n", maxErrors+1), maxErrors + 1, "more than 1000 errors; the others are not shown"},
		{"many more are one", "version: 1\n" + repeated("k%d:\n", 3*maxErrors), maxErrors + 1, "more than 1000 errors; the others are not shown"},
		{
			"warnings do not count", "version: 1\nvrrp:\n  instances:\n" +
				repeated("    - {name: i%[1]d, interface: e%[1]d, vrid: 1, virtual_ips: [\"2001:db8::1\"]}\n", maxErrors+10), maxErrors + 10, "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := files{"u.yaml": tt.text}
			_, findings := Load(f.read, f.glob, "u.yaml", nil)
			if len(findings) != tt.want {
				t.Fatalf("%d findings, want %d", len(findings), tt.want)
			}
			if said := strings.HasPrefix(findings[0].Text, "more than"); said != (tt.last != "") || said && findings[0].Text != tt.last {
				t.Errorf("first: %s", findings[0])
			}
		})
	}
}

// A collection at the limit of nesting is read, one more level is not.
func TestNestingHasALimit(t *testing.T) {
	for name, nest := range map[string]func(levels int) string{
		"brackets": func(n int) string { return "x: " + strings.Repeat("[", n) + strings.Repeat("]", n) + "\n" },
		"braces":   func(n int) string { return "x: " + strings.Repeat("{a: ", n) + "b" + strings.Repeat("}", n) + "\n" },
		"dashes":   func(n int) string { return "x:\n " + strings.Repeat("- ", n-1) + "a\n" }, // x is a level of blocks
		"keys": func(n int) string {
			var b strings.Builder
			for i := range n {
				b.WriteString(strings.Repeat(" ", i) + "a:\n")
			}
			return b.String()
		},
	} {
		for levels, deep := range map[int]bool{maxDepth: false, maxDepth + 1: true} {
			f := files{"u.yaml": nest(levels)}
			_, findings := Load(f.read, f.glob, "u.yaml", nil)
			if got := strings.Contains(lines(findings), "YAML syntax: nested too deep; allowed are 32 levels\n"); got != deep {
				t.Errorf("%d levels of %s: %s", levels, name, lines(findings))
			}
		}
	}
}
