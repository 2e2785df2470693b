// Package timer is the armed timers of one actor, over time.AfterFunc. A timer
// arrives as a message, and it has an identity: one that was stopped, re-armed
// or set by an incarnation that is gone never matches, however late it comes.
//
// It is for everything but the deadlines of VRRP and BFD, which the pacer
// keeps (Go's timers are up to 1 ms late).
package timer

import "time"

// Fired is the message of a timer that is due. Give it to Take first.
type Fired[K comparable] struct{ ID K }

// Set holds at most one timer per ID. It belongs to one actor: all methods
// are called from its turns only.
type Set[K comparable] struct {
	tell  func(msg any)
	armed map[K]armed[K]
}

type armed[K comparable] struct {
	timer *time.Timer
	fired *Fired[K] // its identity
}

// New returns an empty Set. tell delivers a *Fired[K] to the owner's mailbox;
// it is called from a goroutine of the timer and must not block.
func New[K comparable](tell func(msg any)) *Set[K] {
	return &Set[K]{tell: tell, armed: make(map[K]armed[K])}
}

// Arm sets the timer id to fire after d; zero or less is at once, still by
// message. It replaces the timer of that id armed before.
func (s *Set[K]) Arm(id K, d time.Duration) {
	s.Stop(id)
	fired, tell := &Fired[K]{ID: id}, s.tell
	s.armed[id] = armed[K]{time.AfterFunc(d, func() { tell(fired) }), fired}
}

// Take reports whether f is of the timer armed now, and disarms it. False: it
// was stopped, armed anew or taken since, and f means nothing.
func (s *Set[K]) Take(f *Fired[K]) bool {
	if f == nil || s.armed[f.ID].fired != f {
		return false
	}
	delete(s.armed, f.ID)
	return true
}

// Armed reports whether the timer id is set and not taken.
func (s *Set[K]) Armed(id K) bool {
	_, ok := s.armed[id]
	return ok
}

// Stop disarms the timer id, if any.
func (s *Set[K]) Stop(id K) {
	if a, ok := s.armed[id]; ok {
		a.timer.Stop()
		delete(s.armed, id)
	}
}

// StopAll disarms every timer. Call it on Stopping and Restarting.
func (s *Set[K]) StopAll() {
	for id := range s.armed {
		s.Stop(id)
	}
}
