package plan

import (
	"net/netip"
	"slices"
)

// Key is what may have one owner.
type Key struct {
	Interface string
	Addr      netip.Addr
}

// Status is how far a wish has come.
type Status uint8

// The states of a wish.
const (
	Waiting Status = iota // its interface is not there
	Busy                  // a job is at it
	Held                  // confirmed by the kernel
	Gone                  // removed by others since; not put back
	Refused               // by the kernel or for another owner
)

func (s Status) String() string {
	return [...]string{"waiting", "busy", "held", "gone", "refused"}[s]
}

// Wish is one address that an owner wants to exist.
type Wish struct {
	Interface string
	Form      Form // Index: where it was put, 0 = nowhere
	Tracked   bool

	Status    Status
	Job       uint64 // while Busy
	Since     uint64 // Held: the turn it was confirmed
	Unchecked bool   // Held: it was there already, its options are to be compared
	Error     string // Refused
}

// Key of the wish.
func (w *Wish) Key() Key { return Key{w.Interface, w.Form.Prefix.Addr()} }

// in the kernel, as far as we know.
func (w *Wish) in() bool { return w.Form.Index != 0 && (w.Status == Busy || w.Status == Held) }

// sameWish compares what was asked for.
func (w *Wish) sameWish(o *Wish) bool {
	a, b := w.Form, o.Form
	a.Index, b.Index = 0, 0
	return w.Interface == o.Interface && a == b
}

// Leaving is an address whose removal was ordered and is not confirmed.
type Leaving struct {
	Form Form
	Job  uint64
}

// Owner is all that one owner wishes. It is a value of the Book: its slices never change.
type Owner struct {
	Path     string
	Wishes   []Wish
	Leaving  []Leaving
	Announce int  // messages per address of the last claim
	Quiet    bool // the last claim announces nothing that is there already
	Fired    bool // the wishes come from an armed claim that the owner has not repeated yet
}

// Count returns how many wishes have a status.
func (o *Owner) Count(s Status) int {
	n := 0
	for i := range o.Wishes {
		if o.Wishes[i].Status == s {
			n++
		}
	}
	return n
}

// Book is the desired state of all owners.
type Book struct {
	owners    Map[string, *Owner]
	holders   Map[Key, string]
	contested Map[Key, []string] // owners that were refused for the holder
}

// Owner returns what an owner wishes; false: nothing, and nothing is leaving.
func (b Book) Owner(path string) (*Owner, bool) { return b.owners.Get(path) }

// Owners returns all owners, sorted by path.
func (b Book) Owners() []*Owner {
	all := make([]*Owner, 0, b.owners.Len())
	for _, o := range b.owners.All() {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b *Owner) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	return all
}

// Interfaces are the interfaces that any wish names, sorted.
func (b Book) Interfaces() []string {
	set := map[string]bool{}
	for _, o := range b.owners.All() {
		for i := range o.Wishes {
			set[o.Wishes[i].Interface] = true
		}
	}
	names := make([]string, 0, len(set))
	for n := range set {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Holder returns the owner of an address.
func (b Book) Holder(k Key) (string, bool) { return b.holders.Get(k) }

// Add is an address to put into the kernel and to announce.
type Add struct {
	Form Form
	Held bool // it is there: announce only
}

// Order is what must be done for one owner: removals first.
type Order struct {
	Owner    string
	Job      uint64
	Cancel   bool // repeats that still wait are void
	Dels     []Form
	Adds     []Add
	Announce int  // messages per address
	Quiet    bool // what turns out to be there already is not announced
}

// Empty says that there is nothing to do.
func (o Order) Empty() bool { return !o.Cancel && len(o.Dels) == 0 && len(o.Adds) == 0 }

// Env is what a decision depends on besides the book.
type Env struct {
	Index func(name string) int // of an interface; 0: it is not there
	Job   func() uint64         // number of the next job
}

// change is a book in the making.
type change struct {
	env       Env
	owners    *editor[string, *Owner]
	holders   *editor[Key, string]
	contested *editor[Key, []string]
	orders    []Order
	heirs     []Order // of owners that inherit: after all removals
}

func (b Book) change(env Env) *change {
	return &change{env: env, owners: b.owners.edit(), holders: b.holders.edit(), contested: b.contested.edit()}
}

func (c *change) book() (Book, []Order) {
	return Book{c.owners.done(), c.holders.done(), c.contested.done()},
		slices.DeleteFunc(append(c.orders, c.heirs...), Order.Empty)
}

// owner returns a copy to work on.
func (c *change) owner(path string) *Owner {
	o, ok := c.owners.get(path)
	if !ok {
		return &Owner{Path: path}
	}
	n := *o
	n.Wishes, n.Leaving = slices.Clone(o.Wishes), slices.Clone(o.Leaving)
	return &n
}

func (c *change) put(o *Owner) {
	if len(o.Wishes) == 0 && len(o.Leaving) == 0 {
		c.owners.delete(o.Path)
		return
	}
	c.owners.set(o.Path, o)
}

func find(wishes []Wish, k Key) int {
	return slices.IndexFunc(wishes, func(w Wish) bool { return w.Key() == k })
}
