// Package inspect keeps the timeline of the daemon and judges its health. It
// is told every event, numbers it, answers queries and serves followers. It
// acts on nothing.
package inspect

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// Actor is the shell. Its timeline is in the memory cell: a crash loses no event but the one it died of.
type Actor struct {
	child    supervisors.Child
	records  func() []messages.ActorRecord
	timeline *timeline
}

// New returns the constructor. records reads the registry; it is called in the actor's turn.
func New(records func() []messages.ActorRecord) func(supervisors.Child) actor.Actor {
	return func(c supervisors.Child) actor.Actor { return &Actor{child: c, records: records} }
}

// Receive implements actor.Actor.
func (a *Actor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		a.start()
	case *actor.Stopping:
		a.timeline.cut("inspect is stopping")
	case *messages.Event:
		a.timeline.append(*msg)
	case *messages.EventsSince:
		answer(ctx, a.timeline.since(msg.Since))
	case *messages.FollowEvents:
		answer(ctx, a.timeline.follow(msg.Since, msg.Follower))
	case *messages.UnfollowEvents:
		a.timeline.unfollow(msg.Follower)
	case *messages.HealthAsked:
		answer(ctx, judge(a.records()))
	}
}

func (a *Actor) start() {
	t, ok := supervisors.Recall[*timeline](a.child.Cell)
	if !ok {
		t = newTimeline()
		supervisors.Remember(a.child.Cell, t)
	}
	a.timeline = t
}

// answer drops the answer when nobody asked.
func answer(ctx actor.Context, v any) {
	if ctx.Sender() != nil {
		ctx.Respond(v)
	}
}
