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
	owed   owed          // answers, and orders to repeat
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
		case msg.ID == repeatTimer:
			a.repeat()
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
