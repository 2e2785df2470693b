package config

import (
	"maps"
	"slices"
)

// Diff is what a reload does.
type Diff struct {
	Started   []string // paths, sorted
	Stopped   []string // paths, sorted; a path in both lists is another object of that name
	Changed   []Change // sorted by path
	Renamed   []Rename // sorted by To; they go on running
	Unchanged int      // specs neither started, stopped, changed nor renamed
	Options   []string // changed keys outside the specs that are taken over, e.g. global.stop_timeout
	Refused   []Finding
	Notes     []Finding // changed keys that wait for the next start
}

// Change is one spec with its changed keys, as in YAML.
type Change struct {
	Path string
	Keys []string
}

// Rename is one spec that goes on under another path. Keys are those that
// changed besides the name.
type Rename struct {
	From, To string
	Keys     []string
}

// Empty reports whether there is nothing to do.
func (d *Diff) Empty() bool {
	return len(d.Started)+len(d.Stopped)+len(d.Changed)+len(d.Renamed)+len(d.Options) == 0
}

// Compare returns what leads from old to next. A nil Config has no specs;
// without an old one nothing is refused. If Refused is not empty the reload
// must fail.
func Compare(old, next *Config) Diff {
	var d Diff
	have, want := Desired(old), Desired(next)
	pairs := pair(have, want)
	for _, p := range slices.Sorted(maps.Keys(want)) {
		from, ok := pairs[p]
		if !ok {
			d.Started = append(d.Started, p)
			continue
		}
		keys := changedKeys(have[from].Instance, want[p].Instance)
		delete(have, from)
		switch {
		case from != p:
			d.Renamed = append(d.Renamed, Rename{from, p, keys})
		case len(keys) > 0:
			d.Changed = append(d.Changed, Change{p, keys})
		default:
			d.Unchanged++
		}
	}
	d.Stopped = slices.Sorted(maps.Keys(have))
	if old != nil && next != nil {
		compareOptions(&d, old, next)
	}
	return d
}

// pair finds the old path of each new one that is the same object: the one of
// the same name first, then any of the same identity.
func pair(have, want map[string]Spec) map[string]string {
	pairs, taken := map[string]string{}, map[string]bool{}
	for p, s := range want {
		if o, ok := have[p]; ok && o.Identity == s.Identity {
			pairs[p], taken[p] = p, true
		}
	}
	free := map[string][]string{}
	for _, p := range slices.Sorted(maps.Keys(have)) {
		if !taken[p] {
			free[have[p].Identity] = append(free[have[p].Identity], p)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(want)) {
		id := want[p].Identity
		if _, done := pairs[p]; done || len(free[id]) == 0 {
			continue
		}
		pairs[p], free[id] = free[id][0], free[id][1:]
	}
	return pairs
}

func compareOptions(d *Diff, old, next *Config) {
	for _, o := range optionKeys {
		if o.same(old, next) {
			continue
		}
		f := Finding{File: next.File, Line: 1, Column: 1, Key: o.key}
		if at, ok := next.places[o.key]; ok {
			f.File, f.Line, f.Column = at.file, int(max(at.line, 1)), int(max(at.col, 1))
		}
		switch o.class {
		case Restart:
			f.Text = o.key + ": the changed value needs a restart"
			d.Refused = append(d.Refused, f)
		case Start:
			f.Severity, f.Text = Note, o.key+": the changed value waits for the next start"
			d.Notes = append(d.Notes, f)
		case Live, Identity:
			d.Options = append(d.Options, o.key)
		}
	}
	d.Refused, d.Notes = tidy(d.Refused), tidy(d.Notes)
}
