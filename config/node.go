package config

import (
	"regexp"
	"strconv"
	"strings"
)

// node is one YAML value with its place in the text.
type node struct {
	kind      nodeKind
	text      string // of a scalar
	file      string
	line, col int
	entries   []entry // of a mapping, in order, keys unique
	items     []*node // of a sequence
}

// entry is one key of a mapping.
type entry struct {
	key       string
	file      string
	line, col int
	value     *node
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

// integers and floats of the YAML 1.2 core schema.
var (
	coreInt   = regexp.MustCompile(`^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$`)
	coreFloat = regexp.MustCompile(`^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
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
	switch {
	case coreInt.MatchString(text):
		return intNode
	case coreFloat.MatchString(text):
		return floatNode
	}
	return stringNode
}

func (n *node) at(path *keyPath) place { return place{n.file, n.line, n.col, path} }
func (e *entry) at(path *keyPath) place {
	return place{e.file, e.line, e.col, path}
}

// lookup finds a key of a mapping; nil: absent.
func (n *node) lookup(key string) *entry {
	for i := range n.entries {
		if n.entries[i].key == key {
			return &n.entries[i]
		}
	}
	return nil
}

// found names the value in a message: what it says and what it is.
func (n *node) found() string {
	switch n.kind {
	case nullNode:
		return "nothing"
	case boolNode:
		return "the boolean " + n.text
	case intNode:
		return "the number " + clip(n.text)
	case floatNode:
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
