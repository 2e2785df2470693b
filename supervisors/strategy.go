package supervisors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// How patient the strategy is.
const (
	failureLimit    = 8                // failures within failureWindow quarantine
	failureWindow   = 30 * time.Second // longer than the longest back-off
	quarantineRetry = 30 * time.Second
	firstBackoff    = 5 * time.Millisecond // of the second failure
	backoffFactor   = 4
	longestBackoff  = time.Second
	resumeLimit     = time.Second // an incarnation that lives longer has resumed
	resumeDeaths    = 2           // in a row: the memory cell is thrown away

	crashesKept = 8
	stackKept   = 16 << 10 // bytes
	stateKept   = 2 << 10
	reasonKept  = 1 << 10
)

// failure is what the supervisor must know of a crash.
type failure struct {
	closing  bool // while stopping: the runtime lost the actor
	resuming bool // before the first ordinary message was handled, from a filled cell
	injected bool // counts towards nothing
	reason   string
}

type action uint8

const (
	restart action = iota
	quarantine
	escalate
)

// verdict says what becomes of a failed actor.
type verdict struct {
	action  action
	after   time.Duration // of restart
	discard bool          // the memory cell is poisoned
}

// backoff is the delay after the n-th failure within the window, n from 1:
// 0, 5, 20, 80, 320 ms, then 1 s. A lease caps it at a quarter.
func backoff(n int, lease time.Duration) time.Duration {
	if n <= 1 {
		return 0
	}
	d := firstBackoff
	for range n - 2 {
		if d *= backoffFactor; d >= longestBackoff {
			d = longestBackoff
			break
		}
	}
	if lease > 0 {
		d = min(d, lease/4)
	}
	return d
}

// within appends now to times, oldest first, and drops what is older than
// window or beyond limit entries.
func within(times []time.Time, now time.Time, window time.Duration, limit int) []time.Time {
	kept := times[:0]
	for _, t := range times {
		if now.Sub(t) < window {
			kept = append(kept, t)
		}
	}
	if len(kept) == limit {
		kept = append(kept[:0], kept[1:]...)
	}
	return append(kept, now)
}

// judge books a failure of a leaf and decides; the caller holds e.mu.
func (e *entry) judge(f failure, now time.Time, lease time.Duration, overBudget bool) verdict {
	if f.injected {
		return verdict{action: restart}
	}
	var v verdict
	e.deaths++
	if !f.resuming {
		e.deaths = 0
	}
	if e.deaths >= resumeDeaths {
		e.deaths, v.discard = 0, true
	}
	e.failures = within(e.failures, now, failureWindow, failureLimit)
	switch n := len(e.failures); {
	case overBudget:
		e.failures, e.deaths = nil, 0
		v.action = escalate
	case n >= failureLimit && !e.node.NeverQuarantine:
		e.failures, e.deaths = nil, 0
		v.action = quarantine
	default:
		v.after = backoff(n, lease)
	}
	return v
}

// spend books a failure in a supervisor's budget and reports whether that was
// one too many.
func (e *entry) spend(now time.Time) bool {
	b := e.node.Budget
	if b.none() {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.budget = within(e.budget, now, b.Within, b.Restarts+1)
	if len(e.budget) <= b.Restarts {
		return false
	}
	e.budget = nil
	return true
}

// strategy is the one strategy of all supervisors. It runs in the
// supervisor's turn and leaves protoactor's statistics alone, which only grow.
type strategy struct{ s *System }

var _ actor.SupervisorStrategy = strategy{}

// HandleFailure decides on a failed child.
func (st strategy) HandleFailure(_ *actor.ActorSystem, sup actor.Supervisor, pid *actor.PID, _ *actor.RestartStatistics, _, _ any) {
	if e := st.s.byPID(pid); e != nil {
		above := e.parent.inc.Load()
		above.busy.Store(st.s.now()) // for the watchdog: a hook might block
		defer above.busy.Store(0)
		st.s.failed(e, pid)
		return
	}
	sup.StopChildren(pid) // replaced meanwhile, or spawned past this package
}

// failed carries out the verdict on the process pid of e.
func (s *System) failed(e *entry, pid *actor.PID) {
	box := e.box.Load()
	e.mu.Lock()
	f, current, wanted := e.last, e.pid != nil && e.pid.Id == pid.Id, e.wanted
	e.mu.Unlock()
	switch {
	case !current || box == nil:
	case f.closing:
		s.replace(e, e.inc.Load()) // it will never report its end
	case s.draining.Load() && e.node.isSupervisor():
		// It holds no state, and stopping it would stop everything below at once.
		s.revive(e, box)
	case !wanted, s.draining.Load() && !e.node.NeverQuarantine:
		s.giveUp(e, box, f)
	default:
		v := s.verdict(e, f)
		if v.discard {
			s.discard(e)
		}
		s.carryOut(e, pid, box, v, f)
	}
}

func (s *System) carryOut(e *entry, pid *actor.PID, box *mailbox, v verdict, f failure) {
	switch v.action {
	case restart:
		s.emit(Event{Path: e.path, Kind: EventRestart, Cause: f.reason, Stack: e.lastStack()})
		s.log.Warn("actor restarts", "actor", e.path, "cause", f.reason, "after", v.after)
		s.restartAfter(e, pid, v.after)
	case quarantine:
		s.quarantine(e, f)
		box.PostSystemMessage(&actor.Stop{})
	case escalate:
		if !s.escalate(e, f) {
			s.restartAfter(e, pid, longestBackoff)
		}
	}
}

// quarantine marks e; what ends its process makes terminated do the rest.
func (s *System) quarantine(e *entry, f failure) {
	e.cell.discard(e.generation.Load() + 1)
	e.setState(Quarantined)
	s.emit(Event{Path: e.path, Kind: EventQuarantine, Cause: f.reason, Stack: e.lastStack()})
	s.log.Error("actor quarantined", "actor", e.path, "cause", f.reason, "retry_after", quarantineRetry)
}

// escalate makes the supervisor of e fail. False: that is the root, whose
// budget is spent. Done yields, and the actors go on, at the slowest pace, for
// what an ordered end still owes.
func (s *System) escalate(e *entry, f failure) bool {
	cause := fmt.Sprintf("%s: %s", e.path, f.reason)
	above := e.parent
	if above == nil || above.parent == nil {
		s.emit(Event{Path: s.root.path, Kind: EventEscalate, Cause: cause, Stack: e.lastStack()})
		s.fail(fmt.Errorf("%s gave up: %s", s.root.node.Name, cause))
		return false
	}
	s.emit(Event{Path: above.path, Kind: EventEscalate, Cause: cause, Stack: e.lastStack()})
	above.post(&escalation{cause: cause})
	return true
}

// verdict judges e under its parent's budget.
func (s *System) verdict(e *entry, f failure) verdict {
	now := time.Now()
	over := s.overBudget(e, f, now)
	if e.node.isSupervisor() {
		if over {
			return verdict{action: escalate}
		}
		return verdict{action: restart}
	}
	var lease time.Duration
	if e.node.Lease != nil {
		s.hook(e, func() { lease = e.node.Lease() })
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.judge(f, now, lease, over)
}

// overBudget books the failure of e with its supervisor; the root's own count
// towards itself. The sole writers and ordered kills count nowhere.
func (s *System) overBudget(e *entry, f failure, now time.Time) bool {
	switch {
	case f.injected || e.node.NeverQuarantine:
		return false
	case e.parent == nil:
		return e.spend(now)
	}
	return e.parent.spend(now)
}

// restartAfter restarts the process pid unless it has been replaced or
// stopped by then.
func (s *System) restartAfter(e *entry, pid *actor.PID, d time.Duration) {
	again := func() {
		e.mu.Lock()
		box := e.box.Load()
		same := e.pid != nil && pid != nil && e.pid.Id == pid.Id && e.wanted && box != nil
		e.mu.Unlock()
		if same {
			box.PostSystemMessage(&actor.Restart{})
		}
	}
	if d <= 0 {
		again()
		return
	}
	e.mu.Lock()
	e.retry = time.AfterFunc(d, again)
	e.mu.Unlock()
}

// revive lets a failed supervisor go on with its next message.
func (s *System) revive(e *entry, box *mailbox) {
	if i := e.inc.Load(); i != nil {
		i.dead.Store(false)
	}
	e.setState(Running)
	box.PostSystemMessage(&actor.ResumeMailbox{})
}

// giveUp stops a failed actor for good.
func (s *System) giveUp(e *entry, box *mailbox, f failure) {
	e.mu.Lock()
	e.wanted = false
	e.mu.Unlock()
	s.emit(Event{Path: e.path, Kind: EventStop, Cause: "crashed during the stop: " + f.reason})
	box.PostSystemMessage(&actor.Stop{})
}

// discard throws a poisoned memory cell away.
func (s *System) discard(e *entry) {
	e.cell.discard(e.generation.Load() + 1)
	s.log.Error("actor starts cold", "actor", e.path, "cause", "died twice on resuming")
	if e.node.OnColdStart != nil {
		s.hook(e, func() { e.node.OnColdStart(e.path) })
	}
}

// hook runs a function of the owner; a panic in it is only logged.
func (s *System) hook(e *entry, fn func()) {
	defer func() {
		if r := recover(); r != nil {
			s.log.Error("hook panicked", "actor", e.path, "cause", describe(r))
		}
	}()
	fn()
}
