package supervisors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// A supervisor is an incarnation without a shell: it holds no state of its
// own. What its children are, and what they remember, stands in the entries,
// so a supervisor that restarts simply starts them again.

// spawnOrder starts one dynamic child.
type spawnOrder struct{ e *entry }

// escalation makes a supervisor fail itself: its children failed too often.
type escalation struct{ cause string }

func (e *escalation) String() string { return "escalated: " + e.cause }

// arrange starts the children that are missing, in order. The first time, a
// child waits until the one before it has been through its start.
func (s *System) arrange(ctx actor.Context, e *entry) {
	all := true
	for _, c := range e.childList() {
		s.spawn(ctx, c)
		if !c.dynamic && !c.up.Load() {
			all = false
			break
		}
	}
	if all {
		s.cameUp(e)
	}
}

// cameUp notes that e has been through its first start and lets its
// supervisor go on.
func (s *System) cameUp(e *entry) {
	if !e.up.CompareAndSwap(false, true) {
		return
	}
	switch {
	case e.parent == nil:
		s.readyOnce.Do(func() { close(s.ready) })
	case !e.dynamic:
		e.parent.post(&arrange{})
	}
}

// spawn makes a process for e in the turn of its supervisor, unless it has
// one, or should have none now.
func (s *System) spawn(ctx actor.Context, e *entry) {
	defer e.spawnOnce.Do(func() { close(e.spawned) })
	e.mu.Lock()
	if !e.wanted || e.pid != nil || e.is(Quarantined) {
		e.mu.Unlock()
		return
	}
	name := e.nextName()
	id := ctx.Self().Id + "/" + name
	e.pid, e.gone = s.sys.NewLocalPID(id), make(chan struct{})
	e.mu.Unlock()
	e.setState(Restarting)
	s.pids.Store(id, e)
	if _, err := ctx.SpawnNamed(s.props(e, id), name); err != nil {
		// Names are never used twice, so only a foreign process can be in the way.
		s.pids.Delete(id)
		e.mu.Lock()
		e.pid = nil
		close(e.gone)
		e.mu.Unlock()
		e.setState(Stopped)
		s.log.Error("actor not spawned", "actor", e.path, "err", err)
		return
	}
	e.mu.Lock()
	wanted := e.wanted
	e.mu.Unlock()
	if !wanted { // a stop came too early to find the mailbox
		e.box.Load().PostSystemMessage(&actor.Stop{})
	}
}

// terminated closes the books of a process that is gone, in the turn of the
// supervisor sup.
func (s *System) terminated(ctx actor.Context, sup *incarnation, who *actor.PID) {
	e := s.byPID(who)
	s.pids.Delete(who.Id)
	if e == nil {
		return
	}
	e.mu.Lock()
	if e.pid == nil || e.pid.Id != who.Id {
		e.mu.Unlock()
		return
	}
	e.pid = nil
	e.box.Store(nil)
	defer close(e.gone) // of this process; after the books are closed
	wanted := e.wanted
	e.mu.Unlock()
	switch {
	case !wanted:
		e.setState(Stopped)
		e.unplug("stopped", true)
	case e.is(Quarantined):
		s.quarantined(e)
	case sup.closing: // the next incarnation of the supervisor starts it again
		e.setState(Restarting)
	case e.inc.Load().fenced.Load():
		s.spawn(ctx, e)
	default: // it stopped itself
		e.mu.Lock()
		e.wanted = false
		e.mu.Unlock()
		e.setState(Stopped)
		e.unplug("stopped", true)
		s.emit(Event{Path: e.path, Kind: EventStop, Cause: "stopped itself"})
	}
}

// quarantined tells the owner and arms the cold start.
func (s *System) quarantined(e *entry) {
	e.unplug("quarantined", false)
	if e.node.OnQuarantine != nil {
		s.hook(e, func() { e.node.OnQuarantine(e.path) })
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.retry = time.AfterFunc(quarantineRetry, func() {
		e.mu.Lock()
		wanted := e.wanted
		e.mu.Unlock()
		if wanted && !s.draining.Load() {
			e.setState(Restarting)
			e.parent.post(&arrange{})
		}
	})
}

// guardian stands above the root. protoactor's own would judge the root by a
// default strategy and then lose it, or kill the process.
type guardian struct {
	s   *System
	pid *actor.PID
}

var _ actor.Process = (*guardian)(nil)

func (g *guardian) SendUserMessage(*actor.PID, any) {}
func (g *guardian) Stop(*actor.PID)                 {}

// SendSystemMessage runs in the root's goroutine, inside its recovery: it must
// not panic.
func (g *guardian) SendSystemMessage(_ *actor.PID, msg any) {
	switch m := msg.(type) {
	case *actor.Failure:
		g.s.failed(g.s.root, m.Who)
	case *actor.Terminated:
		e := g.s.root
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.pid != nil {
			e.pid = nil
			e.box.Store(nil)
			close(e.gone)
		}
		if e.wanted {
			g.s.fail(fmt.Errorf("%s stopped", e.node.Name))
		}
	}
}

// rootContext spawns with the guardian as parent.
type rootContext struct {
	*actor.RootContext
	self *actor.PID
}

func (c rootContext) Self() *actor.PID { return c.self }

func (s *System) spawnRoot() error {
	e := s.root
	id := e.node.Name
	e.pid, e.gone, e.spawns = s.sys.NewLocalPID(id), make(chan struct{}), 1
	s.pids.Store(id, e)
	_, err := actor.DefaultSpawner(s.sys, id, s.props(e, id), rootContext{s.sys.Root, s.guard.pid})
	if err != nil {
		return fmt.Errorf("spawn %s: %w", id, err)
	}
	return nil
}
