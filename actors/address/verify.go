package address

import (
	"slices"

	"github.com/understudy-ha/understudy/actors/address/plan"
	"github.com/understudy-ha/understudy/messages"
)

// verification is the comparison with a dump: only a dump tells a removal by
// others from an echo of our own removal and addition.
type verification struct {
	resuming bool // the first comparison of an incarnation is still to come
	wanted   bool
	running  bool
	tries    int // in a row that our own removals overtook
}

// removed is told of every address that goes, ours and others', by us and by others.
func (a *Actor) removed(m *messages.AddressRemoved) {
	i, ok := a.byIndex[m.Ifindex]
	if !ok || a.mem.book.Suspects(plan.Key{Interface: i.Name, Addr: m.Prefix.Addr()}) {
		a.suspect()
	}
}

// suspect asks for a comparison.
func (a *Actor) suspect() {
	a.verify.wanted = true
	a.dump()
}

// dump starts the comparison unless one runs or removals of ours, which may
// take others along, are under way.
func (a *Actor) dump() {
	v := &a.verify
	v.wanted = true
	if v.running || a.removing > 0 && v.tries < dumpTries {
		return
	}
	v.running, v.wanted = true, false
	d := &dumped{turn: a.turn, dels: a.removals}
	mem := a.mem
	a.child.Go(func() {
		d.forms, d.err = a.reader.Addresses()
		mem.tell(d)
	})
}

func (a *Actor) dumped(d *dumped) {
	v := &a.verify
	v.running = false
	if d.err != nil {
		a.log.Warn("addresses not read", "cause", "tried again in a second", "err", d.err)
		v.wanted = true
		a.timers.Arm("dump", retryAfter)
		return
	}
	if d.dels != a.removals && v.tries < dumpTries {
		v.tries++
		a.dump()
		return
	}
	v.tries = 0
	seen := plan.Observe(d.forms)
	var book plan.Book
	var orders []plan.Order
	var lost []plan.Loss
	if v.resuming {
		v.resuming = false
		book, orders, lost = a.mem.book.Resume(seen, d.turn, a.env())
	} else {
		book, orders, lost = a.mem.book.Judge(seen, d.turn, a.env())
	}
	a.apply(book, orders)
	for _, l := range lost {
		a.log.Warn("address removed by others", "owner", l.Owner, "address", l.Form.Prefix.String())
		a.child.Tell(l.Owner, &messages.AddressLost{Prefix: l.Form.Prefix})
	}
	if v.wanted {
		a.dump()
	}
}

// linkChanged takes the newest state of an interface.
func (a *Actor) linkChanged(m *messages.LinkChanged) {
	name := m.Interface.Name
	old := a.ifaces[name]
	a.ifaces[name] = m
	if old != nil && old.Exists && a.byIndex[old.Interface.Index] == &old.Interface {
		delete(a.byIndex, old.Interface.Index)
	}
	if m.Exists {
		a.byIndex[m.Interface.Index] = &m.Interface
	}
	if old == nil || old.Exists != m.Exists || old.Interface.Index != m.Interface.Index {
		a.moved(name)
	}
	if old == nil || old.Exists != m.Exists || old.Interface.Index != m.Interface.Index ||
		old.Interface.MAC != m.Interface.MAC || old.Interface.HasMAC != m.Interface.HasMAC {
		a.reload(name)
	}
	for _, addr := range a.sources[name] {
		a.announceSource(&messages.AnnounceSource{Interface: name, Address: addr})
	}
	delete(a.sources, name)
	for _, c := range slices.Clone(a.cleans) {
		a.cleanBegin(c)
	}
	if old == nil {
		for owner := range a.answers {
			a.answer(owner)
		}
	}
}

// moved performs what waited for an interface; its owners are told once more.
func (a *Actor) moved(name string) {
	book, orders := a.mem.book.Moved(name, a.index(name), a.env())
	a.apply(book, orders)
	for _, o := range orders {
		if _, due := a.answers[o.Owner]; !due && len(o.Adds) > 0 {
			a.answers[o.Owner] = answer{claimed: true}
		}
	}
}

// ask subscribes to an interface, once.
func (a *Actor) ask(name string) {
	if name == "" || a.asked[name] {
		return
	}
	a.asked[name] = true
	a.child.Tell(messages.PathLink, &messages.SubscribeLink{Subscriber: a.child.Path, Name: name})
}

func (a *Actor) askFor(wishes []plan.Wish) {
	for i := range wishes {
		a.ask(wishes[i].Interface)
	}
}

// unknown says that link has not told of every interface yet.
func (a *Actor) unknown(wishes []plan.Wish) bool {
	return slices.ContainsFunc(wishes, func(w plan.Wish) bool {
		return w.Interface != "" && a.ifaces[w.Interface] == nil
	})
}

// index of an interface; 0: it is not there, as far as we know.
func (a *Actor) index(name string) int {
	if m := a.ifaces[name]; m != nil && m.Exists {
		return m.Interface.Index
	}
	return 0
}
