package fsm

import "net/netip"

// setEffective takes a new effective priority and reports whether it differs.
// Contributions neither make nor unmake an owner.
func (m *machine) setEffective(p uint8) bool {
	if m.cfg.Priority == ownerPriority {
		return false
	}
	p = min(max(p, 1), ownerPriority-1)
	changed := p != AdvertPriority(m.cfg, m.s)
	m.s.Effective = p
	return changed
}

// rebase moves the effective priority by the change of the base, until the
// caller tells the new sum.
func (m *machine) rebase(old Config) {
	if m.s.Effective == 0 || m.cfg.Priority == old.Priority {
		return
	}
	m.s.Dropped, m.s.OwnerRival = false, netip.Addr{}
	if m.cfg.Priority == ownerPriority || old.Priority == ownerPriority {
		m.s.Effective = m.cfg.Priority
		return
	}
	moved := int(m.s.Effective) + int(m.cfg.Priority) - int(old.Priority)
	m.s.Effective = uint8(min(max(moved, 1), ownerPriority-1))
}

// reconfigureBackup keeps the role and what was learned of the master.
func (m *machine) reconfigureBackup(old Config) {
	m.adjust(old, func() {
		m.rebase(old)
		if m.cfg.Version == 2 || !m.s.MasterAddr.IsValid() {
			m.s.MasterInterval = m.cfg.Interval
		}
		m.reconfigurePreempt(old)
	})
	m.retimeStartup(old)
}

// reconfigurePreempt moves a running preempt delay to its new length.
func (m *machine) reconfigurePreempt(old Config) {
	if m.s.Preempting != PreemptWaiting || m.cfg.PreemptDelay == old.PreemptDelay {
		return
	}
	if m.cfg.PreemptDelay == 0 {
		m.stopTimers(PreemptDelay)
		m.s.Preempting = PreemptOver
		return
	}
	m.setTimer(PreemptDelay, m.s.Deadline[PreemptDelay]+Instant(m.cfg.PreemptDelay-old.PreemptDelay))
}

// retimeStartup shortens or lengthens a start-up delay in progress.
func (m *machine) retimeStartup(old Config) {
	if m.s.Ready || m.cfg.StartupUntil == old.StartupUntil {
		return
	}
	if m.cfg.StartupUntil <= m.now {
		m.startupOver()
		return
	}
	m.setTimer(StartupDelay, m.cfg.StartupUntil)
}

// reconfigureMaster keeps the addresses and the phase of the schedule: no
// advert is sent for a reload. The frame is rebuilt in any case.
func (m *machine) reconfigureMaster(ev Reconfigured) {
	m.rebase(ev.Old)
	m.s.MasterInterval = m.cfg.Interval
	if m.cfg.Priority != ownerPriority {
		m.stopTimers(OwnerWait)
	}
	m.updateAdverts()
	switch {
	case ev.AddressesAdded:
		m.do(ClaimAddresses{Repeat: m.cfg.GARPRepeat})
	case m.cfg.GARPRefresh > 0:
		m.do(Announce{Repeat: m.cfg.GARPRepeat})
	}
	if m.cfg.GARPDelay == 0 {
		m.stopTimers(GARPSecond)
	}
	if m.cfg.LowerGARPDelay == 0 || m.cfg.LowerGARPRepeat == 0 {
		m.stopTimers(GARPLower)
	}
	switch {
	case m.cfg.GARPRefresh == 0:
		m.stopTimers(GARPRefresh)
	case m.cfg.GARPRefresh != ev.Old.GARPRefresh:
		m.setTimer(GARPRefresh, m.after(m.cfg.GARPRefresh))
	}
}
