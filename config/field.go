package config

import (
	"slices"
	"strings"
)

// Class says what a reload does with a changed value.
type Class uint8

// The reload classes.
const (
	Live     Class = iota // taken over while everything runs
	Identity              // the old object is removed and a new one starts
	Start                 // read when the daemon or object starts; waits for the next start
	Restart               // makes the reload fail
)

func (c Class) String() string {
	return [...]string{"live", "id", "start", "restart"}[c]
}

// Option describes one key of the configuration.
type Option struct {
	Key      string // vrrp.instances[].vrid
	Type     string // what is allowed, in words
	Default  string // as YAML or in words; empty: unset
	Required bool
	Class    Class
}

// val is one value of the file: what it is, whether the file has it and where.
// For an absent one, at is the place of the object it would belong to.
type val[V any] struct {
	v   V
	set bool // the file has it, and it is valid
	bad bool // the file has it, and it, or an item of it, is not
	at  place
}

// or returns v if the file has it, else the inherited value.
func (x val[V]) or(inherited V) V {
	if x.set {
		return x.v
	}
	return inherited
}

// kind is a type of values: how they are read and described.
type kind[V any] struct {
	want   string // "an integer 1..255"
	decode func(d *decoder, n *node, at place) (V, bool)
	absent func(d *decoder, at place) V            // value of an absent key; nil: zero
	walk   func(prefix string, visit func(Option)) // options inside; nil: none
}

// decoder reads values and collects what is wrong with them.
type decoder struct{ *report }

// wrong reports a value of the wrong type or outside the range.
func (d *decoder) wrong(n *node, at place, want string) {
	if n.kind != refusedNode {
		d.errorf(at, "found %s, want %s", n.found(), want)
	}
}

// field is one key of an object of type T.
type field[T any] struct {
	Option
	name     string
	fallback string // YAML scalar that stands for the absent key
	decode   func(d *decoder, into *T, n *node, at place)
	walk     func(prefix string, visit func(Option))
}

// detail changes a field: its default, its class, whether it is required.
type detail func(*settings)

type settings struct {
	Option
	fallback string
}

// required: the object is invalid without the key.
func required(s *settings) { s.Required = true }

// def is the value of an absent key, as a YAML scalar.
func def(text string) detail { return func(s *settings) { s.Default, s.fallback = text, text } }

// says describes a default that other code computes.
func says(text string) detail { return func(s *settings) { s.Default = text } }

func class(c Class) detail { return func(s *settings) { s.Class = c } }

// key declares a field of T.
func key[T, V any](name string, k kind[V], at func(*T) *val[V], details ...detail) field[T] {
	var s settings
	for _, f := range details {
		f(&s)
	}
	s.Type = k.want
	return field[T]{
		Option: s.Option, name: name, fallback: s.fallback, walk: k.walk,
		decode: func(d *decoder, into *T, n *node, p place) {
			x := at(into)
			x.at = p
			if n != nil {
				x.v, x.set = k.decode(d, n, p)
				x.bad = !x.set
				if x.set {
					return
				}
			}
			switch {
			case s.fallback != "":
				x.v, _ = k.decode(d, fallbackNode(s.fallback, p), p)
			case k.absent != nil:
				x.v = k.absent(d, p)
			}
		},
	}
}

// fallbackNode is the node of a default written as a YAML scalar.
func fallbackNode(text string, at place) *node {
	n := &node{kind: coreKind(text), text: text, file: at.file, line: at.line, col: at.col}
	if strings.HasPrefix(text, `"`) {
		n.kind, n.text = stringNode, strings.Trim(text, `"`)
	}
	return n
}

// object is the kind of a mapping with the given keys.
func object[T any](fields []field[T]) kind[T] {
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		names = append(names, f.name)
	}
	return kind[T]{
		want:   "a mapping",
		absent: func(d *decoder, at place) (t T) { fill(d, &t, fields, nil, at); return t },
		decode: func(d *decoder, n *node, at place) (t T, ok bool) {
			if n.kind != mappingNode {
				d.wrong(n, at, "a mapping with keys such as "+names[0])
				return t, false
			}
			fill(d, &t, fields, n, at)
			for _, e := range n.entries {
				if !slices.Contains(names, e.key) {
					d.unknown(e, at.path.key(e.key), names)
				}
			}
			return t, true
		},
		walk: func(prefix string, visit func(Option)) {
			for _, f := range fields {
				o := f.Option
				o.Key = strings.TrimPrefix(prefix+"."+f.name, ".")
				visit(o)
				if f.walk != nil {
					f.walk(o.Key, visit)
				}
			}
		},
	}
}

// fill decodes the fields of one object; n nil: all are absent.
func fill[T any](d *decoder, into *T, fields []field[T], n *node, at place) {
	for _, f := range fields {
		p := at
		p.path = at.path.key(f.name)
		var value *node
		if n != nil {
			if e := n.lookup(f.name); e != nil {
				value = e.value
				p.file, p.line, p.col = value.file, value.line, value.col
			} else if f.Required {
				d.errorf(p, "required and missing; want %s", f.Type)
			}
		}
		f.decode(d, into, value, p)
	}
}

// unknown reports a key that no field takes.
func (d *decoder) unknown(e entry, path *keyPath, names []string) {
	at := e.at(path)
	if notBuilt(path.pattern()) {
		d.errorf(at, "not built yet; remove it")
		return
	}
	if s := suggest(e.key, names); s != "" {
		d.errorf(at, "unknown key; did you mean %s?", s)
		return
	}
	d.errorf(at, "unknown key; allowed here: %s", strings.Join(names, ", "))
}

// list is the kind of a sequence.
func list[V any](item kind[V]) kind[[]val[V]] {
	return kind[[]val[V]]{
		want: "a list",
		decode: func(d *decoder, n *node, at place) ([]val[V], bool) {
			if n.kind != sequenceNode {
				d.wrong(n, at, "a list")
				return nil, false
			}
			out, whole := make([]val[V], 0, len(n.items)), true
			for i, it := range n.items {
				p := it.at(at.path.item(i))
				if v, ok := item.decode(d, it, p); ok {
					out = append(out, val[V]{v: v, set: true, at: p})
				} else {
					whole = false
				}
			}
			return out, whole
		},
		walk: func(prefix string, visit func(Option)) {
			if item.walk != nil {
				item.walk(prefix+"[]", visit)
			}
		},
	}
}

// shorthand lets a plain string stand for the object {name: string}.
func shorthand[T any](name string, k kind[T]) kind[T] {
	decode := k.decode
	k.decode = func(d *decoder, n *node, at place) (T, bool) {
		if n.kind == stringNode {
			n = &node{
				kind: mappingNode, file: n.file, line: n.line, col: n.col,
				entries: []entry{{name, n.file, n.line, n.col, n}},
			}
		}
		return decode(d, n, at)
	}
	return k
}

// suggest returns the allowed key that was probably meant: one typing error
// away, or one that the key begins, or two errors away.
func suggest(key string, names []string) string {
	if len(key) < 3 {
		return ""
	}
	best, distance := "", 3
	for _, name := range names {
		if n := levenshtein(key, name); n < distance {
			best, distance = name, n
		}
	}
	if distance == 1 {
		return best
	}
	for _, name := range names {
		if strings.HasPrefix(name, key) || strings.HasPrefix(key, name) {
			return name
		}
	}
	if len(key) > 3 {
		return best
	}
	return "" // two errors in three letters are another word
}

// levenshtein counts the typing errors between a and b; beyond 2 it says 3.
func levenshtein(a, b string) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], 3)
}
