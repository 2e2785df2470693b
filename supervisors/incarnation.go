package supervisors

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// incarnation is what the runtime holds as the actor: it observes each turn,
// keeps the shell's panics while stopping away from the runtime, and fences
// the shell off once it has been replaced. The shell is made in the
// incarnation's own turn, so that a failing constructor hits nobody else.
type incarnation struct {
	e   *entry
	box *mailbox
	gen uint64

	// Of the own turn.
	shell   actor.Actor // nil: a supervisor, or not constructed
	closing bool        // Restarting or Stopping was seen: no ordinary message any more
	seen    reflect.Type

	turns   atomic.Int64 // completed, of any message
	began   atomic.Int64 // when Started came, ns after the start of the system
	resumed atomic.Bool
	handled atomic.Bool // at least one ordinary message was completed

	busy      atomic.Int64              // since when in a turn, ns after the system's start; 0: idle
	fenced    atomic.Bool               // replaced while hanging
	dead      atomic.Bool               // crashed or stopped
	hanging   atomic.Pointer[injection] // by order
	abandoned atomic.Bool               // fenced in the middle of a turn that has not returned

	opened sync.Once
	gate   chan struct{} // closed when an injected hang must end
}

var _ actor.Actor = (*incarnation)(nil)

// live reports whether the incarnation may still act on others.
func (i *incarnation) live() bool {
	return !i.fenced.Load() && !i.dead.Load() && i.e.inc.Load() == i
}

// resuming reports whether it had not got past what it recalled in the turn
// that began at that instant: it has handled nothing yet, and was too young to
// have had nothing to handle.
func (i *incarnation) resuming(at int64) bool {
	return i.resumed.Load() && !i.handled.Load() && at-i.began.Load() < int64(resumeLimit)
}

func (i *incarnation) open() { i.opened.Do(func() { close(i.gate) }) }

// Receive is one turn.
func (i *incarnation) Receive(ctx actor.Context) {
	if i.fenced.Load() {
		i.refuse(ctx.Message())
		return
	}
	msg := ctx.Message()
	i.begin(msg)
	returned := false
	defer func() { i.end(ctx, msg, returned, recover()) }()
	i.dispatch(ctx, msg)
	returned = true
}

// refuse drops what reaches a replaced incarnation: it must release nothing.
func (i *incarnation) refuse(msg any) {
	if !isLifecycle(msg) {
		i.e.lose(msg, "actor was replaced")
	}
}

func (i *incarnation) begin(msg any) {
	i.busy.Store(i.e.sys.now())
	if t := reflect.TypeOf(msg); t != i.seen && !isLifecycle(msg) && !isInternal(msg) {
		i.seen = t
		i.e.lastType.Store(&t)
	}
}

func (i *incarnation) dispatch(ctx actor.Context, msg any) {
	switch m := msg.(type) {
	case *actor.Started:
		i.start(ctx)
	case *actor.Restarting, *actor.Stopping:
		i.closing = true
		i.forward(ctx)
	case *actor.Stopped:
		i.box.detach() // or the runtime would throw the rest of the queue away unseen
		i.forward(ctx)
		i.dead.Store(true)
	case *actor.Terminated:
		if i.e.node.isSupervisor() {
			i.e.sys.terminated(ctx, i, m.Who)
			return
		}
		i.forward(ctx)
	default:
		i.ordinary(ctx, msg)
	}
}

func (i *incarnation) ordinary(ctx actor.Context, msg any) {
	if i.closing { // the runtime goes on delivering while children stop
		i.e.lose(msg, "stopping")
		return
	}
	i.suffer()
	if i.fenced.Load() {
		i.refuse(msg)
		return
	}
	switch m := msg.(type) {
	case *nudge:
	case *arrange:
		i.e.sys.arrange(ctx, i.e)
	case *spawnOrder:
		i.e.sys.spawn(ctx, m.e)
	case *escalation:
		panic(m)
	case *taskFailed:
		if m.inc == i {
			panic(m)
		}
	default:
		if i.shell != nil {
			i.shell.Receive(ctx)
		}
		if !i.handled.Load() {
			i.handled.Store(true)
		}
		i.e.handled.Add(1)
	}
}

func (i *incarnation) forward(ctx actor.Context) {
	if i.shell != nil {
		i.shell.Receive(ctx)
	}
}

func (i *incarnation) start(ctx actor.Context) {
	e := i.e
	now := time.Now()
	e.started.Store(&now)
	i.began.Store(e.sys.now())
	if e.node.isSupervisor() {
		e.setState(Running)
		e.sys.arrange(ctx, e)
		return
	}
	i.resumed.Store(e.cell.filled())
	shell := e.node.New(i.child())
	if shell == nil {
		panic(fmt.Sprintf("constructor of %s returned nil", e.path))
	}
	i.shell = shell
	shell.Receive(ctx)
	if !i.fenced.Load() {
		e.setState(Running)
		e.sys.cameUp(e)
	}
}

func (i *incarnation) child() Child {
	e := i.e
	return Child{
		Path: e.path,
		Cell: &Cell{shared: &e.cell, gen: i.gen},
		Tell: func(path string, msg any) {
			if i.live() {
				e.sys.Tell(path, msg)
			}
		},
		Publish: func(v any) {
			if i.live() {
				e.snapshot.Store(&v)
			}
		},
		Log:        e.sys.log.With("actor", e.path),
		Resumed:    i.resumed.Load(),
		Generation: i.gen,
		inc:        i,
	}
}

// end closes the turn: it books it, or turns the panic into a failure. reason
// nil without a return is runtime.Goexit.
func (i *incarnation) end(ctx actor.Context, msg any, returned bool, reason any) {
	turn := i.e.sys.now() - i.busy.Swap(0)
	i.turns.Add(1)
	if i.fenced.Load() { // whatever happened here concerns nobody any more
		if i.abandoned.CompareAndSwap(true, false) {
			i.e.sys.abandoned.Add(-1)
		}
		return
	}
	if turn > i.e.maxTurn.Load() {
		i.e.maxTurn.Store(turn)
	}
	if returned {
		return
	}
	goexit := reason == nil
	if goexit {
		reason = errGoexit
	}
	i.crash(msg, reason)
	i.e.sys.answerCrash(ctx)
	// While closing, the runtime must not hear of it: it would resurrect the
	// actor or wait for it for ever. Goexit is noticed by the mailbox.
	if !goexit && !i.closing {
		panic(reason)
	}
}

// run is Child.Go.
func (i *incarnation) run(fn func()) {
	go func() {
		defer func() {
			if r := recover(); r != nil && i.live() {
				i.e.post(&taskFailed{inc: i, reason: r, stack: string(debug.Stack())})
			}
		}()
		fn()
	}()
}

func isLifecycle(msg any) bool {
	switch msg.(type) {
	case *actor.Started, *actor.Restarting, *actor.Stopping, *actor.Stopped, *actor.Terminated:
		return true
	}
	return false
}

// incarnate is the runtime's producer: called at each spawn and restart.
func (s *System) incarnate(e *entry, box *mailbox) *incarnation {
	i := &incarnation{e: e, box: box, gen: e.generation.Add(1), gate: make(chan struct{})}
	e.cell.fence(i.gen)
	e.inc.Store(i)
	return i
}

// props of one spawn. What is sent through ctx by a replaced incarnation is dropped.
func (s *System) props(e *entry, id string) *actor.Props {
	box := newMailbox(e, id)
	return actor.PropsFromProducer(
		func() actor.Actor { return s.incarnate(e, box) },
		actor.WithMailbox(func() actor.Mailbox { return box }),
		actor.WithDispatcher(s.workers),
		actor.WithSupervisor(strategy{s}),
		actor.WithSenderMiddleware(func(next actor.SenderFunc) actor.SenderFunc {
			return func(ctx actor.SenderContext, to *actor.PID, env *actor.MessageEnvelope) {
				if i, ok := ctx.Actor().(*incarnation); ok && i.fenced.Load() {
					return
				}
				next(ctx, to, env)
			}
		}),
	)
}
