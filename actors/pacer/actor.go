// Package pacer owns the thread that carries adverts: it starts it, and its
// panic is this actor's crash. Heaps, cells and descriptors survive in what
// the actor runs and go to the next thread.
package pacer

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// Thread is the pacer itself. Run returns nil after Stop; it may be run again.
type Thread interface {
	Run() error
	Stop()
}

// ended tells that the thread that owner started is no more.
type ended struct {
	owner *Actor
	err   error
}

// Actor owns the thread.
type Actor struct {
	thread  Thread
	metrics messages.PacerReader
	child   supervisors.Child
	closing bool
}

// New returns the constructor. metrics tells how the thread does.
func New(t Thread, metrics messages.PacerReader) func(supervisors.Child) actor.Actor {
	return func(c supervisors.Child) actor.Actor { return &Actor{thread: t, metrics: metrics, child: c} }
}

// Receive implements actor.Actor.
func (a *Actor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		a.child.Publish(a.metrics)
		a.run(ctx)
	case *actor.Restarting, *actor.Stopping:
		a.closing = true
		a.thread.Stop()
	case *ended:
		if msg.owner == a && !a.closing { // that of an incarnation before may come late
			// A thread that died is a crash of its owner: the supervisor starts the next one.
			panic(fmt.Sprintf("pacer thread ended: %v", msg.err))
		}
	}
}

// run starts the thread's goroutine; Run locks it to its thread and recovers.
func (a *Actor) run(ctx actor.Context) {
	root, self := ctx.ActorSystem().Root, ctx.Self()
	a.child.Go(func() { root.Send(self, &ended{a, a.thread.Run()}) })
}
