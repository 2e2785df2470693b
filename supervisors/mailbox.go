package supervisors

import (
	"context"
	"errors"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// errGoexit is the failure of an actor that ended its goroutine.
var errGoexit = errors.New("runtime.Goexit in an actor")

// throughput is how many messages an actor handles before it yields.
const throughput = 300

// mailbox is the mailbox of one spawned process. System messages are its own;
// user messages stand in the queue of the path, so they survive a respawn and
// the replacement of a hung actor. protoactor's bounded mailboxes spin for
// ever after a drop, and its unbounded one never ends: this one drops the
// newest beyond the limit, posts no batches and survives runtime.Goexit.
type mailbox struct {
	e          *entry
	labels     context.Context // names the goroutine in profiles
	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher

	system    queue
	running   atomic.Bool
	suspended atomic.Bool
	detached  atomic.Bool // takes nothing more from the queue of the path
	stopping  bool        // Stop was seen; of the goroutine that runs
}

var _ actor.Mailbox = (*mailbox)(nil)

func newMailbox(e *entry, id string) *mailbox {
	return &mailbox{
		e:      e,
		labels: pprof.WithLabels(context.Background(), pprof.Labels("actor", id)),
	}
}

// PostUserMessage is used by protoactor for sends to a PID; Tell posts to the
// entry. A detached mailbox belongs to a replaced actor: its mail goes on.
func (m *mailbox) PostUserMessage(msg any) { m.e.post(msg) }

func (m *mailbox) PostSystemMessage(msg any) {
	m.system.push(msg)
	m.schedule()
}

func (m *mailbox) RegisterHandlers(i actor.MessageInvoker, d actor.Dispatcher) {
	m.invoker, m.dispatcher = i, d
}

// Start attaches the mailbox to its path: from here on posts wake it.
func (m *mailbox) Start() {
	m.e.box.Store(m)
	m.schedule()
}

// detach ends the mailbox's claim on the queue of its path.
func (m *mailbox) detach() { m.detached.Store(true) }

func (m *mailbox) UserMessageCount() int { return m.e.queue.len() }

func (m *mailbox) schedule() {
	if m.running.CompareAndSwap(false, true) {
		m.dispatcher.Schedule(m.process)
	}
}

func (m *mailbox) hasWork() bool {
	return m.system.len() > 0 ||
		!m.suspended.Load() && !m.detached.Load() && m.e.queue.len() > 0
}

func (m *mailbox) process() {
	pprof.SetGoroutineLabels(m.labels)
	for {
		m.run()
		m.running.Store(false)
		if !m.hasWork() || !m.running.CompareAndSwap(false, true) {
			return
		}
	}
}

func (m *mailbox) run() {
	var msg any
	finished := false
	defer func() {
		if finished {
			return
		}
		reason := recover()
		if reason != nil {
			m.invoker.EscalateFailure(reason, msg)
			return
		}
		m.invoker.EscalateFailure(errGoexit, msg)
		m.dispatcher.Schedule(m.process) // this goroutine is ending: go on in another
	}()
	for n := 1; ; n++ {
		if n%throughput == 0 {
			runtime.Gosched()
		}
		if msg = m.system.pop(); msg != nil {
			m.invokeSystem(msg)
			continue
		}
		if m.suspended.Load() || m.detached.Load() {
			break
		}
		if msg = m.e.queue.pop(); msg == nil {
			break
		}
		m.invoker.InvokeUserMessage(msg)
	}
	finished = true
}

func (m *mailbox) invokeSystem(msg any) {
	switch msg.(type) {
	case *actor.SuspendMailbox:
		m.suspended.Store(true)
		return
	case *actor.ResumeMailbox:
		m.suspended.Store(false)
		return
	case *actor.Stop:
		m.stopping = true
	case *actor.Restart:
		if m.stopping {
			return // the runtime would bring a stopping or stopped actor back
		}
	}
	m.invoker.InvokeSystemMessage(msg)
}

// queue is a first-in first-out ring. Limit 0: no limit (system messages,
// whose number the runtime bounds).
type queue struct {
	limit int
	size  atomic.Int64

	mu     sync.Mutex
	ring   []any
	head   int
	closed bool
}

type pushed uint8

const (
	pushedOK pushed = iota
	pushedFull
	pushedClosed
)

func (q *queue) len() int { return int(q.size.Load()) }

func (q *queue) push(msg any) pushed {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.len()
	switch {
	case q.closed:
		return pushedClosed
	case q.limit > 0 && n >= q.limit:
		return pushedFull
	}
	if n == len(q.ring) {
		q.grow(n)
	}
	q.ring[(q.head+n)%len(q.ring)] = msg
	q.size.Add(1)
	return pushedOK
}

func (q *queue) grow(n int) {
	bigger := make([]any, max(8, 2*n))
	copied := copy(bigger, q.ring[q.head:])
	copy(bigger[copied:], q.ring[:q.head])
	q.ring, q.head = bigger, 0
}

// pop returns nil when empty.
func (q *queue) pop() any {
	if q.size.Load() == 0 {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.size.Load() == 0 {
		return nil
	}
	msg := q.ring[q.head]
	q.ring[q.head] = nil
	q.head = (q.head + 1) % len(q.ring)
	if q.size.Add(-1) == 0 && len(q.ring) > 1024 {
		q.ring, q.head = nil, 0 // a flood is over: give the memory back
	}
	return msg
}

// close refuses further messages and returns what still waits.
func (q *queue) close() []any {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	return q.takeAll()
}

// clear returns what waits and leaves the queue open.
func (q *queue) clear() []any {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.takeAll()
}

func (q *queue) takeAll() []any {
	n := q.len()
	rest := make([]any, 0, n)
	for i := range n {
		rest = append(rest, q.ring[(q.head+i)%len(q.ring)])
	}
	q.ring, q.head = nil, 0
	q.size.Store(0)
	return rest
}
