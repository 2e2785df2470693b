package supervisors

import (
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/messages"
)

// State of an actor in the registry.
type State string

// The states.
const (
	Running     State = "running"
	Restarting  State = "restarting" // not started yet, crashed, or backing off
	Quarantined State = "quarantined"
	Stopped     State = "stopped"
)

// entry is everything known of one path. It outlives incarnations, processes
// of the runtime and restarts of the supervisor above.
type entry struct {
	sys     *System
	node    Node
	path    string
	kind    string
	parent  *entry // nil: the root
	dynamic bool   // made by Spawn

	cell  memory
	queue queue

	state      atomic.Pointer[State]
	generation atomic.Uint64
	hangs      atomic.Uint64
	handled    atomic.Uint64 // ordinary messages
	dropped    atomic.Uint64 // messages lost to crashes, limits and stops
	started    atomic.Pointer[time.Time]
	maxTurn    atomic.Int64 // ns
	lastType   atomic.Pointer[reflect.Type]
	snapshot   atomic.Pointer[any]
	spawned    chan struct{} // closed when it was spawned first, or need not be
	spawnOnce  sync.Once
	up         atomic.Bool // has been through its first start, well or badly

	box      atomic.Pointer[mailbox]     // of the process alive now
	inc      atomic.Pointer[incarnation] // the newest
	injected atomic.Int32                // waiting kills
	slow     atomic.Int32                // messages still to be slowed down

	mu         sync.Mutex
	children   []*entry // in start order
	wanted     bool     // false once stopped
	pid        *actor.PID
	spawns     int
	gone       chan struct{}    // closed when the process of pid is gone
	retry      *time.Timer      // back-off or quarantine
	failures   []time.Time      // within failureWindow, at most failureLimit
	budget     []time.Time      // supervisor: failures of children within Budget.Within
	deaths     int              // incarnations in a row that died on resuming
	last       failure          // of the incarnation that failed last
	crashes    []messages.Crash // newest last, at most crashesKept
	injections []injection
}

func newEntry(s *System, parent *entry, n Node, dynamic bool) *entry {
	e := &entry{sys: s, node: n, parent: parent, dynamic: dynamic, wanted: true, spawned: make(chan struct{})}
	e.path, e.kind = join(parent, n.Name), kindOf(n)
	e.queue.limit = s.opts.Mailbox
	e.setState(Restarting)
	for _, c := range n.Children {
		e.children = append(e.children, newEntry(s, e, c, dynamic))
	}
	return e
}

func (e *entry) setState(s State) { e.state.Store(&s) }
func (e *entry) is(s State) bool  { return *e.state.Load() == s }

// post puts a message into the queue of the path and wakes its actor, if any:
// mail for an actor that is being replaced waits for the successor.
func (e *entry) post(msg any) {
	if e.is(Quarantined) {
		e.lose(msg, "quarantined")
		return
	}
	switch e.queue.push(msg) {
	case pushedClosed:
		e.lose(msg, "stopped")
		return
	case pushedFull:
		e.lose(msg, "mailbox full")
		return
	case pushedOK:
	}
	if b := e.box.Load(); b != nil {
		b.schedule()
	}
}

// lose counts a message that nobody will handle.
func (e *entry) lose(msg any, cause string) {
	if isInternal(actor.UnwrapEnvelopeMessage(msg)) {
		return
	}
	e.dropped.Add(1)
	e.sys.deadLetter(e.path, msg, cause)
}

// unplug ends the queue, or empties it for a later cold start.
func (e *entry) unplug(cause string, final bool) {
	var rest []any
	if final {
		rest = e.queue.close()
	} else {
		rest = e.queue.clear()
	}
	for _, msg := range rest {
		e.lose(msg, cause)
	}
}

// nudge is an empty message, to make an injected kill happen now.
type nudge struct{}

// arrange asks a supervisor to start what is missing below it.
type arrange struct{}

// taskFailed tells an incarnation that one of its goroutines panicked.
type taskFailed struct {
	inc    *incarnation
	reason any
	stack  string
}

func isInternal(msg any) bool {
	switch msg.(type) {
	case *nudge, *arrange, *spawnOrder, *escalation, *taskFailed:
		return true
	}
	return false
}
