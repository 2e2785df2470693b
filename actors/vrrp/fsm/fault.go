package fsm

import (
	"cmp"
	"net/netip"
	"slices"
)

// noSource is the one kind of cause of which there is at most one, whatever
// its object: an instance has a single source.
const noSource = "no_source_address"

// stepFault waits until no cause is left. Adverts are ignored.
func (m *machine) stepFault(ev Event) {
	switch ev := ev.(type) {
	case FaultRaised:
		m.addFault(ev.Cause)
	case FaultCleared:
		m.clearFault(ev.Kind, ev.Object)
	case SourceChanged:
		m.sourceChanged(ev.Source)
	case TimerFired:
		if m.due(ev.Timer) && ev.Timer == StartupDelay {
			m.startupOver()
		}
	case PriorityChanged:
		m.setEffective(ev.Effective)
	case Reconfigured:
		m.rebase(ev.Old)
		m.forgetMaster()
		m.retimeStartup(ev.Old)
	case WatchExpired:
		m.undoArmed(ev)
	case SwitchbackOrdered:
		m.s.Held = false
	case Stopped:
		m.stop(ev.Release)
	case Started, AdvertHeard, AdvertsAbsorbed, Stalled, AddressLost, SwitchoverOrdered, AnnounceOrdered:
		// Nothing is sent, heard or held.
	}
}

// becomeFault drops out for a first cause.
func (m *machine) becomeFault(c Cause) {
	m.addFault(c)
	switch m.s.Role {
	case Master:
		m.resign()
		m.leaveMaster()
	case Backup:
		m.leaveBackup()
	case Init, Fault:
		return
	}
	m.do(Listen{Open: false})
	m.change(Fault, c.phrase())
}

// clearFault takes a cause away; without any left the instance comes back,
// an owner as master at once (RFC 9568 section 6.4.1).
func (m *machine) clearFault(kind, object string) {
	if !m.removeFault(kind, object) || len(m.s.Faults) > 0 {
		return
	}
	cause := "recovered from: " + Cause{Kind: kind, Object: object}.phrase()
	m.forgetMaster()
	if m.ownsAtOnce() {
		m.becomeMaster(cause, false)
		return
	}
	m.becomeBackup(cause, m.after(DownInterval(m.cfg, m.s)))
}

// sourceChanged takes another source address. One that vanished stays in the
// state: a last advert may have to go out from it.
func (m *machine) sourceChanged(source netip.Addr) {
	if !source.IsValid() {
		if m.cfg.SourceRequired {
			m.becomeFault(Cause{Kind: noSource})
		}
		return
	}
	changed := source != m.s.Source
	m.s.Source = source
	switch m.s.Role {
	case Master:
		if changed {
			m.updateAdverts()
		}
	case Fault:
		m.clearFault(noSource, "")
	case Init, Backup:
	}
}

// addFault adds a cause to the sorted set; one that is there stays as it is.
func (m *machine) addFault(c Cause) {
	if slices.ContainsFunc(m.s.Faults, c.same) {
		return
	}
	if c.Since == 0 {
		c.Since = m.now
	}
	faults := append(slices.Clone(m.s.Faults), c)
	slices.SortFunc(faults, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Object, b.Object))
	})
	m.s.Faults = faults
}

// removeFault reports whether the cause was there.
func (m *machine) removeFault(kind, object string) bool {
	c := Cause{Kind: kind, Object: object}
	if !slices.ContainsFunc(m.s.Faults, c.same) {
		return false
	}
	m.s.Faults = slices.DeleteFunc(slices.Clone(m.s.Faults), c.same)
	if len(m.s.Faults) == 0 {
		m.s.Faults = nil
	}
	return true
}

func (m *machine) hasFault(kind string) bool {
	return slices.ContainsFunc(m.s.Faults, func(c Cause) bool { return c.Kind == kind })
}

// same reports whether two causes are one.
func (c Cause) same(o Cause) bool {
	return c.Kind == o.Kind && (c.Object == o.Object || c.Kind == noSource)
}

// phrase says it in words.
func (c Cause) phrase() string {
	on := ""
	if c.Object != "" {
		on = " on " + c.Object
	}
	switch c.Kind {
	case "interface_down":
		return "interface " + c.Object + " down"
	case "tracker":
		return "tracker " + c.Object + " failed"
	case noSource:
		return "no source address" + on
	case "duplicate_vrid":
		return "duplicate virtual router ID" + on
	case "group":
		return "fault in group " + c.Object
	case "config":
		return "configuration: " + c.Object
	}
	return c.Kind + on
}
