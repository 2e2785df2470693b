package fsm

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// stepMaster is RFC 9568 section 6.4.3.
func (m *machine) stepMaster(ev Event) {
	switch ev := ev.(type) {
	case AdvertHeard:
		m.masterHeard(ev.VRRPHeard)
	case TimerFired:
		m.masterTimer(ev.Timer)
	case Stalled:
		m.stalled(ev.LastSent)
	case PriorityChanged:
		if m.setEffective(ev.Effective) {
			m.updateAdverts()
		}
	case Reconfigured:
		m.reconfigureMaster(ev)
	case SourceChanged:
		m.sourceChanged(ev.Source)
	case FaultRaised:
		m.becomeFault(ev.Cause)
	case AddressLost:
		m.addressLost(ev)
	case SwitchoverOrdered:
		m.switchover(ev.Force)
	case AnnounceOrdered:
		m.do(Announce{Repeat: 1})
	case Stopped:
		m.stop(ev.Release)
	case Started, AdvertsAbsorbed, WatchExpired, FaultCleared, SwitchbackOrdered:
		// A master has started, watches nobody, has no fault and is not held.
	}
}

// masterHeard judges the advert of another master.
func (m *machine) masterHeard(h packet.VRRPHeard) {
	if m.s.Yielding {
		m.yieldedTo(h)
		return
	}
	relearned := m.learnForm(h)
	own := AdvertPriority(m.cfg, m.s)
	order := compareAddr(h.Src, m.s.Source)
	switch {
	case h.Priority == 0:
		m.do(SendAdvert{Priority: own})
	case h.Priority > own:
		m.yield(h, fmt.Sprintf("higher priority %d from %s", h.Priority, h.Src))
	case h.Priority < own:
		m.lowerHeard(h, m.cfg.AdvertToLower)
	case order == 0:
		m.do(Notice{Key: "own address heard", From: h.Src, Text: fmt.Sprintf(
			"advert of our priority %d from our own address %s", h.Priority, h.Src)})
	case order > 0:
		if own == ownerPriority {
			m.do(Notice{Key: "two address owners", From: h.Src, Text: fmt.Sprintf(
				"%s claims to own the addresses too; its address is higher, so it stays", h.Src)})
		}
		m.yield(h, fmt.Sprintf("equal priority %d and higher address from %s", h.Priority, h.Src))
	case own == ownerPriority:
		m.ownerHeard(h)
	default:
		m.lowerHeard(h, m.cfg.AdvertToLower)
	}
	if relearned && m.s.Role == Master {
		m.updateAdverts()
	}
}

// yield submits to a better master without a priority-0 advert.
func (m *machine) yield(h packet.VRRPHeard, cause string) {
	if m.cfg.AdvertToHigher {
		m.do(SendAdvert{Priority: AdvertPriority(m.cfg, m.s)})
	}
	at := m.heardAt(h)
	m.leaveMaster()
	m.accept(h, at)
	m.becomeBackup(cause, at+Instant(DownInterval(m.cfg, m.s)))
}

// lowerHeard holds our ground against a lesser master, and takes the
// addresses back on the switches' side.
func (m *machine) lowerHeard(h packet.VRRPHeard, answer bool) {
	if answer {
		m.do(SendAdvert{Priority: AdvertPriority(m.cfg, m.s)})
	}
	if m.cfg.LowerGARPRepeat > 0 {
		m.do(Announce{Repeat: m.cfg.LowerGARPRepeat})
		if m.cfg.LowerGARPDelay > 0 {
			m.setTimer(GARPLower, m.after(m.cfg.LowerGARPDelay))
		}
	}
	m.do(HeardLower{From: h.Src, Priority: h.Priority})
	m.conflict(h)
}

// conflict notes another master. It is over after a down interval of its silence.
func (m *machine) conflict(h packet.VRRPHeard) {
	at := m.heardAt(h)
	if !m.s.Conflict.With.IsValid() {
		m.s.Conflict.Since = at
	}
	m.s.Conflict.With, m.s.Conflict.Last = h.Src, at
	s := m.s
	s.MasterInterval = max(m.cfg.Interval, h.Interval)
	m.setTimer(ConflictOver, at+Instant(DownInterval(m.cfg, s)))
}

func (m *machine) masterTimer(t Timer) {
	at := Instant(0)
	if t < Timers {
		at = m.s.Deadline[t]
	}
	if !m.due(t) {
		return
	}
	switch t {
	case GARPSecond:
		m.announce(m.cfg.GARPRepeat)
	case GARPRefresh:
		m.announce(max(1, m.cfg.GARPRefreshRepeat))
		if next := at + Instant(m.cfg.GARPRefresh); next > m.now {
			m.setTimer(GARPRefresh, next)
		} else { // late by a whole period: no catching up
			m.setTimer(GARPRefresh, m.after(m.cfg.GARPRefresh))
		}
	case GARPLower:
		m.announce(m.cfg.LowerGARPRepeat)
	case OwnerWait:
		m.s.OwnerRival = netip.Addr{}
	case ConflictOver:
		m.s.Conflict = Conflict{}
		if m.cfg.Reannounce {
			m.announce(m.cfg.GARPRepeat)
		}
	case YieldOver:
		m.resume()
	case PreemptDelay, StartupDelay, Timers:
		// A backup's.
	}
}

// stalled gives up mastership after a stall in which the others must have
// taken over, if it could not be won back by preemption anyway. It counts
// three adverts whatever the configured number is.
func (m *machine) stalled(lastSent Instant) {
	limit := StallLimit(m.cfg)
	if limit == 0 || lastSent == 0 {
		return
	}
	silent := time.Duration(m.now - lastSent)
	if silent <= limit {
		return
	}
	m.leaveMaster()
	m.becomeBackup(fmt.Sprintf("stalled: no advert sent for %s", seconds(silent)), m.after(DownInterval(m.cfg, m.s)))
}

// addressLost gives everything up when others took a virtual address away.
// Unless somebody else is faster, all is back after the skew time.
func (m *machine) addressLost(ev AddressLost) {
	m.resign()
	m.leaveMaster()
	m.s.ReturnAfter = m.after(Skew(m.cfg, m.s))
	m.becomeBackup(fmt.Sprintf("virtual address %s removed by others", ev.Address), m.s.ReturnAfter)
}

// updateAdverts changes what the schedule sends; its phase stays.
func (m *machine) updateAdverts() {
	if m.s.Yielding {
		return // resume builds what it sends anew
	}
	m.do(UpdateAdverts{Interval: m.cfg.Interval, Priority: AdvertPriority(m.cfg, m.s)})
}

// learnForm notes the checksum form of the virtual router's last valid advert
// and reports whether it is another than before.
func (m *machine) learnForm(h packet.VRRPHeard) bool {
	if h.Form == packet.ChecksumUnknown || h.Form == m.s.Form {
		return false
	}
	m.s.Form = h.Form
	return true
}
