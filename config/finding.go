package config

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity grades a finding. Only an Error refuses the configuration.
type Severity uint8

// The severities.
const (
	Error Severity = iota
	Warning
	Note
)

func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Note:
		return "note"
	}
	return "error"
}

// Finding is one thing to say about a configuration.
type Finding struct {
	File         string
	Line, Column int // from 1, in characters
	Severity     Severity
	Key          string // full path, e.g. vrrp.instances[0].vrid; empty: the file as such
	Text         string // names the key, what was found and what is allowed
	Host         bool   // true of this host only, not of the text
}

// String is file:line:col: severity: text.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", f.File, f.Line, f.Column, f.Severity, f.Text)
}

// Failed reports whether one of the findings is an Error.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
}

// tidy sorts by place and drops repetitions.
func tidy(findings []Finding) []Finding {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(findings)
}

// keyPath is the way to a value from the top of the file; nil is the top.
type keyPath struct {
	parent *keyPath
	name   string // empty: index counts
	index  int
}

// key goes on to a key of a mapping. An empty one is shown as it is written.
func (p *keyPath) key(name string) *keyPath {
	if name == "" {
		name = `""`
	}
	return &keyPath{parent: p, name: name}
}

func (p *keyPath) item(index int) *keyPath { return &keyPath{parent: p, index: index} }

// String writes the path with indexes: vrrp.instances[0].vrid.
func (p *keyPath) String() string { return p.write(true) }

// pattern writes the path without them: vrrp.instances[].vrid.
func (p *keyPath) pattern() string { return p.write(false) }

func (p *keyPath) write(indexes bool) string {
	switch {
	case p == nil:
		return ""
	case p.name == "" && indexes:
		return fmt.Sprintf("%s[%d]", p.parent.write(indexes), p.index)
	case p.name == "":
		return p.parent.write(indexes) + "[]"
	case p.parent == nil:
		return p.name
	}
	return p.parent.write(indexes) + "." + p.name
}

// place is where a value stands, or where it would stand: for an absent key
// the position is that of the mapping. It costs no allocation, as most places
// are never shown.
type place struct {
	*position
	path *keyPath // of the value, or with name of the mapping around it
	name string   // the key in that mapping; empty: path is all
}

// full is the whole way to the value.
func (p place) full() *keyPath {
	if p.name == "" {
		return p.path
	}
	return p.path.key(p.name)
}

func (p place) String() string { return p.position.String() }

// maxErrors limits what one configuration can make us say.
const maxErrors = 1000

// report collects findings.
type report struct {
	findings []Finding
	errors   int
}

// full reports whether another Error would not be kept.
func (r *report) full() bool { return r.errors > maxErrors }

func (r *report) add(s Severity, at place, host bool, format string, args ...any) {
	f := Finding{File: at.file, Line: int(max(at.line, 1)), Column: int(max(at.col, 1)), Severity: s, Key: at.full().String(), Host: host}
	if s == Error {
		r.errors++
		switch {
		case r.errors > maxErrors+1:
			return
		case r.full():
			f.Line, f.Column, f.Key, f.Host = 1, 1, "", false
			format, args = "more than %d errors; the others are not shown", []any{maxErrors}
		}
	}
	f.Text = fmt.Sprintf(format, args...)
	if f.Key != "" {
		f.Text = f.Key + ": " + f.Text
	}
	r.findings = append(r.findings, f)
}

func (r *report) errorf(at place, format string, args ...any) {
	r.add(Error, at, false, format, args...)
}

func (r *report) warnf(at place, format string, args ...any) {
	r.add(Warning, at, false, format, args...)
}
