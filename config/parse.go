package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of one file. The parser's time grows with the square of the depth.
const (
	maxFileBytes = 16 << 20
	maxDepth     = 32
)

// converter builds nodes from the parser's tree and reports what is not
// part of the language of configurations.
type converter struct {
	*report
	file string
}

// parse reads one YAML document. Nil: a finding says why.
func parse(r *report, file string, text []byte) *node {
	c := &converter{r, file}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if len(text) > maxFileBytes {
		c.errorf(place{file: file}, "the file has %d bytes; allowed are %d", len(text), maxFileBytes)
		return nil
	}
	if line, col, ok := badByte(text); !ok {
		c.errorf(place{file: file, line: line, col: col}, "found a byte that is not UTF-8 text")
		return nil
	}
	tree, err := parseTree(string(text))
	if err != nil {
		c.syntax(err)
		return nil
	}
	return c.document(tree)
}

// badByte finds the first octet that is no part of text; true: there is none.
func badByte(text []byte) (line, col int, ok bool) {
	line, col = 1, 1
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 || r == 0 {
			return line, col, false
		}
		text = text[n:]
		col++
		if r == '\n' {
			line, col = line+1, 1
		}
	}
	return 0, 0, true
}

// parseTree calls the parser. Its panics are turned into errors because the
// text comes from outside and the parser is not ours.
func parseTree(text string) (tree *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			tree, err = nil, fmt.Errorf("the YAML parser cannot read this: %v", p)
		}
	}()
	tokens := lexer.Tokenize(text)
	if t := tooDeep(tokens); t != nil {
		return nil, &yaml.SyntaxError{Message: fmt.Sprintf("nested too deep; allowed are %d levels", maxDepth), Token: t}
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// tooDeep returns the first token beyond the limits of nesting.
func tooDeep(tokens token.Tokens) *token.Token {
	flow, line, block := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, block = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow = max(0, flow-1)
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType, token.AliasType:
			block++
		case token.MappingValueType:
			if flow == 0 {
				block++
			}
		}
		if flow > maxDepth || flow == 0 && block > maxDepth {
			return t
		}
	}
	return nil
}

// syntax reports what the parser refused.
func (c *converter) syntax(err error) {
	at := place{file: c.file}
	var y yaml.Error
	if !errors.As(err, &y) {
		c.errorf(at, "YAML syntax: %v", err)
		return
	}
	// Not Error: it draws the text around, in time that grows with its square.
	if t := y.GetToken(); t != nil && t.Position != nil {
		at.line, at.col = t.Position.Line, t.Position.Column
	}
	c.errorf(at, "YAML syntax: %s", strings.TrimSpace(y.GetMessage()))
}

// document takes the one document of the file.
func (c *converter) document(tree *ast.File) *node {
	var body ast.Node
	for _, d := range tree.Docs {
		if d.Body == nil {
			continue
		}
		if d.Body.Type() == ast.DirectiveType {
			c.errorf(c.place(d.Body, nil), "YAML directives are not supported; remove the line")
			continue
		}
		if body != nil {
			at := c.place(d.Body, nil)
			if d.Start != nil && d.Start.Position != nil {
				at.line, at.col = d.Start.Position.Line, d.Start.Position.Column
			}
			c.errorf(at, "found a second document; one file is one document")
			break
		}
		body = d.Body
	}
	if body == nil {
		c.errorf(place{file: c.file}, "the file is empty")
		return nil
	}
	n := c.node(body, nil, place{file: c.file, line: 1, col: 1}, 0)
	if n.kind != mappingNode {
		(&decoder{c.report}).wrong(n, n.at(nil), "a mapping such as version: 1")
		return nil
	}
	return n
}

// place is where n begins; a mapping begins at its first key.
func (c *converter) place(n ast.Node, path *keyPath) place {
	at := place{file: c.file, path: path}
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return c.place(m.Values[0].Key, path)
		}
	case *ast.MappingValueNode:
		return c.place(m.Key, path)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		at.line, at.col = t.Position.Line, t.Position.Column
	}
	return at
}
