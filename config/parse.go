package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Limits of one file.
const (
	maxFileBytes = 16 << 20
	maxDepth     = 32 // of flow collections, and of block collections
)

// parse reads one YAML document. Nil: a finding says why.
func parse(r *report, file string, text []byte) *node {
	c := &converter{report: r, file: file, text: bytes.TrimPrefix(text, []byte("\ufeff"))}
	if n := len(c.text); n > maxFileBytes {
		c.errorf(c.place(0, 0), "the file has %d bytes; allowed are %d", n, maxFileBytes)
		return nil
	}
	if line, col, what := refusedText(c.text); what != "" {
		c.errorf(c.place(line, col), "%s", what)
		return nil
	}
	if line := keepalivedLine(c.text); line > 0 {
		c.errorf(c.place(line, 1), "this is a keepalived.conf, which is not read yet: write YAML")
		return nil
	}
	body, err := c.load()
	if err != nil {
		c.syntax(err)
		return nil
	}
	if body == nil {
		c.errorf(c.place(0, 0), "the file is empty")
		return nil
	}
	root := &node{}
	c.node(root, body, position{file, 1, 1})
	if root.kind != mappingNode {
		(&decoder{c.report}).wrong(root, root.at(nil), "a mapping such as version: 1")
		return nil
	}
	return root
}

// refusedText finds the first character that is no text, or that the parser
// and YAML 1.2 do not read alike; what is empty if there is none. A line that
// begins with % is a directive wherever a document may begin, and the parser's
// time grows with the square of their number.
func refusedText(text []byte) (line, col int, what string) {
	line, col = 1, 1
	for i := 0; i < len(text); col++ {
		b := text[i]
		i++
		switch {
		case b == '%' && col == 1:
			return line, col, "YAML directives are not supported; remove the line"
		case b >= ' ' && b < 0x7f || b == '\t':
		case b == '\n' || b == '\r' && (i == len(text) || text[i] != '\n'):
			line, col = line+1, 0
		case b == '\r':
		default:
			r, n := utf8.DecodeRune(text[i-1:])
			switch {
			case r == utf8.RuneError && n == 1:
				return line, col, "found a byte that is not UTF-8 text"
			case r <= 0x9f || r == '\u2028' || r == '\u2029' || r == '\ufeff' || r&0xfffe == 0xfffe:
				return line, col, fmt.Sprintf("found the character %U, which is not allowed", r)
			}
			i += n - 1
		}
	}
	return 0, 0, ""
}

// load returns what is in the one document of the text; nil: there is nothing.
// The parser's panics are turned into errors because the text comes from
// outside and the parser is not ours.
func (c *converter) load() (body *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			body, err = nil, fmt.Errorf("the YAML parser cannot read this: %v", p)
		}
	}()
	loader, err := yaml.NewLoader(bytes.NewReader(c.text), yaml.WithPlugin(limits{}))
	if err != nil {
		return nil, err
	}
	for {
		var doc yaml.Node
		switch err := loader.Load(&doc); {
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, err
		case len(doc.Content) != 1 || isEmpty(doc.Content[0]):
			continue
		case body != nil:
			c.errorf(c.place(doc.Line, doc.Column), "found a second document; one file is one document")
			return body, nil
		}
		body = doc.Content[0]
	}
}

// limits are those of the parser. It builds no value, so it expands no alias.
type limits struct{}

var errTooDeep = fmt.Errorf("nested too deep; allowed are %d levels", maxDepth)

// CheckDepth is asked when a collection begins.
func (limits) CheckDepth(depth int, _ *yaml.DepthContext) error {
	if depth > maxDepth {
		return errTooDeep
	}
	return nil
}

// CheckAlias is asked when an alias is expanded.
func (limits) CheckAlias(_, _ int) error { return nil }

// syntax reports what the parser refused.
func (c *converter) syntax(err error) {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		c.errorf(c.place(0, 0), "YAML syntax: %v", err)
		return
	}
	mark, context := e.Mark, e.ContextMark
	what := "YAML syntax: " + strings.TrimSpace(e.Message)
	begins := context.Line > 0 && context != mark && e.Message != errTooDeep.Error()
	if begins {
		what += " " + e.ContextMsg
	}
	line, col := lastCharacter(c.text)
	switch atEnd := mark.Line > line || mark.Line == line && mark.Column > col; {
	case atEnd && begins:
		mark = context // nothing is at the end, so show what does not end
	case atEnd:
		mark.Line, mark.Column = line, col
	case begins:
		what += fmt.Sprintf(" that begins at %s", c.place(context.Line, context.Column))
	}
	c.errorf(c.place(mark.Line, mark.Column), "%s", what)
}

// lastCharacter is the place of the last character that is not blank.
func lastCharacter(text []byte) (line, col int) {
	line, col = 1, 0
	text = bytes.TrimRight(text, " \t\r\n")
	for i, r := range string(text) {
		col++
		if r == '\n' || r == '\r' && text[i+1] != '\n' {
			line, col = line+1, 0
		}
	}
	return line, max(col, 1)
}
