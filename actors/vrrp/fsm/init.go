package fsm

// stepInit waits for the start. What is told before it is kept for it.
func (m *machine) stepInit(ev Event) {
	switch ev := ev.(type) {
	case Started:
		m.start(ev)
	case PriorityChanged:
		m.setEffective(ev.Effective)
	case Reconfigured:
		m.rebase(ev.Old)
	case FaultRaised:
		m.addFault(ev.Cause)
	case FaultCleared:
		m.removeFault(ev.Kind, ev.Object)
	case SourceChanged:
		if ev.Source.IsValid() {
			m.s.Source = ev.Source
			m.removeFault(noSource, "")
		}
	case WatchExpired:
		m.undoArmed(ev)
	case AdvertHeard, AdvertsAbsorbed, TimerFired, Stalled, AddressLost, Stopped,
		SwitchoverOrdered, SwitchbackOrdered, AnnounceOrdered:
		// Nothing runs that could be meant.
	}
}

// start goes on where an earlier run ended, or is the cold start: knowledge of
// the segment that outlived the last run (learned interval, checksum form) and
// a hold are kept, all else begins anew.
func (m *machine) start(ev Started) {
	source := ev.Source.IsValid() || !m.cfg.SourceRequired
	if len(m.s.Faults)+len(ev.Faults) == 0 && source && Resumes(m.cfg, ev.Saved, m.now) {
		m.takeUp(ev)
		return
	}
	m.recall(ev.Saved)
	old := m.s
	m.s = State{
		Source: old.Source, Faults: old.Faults, Form: old.Form, Held: old.Held,
		MasterInterval: MasterInterval(m.cfg, old), Effective: AdvertPriority(m.cfg, old),
		Ready: m.cfg.StartupUntil <= m.now,
	}
	if m.cfg.Priority == ownerPriority {
		m.s.Effective = ownerPriority
	}
	if ev.Source.IsValid() {
		m.s.Source = ev.Source
	}
	for _, c := range ev.Faults {
		m.addFault(c)
	}
	if m.cfg.SourceRequired && !ev.Source.IsValid() {
		m.addFault(Cause{Kind: noSource})
	}
	if !m.s.Ready {
		m.setTimer(StartupDelay, m.cfg.StartupUntil)
	}
	switch {
	case len(m.s.Faults) > 0:
		m.do(Listen{Open: false})
		m.change(Fault, m.s.Faults[0].phrase())
	case m.ownsAtOnce():
		m.becomeMaster(causeOwner, false)
	default:
		m.becomeBackup("started", m.after(DownInterval(m.cfg, m.s)))
	}
}

// ownsAtOnce reports whether an owner takes its addresses without waiting
// (RFC 9568 section 6.4.1).
func (m *machine) ownsAtOnce() bool {
	return m.cfg.Priority == ownerPriority && m.cfg.StartMaster && m.s.Ready && !m.s.Held && !m.s.Dropped
}

// startupOver ends the start-up delay; the timers begin now.
func (m *machine) startupOver() {
	m.stopTimers(StartupDelay)
	m.s.Ready = true
	if m.s.Role != Backup {
		return
	}
	if m.ownsAtOnce() {
		m.becomeMaster(causeOwner, false)
		return
	}
	m.do(Listen{Open: true})
	m.watch(m.after(DownInterval(m.cfg, m.s)))
}
