package config

import (
	"strconv"
	"strings"
)

// position is a place in a file.
type position struct {
	file      string
	line, col int32 // from 1, in characters
}

func (p position) String() string {
	return p.file + ":" + strconv.Itoa(int(p.line)) + ":" + strconv.Itoa(int(p.col))
}

// node is one YAML value with its place in the text.
type node struct {
	position
	kind    nodeKind
	text    string         // of a scalar
	entries []entry        // of a mapping, in order, keys unique
	index   map[string]int // of entries by key; nil: there are few
	items   []node         // of a sequence
}

// entry is one key of a mapping.
type entry struct {
	position // of the key
	key      string
	value    node
}

type nodeKind uint8

const (
	nullNode nodeKind = iota
	boolNode
	intNode
	floatNode
	stringNode
	mappingNode
	sequenceNode
	refusedNode // reported already
)

// coreKind resolves a plain scalar as the YAML 1.2 core schema says. The
// parser's own resolution is not used: it knows words of YAML 1.1.
func coreKind(text string) nodeKind {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return nullNode
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return boolNode
	}
	switch c := text[0]; {
	case c != '+' && c != '-' && c != '.' && (c < '0' || c > '9'):
		return stringNode
	case isInt(text):
		return intNode
	case isFloat(text):
		return floatNode
	}
	return stringNode
}

const (
	digits    = "0123456789"
	hexDigits = digits + "abcdefABCDEF"
)

// isInt is [-+]?[0-9]+ or 0o[0-7]+ or 0x[0-9a-fA-F]+.
func isInt(s string) bool {
	if rest, ok := strings.CutPrefix(s, "0o"); ok {
		return rest != "" && run(rest, digits[:8]) == len(rest)
	}
	if rest, ok := strings.CutPrefix(s, "0x"); ok {
		return rest != "" && run(rest, hexDigits) == len(rest)
	}
	s = unsigned(s)
	return s != "" && run(s, digits) == len(s)
}

// isFloat is [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?, a signed
// infinity or not a number.
func isFloat(s string) bool {
	switch s {
	case ".nan", ".NaN", ".NAN":
		return true
	}
	s = unsigned(s)
	switch s {
	case ".inf", ".Inf", ".INF":
		return true
	}
	whole := run(s, digits)
	s = s[whole:]
	if rest, ok := strings.CutPrefix(s, "."); ok {
		fraction := run(rest, digits)
		if whole+fraction == 0 {
			return false
		}
		s = rest[fraction:]
	} else if whole == 0 {
		return false
	}
	if s == "" {
		return true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	s = unsigned(s[1:])
	return s != "" && run(s, digits) == len(s)
}

// unsigned drops a sign.
func unsigned(s string) string {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		return s[1:]
	}
	return s
}

// run is how many octets of s from its beginning are in set.
func run(s, set string) int {
	for i := range len(s) {
		if strings.IndexByte(set, s[i]) < 0 {
			return i
		}
	}
	return len(s)
}

func (n *node) at(path *keyPath) place  { return place{position: &n.position, path: path} }
func (e *entry) at(path *keyPath) place { return place{position: &e.position, path: path} }

// indexFrom is the number of keys from which on looking one up needs an index.
const indexFrom = 32

// lookup finds a key of a mapping; nil: absent. The entry moves with the next add.
func (n *node) lookup(key string) *entry {
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return &n.entries[i]
		}
		return nil
	}
	for i := range n.entries {
		if n.entries[i].key == key {
			return &n.entries[i]
		}
	}
	return nil
}

// add appends an entry whose key is not there yet.
func (n *node) add(e entry) *entry {
	n.entries = append(n.entries, e)
	last := len(n.entries) - 1
	switch {
	case n.index != nil:
		n.index[e.key] = last
	case last >= indexFrom:
		n.index = make(map[string]int, cap(n.entries))
		for i := range n.entries {
			n.index[n.entries[i].key] = i
		}
	}
	return &n.entries[last]
}

// found names the value in a message: what it says and what it is.
func (n *node) found() string {
	switch n.kind {
	case nullNode:
		return "nothing"
	case boolNode:
		return "the boolean " + n.text
	case intNode, floatNode:
		return "the number " + clip(n.text)
	case mappingNode:
		return "a mapping"
	case sequenceNode:
		return "a list"
	}
	return strconv.Quote(clip(n.text))
}

// clip shortens a value for a message.
func clip(s string) string {
	const limit = 64
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// integer reads the value of an intNode; false: it needs more than 64 bits.
func (n *node) integer() (int64, bool) {
	text, base := strings.TrimPrefix(n.text, "+"), 10
	switch {
	case strings.HasPrefix(text, "0o"):
		text, base = text[2:], 8
	case strings.HasPrefix(text, "0x"):
		text, base = text[2:], 16
	}
	v, err := strconv.ParseInt(text, base, 64)
	return v, err == nil
}
