package config

import (
	"fmt"
	"strings"
	"testing"
)

// show writes a node with the places of its keys and values.
func show(b *strings.Builder, n *node) {
	switch n.kind {
	case mappingNode:
		b.WriteByte('{')
		for i := range n.entries {
			e := &n.entries[i]
			fmt.Fprintf(b, "%q@%d:%d=", e.key, e.line, e.col)
			show(b, &e.value)
			b.WriteByte(' ')
		}
		b.WriteByte('}')
	case sequenceNode:
		b.WriteByte('[')
		for i := range n.items {
			show(b, &n.items[i])
			b.WriteByte(' ')
		}
		b.WriteByte(']')
	default:
		fmt.Fprintf(b, "%d %q", n.kind, n.text)
	}
	fmt.Fprintf(b, "@%d:%d", n.line, n.col)
}

// Values are of the core schema, places are characters from 1.
func TestParse(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{
			"words of YAML 1.1 are strings", "a: on\nb: [yes, 0o17, 017, 1e3, .5]\n",
			`{"a"@1:1=4 "on"@1:4 "b"@2:1=[4 "yes"@2:5 2 "0o17"@2:10 2 "017"@2:16 3 "1e3"@2:21 3 ".5"@2:26 ]@2:4 }@1:1`,
		},
		{
			"what has quotes is a string", "a: '1'\nb: \"\"\nc: |\n  true\nd: >\n  x\n  y\n",
			`{"a"@1:1=4 "1"@1:4 "b"@2:1=4 ""@2:4 "c"@3:1=4 "true\n"@3:4 "d"@5:1=4 "x y\n"@5:4 }@1:1`,
		},
		{
			"nothing stands at its key", "a:\nb: ~\nc: {d, e: }\nf: [null]\n",
			`{"a"@1:1=0 ""@1:1 "b"@2:1=0 "~"@2:1 "c"@3:1={"d"@3:5=0 ""@3:5 "e"@3:8=0 ""@3:8 }@3:4 "f"@4:1=[0 "null"@4:4 ]@4:4 }@1:1`,
		},
		{
			"places count characters", "a: {é: ü, c: d}\nb: \"\U0001f600\" # x\n\"k\": 1",
			`{"a"@1:1={"é"@1:5=4 "ü"@1:8 "c"@1:11=4 "d"@1:14 }@1:4 "b"@2:1=4 "😀"@2:4 "k"@3:1=2 "1"@3:6 }@1:1`,
		},
		{
			"line ends of all systems", "a: 1\rb: 2\r\nc: 3\n",
			`{"a"@1:1=2 "1"@1:4 "b"@2:1=2 "2"@2:4 "c"@3:1=2 "3"@3:4 }@1:1`,
		},
		{
			"lists at the key's indentation", "a:\n- b: 1\n  c: 2\n-\n  - d\n",
			`{"a"@1:1=[{"b"@2:3=2 "1"@2:6 "c"@3:3=2 "2"@3:6 }@2:3 [4 "d"@5:5 ]@5:3 ]@2:1 }@1:1`,
		},
		{
			"lines are folded", "a: b\n  c\n\n  d\ne: 'f\n  g'\n",
			`{"a"@1:1=4 "b c\nd"@1:4 "e"@5:1=4 "f g"@5:4 }@1:1`,
		},
		{
			"addresses in braces", "a: {b: 2001:db8::1, c: [fe80::1%eth0]}\n",
			`{"a"@1:1={"b"@1:5=4 "2001:db8::1"@1:8 "c"@1:21=[4 "fe80::1%eth0"@1:25 ]@1:24 }@1:4 }@1:1`,
		},
		{"an empty document before or after is none", "---\n--- # x\na: 1\n...\n---\n...\n", `{"a"@3:1=2 "1"@3:4 }@3:1`},
		{"a quoted merge key is a key", "\"<<\": 1\n", `{"<<"@1:1=2 "1"@1:7 }@1:1`},
		{"a key behind a question mark", "? a\n: b\n", `{"a"@1:3=4 "b"@2:3 }@1:1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &report{}
			n := parse(r, "u.yaml", []byte(tt.text))
			if n == nil || len(r.findings) > 0 {
				t.Fatalf("found: %s", lines(r.findings))
			}
			var b strings.Builder
			show(&b, n)
			if b.String() != tt.want {
				t.Errorf("got  %s\nwant %s", b.String(), tt.want)
			}
		})
	}
}

// Each text has one finding, at the place that helps.
func TestParseRefuses(t *testing.T) {
	const anchors = "YAML anchors, aliases and merge keys are not supported; write the "
	tests := []struct{ name, text, want string }{
		{
			"a list that does not end", "a: [1, 2\nb: 3\n",
			"2:2: error: YAML syntax: did not find expected ',' or ']' while parsing a flow sequence that begins at u.yaml:1:4",
		},
		{"a mapping that does not end", "a: {b: 1\n\n", "1:4: error: YAML syntax: did not find expected ',' or '}' while parsing a flow mapping"},
		{"a string that does not end", "b: 1\na: \"x\n\n", "2:4: error: YAML syntax: found unexpected end of stream while scanning a quoted scalar"},
		{
			"an escape that is none", "k: \"\\q\"\n",
			"1:5: error: YAML syntax: found unknown escape character while scanning a quoted scalar that begins at u.yaml:1:4",
		},
		{"two colons", "a: b: c\n", "1:5: error: YAML syntax: mapping values are not allowed in this context"},
		{"less indentation", "a:\n   b: 1\n  c: 2\n", "3:3: error: YAML syntax: did not find expected key while parsing a block mapping that begins at u.yaml:1:1"},
		{"a control character", "a: \"é\x01\"\n", "1:6: error: found the character U+0001, which is not allowed"},
		{"NUL", "a: 1\r\x00", "2:1: error: found the character U+0000, which is not allowed"},
		{"a line end of YAML 1.1", "a: b\u0085c: d\n", "1:5: error: found the character U+0085, which is not allowed"},
		{"a line separator", "a: b\u2028c: d\n", "1:5: error: found the character U+2028, which is not allowed"},
		{"a byte order mark inside", "a: 1\n\ufeffb: 1\n", "2:1: error: found the character U+FEFF, which is not allowed"},
		{"no character", "a: \uffff\n", "1:4: error: found the character U+FFFF, which is not allowed"},
		{"UTF-16", "\xfe\xff\x00a", "1:1: error: found a byte that is not UTF-8 text"},
		{"a directive", "# x\n%YAML 1.2\n---\na: 1\n", "2:1: error: YAML directives are not supported; remove the line"},
		{"an anchor at a key", "a: {&b c: 1}\n", "1:5: error: a: " + anchors + "values out"},
		{"an anchor at an item", "a: [b, &c d]\n", "1:8: error: a[1]: " + anchors + "value out"},
		{"an alias of itself", "a: &b [c]\n", "1:4: error: a: " + anchors + "value out"},
		{"an alias of nothing", "a: *b\n", "1:4: error: YAML syntax: unknown anchor 'b' referenced"},
		{"a tag at a key", "!!str a: 1\n", "1:1: error: YAML tags are not supported; remove the tag"},
		{"a tag without a name", "a: ! 1\n", "1:4: error: a: YAML tags are not supported; remove the tag"},
		{"a list as key", "? [a]\n: b\n", "1:3: error: found a list as key; write a plain key"},
		{"a mapping as key", "a: {{b: c}: d}\n", "1:5: error: a: found a mapping as key; write a plain key"},
		{"an empty key twice", "a: {: b, '': c}\n", `1:10: error: a."": given twice; first at u.yaml:1:5`},
		{"a second document", "a: 1\n---\n# x\nb: 2\n", "2:1: error: found a second document; one file is one document"},
		{"text alone", "a\n", `1:1: error: found "a", want a mapping such as version: 1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &report{}
			parse(r, "u.yaml", []byte(tt.text))
			if got, want := lines(r.findings), "u.yaml:"+tt.want+"\n"; got != want {
				t.Errorf("got  %swant %s", got, want)
			}
		})
	}
}
