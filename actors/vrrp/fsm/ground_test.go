package fsm

import (
	"fmt"
	"slices"

	"github.com/understudy-ha/understudy/netio/packet"
)

// ground is what the actions of one machine act on, as far as the invariants
// need it: the pacer's watch and schedule, the ear, the timers, the addresses.
type ground struct {
	watch    *packet.Watch
	schedule *StartAdverts
	claimed  bool
	ear      bool
	timers   [Timers]Instant
	errs     []string
}

// expire is what the line does before it tells of the end of a watch.
func (g *ground) expire(armed bool) {
	g.watch = nil
	g.claimed = g.claimed || armed
}

func (g *ground) perform(actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case StartWatch:
			g.watch = &a.Watch
		case StopWatch:
			g.watch = nil
		case StartAdverts:
			g.schedule = &a
		case UpdateAdverts:
			if g.schedule == nil {
				g.errs = append(g.errs, "update of adverts that are not scheduled")
				continue
			}
			g.schedule = &StartAdverts{Interval: a.Interval, Priority: a.Priority}
		case StopAdverts:
			g.schedule = nil
		case ClaimAddresses:
			g.claimed = true
		case ReleaseAddresses:
			g.claimed = false
		case Listen:
			g.ear = a.Open
		case SetTimer:
			g.timers[a.Timer] = a.At
		case StopTimer:
			g.timers[a.Timer] = 0
		case Announce, Changed, SendAdvert, AnnounceSource, Notice, HeardLower:
		}
		if g.watch != nil && g.schedule != nil {
			g.errs = append(g.errs, fmt.Sprintf("watch and schedule at once after %T", a))
		}
	}
}

// check compares the ground with the state after an event.
func (g *ground) check(cfg Config, s, before State, ev Event) error {
	fail := func(format string, args ...any) {
		g.errs = append(g.errs, fmt.Sprintf(format, args...))
	}
	hearing := s.Role == Master || s.Role == Backup && s.Ready
	if watching := s.Role == Backup && s.Ready; (g.watch != nil) != watching || (s.DownAt != 0) != watching {
		fail("%s (ready %t): watch %v, down at %d", s.Role, s.Ready, g.watch, s.DownAt)
	}
	if g.watch != nil && g.watch.Deadline > s.DownAt {
		fail("watch ends at %d, state says %d", g.watch.Deadline, s.DownAt)
	}
	if (g.schedule != nil) != (s.Role == Master && !s.Yielding) {
		fail("%s: schedule %v", s.Role, g.schedule)
	}
	if g.schedule != nil && (g.schedule.Priority != AdvertPriority(cfg, s) || g.schedule.Interval != cfg.Interval) {
		fail("schedule %v, state says priority %d every %s", *g.schedule, AdvertPriority(cfg, s), cfg.Interval)
	}
	if stop, ok := ev.(Stopped); ok && !stop.Release && before.Role == Master {
		g.claimed = false // left to whoever follows
	} else if g.claimed != (s.Role == Master) {
		fail("%s: addresses claimed %t", s.Role, g.claimed)
	}
	if g.ear != hearing {
		fail("%s (ready %t): ear open %t", s.Role, s.Ready, g.ear)
	}
	if g.timers != s.Deadline {
		fail("timers %v, state says %v", g.timers, s.Deadline)
	}
	if s.Role != Init && (len(s.Faults) > 0) != (s.Role == Fault) {
		fail("%s with faults %v", s.Role, s.Faults)
	}
	if !slices.IsSortedFunc(s.Faults, func(a, b Cause) int { return slices.Compare([]string{a.Kind, a.Object}, []string{b.Kind, b.Object}) }) {
		fail("faults not sorted: %v", s.Faults)
	}
	if p := AdvertPriority(cfg, s); s.Role != Init && (p == 0 || (p == 255) != (cfg.Priority == 255 && !s.Dropped)) {
		fail("priority %d of base %d, dropped %t", p, cfg.Priority, s.Dropped)
	}
	if cfg.Version == 2 && s.Role != Init && s.MasterInterval != cfg.Interval {
		fail("version 2 counts in %s, own interval %s", s.MasterInterval, cfg.Interval)
	}
	if len(g.errs) > 0 {
		return fmt.Errorf("after %#v: %v", ev, g.errs)
	}
	return nil
}
