package supervisors

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Spawn starts n below the dynamic supervisor parent and returns once its
// process exists. Its name may have several segments ("instance/web"): it is a
// flat child all the same. A path that exists is ErrExists.
func (s *System) Spawn(parent string, n Node) error {
	p, err := s.find(parent)
	if err != nil {
		return fmt.Errorf("spawn %s: %w", n.Name, err)
	}
	if err := check(n); err != nil {
		return fmt.Errorf("spawn below %s: %w", parent, err)
	}
	if !p.node.Dynamic {
		return fmt.Errorf("spawn %s: %s takes no dynamic children", n.Name, parent)
	}
	if s.draining.Load() {
		return fmt.Errorf("spawn %s: draining: %w", n.Name, ErrClosed)
	}
	e := newEntry(s, p, n, true)
	if err := s.enter(e); err != nil {
		return fmt.Errorf("spawn: %w", err)
	}
	p.mu.Lock()
	p.children = append(p.children, e)
	p.mu.Unlock()
	p.post(&spawnOrder{e: e})
	limit := time.NewTimer(spawnLimit)
	defer limit.Stop()
	select {
	case <-e.spawned:
		return nil
	case <-limit.C:
		_ = s.stop(e, time.Second) // there is nothing to stop yet but the wish
		return fmt.Errorf("spawn %s: its supervisor did not answer within %v", e.path, spawnLimit)
	case <-s.closed:
		return fmt.Errorf("spawn %s: %w", e.path, ErrClosed)
	}
}

// Stop stops the actor at path, or a supervisor with everything below, last
// started first, and returns when its name is free again. An actor that does
// not stop within limit is fenced and left behind, which is an error. Not to
// be called from the actor's own turn.
func (s *System) Stop(path string, limit time.Duration) error {
	e, err := s.find(path)
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return s.stop(e, limit)
}

func (s *System) stop(e *entry, limit time.Duration) error {
	var errs []error
	e.mu.Lock()
	e.wanted = false // first: else a restart would bring children back
	children := append([]*entry(nil), e.children...)
	e.mu.Unlock()
	for _, c := range slices.Backward(children) {
		errs = append(errs, s.stop(c, limit))
	}
	e.mu.Lock()
	if e.retry != nil {
		e.retry.Stop()
	}
	pid, gone, box := e.pid, e.gone, e.box.Load()
	e.mu.Unlock()
	if pid != nil {
		if box != nil { // else spawn, which is under way, stops it
			box.PostSystemMessage(&actor.Stop{})
		}
		if !await(gone, limit) {
			errs = append(errs, fmt.Errorf("stop %s: hung for %v, left behind", e.path, limit))
			s.replace(e, e.inc.Load())
			await(gone, limit)
		}
	}
	s.settle(e)
	return errors.Join(errs...)
}

// settle closes the books of a stopped actor; a dynamic one is forgotten.
func (s *System) settle(e *entry) {
	e.setState(Stopped)
	e.unplug("stopped", true)
	s.emit(Event{Path: e.path, Kind: EventStop, Cause: "ordered"})
	if !e.dynamic {
		return
	}
	s.leave(e)
	e.parent.mu.Lock()
	defer e.parent.mu.Unlock()
	for i, c := range e.parent.children {
		if c == e {
			e.parent.children = append(e.parent.children[:i:i], e.parent.children[i+1:]...)
			return
		}
	}
}

func await(c <-chan struct{}, limit time.Duration) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return false
	}
}
