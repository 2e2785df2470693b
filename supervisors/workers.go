package supervisors

import "sync/atomic"

// idleWorkers is how many goroutines wait for mailboxes to run, at most.
const idleWorkers = 256

// workers run mailboxes, each in a goroutine of its own. One that has run a
// mailbox waits for the next: its stack has grown to what actors need, and
// growing it anew for every message costs more than the message. There is no
// limit to how many run, so an actor that blocks holds up nobody.
type workers struct {
	work    chan func() // to one that waits
	waiting atomic.Int32
	closed  chan struct{}
}

func newWorkers() *workers {
	return &workers{work: make(chan func()), closed: make(chan struct{})}
}

// Schedule implements actor.Dispatcher.
func (w *workers) Schedule(fn func()) {
	select {
	case w.work <- fn:
	default:
		go w.run(fn)
	}
}

// Throughput implements actor.Dispatcher.
func (w *workers) Throughput() int { return throughput }

// turnStack is what a turn of an actor needs of its stack, in bytes.
const turnStack = 12 << 10

// grow makes the stack of a new goroutine large enough at once, while there is
// next to nothing on it to be moved; the runtime would double it time and again.
//
//go:noinline
func grow(n int) byte {
	var b [turnStack]byte
	b[n] = 1
	return b[n/2]
}

func (w *workers) run(fn func()) {
	grow(turnStack / 2)
	for {
		fn()
		if w.waiting.Add(1) > idleWorkers {
			w.waiting.Add(-1)
			return
		}
		select {
		case fn = <-w.work:
			w.waiting.Add(-1)
		case <-w.closed:
			return
		}
	}
}

// close lets those that wait end, and the others when they are done.
func (w *workers) close() { close(w.closed) }
