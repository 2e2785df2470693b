package fsm

import (
	"net/netip"
	"time"
)

// causeOwner is why an owner becomes master without waiting.
const causeOwner = "owner of the addresses"

// becomeMaster takes the virtual addresses. Armed: the first advert left
// already and the claim was triggered; claiming again changes nothing.
func (m *machine) becomeMaster(cause string, armed bool) {
	switch m.s.Role {
	case Backup:
		if m.s.DownAt == 0 {
			m.do(Listen{Open: true})
		}
		m.leaveBackup()
	case Init, Fault:
		m.forgetMaster()
		m.do(Listen{Open: true})
		if m.s.Role == Fault && m.cfg.Unicast {
			m.do(AnnounceSource{})
		}
	case Master:
		return
	}
	m.regainOwnership()
	m.s.Held = false
	priority := AdvertPriority(m.cfg, m.s)
	if !armed {
		m.do(SendAdvert{Priority: priority})
	}
	m.do(StartAdverts{Interval: m.cfg.Interval, Priority: priority}, ClaimAddresses{Repeat: m.cfg.GARPRepeat})
	if m.cfg.GARPDelay > 0 {
		m.setTimer(GARPSecond, m.after(m.cfg.GARPDelay))
	}
	if m.cfg.GARPRefresh > 0 {
		m.setTimer(GARPRefresh, m.after(m.cfg.GARPDelay+m.cfg.GARPRefresh))
	}
	m.change(Master, cause)
}

// becomeBackup watches for a master, until downAt at first. During the
// start-up delay it neither hears nor watches.
func (m *machine) becomeBackup(cause string, downAt Instant) {
	if m.s.Role != Master {
		m.do(Listen{Open: m.s.Ready})
	}
	if m.s.Role == Fault && m.cfg.Unicast {
		m.do(AnnounceSource{})
	}
	if m.s.Ready {
		m.watch(downAt)
	}
	m.change(Backup, cause)
}

// watch (re)arms the down timer.
func (m *machine) watch(deadline Instant) {
	m.s.DownAt = deadline
	m.do(StartWatch{Watch: WatchOf(m.cfg, m.s, 0)})
}

// leaveBackup ends what only a backup does.
func (m *machine) leaveBackup() {
	m.stopTimers(PreemptDelay)
	if m.s.DownAt != 0 {
		m.do(StopWatch{})
	}
	m.s.Preempting = PreemptIdle
	m.forgetMaster()
}

// leaveMaster ends what only a master does.
func (m *machine) leaveMaster() {
	m.do(StopAdverts{}, ReleaseAddresses{})
	m.stopTimers(GARPSecond, GARPRefresh, GARPLower, OwnerWait, ConflictOver, YieldOver)
	m.s.Conflict, m.s.Yielding = Conflict{}, false
	if !m.s.Dropped {
		m.s.OwnerRival = netip.Addr{}
	}
	m.forgetMaster()
}

// forgetMaster restores the own interval, as nobody else's is in force.
func (m *machine) forgetMaster() {
	m.s.MasterAddr, m.s.MasterPriority, m.s.MasterInterval = netip.Addr{}, 0, m.cfg.Interval
	m.s.LowerAddr, m.s.LowerPriority = netip.Addr{}, 0
	m.s.LastHeard, m.s.DownAt, m.s.ReturnAfter = 0, 0, 0
}

// resign tells the others to take over at once. A vanished IPv6 source cannot
// send; IPv4 sends from the old address.
func (m *machine) resign() {
	if m.s.Source.Is6() && m.hasFault(noSource) {
		return
	}
	m.do(SendAdvert{Priority: 0})
}

// undoArmed resigns from a takeover that the line began while the instance
// was leaving the role that allowed it.
func (m *machine) undoArmed(ev WatchExpired) {
	if ev.Armed {
		m.resign()
		m.do(ReleaseAddresses{})
	}
}

// stop is the ordered end. Without release the addresses stay for the process
// that follows, and the others are told nothing.
func (m *machine) stop(release bool) {
	learned := MasterInterval(m.cfg, m.s)
	switch m.s.Role {
	case Init:
		return
	case Backup:
		m.leaveBackup()
	case Master:
		m.stopMaster(release)
	case Fault:
	}
	m.stopTimers(StartupDelay)
	m.do(Listen{Open: false})
	m.change(Init, "stopped")
	m.s = State{Since: m.now, Source: m.s.Source, Form: m.s.Form, MasterInterval: learned}
}

func (m *machine) stopMaster(release bool) {
	if release {
		m.resign()
		m.leaveMaster()
		return
	}
	m.do(StopAdverts{})
	m.stopTimers(GARPSecond, GARPRefresh, GARPLower, OwnerWait, ConflictOver, YieldOver)
}

// seconds prints a duration for a cause, to the millisecond.
func seconds(d time.Duration) string { return d.Round(time.Millisecond).String() }
