// Package admin owns the listener of the admin API and answers what it asks:
// Actor keeps it serving, Backend turns questions into requests to actors and
// into readings of the registry.
package admin

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// Listener serves the API. It owns socket file and descriptor, so neither a
// crash of the serving nor one of the actor closes them.
type Listener interface {
	// Start serves, or when it serves already only replaces failed, which is
	// called from another goroutine when serving ended by itself.
	Start(failed func(error)) error
	// Close ends serving and gives up the socket. It may take a second.
	Close() error
}

// Actor is the shell.
type Actor struct {
	child    supervisors.Child
	listener Listener
}

type listenerFailed struct{ err error }

// New returns the constructor.
func New(l Listener) func(supervisors.Child) actor.Actor {
	return func(c supervisors.Child) actor.Actor { return &Actor{child: c, listener: l} }
}

// Receive implements actor.Actor. A plain stop leaves the listener alone:
// while the actor is quarantined the API goes on, and only StopAdmin gives up the lock.
func (a *Actor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		a.start()
	case *listenerFailed:
		panic(msg.err.Error()) // the listener's crash is its actor's: counted, backed off, shown
	case *messages.StopAdmin:
		a.stop(ctx)
	}
}

func (a *Actor) start() {
	err := a.listener.Start(func(err error) { a.child.Tell(a.child.Path, &listenerFailed{err}) })
	if err != nil {
		panic(fmt.Sprintf("start admin listener: %v", err))
	}
}

// stop closes the listener aside, for that takes its time. Whoever asked is
// answered even if this actor crashes meanwhile.
func (a *Actor) stop(ctx actor.Context) {
	root, asker := ctx.ActorSystem().Root, ctx.Sender()
	a.child.Go(func() {
		done := &messages.Done{}
		if err := a.listener.Close(); err != nil {
			done.Error = fmt.Sprintf("close admin listener: %v", err)
			a.child.Log.Warn("admin listener closed", "err", err)
		}
		if asker != nil {
			root.Send(asker, done)
		}
	})
}
