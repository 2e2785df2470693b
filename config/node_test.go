package config

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// The expressions of the YAML 1.2 core schema, section 10.3.2 of its
// specification.
var (
	schemaInt   = regexp.MustCompile(`^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$`)
	schemaFloat = regexp.MustCompile(`^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

func schemaKind(text string) nodeKind {
	switch {
	case schemaInt.MatchString(text):
		return intNode
	case schemaFloat.MatchString(text):
		return floatNode
	}
	return stringNode
}

// What begins like a number is one exactly where the schema says so.
func TestNumbersAreThoseOfTheCoreSchema(t *testing.T) {
	for _, s := range []string{
		"0", "+0", "-1", "01", "0177", "0o17", "0o18", "0o", "-0o1", "0x", "0xfF", "0xg", "+", "-", ".", "..", "+.", "1.", ".5", "-.5e3", "1e5", "1e",
		"1e+", "1.2.3", "1_000", "0b1", "1:30", ".inf", "+.INF", "-.Inf", ".iNF", "inf", ".nan", "+.nan", "-.NaN", "1.e5", ".e5", "192.0.2.1", "1000ms",
	} {
		if got, want := coreKind(s), schemaKind(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[-+]?(0[ox])?[0-9.]?[-+.0-9eEoxafINFNA_]{0,6}`).Filter(func(s string) bool { return s != "" }).Draw(t, "text")
		if got, want := coreKind(s), schemaKind(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	})
}

// Words of YAML 1.1 are strings.
func TestWordsOfTheCoreSchema(t *testing.T) {
	for text, want := range map[string]nodeKind{
		"": nullNode, "~": nullNode, "null": nullNode, "Null": nullNode, "NULL": nullNode, "nULL": stringNode,
		"true": boolNode, "True": boolNode, "TRUE": boolNode, "false": boolNode, "False": boolNode, "FALSE": boolNode, "tRUE": stringNode,
		"yes": stringNode, "no": stringNode, "on": stringNode, "off": stringNode, "y": stringNode, "<<": stringNode, "2001-01-01": stringNode,
	} {
		if got := coreKind(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
