package supervisors

import (
	"bytes"
	"fmt"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

const (
	watchRounds    = 4                     // per hang limit
	watchLateness  = 20 * time.Millisecond // a round later than this judges nobody
	reportsWaiting = 64
	reportedBusy   = 20 * time.Millisecond // a reported actor busy for less is alive
	abandonedLimit = 64                    // hung turns left behind; beyond, the tree gives up
)

// watchdog finds actors that hang: busy with one message, or deaf with mail
// waiting, for the limit. Only rounds that came on time count, so that a stall
// of the whole process blames nobody.
type watchdog struct {
	s        *System
	every    time.Duration
	reports  chan *incarnation
	quit     chan struct{}
	ended    chan struct{}
	suspects map[*entry]suspect
}

// suspect is an actor that made no progress since mark.
type suspect struct {
	inc  *incarnation
	busy bool
	mark int64         // start of its turn, or turns completed
	seen time.Duration // without progress, in rounds that came on time
}

func newWatchdog(s *System) *watchdog {
	return &watchdog{
		s: s, every: s.opts.Hang / watchRounds,
		reports: make(chan *incarnation, reportsWaiting),
		quit:    make(chan struct{}), ended: make(chan struct{}),
		suspects: make(map[*entry]suspect),
	}
}

func (w *watchdog) run() {
	defer close(w.ended)
	t := time.NewTimer(w.every)
	defer t.Stop()
	due := time.Now().Add(w.every)
	for {
		select {
		case <-w.quit:
			return
		case i := <-w.reports:
			w.reported(i)
		case <-t.C:
			late := time.Since(due)
			w.round(late)
			due = time.Now().Add(w.every)
			t.Reset(w.every)
		}
	}
}

func (w *watchdog) stop() {
	close(w.quit)
	<-w.ended
}

// round looks at every actor. A late round adds nothing to anybody's account.
func (w *watchdog) round(late time.Duration) {
	step := w.every
	if late >= watchLateness {
		step = 0
	}
	next := make(map[*entry]suspect)
	w.s.paths.Range(func(_, v any) bool {
		e := v.(*entry)
		now, stuck := e.progress()
		if !stuck {
			return true
		}
		if before, ok := w.suspects[e]; ok && before.inc == now.inc && before.busy == now.busy && before.mark == now.mark {
			now.seen = before.seen + step
		}
		if now.seen >= w.s.opts.Hang && step > 0 {
			w.s.hung(e, now, now.seen)
			return true
		}
		next[e] = now
		return true
	})
	w.suspects = next
}

// progress says by what to tell whether e gets on; stuck false: nothing to do.
func (e *entry) progress() (suspect, bool) {
	i, box := e.inc.Load(), e.box.Load()
	if i == nil || box == nil || i.fenced.Load() {
		return suspect{}, false
	}
	if since := i.busy.Load(); since != 0 {
		return suspect{inc: i, busy: true, mark: since}, true
	}
	if e.queue.len() > 0 && e.is(Running) && !box.suspended.Load() {
		return suspect{inc: i, mark: i.turns.Load()}, true
	}
	return suspect{}, false
}

// reported judges an actor that another part misses: it hangs if it still is
// in the turn it was in when it was reported, and that is not a moment ago.
func (w *watchdog) reported(i *incarnation) {
	e := i.e
	now, stuck := e.progress()
	if !stuck || now.inc != i || !now.busy {
		return // deaf ones are found by the rounds
	}
	if busy := time.Duration(w.s.now() - now.mark); busy >= reportedBusy {
		w.s.hung(e, now, busy)
	}
}

// ReportHang tells that the actor at path missed something it owed, such as
// the renewal of a lease. It never blocks. If the actor is stuck in a turn, it
// is replaced at once instead of after the limit.
func (s *System) ReportHang(path string) {
	e, err := s.find(path)
	if err != nil {
		return
	}
	if i := e.inc.Load(); i != nil {
		select {
		case s.watch.reports <- i:
		default: // the pacer asks again
		}
	}
}

// Fence replaces the actor at path as if it hung: the incarnation of now is
// ignored from here on, and its successor resumes from the cell.
func (s *System) Fence(path string) error {
	e, err := s.find(path)
	if err != nil {
		return fmt.Errorf("fence: %w", err)
	}
	if e.node.isSupervisor() {
		return fmt.Errorf("fence %s: a supervisor is restarted, not replaced", path)
	}
	if !s.replace(e, e.inc.Load()) {
		return fmt.Errorf("fence %s: %w", path, ErrNotRunning)
	}
	return nil
}

// hung reports an actor and replaces it.
func (s *System) hung(e *entry, sus suspect, stuck time.Duration) {
	injected := sus.inc.hanging.Load()
	what := "deaf"
	if sus.busy {
		what = "busy"
		if t := e.lastType.Load(); t != nil {
			what += " with " + (*t).String()
		}
	}
	cause := fmt.Sprintf("%s for %v", what, stuck.Round(time.Millisecond))
	stack := stackOf(sus.inc.box)
	e.hangs.Add(1)
	s.log.Error("actor hangs", "actor", e.path, "cause", cause)
	s.emit(Event{Path: e.path, Kind: EventHang, Cause: cause, Stack: stack})
	switch {
	case e.node.isSupervisor() && injected != nil:
		sus.inc.open()
	case e.node.isSupervisor(): // nobody can take its children over
		s.fail(fmt.Errorf("%s hangs: %s", e.path, cause))
	default:
		s.condemn(e, sus.inc, failure{
			resuming: sus.busy && sus.inc.resuming(sus.mark),
			injected: injected != nil && !injected.count,
			reason:   "hang: " + cause,
		})
	}
	if n := s.abandoned.Load(); n > abandonedLimit {
		s.fail(fmt.Errorf("%d hung turns left behind, last %s", n, e.path))
	}
}

// condemn replaces a hung leaf. Hangs are failures: those that go on end in
// quarantine or escalate, but replacing is slow enough to need no back-off.
func (s *System) condemn(e *entry, i *incarnation, f failure) {
	now := time.Now()
	over := s.overBudget(e, f, now)
	e.mu.Lock()
	v := e.judge(f, now, 0, over)
	e.mu.Unlock()
	if v.discard {
		s.discard(e)
	}
	switch v.action {
	case quarantine:
		s.quarantine(e, f)
	case escalate:
		s.escalate(e, f)
	case restart:
	}
	s.replace(e, i)
}

// replace fences the incarnation i of e off and makes its supervisor believe
// that its process is gone: Go cannot end a goroutine, so the turn is left
// behind. The successor has another process name and the same queue.
func (s *System) replace(e *entry, i *incarnation) bool {
	e.mu.Lock()
	pid, box := e.pid, e.box.Load()
	if pid == nil || box == nil || i == nil || e.inc.Load() != i || i.fenced.Load() {
		e.mu.Unlock()
		return false
	}
	if s.draining.Load() && !e.node.NeverQuarantine {
		e.wanted = false
	}
	i.abandoned.Store(true)
	s.abandoned.Add(1)
	i.fenced.Store(true)
	box.detach()
	e.cell.fence(i.gen + 1)
	e.mu.Unlock()
	i.open()
	if i.busy.Load() == 0 && i.abandoned.CompareAndSwap(true, false) {
		s.abandoned.Add(-1) // it was between two turns
	}
	if !e.is(Quarantined) {
		e.setState(Restarting)
	}
	s.sys.ProcessRegistry.Remove(pid)
	box.PostSystemMessage(&actor.Stop{}) // should it ever come back
	s.pretendGone(e, pid)
	s.cameUp(e)
	return true
}

// pretendGone tells the supervisor of e what the process pid will not.
func (s *System) pretendGone(e *entry, pid *actor.PID) {
	gone := &actor.Terminated{Who: pid}
	if e.parent == nil {
		s.guard.SendSystemMessage(s.guard.pid, gone)
		return
	}
	if above := e.parent.box.Load(); above != nil {
		above.PostSystemMessage(gone)
	}
}

// stackOf returns the goroutines labelled with the mailbox, the one in its
// turn first. Best effort: "" if none is found.
func stackOf(box *mailbox) string {
	id, _ := pprof.Label(box.labels, "actor")
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		return ""
	}
	var turn, others []string
	for g := range strings.SplitSeq(all.String(), "\n\n") {
		if !strings.Contains(g, fmt.Sprintf("%q:%q", "actor", id)) {
			continue
		}
		if strings.Contains(g, "(*mailbox).process") {
			turn = append(turn, g)
		} else {
			others = append(others, g)
		}
	}
	return clip(strings.Join(append(turn, others...), "\n\n"), stackKept)
}
