package config

import "go.yaml.in/yaml/v4"

// converter builds nodes from the parser's tree and reports what is not part
// of the language of configurations.
type converter struct {
	*report
	file string
	text []byte
	path []step // to the value that is being converted
}

// step is one level of the way to a value.
type step struct {
	key   string
	index int
	item  bool // index counts
}

// at is a place on the way to the value that is being converted.
func (c *converter) at(p *position) place {
	var path *keyPath
	for _, s := range c.path {
		if s.item {
			path = path.item(s.index)
		} else {
			path = path.key(s.key)
		}
	}
	return place{position: p, path: path}
}

// place is a place of the file as such.
func (c *converter) place(line, col int) place {
	return place{position: &position{c.file, int32(line), int32(col)}}
}

// node converts n into out. near is where an empty value is said to stand.
func (c *converter) node(out *node, n *yaml.Node, near position) {
	out.position = position{c.file, int32(n.Line), int32(n.Column)}
	if c.refused(n, "value") {
		out.kind = refusedNode
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		out.kind = mappingNode
		c.entries(out, n.Content)
	case yaml.SequenceNode:
		out.kind = sequenceNode
		out.items = make([]node, len(n.Content))
		c.path = append(c.path, step{item: true})
		for i, item := range n.Content {
			c.path[len(c.path)-1].index = i
			c.node(&out.items[i], item, out.position)
		}
		c.path = c.path[:len(c.path)-1]
	default:
		out.kind, out.text = stringNode, n.Value
		if isPlain(n) {
			out.kind = coreKind(n.Value)
		}
		if out.kind == nullNode {
			out.position = near // said to stand at its key: an implicit one has no text of its own
		}
	}
}

// refused reports what configurations do not use; written is what to write
// out instead.
func (c *converter) refused(n *yaml.Node, written string) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		c.errorf(c.at(&position{c.file, int32(n.Line), int32(n.Column)}),
			"YAML anchors, aliases and merge keys are not supported; write the %s out", written)
	case n.Style&yaml.TaggedStyle != 0 || n.Tag == "!":
		c.errorf(c.at(&position{c.file, int32(n.Line), int32(n.Column)}), "YAML tags are not supported; remove the tag")
	default:
		return false
	}
	return true
}

// entries adds the keys and values of content to a mapping.
func (c *converter) entries(out *node, content []*yaml.Node) {
	out.entries = make([]entry, 0, len(content)/2)
	for i := 0; i+1 < len(content); i += 2 {
		k, v := content[i], content[i+1]
		at := position{c.file, int32(k.Line), int32(k.Column)}
		switch {
		case isPlain(k) && k.Value == "<<":
			c.errorf(c.at(&at), "YAML anchors, aliases and merge keys are not supported; write the values out")
			continue
		case c.refused(k, "values"):
			continue
		case k.Kind != yaml.ScalarNode:
			c.errorf(c.at(&at), "found %s as key; write a plain key", kindName(k))
			continue
		}
		c.path = append(c.path, step{key: k.Value})
		if first := out.lookup(k.Value); first != nil {
			c.errorf(c.at(&at), "given twice; first at %s", first.position)
		} else {
			e := out.add(entry{key: k.Value, position: at})
			c.node(&e.value, v, at)
		}
		c.path = c.path[:len(c.path)-1]
	}
}

func kindName(n *yaml.Node) string {
	if n.Kind == yaml.SequenceNode {
		return "a list"
	}
	return "a mapping"
}

// isPlain reports whether n is a scalar without quotes.
func isPlain(n *yaml.Node) bool {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	return n.Kind == yaml.ScalarNode && n.Style&quoted == 0
}

// isEmpty reports whether a document has nothing in it.
func isEmpty(n *yaml.Node) bool {
	return isPlain(n) && n.Value == "" && n.Anchor == "" && n.Style&yaml.TaggedStyle == 0 && n.Tag != "!"
}
