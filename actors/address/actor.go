// Package address is the sole writer of the kernel's addresses. Owners declare
// wishes; what is missing is added and announced in one breath by the writer's
// thread, what others remove is reported, never put back. What to do is decided
// in plan.
package address

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/actors/address/plan"
	"github.com/understudy-ha/understudy/actors/timer"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// Limits of the actor.
const (
	stopLimit   = 2 * time.Second // for the writer to do what waits
	retryAfter  = time.Second     // pause between tries of a dump
	dumpTries   = 10              // of a dump that removals of ours overtake
	sourcesKept = 64              // announcements that wait for one interface
)

// What the actor's goroutines and the writer's thread tell it.
type (
	ended struct{ err error } // the writer's thread
	done  struct {
		job    uint64
		owner  string
		armed  *armed // nil: an ordinary job
		adds   []Add
		dels   []plan.Form
		result Result
	}
	dumped struct {
		forms []plan.Form
		err   error
		turn  uint64 // at which it began
		dels  uint64 // removals ordered before it
	}
)

// Actor is the sole writer of addresses.
type Actor struct {
	writer Writer
	reader Reader
	child  supervisors.Child
	log    *slog.Logger
	view   *View
	mem    memory
	timers *timer.Set[string]

	ifaces  map[string]*messages.LinkChanged // told by link, by name
	byIndex map[int]*messages.Interface
	asked   map[string]bool // names that link was asked for
	sources map[string][]netip.Addr
	cleans  []*cleaning

	turn     uint64 // messages so far
	flights  map[uint64]*flight
	busy     map[string]int // jobs by owner
	answers  map[string]answer
	removing int    // jobs under way that remove
	removals uint64 // such jobs so far

	verify  verification
	closing bool
}

// New returns the constructor.
func New(w Writer, r Reader) func(supervisors.Child) actor.Actor {
	return func(c supervisors.Child) actor.Actor {
		return &Actor{
			writer: w, reader: r, child: c, log: c.Log, view: &View{},
			ifaces: map[string]*messages.LinkChanged{}, byIndex: map[int]*messages.Interface{},
			asked: map[string]bool{}, sources: map[string][]netip.Addr{},
			flights: map[uint64]*flight{}, busy: map[string]int{}, answers: map[string]answer{},
		}
	}
}

// Receive implements actor.Actor.
func (a *Actor) Receive(ctx actor.Context) {
	if a.closing {
		return
	}
	a.turn++
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		a.start()
	case *actor.Restarting:
		a.closing = true // the writer goes on; the next incarnation takes it over
		a.stopTimers()
	case *actor.Stopping:
		a.closing = true
		a.stopTimers()
		if !a.writer.Stop(stopLimit) {
			a.log.Error("address writer did not finish", "cause", "orders may be left undone")
		}
	case *messages.ClaimAddresses:
		a.claim(msg)
	case *messages.ReleaseAddresses:
		a.release(msg.Owner, msg.Keep)
	case *messages.ReleaseOwner:
		a.disarm(msg.Owner)
		a.release(msg.Owner, false)
	case *messages.AnnounceAddresses:
		if o, ok := a.mem.book.Announce(msg.Owner, msg.Repeat, a.env()); ok {
			a.submit(o)
		}
	case *messages.AnnounceSource:
		a.announceSource(msg)
	case *messages.ArmClaim:
		a.arm(msg)
	case *messages.DisarmClaim:
		a.disarm(msg.Owner)
	case *messages.CleanAddresses:
		a.clean(ctx, msg)
	case *messages.AwaitAddresses:
		a.await(ctx)
	case *messages.RenameOwner:
		a.rename(msg.From, msg.To)
	case *messages.LinkChanged:
		a.linkChanged(msg)
	case *messages.AddressRemoved:
		a.removed(msg)
	case *messages.LinkResynced:
		a.suspect()
	case *timer.Fired[string]:
		if a.timers.Take(msg) {
			a.dump()
		}
	default:
		a.internal(msg)
	}
}

func (a *Actor) internal(msg any) {
	switch msg := msg.(type) {
	case *fired:
		a.absorb(msg.armed)
	case *done:
		a.done(msg)
	case *dumped:
		a.dumped(msg)
	case *cleaning:
		a.cleanDump(msg)
	case *ended:
		// A thread that died is a crash of its owner: the next incarnation starts another.
		panic(fmt.Sprintf("address writer ended: %v", msg.err))
	}
}

func (a *Actor) stopTimers() {
	if a.timers != nil {
		a.timers.StopAll()
	}
}

// start begins with what is remembered. It is compared with the kernel once
// all that was ordered before has been done.
func (a *Actor) start() {
	tell := func(msg any) { a.child.Tell(a.child.Path, msg) }
	a.timers = timer.New[string](tell)
	m, resumed := supervisors.Recall[*memory](a.child.Cell)
	if resumed {
		a.mem = *m
	} else {
		a.mem = memory{jobs: &atomic.Uint64{}, wire: &atomic.Pointer[func(any)]{}}
	}
	a.mem.wire.Store(&tell)
	a.commit()
	a.child.Publish(a.view)
	writer, mem := a.writer, a.mem
	a.child.Go(func() {
		if err := writer.Run(); err != nil {
			mem.tell(&ended{err}) // it may have begun late, and replaced that of a successor
		}
	})
	if !resumed {
		return
	}
	for _, name := range a.mem.book.Interfaces() {
		a.ask(name)
	}
	for _, x := range a.mem.arms.All() {
		if x.state.Load() == armFired {
			a.absorb(x)
		}
		a.askFor(x.wishes)
	}
	// What the jobs of before came to is for the comparison to find out.
	clear(a.flights)
	clear(a.busy)
	a.verify.resuming = true
	a.barrier(a.dump)
}

// barrier calls then once all that was ordered so far is done.
func (a *Actor) barrier(then func()) {
	a.hand(a.job(plan.Order{Owner: a.child.Path, Job: a.nextJob()}, nil), &flight{then: func(*done) { then() }})
}

// await answers once all that was ordered so far is done.
func (a *Actor) await(ctx actor.Context) {
	root, sender := ctx.ActorSystem().Root, ctx.Sender()
	if sender != nil {
		a.barrier(func() { root.Send(sender, &messages.AddressesSettled{}) })
	}
}

func (a *Actor) nextJob() uint64 { return a.mem.jobs.Add(1) }

func (a *Actor) env() plan.Env { return plan.Env{Index: a.index, Job: a.nextJob} }

// claim takes over an owner's whole wish.
func (a *Actor) claim(m *messages.ClaimAddresses) {
	if x, ok := a.mem.arms.Get(m.Owner); ok && x.state.Load() == armFired {
		a.absorb(x)
	}
	wishes := wishesOf(m.Addresses)
	a.askFor(wishes)
	a.apply(a.mem.book.Claim(m.Owner, wishes, m.Announce, a.env()))
	a.answers[m.Owner] = answer{claimed: true}
	a.answer(m.Owner)
}

func (a *Actor) release(owner string, keep bool) {
	if x, ok := a.mem.arms.Get(owner); ok && x.state.Load() == armFired {
		a.absorb(x)
	}
	a.apply(a.mem.book.Release(owner, keep, a.env()))
	a.answers[owner] = answer{}
	a.answer(owner)
}

// rename gives the wishes of an owner to another path. Repeats that wait under
// the old name end: nobody could cancel them.
func (a *Actor) rename(from, to string) {
	a.submit(plan.Order{Owner: from, Job: a.nextJob(), Cancel: true})
	a.mem.book = a.mem.book.Rename(from, to)
	x, armed := a.mem.arms.Get(from)
	if armed {
		x.owner = to
		a.mem.arms = a.mem.arms.Delete(from).Set(to, x)
	}
	a.commit()
	for _, f := range a.flights {
		if f.owner == from {
			f.owner = to
			a.busy[from]--
			a.busy[to]++
		}
	}
	delete(a.busy, from)
	if due, ok := a.answers[from]; ok {
		delete(a.answers, from)
		a.answers[to] = due
	}
	if armed && x.state.Load() == armReady {
		a.load(x)
	}
}

// report logs what the kernel refused and nobody else is told.
func (a *Actor) report(d *done) {
	for i, err := range d.result.DelFailed {
		a.log.Error("address not removed", "owner", d.owner, "address", d.dels[i].Prefix.String(), "err", err)
	}
	if d.result.Unsent > 0 {
		a.log.Warn("announcements not sent", "owner", d.owner, "count", d.result.Unsent, "err", d.result.SendErr)
	}
}
