package config

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// node converts n. near is where an empty value is said to stand.
func (c *converter) node(n ast.Node, path *keyPath, near place, depth int) *node {
	at := near
	if n != nil {
		if p := c.place(n, path); p.line > 0 {
			at = p
		}
	}
	out := &node{file: c.file, line: at.line, col: at.col}
	at.path = path
	if depth > 2*maxDepth {
		out.kind = refusedNode
		c.errorf(at, "nested too deep")
		return out
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		out.kind = mappingNode
		for _, v := range n.Values {
			c.entry(out, v, path, depth)
		}
	case *ast.MappingValueNode:
		out.kind = mappingNode
		c.entry(out, n, path, depth)
	case *ast.SequenceNode:
		out.kind = sequenceNode
		for i, v := range n.Values {
			out.items = append(out.items, c.node(v, path.item(i), at, depth+1))
		}
	case *ast.LiteralNode:
		out.kind = stringNode
		if n.Value != nil {
			out.text = n.Value.Value
		}
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		out.kind = refusedNode
		c.errorf(at, "YAML anchors, aliases and merge keys are not supported; write the value out")
	case *ast.TagNode:
		out.kind = refusedNode
		c.errorf(at, "YAML tags are not supported; remove the tag")
	case nil, *ast.NullNode:
		// Said to stand at its key: an implicit one has no text of its own.
		out.line, out.col = near.line, near.col
	default:
		c.scalar(out, n, at)
	}
	return out
}

func (c *converter) scalar(out *node, n ast.Node, at place) {
	t := n.GetToken()
	if _, ok := n.(ast.ScalarNode); !ok || t == nil {
		out.kind = refusedNode
		c.errorf(at, "found YAML that is neither mapping, list nor value")
		return
	}
	out.text = t.Value
	out.kind = stringNode
	if t.Type != token.SingleQuoteType && t.Type != token.DoubleQuoteType {
		out.kind = coreKind(t.Value)
	}
}

// entry adds one key to a mapping.
func (c *converter) entry(out *node, v *ast.MappingValueNode, path *keyPath, depth int) {
	at := c.place(v.Key, path)
	var key string
	switch k := v.Key.(type) {
	case *ast.MergeKeyNode, *ast.AnchorNode, *ast.AliasNode:
		c.errorf(at, "YAML anchors, aliases and merge keys are not supported; write the values out")
		return
	case *ast.MappingKeyNode, *ast.TagNode:
		c.errorf(at, "YAML keys with ? or a tag are not supported; write a plain key")
		return
	default:
		t := k.GetToken()
		if t == nil {
			c.errorf(at, "found a key without text")
			return
		}
		key = t.Value
	}
	path = path.key(key)
	at.path = path
	if first := out.lookup(key); first != nil {
		c.errorf(at, "given twice; first at %s", first.at(nil))
		return
	}
	value := c.node(v.Value, path, at, depth+1)
	out.entries = append(out.entries, entry{key, c.file, at.line, at.col, value})
}
