package supervisors

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/eventstream"
)

const (
	hangDefault    = 2 * time.Second
	mailboxDefault = 1 << 16
	startLimit     = 10 * time.Second
	spawnLimit     = 5 * time.Second
)

// System is a running tree.
type System struct {
	opts  Options
	log   *slog.Logger
	epoch time.Time // of now
	sys   *actor.ActorSystem
	root  *entry

	paths sync.Map // path → *entry
	pids  sync.Map // id of the runtime → *entry

	draining  atomic.Bool
	abandoned atomic.Int64 // hung turns that have not returned yet
	letters   deadLetters
	drain     drainer
	kills     killTimers
	watch     *watchdog
	guard     *guardian
	ready     chan struct{} // closed when every static actor has been started once
	readyOnce sync.Once
	done      chan error
	doneOnce  sync.Once
	closed    chan struct{}
	closeOnce sync.Once
	workers   *workers
}

// Start builds the tree and starts it top to bottom: an actor is started when
// the one before it has handled its start, well or badly. It returns when the
// last one has.
func Start(root Node, o Options) (*System, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Hang == 0 {
		o.Hang = hangDefault
	}
	if o.Mailbox == 0 {
		o.Mailbox = mailboxDefault
	}
	if err := check(root); err != nil {
		return nil, fmt.Errorf("start actors: %w", err)
	}
	s := &System{
		opts: o, log: o.Log, epoch: time.Now(),
		ready: make(chan struct{}), done: make(chan error, 1), closed: make(chan struct{}), workers: newWorkers(),
	}
	s.sys = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	// The runtime's own listeners format and throttle a log that nobody reads,
	// with a goroutine for each burst of dead letters.
	s.sys.EventStream = eventstream.NewEventStream()
	s.sys.EventStream.Subscribe(s.lost)
	s.root = newEntry(s, nil, root, false)
	if err := s.enter(s.root); err != nil {
		return nil, fmt.Errorf("start actors: %w", err)
	}
	s.guard = &guardian{s: s, pid: s.sys.NewLocalPID("guardian")}
	s.sys.ProcessRegistry.Add(s.guard, s.guard.pid.Id)
	s.watch = newWatchdog(s)
	go s.watch.run()
	if err := s.spawnRoot(); err != nil {
		s.Close(0)
		return nil, err
	}
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case <-s.ready:
		return s, nil
	case <-limit.C:
		s.Close(time.Second)
		return nil, fmt.Errorf("start actors: not all started within %v", startLimit)
	}
}

// check validates a tree before anything runs.
func check(n Node) error {
	switch {
	case n.Name == "" || strings.Contains(n.Name, "~"):
		return fmt.Errorf("actor name %q: empty or with ~", n.Name)
	case strings.HasPrefix(n.Name, "/") || strings.HasSuffix(n.Name, "/") || strings.Contains(n.Name, "//"):
		return fmt.Errorf("actor name %q: empty path segment", n.Name)
	case !n.isSupervisor() && (len(n.Children) > 0 || n.Dynamic || !n.Budget.none()):
		return fmt.Errorf("actor %s: a leaf with children or a budget", n.Name)
	case n.isSupervisor() && len(n.Children) == 0 && !n.Dynamic:
		return fmt.Errorf("actor %s: neither constructor nor children", n.Name)
	}
	for _, c := range n.Children {
		if err := check(c); err != nil {
			return fmt.Errorf("%s: %w", n.Name, err)
		}
	}
	return nil
}

func join(parent *entry, name string) string {
	switch {
	case parent == nil:
		return "/"
	case parent.parent == nil:
		return "/" + name
	}
	return parent.path + "/" + name
}

func kindOf(n Node) string {
	if n.Kind != "" {
		return n.Kind
	}
	kind, _, _ := strings.Cut(n.Name, "/")
	return kind
}

// enter makes e and everything below it known by path, or nothing of it.
func (s *System) enter(e *entry) error {
	if _, taken := s.paths.LoadOrStore(e.path, e); taken {
		return fmt.Errorf("%s: %w", e.path, ErrExists)
	}
	for i, c := range e.children {
		if err := s.enter(c); err != nil {
			for _, entered := range e.children[:i] {
				s.leave(entered)
			}
			s.paths.Delete(e.path)
			return err
		}
	}
	return nil
}

func (s *System) leave(e *entry) {
	for _, c := range e.childList() {
		s.leave(c)
	}
	s.paths.CompareAndDelete(e.path, e)
}

func (s *System) find(path string) (*entry, error) {
	if e, ok := s.paths.Load(path); ok {
		return e.(*entry), nil
	}
	return nil, fmt.Errorf("%s: %w", path, ErrUnknownPath)
}

func (s *System) byPID(pid *actor.PID) *entry {
	if e, ok := s.pids.Load(pid.Id); ok {
		return e.(*entry)
	}
	return nil
}

func (s *System) now() int64 { return int64(time.Since(s.epoch)) + 1 }

// Done yields one error when the root gave up; the process should then end
// with a failure so that the service manager starts over.
func (s *System) Done() <-chan error { return s.done }

func (s *System) fail(err error) {
	s.doneOnce.Do(func() {
		s.log.Error("actor tree gave up", "err", err)
		s.done <- err
	})
}

// Close stops what is still running, last started first, and then the
// watchdog. Each actor has limit to stop.
func (s *System) Close(limit time.Duration) error {
	var err error
	s.closeOnce.Do(func() {
		s.draining.Store(true)
		s.kills.stop()
		err = s.stop(s.root, limit)
		close(s.closed)
		s.watch.stop()
		s.workers.close()
	})
	return err
}

func (e *entry) childList() []*entry {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]*entry(nil), e.children...)
}

func (e *entry) nextName() string {
	e.spawns++
	if e.spawns == 1 {
		return e.node.Name
	}
	return e.node.Name + "~" + strconv.Itoa(e.spawns)
}

func (s *System) emit(ev Event) {
	if s.opts.OnEvent == nil {
		return
	}
	ev.At = time.Now()
	defer func() {
		if r := recover(); r != nil {
			s.log.Error("event handler panicked", "actor", ev.Path, "cause", describe(r))
		}
	}()
	s.opts.OnEvent(ev)
}
