package supervisors

import (
	"fmt"
	"sync"
	"time"
)

const (
	killsWaiting = 1000 // most kills one Kill orders, and most waiting for one actor
	hangLimit    = 60 * time.Second
	slowMessages = 100
	slowness     = 50 * time.Millisecond
)

// Modes of a kill.
const (
	KillPanic = "panic" // at the next message, which is now
	KillHang  = "hang"  // for 60 s, or until fenced
	KillSlow  = "slow"  // each of the next 100 messages takes 50 ms
)

// KillSpec is a fault injected on purpose. It restarts like any other but
// counts towards no budget, back-off or discarded cell, unless Count is set.
type KillSpec struct {
	Mode  string        // "" is KillPanic
	Times int           // 0 is 1; at most 1000
	Every time.Duration // between two; 0: one after the other
	Count bool
}

// injection is one ordered panic or hang. It is what the actor panics with.
type injection struct {
	mode  string
	count bool
}

func (i *injection) String() string { return "killed by order: " + i.mode }

// Kill injects a fault into the actor at path, supervisors included. Errors:
// ErrUnknownPath, ErrProtected for the actors of kind chaos and admin,
// ErrNotRunning for a stopped or quarantined one.
func (s *System) Kill(path string, k KillSpec) error {
	e, err := s.find(path)
	if err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	if k.Mode == "" {
		k.Mode = KillPanic
	}
	k.Times = max(k.Times, 1)
	switch {
	case k.Mode != KillPanic && k.Mode != KillHang && k.Mode != KillSlow:
		return fmt.Errorf("kill %s: unknown mode %q", path, k.Mode)
	case k.Times > killsWaiting:
		return fmt.Errorf("kill %s: %d times is more than %d", path, k.Times, killsWaiting)
	case k.Every < 0:
		return fmt.Errorf("kill %s: negative interval %v", path, k.Every)
	case e.kind == "chaos" || e.kind == "admin":
		return fmt.Errorf("kill %s: %w", path, ErrProtected)
	case e.is(Stopped) || e.is(Quarantined):
		return fmt.Errorf("kill %s: %w", path, ErrNotRunning)
	}
	now := 1
	if k.Every == 0 {
		now = k.Times
	}
	for range now {
		e.inject(k)
	}
	if later := k.Times - now; later > 0 {
		k.Times = later
		s.kills.after(k.Every, func() {
			if err := s.Kill(path, k); err != nil {
				s.log.Info("kill order ended early", "actor", path, "err", err)
			}
		})
	}
	return nil
}

func (e *entry) inject(k KillSpec) {
	if k.Mode == KillSlow {
		e.slow.Store(slowMessages)
		return
	}
	e.mu.Lock()
	if len(e.injections) < killsWaiting {
		e.injections = append(e.injections, injection{mode: k.Mode, count: k.Count})
		e.injected.Store(int32(len(e.injections)))
	}
	e.mu.Unlock()
	e.post(&nudge{})
}

// suffer carries out what Kill ordered, at the beginning of a turn.
func (i *incarnation) suffer() {
	e := i.e
	if e.slow.Load() > 0 && e.slow.Add(-1) >= 0 {
		time.Sleep(slowness)
	}
	if e.injected.Load() == 0 {
		return
	}
	e.mu.Lock()
	if len(e.injections) == 0 {
		e.mu.Unlock()
		return
	}
	in := e.injections[0]
	e.injections = e.injections[1:]
	e.injected.Store(int32(len(e.injections)))
	e.mu.Unlock()
	if in.mode == KillPanic {
		panic(&in)
	}
	i.hang(&in)
}

func (i *incarnation) hang(in *injection) {
	i.hanging.Store(in)
	defer i.hanging.Store(nil)
	t := time.NewTimer(hangLimit)
	defer t.Stop()
	select {
	case <-t.C:
	case <-i.e.sys.closed:
	case <-i.gate:
		if !i.fenced.Load() { // a supervisor cannot be replaced: it restarts
			panic(in)
		}
	}
}

// killTimers are the kills still to come.
type killTimers struct {
	mu      sync.Mutex
	timers  map[*time.Timer]struct{}
	stopped bool
}

func (k *killTimers) after(d time.Duration, fn func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped {
		return
	}
	if k.timers == nil {
		k.timers = make(map[*time.Timer]struct{})
	}
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		k.mu.Lock()
		delete(k.timers, t)
		stopped := k.stopped
		k.mu.Unlock()
		if !stopped {
			fn()
		}
	})
	k.timers[t] = struct{}{}
}

func (k *killTimers) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	for t := range k.timers {
		t.Stop()
	}
	k.timers = nil
}
