package plan

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// bench runs scripts: a book, the interfaces that are there and a kernel that
// does what it is ordered, when it is told to.
type bench struct {
	book   Book
	ifaces map[string]int
	jobs   uint64
	turn   uint64
	out    strings.Builder
}

func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		b := &bench{ifaces: map[string]int{"eth0": 1, "eth1": 2}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			b.out.Reset()
			b.turn++
			b.run(t, d)
			return b.out.String()
		})
	})
}

func (b *bench) env() Env {
	return Env{
		Index: func(name string) int { return b.ifaces[name] },
		Job:   func() uint64 { b.jobs++; return b.jobs },
	}
}

func (b *bench) run(t *testing.T, d *datadriven.TestData) {
	owner, announce := "a", 0
	d.MaybeScanArgs(t, "owner", &owner)
	d.MaybeScanArgs(t, "announce", &announce)
	switch d.Cmd {
	case "claim":
		b.decided(b.book.Claim(owner, wishes(t, d.Input), announce, b.env()))
	case "fire":
		list := wishes(t, d.Input)
		for i := range list {
			list[i].Form.Index = b.ifaces[list[i].Interface]
		}
		b.jobs++
		b.book = b.book.Fire(owner, list, announce, b.jobs)
	case "release":
		b.decided(b.book.Release(owner, d.HasArg("keep"), b.env()))
	case "announce":
		if o, ok := b.book.Announce(owner, announce, b.env()); ok {
			b.print(o)
		}
	case "rename":
		to := ""
		d.ScanArgs(t, "to", &to)
		b.book = b.book.Rename(owner, to)
	case "done": // lines: ADDR existed | ADDR error TEXT
		b.done(t, d, owner)
	case "judge":
		turn := b.turn
		d.MaybeScanArgs(t, "turn", &turn)
		book, orders, lost := b.book.Judge(Observe(forms(t, d.Input)), turn, b.env())
		b.decided(book, orders)
		b.lost(lost)
	case "resume":
		d.MaybeScanArgs(t, "turn", &b.turn) // an incarnation counts its turns anew
		book, orders, lost := b.book.Resume(Observe(forms(t, d.Input)), b.turn, b.env())
		b.decided(book, orders)
		b.lost(lost)
	case "interface":
		name, index := "", 0
		d.ScanArgs(t, "name", &name)
		d.ScanArgs(t, "index", &index)
		b.ifaces[name] = index
		b.decided(b.book.Moved(name, index, b.env()))
	case "collateral":
		b.decided(b.book.Restore(forms(t, d.Input), b.env()))
	case "leftovers":
		list, dump, _ := strings.Cut(d.Input, "observed\n")
		for _, f := range b.book.Leftovers(wishes(t, list), forms(t, dump), b.env()) {
			fmt.Fprintf(&b.out, "del %d %s\n", f.Index, f.Prefix)
		}
	case "show":
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	if d.HasArg("show") || d.Cmd == "show" {
		b.show()
	}
	if b.out.Len() == 0 {
		b.out.WriteString("nothing\n")
	}
}

func (b *bench) done(t *testing.T, d *datadriven.TestData, owner string) {
	job, answers := b.jobs, map[string]string{}
	d.MaybeScanArgs(t, "job", &job)
	for line := range strings.Lines(d.Input) {
		addr, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		answers[addr] = what
	}
	book, doubtful := b.book.Done(owner, job, b.turn, func(f Form) (bool, string) {
		what := answers[f.Prefix.Addr().String()]
		text, failed := strings.CutPrefix(what, "error ")
		if failed {
			return false, text
		}
		return what == "existed", ""
	})
	b.book = book
	if doubtful {
		b.out.WriteString("doubtful\n")
	}
}

func (b *bench) decided(book Book, orders []Order) {
	b.book = book
	for _, o := range orders {
		b.print(o)
	}
}

func (b *bench) print(o Order) {
	fmt.Fprintf(&b.out, "%s job %d", o.Owner, o.Job)
	if o.Cancel {
		b.out.WriteString(" cancel")
	}
	if o.Quiet && len(o.Adds) > 0 {
		b.out.WriteString(" quiet")
	}
	b.out.WriteString("\n")
	for _, f := range o.Dels {
		fmt.Fprintf(&b.out, "  del %d %s\n", f.Index, f.Prefix)
	}
	for _, a := range o.Adds {
		word := "add"
		if a.Held {
			word = "say"
		}
		fmt.Fprintf(&b.out, "  %s %d %s x%d\n", word, a.Form.Index, a.Form.Prefix, o.Announce)
	}
}

func (b *bench) lost(list []Loss) {
	for _, l := range list {
		fmt.Fprintf(&b.out, "lost %s %s\n", l.Owner, l.Form.Prefix)
	}
}

func (b *bench) show() {
	for _, o := range b.book.Owners() {
		fmt.Fprintf(&b.out, "%s:", o.Path)
		for _, w := range o.Wishes {
			fmt.Fprintf(&b.out, " %s=%s", w.Form.Prefix.Addr(), w.Status)
			if w.Error != "" {
				fmt.Fprintf(&b.out, "(%s)", w.Error)
			}
		}
		if n := len(o.Leaving); n > 0 {
			fmt.Fprintf(&b.out, " leaving %d", n)
		}
		b.out.WriteString("\n")
	}
}

// wishes reads lines: PREFIX INTERFACE [untracked] [label=L] [scope=N] [lft=N] [noprefixroute].
func wishes(t *testing.T, text string) []Wish {
	t.Helper()
	var list []Wish
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		w := Wish{Interface: words[1], Tracked: true, Form: form(t, words[0], words[2:])}
		w.Form.Protocol = ProtocolOurs
		for _, o := range words[2:] {
			if o == "untracked" {
				w.Tracked = false
			}
		}
		list = append(list, w)
	}
	return list
}

// forms reads lines: INDEX PREFIX [options].
func forms(t *testing.T, text string) []Form {
	t.Helper()
	var list []Form
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		f := form(t, words[1], words[2:])
		f.Index = number(t, words[0])
		list = append(list, f)
	}
	return list
}

func form(t *testing.T, prefix string, options []string) Form {
	t.Helper()
	f := Form{Prefix: netip.MustParsePrefix(prefix), Preferred: Forever, Valid: Forever}
	for _, o := range options {
		key, v, _ := strings.Cut(o, "=")
		switch key {
		case "label":
			f.Label = v
		case "scope":
			f.Scope = uint8(number(t, v))
		case "lft":
			f.Preferred = uint32(number(t, v))
		case "proto":
			f.Protocol = uint8(number(t, v))
		case "peer":
			f.Peer = netip.MustParseAddr(v)
		case "noprefixroute":
			f.NoPrefixRoute = true
		case "untracked":
		default:
			t.Fatalf("unknown option %q", o)
		}
	}
	return f
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMapSharesAndDoesNotChange(t *testing.T) {
	var m Map[int, int]
	for i := range 1000 {
		m = m.Set(i, i)
	}
	old := m
	e := m.edit()
	for i := range 1000 {
		e.set(i, -i)
	}
	e.delete(7)
	e.delete(7)
	m = e.done()
	if old.Len() != 1000 || m.Len() != 999 {
		t.Fatalf("lengths %d and %d", old.Len(), m.Len())
	}
	for i := range 1000 {
		if v, ok := old.Get(i); !ok || v != i {
			t.Fatalf("old[%d] = %d, %v", i, v, ok)
		}
		if v, ok := m.Get(i); ok == (i == 7) || v != -i && i != 7 {
			t.Fatalf("new[%d] = %d, %v", i, v, ok)
		}
	}
	n := 0
	for range m.All() {
		n++
	}
	if n != 999 {
		t.Fatalf("walked %d", n)
	}
}
