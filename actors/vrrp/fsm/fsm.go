// Package fsm is the state machine of one VRRP instance: RFC 9568 section 6.4,
// for version 2 RFC 3768 section 6.4, and what keepalived adds to them. It is
// pure: no clock, socket, goroutine or logger. Time enters with each event and
// leaves as deadlines. The instance's actor, the simulator and the replay call it.
package fsm

import "slices"

// Step applies ev, which happened at now, to s. The caller must perform the
// actions in the order given and keep the state returned.
func Step(cfg Config, s State, now Instant, ev Event) (State, []Action) {
	m := machine{cfg: cfg, s: s, now: now}
	switch s.Role {
	case Init:
		m.stepInit(ev)
	case Backup:
		m.stepBackup(ev)
	case Master:
		m.stepMaster(ev)
	case Fault:
		m.stepFault(ev)
	}
	return m.s, m.out
}

// machine is one step in progress: a copy of the state and the actions so far.
type machine struct {
	cfg Config
	s   State
	now Instant
	out []Action
}

func (m *machine) do(actions ...Action) { m.out = append(m.out, actions...) }

// setTimer arms a timer at an instant.
func (m *machine) setTimer(t Timer, at Instant) {
	m.s.Deadline[t] = at
	m.do(SetTimer{Timer: t, At: at})
}

// stopTimers disarms those of the given timers that are armed.
func (m *machine) stopTimers(timers ...Timer) {
	for _, t := range timers {
		if m.s.Deadline[t] != 0 {
			m.s.Deadline[t] = 0
			m.do(StopTimer{Timer: t})
		}
	}
}

// due takes a fired timer. False: it had been disarmed, or moved on since, and
// then it is armed again.
func (m *machine) due(t Timer) bool {
	if t >= Timers || m.s.Deadline[t] == 0 {
		return false
	}
	if at := m.s.Deadline[t]; at > m.now {
		m.setTimer(t, at)
		return false
	}
	m.s.Deadline[t] = 0
	return true
}

// change enters a role; it comes after the actions that make the role true.
func (m *machine) change(to Role, cause string) {
	m.do(Changed{From: m.s.Role, To: to, Cause: cause})
	m.s.Role, m.s.Since = to, m.now
}

// Equal reports whether two states are the same.
func (s State) Equal(o State) bool {
	return slices.Equal(s.Faults, o.Faults) && s.standing() == o.standing() && s.deadlines() == o.deadlines() &&
		s.MasterAddr == o.MasterAddr && s.MasterPriority == o.MasterPriority &&
		s.MasterInterval == o.MasterInterval && s.LastHeard == o.LastHeard && s.Form == o.Form &&
		s.LowerAddr == o.LowerAddr && s.LowerPriority == o.LowerPriority &&
		s.Source == o.Source && s.OwnerRival == o.OwnerRival && s.Conflict == o.Conflict
}

type standing struct {
	role      Role
	since     Instant
	effective uint8
	dropped   bool
	ready     bool
	held      bool
	yielding  bool
	phase     PreemptPhase
}

func (s *State) standing() standing {
	return standing{s.Role, s.Since, s.Effective, s.Dropped, s.Ready, s.Held, s.Yielding, s.Preempting}
}

type deadlines struct {
	down, returnAfter Instant
	timers            [Timers]Instant
}

func (s *State) deadlines() deadlines { return deadlines{s.DownAt, s.ReturnAfter, s.Deadline} }
