// Package vrrp is the shell of one VRRP instance: it turns messages into
// events for the core in fsm, performs the core's actions, and keeps the
// counters and the last transitions with their cause.
package vrrp

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/actors/timer"
	"github.com/understudy-ha/understudy/actors/vrrp/fsm"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/packet"
	"github.com/understudy-ha/understudy/supervisors"
)

// Env is what all instances share.
type Env struct {
	Pacer        Pacer
	Now          func() int64 // CLOCK_MONOTONIC, nanoseconds
	StartupUntil int64        // end of the start-up delay on that clock; 0 = none
	Options      func() Options
	Changed      func() // told when the state file should be written again; nil: nobody is
}

func (e *Env) changed() {
	if e.Changed != nil {
		e.Changed()
	}
}

// Options are the settings of all instances that a reload may change.
type Options struct{ LogUnknownVRIDs bool }

// Actor is one VRRP instance: one interface, VRID and address family.
type Actor struct {
	env    Env
	spec   func() *config.Instance // the configuration in force, for a cold start
	seed   *atomic.Pointer[Seed]   // until it is in the cell
	child  supervisors.Child
	log    *slog.Logger
	root   *actor.RootContext
	mem    memory
	kept   *memory // what the cell holds
	noted  bool    // mem is newer than kept: performing changed it
	cfg    fsm.Config
	line   Line
	timers *timer.Set[fsm.Timer]
	armed  *packet.Frame // what the line would send at takeover; nil: not armed
	asked  *packet.Frame // armed once the writer has prepared the claim
	late   bool          // it was prepared when the watch had ended
	view   *view
	shown  bool // the view is in the registry
	closed bool
}

// New returns the constructor of an instance's actor. spec gives the
// configuration in force, which a reload may have changed since. seed, if not
// nil, is what the instance was under another name or in an earlier process.
func New(env Env, spec func() *config.Instance, seed *Seed) func(supervisors.Child) actor.Actor {
	left := &atomic.Pointer[Seed]{}
	left.Store(seed)
	return func(c supervisors.Child) actor.Actor {
		return &Actor{env: env, spec: spec, seed: left, child: c, log: c.Log}
	}
}

// Receive implements actor.Actor.
func (a *Actor) Receive(ctx actor.Context) {
	if a.closed {
		return
	}
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		a.start(ctx)
	case *actor.Restarting, *actor.Stopping:
		if a.timers != nil {
			a.timers.StopAll()
		}
		a.closed = true
	case *messages.PacketArrived:
		a.packets()
	case *messages.WatchExpired:
		a.packets() // what arrived before the end counts first
		a.expired()
	case *messages.RenewalAsked:
		a.renew()
	case *messages.SendStalled:
		a.packets()
		a.renew()
	case *timer.Fired[fsm.Timer]:
		switch {
		case !a.timers.Take(msg):
		case msg.ID == armTimer:
			a.arm()
		default:
			a.step(fsm.TimerFired{Timer: msg.ID})
		}
	case *messages.LinkChanged:
		a.linkChanged(msg)
	case *messages.ClaimArmed:
		a.claimArmed(msg)
	case *messages.AddressLost:
		a.step(fsm.AddressLost{Address: msg.Prefix.Addr()})
	case *messages.AddressesApplied:
		a.applied(msg)
	case *messages.ReconfigureInstance:
		a.reconfigure(&msg.Instance)
	case *messages.Switchover:
		a.switchover(ctx, msg)
	case *messages.Garp:
		a.garp(ctx)
	case *messages.StopInstance:
		a.stop(ctx, msg)
	case *messages.LeaveName:
		a.leaveName(ctx)
	}
}

// start resumes in the remembered role with the remembered deadlines, or
// starts cold.
func (a *Actor) start(ctx actor.Context) {
	root, self := ctx.ActorSystem().Root, ctx.Self()
	a.root = root
	a.timers = timer.New[fsm.Timer](func(m any) { root.Send(self, m) })
	a.line = a.env.Pacer.Open(a.child.Path)
	a.view = &view{path: a.child.Path, line: a.line, now: a.env.Now}

	m, ok := a.recall()
	if !ok {
		a.cold(a.child.Generation > 1)
		return
	}
	a.mem = *m
	a.keep() // a copy of our own: the one before may still hang over its own
	switch {
	case m.State.Since == 0:
		a.setOut(a.child.Generation > 1)
	case a.line.Renew(a.leaseEnd(m.Instance.AdvertInterval)):
		a.resume()
	default:
		a.lapse()
	}
}

// recall is what the cell holds, or at first what another name left.
func (a *Actor) recall() (*memory, bool) {
	if m, ok := supervisors.Recall[*memory](a.child.Cell); ok {
		return m, true
	}
	seed := a.seed.Load()
	if seed == nil || seed.memory == nil {
		return nil, false
	}
	m := *seed.memory
	named := *m.Instance
	named.Name = a.spec().Name
	m.Instance = &named
	supervisors.Remember(a.child.Cell, &m)
	a.seed.Store(nil)
	return &m, true
}

// resume goes on where the incarnation before stopped: what it decided and did
// not do comes first, then what it may not have heard.
func (a *Actor) resume() {
	a.cfg = machine(a.mem.Instance, a.env.StartupUntil)
	for t, at := range a.mem.State.Deadline {
		if at != 0 {
			a.timers.Arm(fsm.Timer(t), a.until(at))
		}
	}
	a.perform()
	a.begun()
	a.resumeLine()
	a.noteConflict()
	a.publish()
	a.subscribe()
	if a.child.Generation > 1 {
		a.reconfigure(a.spec()) // the order may have been lost
		a.env.changed()
	}
	a.hear(a.mem.Unheard)
	a.packets()
}

// resumeLine declares again what the line should be doing; all of it is what
// the line does already, unless the crash came in between.
func (a *Actor) resumeLine() {
	s := &a.mem.State
	if a.mem.Hearing {
		a.listen()
	}
	switch s.Role {
	case fsm.Backup:
		if s.Ready {
			a.line.Watch(fsm.WatchOf(a.cfg, *s, a.line.LastHeard()))
			a.arm()
		}
		return
	case fsm.Master:
		a.child.Tell(messages.PathAddress, a.claim(0))
	case fsm.Init, fsm.Fault:
	}
	a.disarm()
}

// lapse is the end of a lease of which nobody else was told: the line has
// resigned, and others hold the addresses now, or soon. The history stays.
func (a *Actor) lapse() {
	const cause = "no sign of life in time: the lease ended"
	a.log.Warn("lease ended, starting cold", "instance", a.mem.Instance.Name)
	a.answerSwitchover(&messages.Done{Conflict: true, Error: cause})
	if role := a.mem.State.Role; role != fsm.Init {
		at := time.Now()
		a.eventAt(at, "transition", role.String(), fsm.Init.String(), cause)
		a.enter(at, fsm.Changed{From: role, To: fsm.Init, Cause: cause})
		if role == fsm.Master {
			a.line.Stats()[packet.VRRPReleaseMaster].Add(1)
		}
	}
	a.mem.Conflict.Now = fsm.Conflict{}
	a.cold(true)
}

// cold starts from nothing but the history. Again: see setOut.
func (a *Actor) cold(again bool) {
	a.mem = memory{Transitions: a.mem.Transitions, Entered: a.mem.Entered, Conflict: a.mem.Conflict}
	if seed := a.seed.Load(); seed != nil {
		a.mem.Saved = seed.saved
	}
	a.mem.Instance = a.spec()
	a.commit(nil) // first: whatever crashes from here on, nobody resumes what was before
	a.seed.Store(nil)
	a.setOut(again)
}

// setOut awaits the ground. Again: what was held before is let go.
func (a *Actor) setOut(again bool) {
	a.mem.Instance = a.spec()
	a.cfg = machine(a.mem.Instance, a.env.StartupUntil)
	if again {
		a.timers.StopAll()
		a.line.Silence()
		a.line.Unwatch()
		a.disarm()
		a.line.Deafen()
		a.line.Reopen()
		a.child.Tell(messages.PathAddress, &messages.ReleaseAddresses{Owner: a.child.Path})
	}
	a.env.changed()
	a.publish()
	a.subscribe()
}

// step runs the core, commits what it decided and performs it.
func (a *Actor) step(ev fsm.Event) {
	before := a.mem.State
	now := a.env.Now()
	if last := a.line.LastHeard(); before.Role == fsm.Backup && last > before.LastHeard {
		if _, expired := ev.(fsm.WatchExpired); !expired {
			before, _ = fsm.Step(a.cfg, before, now, fsm.AdvertsAbsorbed{Last: last})
		}
	}
	next, actions := fsm.Step(a.cfg, before, now, ev)
	a.mem.State = next
	a.commit(actions)
	a.perform()
	a.follow(&before)
}

// commit puts the memory into the cell, with all that the actions make of it:
// a panic before leaves the state before the event, and one after it leaves
// nothing but the rest of the actions to do.
func (a *Actor) commit(actions []fsm.Action) {
	a.mem.Pending, a.mem.performed = actions, 0
	var changed *fsm.Changed
	for _, act := range actions {
		switch act := act.(type) {
		case fsm.ClaimAddresses:
			a.mem.Holding = true
		case fsm.ReleaseAddresses:
			a.mem.Holding, a.mem.Refused = false, nil
		case fsm.Listen:
			a.mem.Hearing = act.Open
		case fsm.Changed:
			changed = &act
			a.enter(time.Now(), act)
		case fsm.SendAdvert, fsm.StartAdverts, fsm.UpdateAdverts, fsm.StopAdverts, fsm.StartWatch, fsm.StopWatch,
			fsm.SetTimer, fsm.StopTimer, fsm.Announce, fsm.AnnounceSource, fsm.Notice, fsm.HeardLower:
			// Of the line, or in the core's own state.
		}
	}
	a.keep()
	if changed != nil {
		st := a.line.Stats()
		if changed.To == fsm.Master {
			st[packet.VRRPBecomeMaster].Add(1)
		}
		if changed.From == fsm.Master {
			st[packet.VRRPReleaseMaster].Add(1)
		}
	}
}

// enter remembers a role change.
func (a *Actor) enter(at time.Time, c fsm.Changed) {
	a.mem = a.mem.withTransition(messages.Transition{At: at, From: c.From.String(), To: c.To.String(), Cause: c.Cause})
	a.mem.Entered[c.To]++
}

// keep puts the memory as it is into the cell; readers see the same copy.
func (a *Actor) keep() {
	m := a.mem
	a.kept, a.noted = &m, false
	supervisors.Remember(a.child.Cell, a.kept)
}

// follow does what depends on the state alone, not on one action: the armed
// takeover and the published view.
func (a *Actor) follow(before *fsm.State) {
	a.arm()
	a.noteConflict()
	if a.noted {
		a.keep()
	}
	if a.mem.State.Role != before.Role || !a.mem.State.Equal(*before) {
		a.publish()
	}
}

// packets hands the adverts in the slot to the core.
func (a *Actor) packets() {
	a.stalled()
	a.hear(a.line.Take())
	a.noticePackets()
}

// hear hands adverts to the core, one after the other; a crash on one of them
// does not lose those behind it.
func (a *Actor) hear(heard []packet.VRRPHeard) {
	for i, h := range heard {
		a.mem.Unheard = heard[i+1:]
		if i == 0 && len(heard)+len(a.kept.Unheard) > 1 {
			a.keep()
		}
		a.step(fsm.AdvertHeard{VRRPHeard: h})
	}
}

// expired hands the end of the watch to the core.
func (a *Actor) expired() {
	ok, armed, last := a.line.Expired()
	a.armed = nil // the line used it up or dropped it
	if !ok {
		a.arm() // decided anew since
		return
	}
	a.step(fsm.WatchExpired{LastHeard: last, Armed: armed})
}

// renew answers the pacer: this actor is alive.
func (a *Actor) renew() {
	if !a.line.Renew(a.leaseEnd(a.mem.Instance.AdvertInterval)) {
		a.lapse()
	}
}

// LeaseFor is how long a schedule may go on without a sign of life.
func LeaseFor(interval time.Duration) time.Duration { return max(2*interval, 100*time.Millisecond) }

func (a *Actor) leaseEnd(interval time.Duration) int64 {
	return a.env.Now() + int64(LeaseFor(interval))
}

// stalled tells the core when the last advert left, before what arrived
// meanwhile is judged.
func (a *Actor) stalled() {
	if last, ok := a.line.Stalled(); ok {
		a.step(fsm.Stalled{LastSent: last})
	}
}

// until is how long it is to an instant; never negative.
func (a *Actor) until(at int64) time.Duration { return max(0, time.Duration(at-a.env.Now())) }
