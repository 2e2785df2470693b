package vrrp

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/actors/timer"
	"github.com/understudy-ha/understudy/actors/vrrp/fsm"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/packet"
	"github.com/understudy-ha/understudy/supervisors"
)

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
		a.order(a.claim(0))
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
		a.order(&messages.ReleaseAddresses{Owner: a.child.Path})
	}
	a.env.changed()
	a.publish()
	a.subscribe()
}
