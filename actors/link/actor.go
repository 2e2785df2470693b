// Package link knows all network interfaces and their addresses and tells
// subscribers, by interface name, of each change. A name that is not there
// (yet) may be subscribed to; a rename is the end of one and the start of
// another.
package link

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/actors/timer"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// retryAfter is the pause between tries of a dump.
const retryAfter = time.Second

// What the actor's goroutines tell it.
type (
	changed struct{}            // the monitor has something
	ended   struct{ err error } // the monitor's goroutine
	dumped  struct {
		links     []messages.Interface
		addresses []Address
		err       error
	}
)

// memory outlives an incarnation. Its maps are never changed in place.
type memory struct {
	subscribers map[string][]string // by interface name, in the order they came
	told        map[string]*messages.LinkChanged
}

// Status is what the actor publishes: the names subscribed to, as last told.
type Status struct {
	Interfaces  []messages.LinkChanged
	Subscribers int
	Resyncs     uint64 // times that events were lost
}

// View gives the Status at any time.
type View struct {
	mem     atomic.Pointer[memory]
	resyncs atomic.Uint64
}

// Status reads the newest state.
func (v *View) Status() Status {
	s := Status{Resyncs: v.resyncs.Load()}
	m := v.mem.Load()
	if m == nil {
		return s
	}
	for _, name := range slices.Sorted(maps.Keys(m.told)) {
		s.Interfaces = append(s.Interfaces, *m.told[name])
	}
	for _, list := range m.subscribers {
		s.Subscribers += len(list)
	}
	return s
}

// Actor follows the kernel's links.
type Actor struct {
	monitor Monitor
	reader  Reader
	child   supervisors.Child
	log     *slog.Logger
	mem     memory
	view    *View
	timers  *timer.Set[string]
	table   *table
	alive   *atomic.Pointer[func(any)] // tells the incarnation of now
	dumping bool                       // the table is not to be believed until the dump is there
	closing bool
}

// New returns the constructor.
func New(m Monitor, r Reader) func(supervisors.Child) actor.Actor {
	alive := &atomic.Pointer[func(any)]{}
	return func(c supervisors.Child) actor.Actor {
		return &Actor{monitor: m, reader: r, child: c, log: c.Log, view: &View{}, table: newTable(), alive: alive}
	}
}

// Receive implements actor.Actor.
func (a *Actor) Receive(ctx actor.Context) {
	if a.closing {
		return
	}
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		a.start()
	case *actor.Restarting, *actor.Stopping:
		a.closing = true
		if a.timers != nil {
			a.timers.StopAll()
		}
		a.monitor.Stop()
	case *messages.SubscribeLink:
		a.subscribe(msg)
	case *messages.UnsubscribeLink:
		a.unsubscribe(msg.Subscriber)
	case *changed:
		a.follow()
	case *dumped:
		a.resync(msg)
	case *timer.Fired[string]:
		if a.timers.Take(msg) {
			a.dump()
		}
	case *ended:
		// A goroutine that died is a crash of its owner: the next incarnation starts another.
		panic(fmt.Sprintf("netlink monitor ended: %v", msg.err))
	}
}

// start follows first and reads then, so that nothing is missed in between.
func (a *Actor) start() {
	tell := func(msg any) { a.child.Tell(a.child.Path, msg) }
	a.timers = timer.New[string](tell)
	if m, ok := supervisors.Recall[*memory](a.child.Cell); ok {
		a.mem = *m
	}
	m := a.mem
	a.view.mem.Store(&m)
	a.child.Publish(a.view)
	// A Run that begins late, when its incarnation is dead, replaces ours: then
	// it is the one that tells.
	a.alive.Store(&tell)
	monitor, alive := a.monitor, a.alive
	a.child.Go(func() {
		if err := monitor.Run(func() { (*alive.Load())(&changed{}) }); err != nil {
			(*alive.Load())(&ended{err})
		}
	})
	a.dump()
}

// dump reads everything again. Until it is there events wait in the monitor:
// what it keeps is the newest of each object, so they may be older than the dump.
func (a *Actor) dump() {
	a.dumping = true
	d := &dumped{}
	reader, child := a.reader, a.child
	child.Go(func() {
		if d.links, d.err = reader.Links(); d.err == nil {
			d.addresses, d.err = reader.Addresses()
		}
		child.Tell(child.Path, d)
	})
}

// resync replaces the table; subscribers hear of the differences alone.
func (a *Actor) resync(d *dumped) {
	if d.err != nil {
		a.log.Warn("links not read", "cause", "tried again in a second", "err", d.err)
		a.timers.Arm("dump", retryAfter)
		return
	}
	a.dumping = false
	a.table = load(d.links, d.addresses)
	names := a.table.take()
	for name := range a.mem.subscribers {
		names = append(names, name)
	}
	slices.Sort(names)
	a.announce(slices.Compact(names))
	a.child.Tell(messages.PathAddress, &messages.LinkResynced{})
	a.follow()
}

// follow takes over what the monitor has seen: interfaces first, then addresses.
func (a *Actor) follow() {
	if a.dumping {
		return
	}
	e := a.monitor.Take()
	if e.Resync {
		a.view.resyncs.Add(1)
		a.log.Warn("netlink events lost", "cause", "reading links and addresses again")
		a.dump()
		return
	}
	for _, l := range e.Links {
		a.table.link(l)
	}
	for _, x := range e.Addresses {
		a.table.address(x)
	}
	a.announce(a.table.take())
	for _, x := range e.Addresses {
		if x.Removed {
			a.child.Tell(messages.PathAddress, &messages.AddressRemoved{Ifindex: x.Address.Ifindex, Prefix: x.Address.Prefix})
		}
	}
}

// announce tells the subscribers of those names whose state is another than
// they were told last.
func (a *Actor) announce(names []string) {
	var news []*messages.LinkChanged
	for _, name := range names {
		if len(a.mem.subscribers[name]) == 0 {
			continue
		}
		now := a.table.state(name)
		if old := a.mem.told[name]; old == nil || !equal(old, now) {
			news = append(news, now)
		}
	}
	if len(news) == 0 {
		return
	}
	told := maps.Clone(a.mem.told)
	if told == nil {
		told = map[string]*messages.LinkChanged{}
	}
	for _, n := range news {
		told[n.Interface.Name] = n
	}
	a.mem.told = told
	// A crash before the last of them is told would lose news; told twice does no harm.
	for _, n := range news {
		for _, s := range a.mem.subscribers[n.Interface.Name] {
			a.child.Tell(s, n)
		}
	}
	a.commit()
}

func (a *Actor) subscribe(m *messages.SubscribeLink) {
	list := a.mem.subscribers[m.Name]
	if !slices.Contains(list, m.Subscriber) {
		next := maps.Clone(a.mem.subscribers)
		if next == nil {
			next = map[string][]string{}
		}
		next[m.Name] = append(list, m.Subscriber) // older copies end before it
		a.mem.subscribers = next
		a.commit()
	}
	if a.dumping { // announced with the dump, unless it brings no news
		if old := a.mem.told[m.Name]; old != nil {
			a.child.Tell(m.Subscriber, old)
		}
		return
	}
	now := a.table.state(m.Name)
	if old := a.mem.told[m.Name]; old == nil || !equal(old, now) {
		told := maps.Clone(a.mem.told)
		if told == nil {
			told = map[string]*messages.LinkChanged{}
		}
		told[m.Name] = now
		a.mem.told = told
		a.commit()
	}
	a.child.Tell(m.Subscriber, now)
}

func (a *Actor) unsubscribe(subscriber string) {
	subscribers, told := map[string][]string{}, maps.Clone(a.mem.told)
	for name, list := range a.mem.subscribers {
		switch i := slices.Index(list, subscriber); {
		case i < 0:
			subscribers[name] = list
		case len(list) == 1:
			delete(told, name)
		default:
			subscribers[name] = slices.Concat(list[:i], list[i+1:])
		}
	}
	a.mem.subscribers, a.mem.told = subscribers, told
	a.commit()
}

func (a *Actor) commit() {
	m := a.mem
	supervisors.Remember(a.child.Cell, &m)
	a.view.mem.Store(&m)
}
