// Package supervisors is the one door to the actor runtime: who restarts whom,
// what survives a crash, and how actors reach each other by path.
//
// Everything protoactor does by surprise (resurrection by a panic in Stopping,
// lost queues, endless statistics, guardians that kill the process) is dealt
// with here; shells see only actor.Context and the life cycle messages. The
// package imports no actor: constructors come in through Parts.
package supervisors

import (
	"errors"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Errors of the calls by path.
var (
	ErrUnknownPath = errors.New("no such actor")
	ErrExists      = errors.New("actor exists already")
	ErrNotRunning  = errors.New("actor is not running")
	ErrProtected   = errors.New("actor cannot be killed")
	ErrTimeout     = errors.New("no answer in time")
	ErrCrashed     = errors.New("actor crashed on the request")
	ErrClosed      = errors.New("actor system is closed")
)

// Node is one place in the tree: a supervisor (New is nil) or a leaf.
type Node struct {
	Name string // path below the parent: "link", "instance/web"; no ~
	Kind string // what status output calls it; empty: Name up to the first /

	// New makes one incarnation of a leaf. It runs in the new actor's own
	// turn, so a panic or a hang in it is the actor's.
	New func(Child) actor.Actor

	// Budget of a supervisor: beyond it, it escalates instead of quarantining
	// a child. The zero Budget never escalates.
	Budget Budget
	// Lease of a protocol actor: back-off stays within a quarter of it. nil: no lease.
	Lease func() time.Duration
	// Dynamic supervisors get their children by Spawn.
	Dynamic bool
	// NeverQuarantine: retried for ever, at most 1 s apart, also while draining.
	NeverQuarantine bool
	// OnQuarantine is called once the actor is gone after too many failures.
	// The hooks run in the supervisor's turn or the watchdog's: they may Tell,
	// never block.
	OnQuarantine func(path string)
	// OnColdStart is called when the memory cell was thrown away because two
	// incarnations in a row died on resuming from it: what only this actor
	// owned elsewhere must be released.
	OnColdStart func(path string)

	Children []Node // in start order
}

// Budget allows Restarts failures of a supervisor's children within Within;
// the next one escalates.
type Budget struct {
	Restarts int
	Within   time.Duration
}

func (b Budget) none() bool { return b.Within == 0 }

func (n Node) isSupervisor() bool { return n.New == nil }

// Child is what a shell's constructor gets. Everything in it ends with its
// incarnation: after a crash or a fence, late calls are ignored.
type Child struct {
	Path string
	// Cell keeps what must outlive the incarnation.
	Cell *Cell
	// Tell sends to an actor by path, from any goroutine. An unknown path is
	// counted as a dead letter.
	Tell func(path string, msg any)
	// Publish shows a snapshot (or a reader of one) in the registry.
	Publish func(v any)
	Log     *slog.Logger
	// Resumed says that Cell is filled: resume instead of starting cold.
	Resumed    bool
	Generation uint64 // 1 for the first incarnation of the path

	inc *incarnation
}

// Go runs fn in a goroutine of the actor; a panic in fn becomes a crash of the
// incarnation that started it instead of the end of the process.
func (c Child) Go(fn func()) {
	if c.inc == nil { // a Child made by hand in a test
		go fn()
		return
	}
	c.inc.run(fn)
}

// Options of Start. The zero value is usable.
type Options struct {
	Log     *slog.Logger  // nil: nothing is logged
	OnEvent func(Event)   // called from any goroutine; must not block
	Hang    time.Duration // an actor busy or deaf this long is replaced; 0: 2 s
	Mailbox int           // most messages waiting for one actor, newest dropped; 0: 65536
}

// Kinds of Event.
const (
	EventRestart    = "restart"
	EventHang       = "hang"
	EventQuarantine = "quarantine"
	EventStop       = "stop"
	EventEscalate   = "escalate"
	EventDeadLetter = "dead_letter"
)

// Event is something the timeline should show.
type Event struct {
	At    time.Time
	Path  string
	Kind  string
	Cause string // one clear phrase
	Stack string // of the panic or the hanging goroutine; may be empty
}
