package fsm

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// stepBackup is RFC 9568 section 6.4.2.
func (m *machine) stepBackup(ev Event) {
	switch ev := ev.(type) {
	case AdvertHeard:
		m.backupHeard(ev.VRRPHeard)
	case AdvertsAbsorbed:
		m.absorbed(ev.Last)
	case WatchExpired:
		m.watchExpired(ev)
	case TimerFired:
		m.backupTimer(ev.Timer)
	case PriorityChanged:
		m.adjust(m.cfg, func() { m.setEffective(ev.Effective) })
	case Reconfigured:
		m.reconfigureBackup(ev.Old)
	case SourceChanged:
		m.sourceChanged(ev.Source)
	case FaultRaised:
		m.becomeFault(ev.Cause)
	case SwitchbackOrdered:
		m.adjust(m.cfg, func() { m.s.Held = false })
	case Stopped:
		m.stop(ev.Release)
	case Started, Stalled, AddressLost, FaultCleared, SwitchoverOrdered, AnnounceOrdered:
		// A backup has started, sends nothing, holds no address and has no fault.
	}
}

// backupHeard judges an advert that the watch did not absorb.
func (m *machine) backupHeard(h packet.VRRPHeard) {
	if !m.s.Ready {
		return // it came before the ear was closed
	}
	at := m.heardAt(h)
	m.learnForm(h)
	if m.s.Dropped && (h.Priority != ownerPriority || compareAddr(h.Src, m.s.OwnerRival) != 0) {
		m.adjust(m.cfg, m.regainOwnership)
	}
	switch {
	case h.Priority == 0:
		m.masterResigned(h, at)
	case accepts(m.cfg, m.s, h.Priority):
		m.accept(h, at)
		m.watch(at + Instant(DownInterval(m.cfg, m.s)))
	case m.cfg.PreemptDelay > 0 && m.s.Preempting == PreemptIdle:
		m.s.Preempting = PreemptWaiting
		m.setTimer(PreemptDelay, at+Instant(m.cfg.PreemptDelay))
		m.accept(h, at)
		m.watch(at + Instant(DownInterval(m.cfg, m.s)))
	default:
		// It does not delay the takeover: the down timer keeps running.
		m.s.LowerAddr, m.s.LowerPriority = h.Src, h.Priority
		m.do(Notice{Key: "lower priority heard", From: h.Src, Text: fmt.Sprintf(
			"master %s has priority %d, lower than %d: taking over when the down timer ends",
			h.Src, h.Priority, AdvertPriority(m.cfg, m.s))})
	}
}

// accept submits to a master and learns from its advert.
func (m *machine) accept(h packet.VRRPHeard, at Instant) {
	m.s.MasterAddr, m.s.MasterPriority, m.s.LastHeard = h.Src, h.Priority, at
	m.s.LowerAddr, m.s.LowerPriority, m.s.ReturnAfter = netip.Addr{}, 0, 0
	if m.cfg.Version == 3 && h.Interval > 0 {
		m.s.MasterInterval = h.Interval
	}
	m.settlePreempt()
}

// masterResigned shortens the wait to the skew time. From now on the watch
// expects nobody: whoever is heard next is judged anew.
func (m *machine) masterResigned(h packet.VRRPHeard, at Instant) {
	m.s.MasterAddr, m.s.MasterPriority, m.s.LastHeard = h.Src, 0, at
	m.s.LowerAddr, m.s.LowerPriority, m.s.ReturnAfter = netip.Addr{}, 0, 0
	m.watch(at + Instant(Skew(m.cfg, m.s)))
}

// absorbed takes over what the watch knows of its master.
func (m *machine) absorbed(last Instant) {
	last = min(last, m.now)
	if m.s.DownAt == 0 || last <= m.s.LastHeard || !absorbs(m.cfg, m.s) {
		return
	}
	m.s.LastHeard = last
	m.s.LowerAddr, m.s.LowerPriority = netip.Addr{}, 0
	m.s.DownAt = max(m.s.DownAt, last+Instant(DownInterval(m.cfg, m.s)))
}

// watchExpired takes over, unless the deadline moved on since the watch ended.
// Then the watch starts again, for the line has dropped it, and what an armed
// line began is undone.
func (m *machine) watchExpired(ev WatchExpired) {
	m.absorbed(ev.LastHeard)
	if m.s.DownAt != 0 && m.s.DownAt <= m.now {
		m.becomeMaster(m.takeoverCause(), ev.Armed)
		return
	}
	m.undoArmed(ev)
	if m.s.DownAt != 0 {
		m.watch(m.s.DownAt)
	}
}

// takeoverCause says why the down timer ran out.
func (m *machine) takeoverCause() string {
	s := &m.s
	switch {
	case s.LowerAddr.IsValid():
		return fmt.Sprintf("priority %d above %d of %s", AdvertPriority(m.cfg, m.s), s.LowerPriority, s.LowerAddr)
	case s.MasterAddr.IsValid() && s.MasterPriority == 0:
		return fmt.Sprintf("%s resigned", s.MasterAddr)
	case s.MasterAddr.IsValid():
		return fmt.Sprintf("no advert from %s for %s", s.MasterAddr, seconds(time.Duration(m.now-s.LastHeard)))
	case s.ReturnAfter != 0:
		return "nobody took over after the loss of an address"
	}
	return "no advert for " + seconds(DownInterval(m.cfg, m.s))
}

func (m *machine) backupTimer(t Timer) {
	if !m.due(t) {
		return
	}
	switch t {
	case PreemptDelay:
		m.adjust(m.cfg, func() { m.s.Preempting = PreemptOver })
	case StartupDelay:
		m.startupOver()
	case GARPSecond, GARPRefresh, GARPLower, OwnerWait, ConflictOver, YieldOver, Timers:
		// A master's.
	}
}

// adjust makes a change that may alter the down interval or whom the watch
// expects. The running down timer is shifted by the difference of the
// intervals. old is the configuration before the change.
func (m *machine) adjust(old Config, change func()) {
	before := WatchOf(old, m.s, 0)
	change()
	m.settlePreempt()
	if before.Deadline == 0 {
		return
	}
	if before.Master.IsValid() && before.Deadline <= m.now {
		// The watch went on past what the machine knows; the whole interval is safe.
		m.s.DownAt = m.after(DownInterval(m.cfg, m.s))
	} else {
		m.s.DownAt += Instant(DownInterval(m.cfg, m.s) - before.Timeout)
	}
	if after := WatchOf(m.cfg, m.s, 0); after != before {
		m.do(StartWatch{Watch: after})
	}
}

// settlePreempt ends the preempt delay when there is nobody left to preempt.
func (m *machine) settlePreempt() {
	if m.s.Preempting == PreemptIdle {
		return
	}
	if !preempts(m.cfg, m.s) || m.s.MasterPriority >= AdvertPriority(m.cfg, m.s) {
		m.stopTimers(PreemptDelay)
		m.s.Preempting = PreemptIdle
	}
}
