package vrrp

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/actors/vrrp/fsm"
	"github.com/understudy-ha/understudy/messages"
)

// switchover hands mastership to another router, or takes back what such an
// order left behind.
func (a *Actor) switchover(ctx actor.Context, m *messages.Switchover) {
	switch {
	case m.Back && !a.mem.State.Held:
		ctx.Respond(&messages.Done{Conflict: true, Error: fmt.Sprintf("%s is not held by a switchover", a.mem.Instance.Name)})
	case m.Back:
		a.step(fsm.SwitchbackOrdered{})
		ctx.Respond(&messages.Done{})
	case a.mem.State.Role != fsm.Master:
		ctx.Respond(&messages.Done{Conflict: true, Error: fmt.Sprintf("%s is %s, not master", a.mem.Instance.Name, a.mem.State.Role)})
	case a.mem.Asker != nil:
		ctx.Respond(&messages.Done{Conflict: true, Error: fmt.Sprintf("a switchover of %s is under way", a.mem.Instance.Name)})
	default:
		a.mem.Asker = ctx.Sender()
		if a.mem.Asker == nil {
			a.mem.Asker = ctx.Self() // nobody waits: the answer to ourselves is dropped
		}
		a.step(fsm.SwitchoverOrdered{Force: m.Force})
	}
}

// answerSwitchover ends a switchover under way.
func (a *Actor) answerSwitchover(d *messages.Done) {
	if a.mem.Asker != nil {
		a.root.Send(a.mem.Asker, d)
		a.mem.Asker, a.noted = nil, true
	}
}

func (a *Actor) garp(ctx actor.Context) {
	if a.mem.State.Role != fsm.Master {
		ctx.Respond(&messages.Done{Conflict: true, Error: fmt.Sprintf("%s is %s: only a master announces its addresses", a.mem.Instance.Name, a.mem.State.Role)})
		return
	}
	a.step(fsm.AnnounceOrdered{})
	ctx.Respond(&messages.Done{})
}

// stop is the ordered end. The line is closed after the priority-0 advert was
// handed to it, so the advert leaves first.
func (a *Actor) stop(ctx actor.Context, m *messages.StopInstance) {
	a.answerSwitchover(&messages.Done{Conflict: true, Error: "the instance is stopping"})
	stopped := &messages.InstanceStopped{Name: a.mem.Instance.Name}
	if !m.Release {
		was := stateOf(&a.mem, a.cfg, a.line)
		stopped.State = &was
	}
	a.step(fsm.Stopped{Release: m.Release})
	if !m.Release {
		a.child.Tell(messages.PathAddress, &messages.ReleaseAddresses{Owner: a.child.Path, Keep: true})
	}
	a.child.Tell(messages.PathLink, &messages.UnsubscribeLink{Subscriber: a.child.Path})
	a.child.Tell(messages.InboxPath(a.mem.Instance.Family == ipv6), &messages.LeaveGroup{Owner: a.child.Path})
	a.timers.StopAll()
	a.line.Deafen()
	a.closed = true
	ctx.Respond(stopped)
}

// leaveName ends this actor without any change: the instance goes on under
// another name.
func (a *Actor) leaveName(ctx actor.Context) {
	a.answerSwitchover(&messages.Done{Conflict: true, Error: "the instance is renamed"})
	m := a.mem
	a.child.Tell(messages.PathLink, &messages.UnsubscribeLink{Subscriber: a.child.Path})
	a.timers.StopAll()
	a.closed = true
	ctx.Respond(&messages.NameLeft{Memory: &Seed{memory: &m}})
}
