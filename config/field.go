package config

import "strings"

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
	decode func(d *decoder, n *node, at place, into *V) bool
	absent func(d *decoder, at place, into *V)     // fills the value of an absent key; nil: zero
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
	name   string
	decode func(d *decoder, into *T, n *node, at place) // n nil: the key is absent
	walk   func(prefix string, visit func(Option))
}

// detail changes a field: its default, its class, whether it is required.
type detail func(*settings)

type settings struct {
	Option
	fallback string // YAML scalar that stands for the absent key; empty: none
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
	fallback := constant(name, k, s.fallback)
	return field[T]{
		Option: s.Option, name: name, walk: k.walk,
		decode: func(d *decoder, into *T, n *node, p place) {
			x := at(into)
			x.at = p
			if n != nil {
				x.set = k.decode(d, n, p, &x.v)
				x.bad = !x.set
				if x.set {
					return
				}
			}
			switch {
			case s.fallback != "":
				x.v = fallback
			case k.absent != nil:
				k.absent(d, p, &x.v)
			}
		},
	}
}

// constant reads a default written as a YAML scalar. One that its own kind
// refuses is a mistake in the tables.
func constant[V any](name string, k kind[V], text string) (v V) {
	if text == "" {
		return v
	}
	n := &node{kind: coreKind(text), text: text}
	if strings.HasPrefix(text, `"`) {
		n.kind, n.text = stringNode, strings.Trim(text, `"`)
	}
	d := &decoder{&report{}}
	if !k.decode(d, n, n.at(nil), &v) {
		panic("config: default of " + name + ": " + d.findings[0].Text)
	}
	return v
}

// maxFields is how many keys an object can have.
const maxFields = 64

// object is the kind of a mapping with the given keys.
func object[T any](fields []field[T]) kind[T] {
	if len(fields) > maxFields {
		panic("config: too many keys in the object with " + fields[0].name)
	}
	names, byName := make([]string, 0, len(fields)), map[string]int{}
	for i, f := range fields {
		names = append(names, f.name)
		byName[f.name] = i
	}
	return kind[T]{
		want:   "a mapping",
		absent: func(d *decoder, at place, into *T) { fill(d, into, fields, 0, false, at) },
		decode: func(d *decoder, n *node, at place, into *T) bool {
			if n.kind != mappingNode {
				d.wrong(n, at, "a mapping with keys such as "+names[0])
				return false
			}
			path, have := at.full(), uint64(0)
			for i := range n.entries {
				e := &n.entries[i]
				k, ok := byName[e.key]
				if !ok {
					d.unknown(e, path.key(e.key), names)
					continue
				}
				have |= 1 << k
				fields[k].decode(d, into, &e.value, place{&e.value.position, path, e.key})
			}
			fill(d, into, fields, have, true, place{position: &n.position, path: path})
			return true
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

// fill sets the fields that the file does not have. have tells those it has, as
// a bit each; present, whether it has the object.
func fill[T any](d *decoder, into *T, fields []field[T], have uint64, present bool, at place) {
	p := place{position: at.position, path: at.full()}
	for i := range fields {
		f := &fields[i]
		if have&(1<<i) != 0 {
			continue
		}
		p.name = f.name
		if present && f.Required {
			d.errorf(p, "required and missing; want %s", f.Type)
		}
		f.decode(d, into, nil, p)
	}
}

// list is the kind of a sequence.
func list[V any](item kind[V]) kind[[]val[V]] {
	return kind[[]val[V]]{
		want: "a list",
		decode: func(d *decoder, n *node, at place, into *[]val[V]) bool {
			if n.kind != sequenceNode {
				d.wrong(n, at, "a list")
				return false
			}
			path, count := at.full(), 0
			out, paths := make([]val[V], len(n.items)), make([]keyPath, len(n.items))
			for i := range n.items {
				it, p, v := &n.items[i], &paths[i], &out[count]
				*p = keyPath{parent: path, index: i}
				v.set, v.at = true, it.at(p)
				if item.decode(d, it, v.at, &v.v) {
					count++
				} else {
					*v = val[V]{}
				}
			}
			*into = out[:count]
			return count == len(out)
		},
		walk: func(prefix string, visit func(Option)) {
			if item.walk != nil {
				item.walk(prefix+"[]", visit)
			}
		},
	}
}

// rest is a sequence whose items are read one at a time, when all else has
// been: there may be thousands, and each is large while it is in the making.
type rest[V any] struct {
	item  kind[V]
	items []node
	path  *keyPath
}

// restOf is the kind of such a sequence.
func restOf[V any](item kind[V]) kind[rest[V]] {
	return kind[rest[V]]{
		want: "a list",
		decode: func(d *decoder, n *node, at place, into *rest[V]) bool {
			if n.kind != sequenceNode {
				d.wrong(n, at, "a list")
				return false
			}
			*into = rest[V]{item, n.items, at.full()}
			return true
		},
		walk: list(item).walk,
	}
}

// each calls use with the number and the value of each valid item. The value
// is gone when use returns.
func (r *rest[V]) each(d *decoder, use func(i int, v *V)) {
	var v, zero V
	for i := range r.items {
		v = zero
		if n := &r.items[i]; r.item.decode(d, n, n.at(r.path.item(i)), &v) {
			use(i, &v)
		}
	}
}

// shorthand lets a plain string stand for the object {name: string}.
func shorthand[T any](name string, k kind[T]) kind[T] {
	decode := k.decode
	k.decode = func(d *decoder, n *node, at place, into *T) bool {
		if n.kind == stringNode {
			n = &node{position: n.position, kind: mappingNode, entries: []entry{{n.position, name, *n}}}
		}
		return decode(d, n, at, into)
	}
	return k
}
