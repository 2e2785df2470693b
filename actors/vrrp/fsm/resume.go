package fsm

import (
	"net/netip"
	"time"
)

// Saved is what an earlier run of the daemon on this boot left of the
// instance. Knowledge of the segment (learned interval, checksum form) and the
// hold of a switchover are taken at any age, the role only while the others
// cannot have noticed the pause.
type Saved struct {
	State    State
	Priority uint8   // the base priority then
	LastSent Instant // the last advert that left for certain; 0 = none
}

// Resumes reports whether a start at now goes on in the saved role: as master
// while the last advert is younger than our own down interval, as backup while
// the down timer leaves a whole interval to hear the master in. A fault or a
// missing source prevent it too.
func Resumes(cfg Config, v *Saved, now Instant) bool {
	if v == nil {
		return false
	}
	s := v.taken(cfg)
	switch v.State.Role {
	case Master:
		silent := time.Duration(now - v.LastSent)
		if limit := StallLimit(cfg); limit != 0 && silent > limit {
			return false
		}
		return !v.State.Yielding && v.LastSent > 0 && silent >= 0 && silent < DownInterval(cfg, s)
	case Backup:
		left := time.Duration(s.DownAt - now)
		return v.State.Ready && s.DownAt != 0 && left >= MasterInterval(cfg, s) && left <= DownInterval(cfg, s)
	case Init, Fault:
	}
	return false
}

// taken is the saved state under the present configuration.
func (v *Saved) taken(cfg Config) State {
	s := v.State
	s.Ready, s.Faults = true, nil
	s.Conflict, s.Deadline = Conflict{}, [Timers]Instant{}
	if s.Role == Master || cfg.Priority != ownerPriority || cfg.Priority != v.Priority {
		s.Dropped, s.OwnerRival = false, netip.Addr{}
	}
	if s.Effective == 0 || cfg.Priority != v.Priority || cfg.Priority == ownerPriority {
		s.Effective = cfg.Priority
	}
	if cfg.Priority != ownerPriority || s.Dropped {
		s.Effective = min(s.Effective, ownerPriority-1)
	}
	if s.Role == Master || cfg.Version == 2 || s.MasterInterval == 0 {
		s.MasterInterval = cfg.Interval
	}
	return s
}

// recall takes over what is useful at any age.
func (m *machine) recall(v *Saved) {
	if v == nil {
		return
	}
	m.s.Form, m.s.Held = v.State.Form, v.State.Held
	if cold := v.State.MasterInterval; cold != 0 && v.State.Role != Master {
		m.s.MasterInterval = cold
	}
}

// takeUp goes on in the saved role. It is no transition: nobody is told.
func (m *machine) takeUp(ev Started) {
	old := ev.Saved.State.Deadline
	source := m.s.Source
	m.s = ev.Saved.taken(m.cfg)
	if m.s.Since <= 0 || m.s.Since > m.now {
		m.s.Since = m.now
	}
	m.s.Source = source
	if ev.Source.IsValid() {
		m.s.Source = ev.Source
	}
	m.do(Listen{Open: true})
	if m.s.Role == Backup {
		if at := old[PreemptDelay]; at == 0 && m.s.Preempting == PreemptWaiting {
			m.s.Preempting = PreemptIdle
		} else if at != 0 {
			m.setTimer(PreemptDelay, at)
		}
		m.settlePreempt()
		m.watch(m.s.DownAt)
		return
	}
	m.takeUpAdverts(ev.Saved.LastSent)
	// Announced only where an address is missing.
	m.do(ClaimAddresses{Repeat: 0})
	for t, on := range [Timers]bool{GARPSecond: m.cfg.GARPDelay > 0, GARPRefresh: m.cfg.GARPRefresh > 0, GARPLower: m.cfg.LowerGARPDelay > 0} {
		if on && old[t] != 0 {
			m.setTimer(Timer(t), old[t])
		}
	}
	if m.cfg.GARPRefresh > 0 && m.s.Deadline[GARPRefresh] == 0 {
		m.setTimer(GARPRefresh, m.after(m.cfg.GARPRefresh))
	}
}

// takeUpAdverts goes on with the schedule in phase. What fell into the pause
// is made up for with one advert.
func (m *machine) takeUpAdverts(last Instant) {
	priority := AdvertPriority(m.cfg, m.s)
	interval := Instant(m.cfg.Interval)
	next := last + interval
	if next <= m.now {
		m.do(SendAdvert{Priority: priority})
		next += (m.now - last) / interval * interval
	}
	m.do(StartAdverts{Interval: m.cfg.Interval, Priority: priority, First: next})
}
