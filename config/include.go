package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// maxFiles limits what includes may draw in.
const maxFiles = 4096

// reader reads a file and what it includes into one tree.
type reader struct {
	*report
	read  func(path string) ([]byte, error)
	glob  func(pattern string) ([]string, error)
	files []string        // in reading order
	seen  map[string]bool // clean paths of files
	hash  hash.Hash
}

// tree returns the whole configuration as one mapping; nil: unreadable.
func (r *reader) tree(path string, from place) *node {
	text, err := r.read(path)
	if err != nil {
		if p, ok := errors.AsType[*fs.PathError](err); ok {
			err = p.Err // the message has the path already
		}
		r.errorf(from, "read %s: %v", path, err)
		return nil
	}
	r.files = append(r.files, path)
	r.seen[filepath.Clean(path)] = true
	r.hash.Write(text)
	n := parse(r.report, path, text)
	if n == nil {
		return nil
	}
	e := n.lookup("include")
	if e == nil {
		return n
	}
	for _, f := range r.included(path, &e.value) {
		if len(r.files) >= maxFiles {
			r.errorf(f.from, "more than %d files", maxFiles)
			break
		}
		if r.seen[filepath.Clean(f.path)] {
			r.errorf(f.from, "%s is already part of this configuration", f.path)
			continue
		}
		if part := r.tree(f.path, f.from); part != nil {
			r.join(n, part, nil)
		}
	}
	return n
}

type inclusion struct {
	path string
	from place
}

// included resolves the patterns of one include list, in order.
func (r *reader) included(file string, list *node) []inclusion {
	var out []inclusion
	if list.kind != sequenceNode {
		return nil // its decoder says so
	}
	for i := range list.items {
		n := &list.items[i]
		from := n.at((*keyPath)(nil).key("include").item(i))
		if n.kind != stringNode || n.text == "" {
			continue // as above
		}
		pattern := n.text
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(filepath.Dir(file), pattern)
		}
		if !strings.ContainsAny(n.text, `*?[\`) {
			out = append(out, inclusion{pattern, from})
			continue
		}
		names, err := r.glob(pattern)
		if err != nil {
			r.errorf(from, "find files %s: %v", pattern, err)
			continue
		}
		names = slices.Clone(names)
		slices.Sort(names)
		for _, name := range names {
			out = append(out, inclusion{name, from})
		}
	}
	return out
}

// join adds what part says to n: mappings join by key and lists of mappings
// end to end, where names are compared later. Anything else given twice is an
// error.
func (r *reader) join(n, part *node, path *keyPath) {
	for i := range part.entries {
		e := &part.entries[i]
		have := n.lookup(e.key)
		switch {
		case path == nil && e.key == "include" && have != nil:
			// Each file has its own list. Those of the parts are judged here, as the decoder sees one only.
			r.checkInclude(&e.value)
		case have == nil:
			n.add(*e)
		case have.value.kind == mappingNode && e.value.kind == mappingNode:
			r.join(&have.value, &e.value, path.key(e.key))
		case objects(&have.value) && objects(&e.value):
			have.value.items = append(have.value.items, e.value.items...)
		default:
			r.errorf(e.at(path.key(e.key)), "given twice; first at %s", have.position)
		}
	}
}

func (r *reader) checkInclude(n *node) {
	var ignored []val[string]
	includeKind.decode(&decoder{r.report}, n, n.at((*keyPath)(nil).key("include")), &ignored)
}

func objects(n *node) bool {
	if n.kind != sequenceNode {
		return false
	}
	for i := range n.items {
		if n.items[i].kind != mappingNode {
			return false
		}
	}
	return true
}

func newReader(rep *report, read func(string) ([]byte, error), glob func(string) ([]string, error)) *reader {
	return &reader{report: rep, read: read, glob: glob, seen: map[string]bool{}, hash: sha256.New()}
}

func (r *reader) sum() string { return hex.EncodeToString(r.hash.Sum(nil)) }
