// Package plan decides what to change in the kernel's addresses: from what
// owners wish and what the kernel reports to removals, additions and
// announcements in their order. Pure: its values are never changed in place,
// so that a step that fails halfway leaves the one before.
package plan

import "net/netip"

// Forever is the lifetime of an address that does not expire.
const Forever uint32 = 1<<32 - 1

// ProtocolOurs marks the addresses of VRRP daemons, on kernels that keep it.
const ProtocolOurs = 18

// Form is an address as the kernel holds it, wished or observed.
type Form struct {
	Index     int          // of the interface
	Prefix    netip.Prefix // not masked; with a Peer the length is the peer's
	Peer      netip.Addr   // invalid: none
	Broadcast netip.Addr   // IPv4; invalid: none
	Label     string       // IPv4; observed: the interface's name if none was set
	Scope     uint8        // IPv4
	Protocol  uint8

	NoDAD         bool // IPv6
	Home          bool
	ManageTemp    bool
	AutoJoin      bool
	NoPrefixRoute bool

	Preferred uint32 // seconds
	Valid     uint32 // seconds
}

// spot is what the kernel tells addresses apart by.
type spot struct {
	index  int
	prefix netip.Prefix
	peer   netip.Addr // IPv4
}

func (f Form) spot() spot {
	a := f.Prefix.Addr()
	if a.Is6() {
		return spot{index: f.Index, prefix: netip.PrefixFrom(a, a.BitLen())}
	}
	return spot{f.Index, f.Prefix, f.Peer}
}

// serves reports whether the observed address does what w wishes. Who set it
// and whether its detection of duplicates is over does not matter.
func (w *Wish) serves(got Form) bool {
	f := w.Form
	label := got.Label
	if f.Label == "" && label == w.Interface {
		label = ""
	}
	v4 := f.Prefix.Addr().Is4()
	return f.Prefix == got.Prefix && f.Peer == got.Peer &&
		(!v4 || f.Broadcast == got.Broadcast && f.Label == label && f.Scope == got.Scope) &&
		f.Home == got.Home && f.ManageTemp == got.ManageTemp && f.AutoJoin == got.AutoJoin && f.NoPrefixRoute == got.NoPrefixRoute &&
		got.Valid == Forever && sameLifetime(f.Preferred, got.Preferred)
}

// sameLifetime compares a wished lifetime with one that has been running down.
func sameLifetime(want, got uint32) bool {
	switch want {
	case Forever, 0:
		return want == got
	}
	return got <= want
}

// Observed is a dump of the kernel's addresses.
type Observed map[spot]Form

// Observe indexes a dump.
func Observe(dump []Form) Observed {
	o := make(Observed, len(dump))
	for _, f := range dump {
		o[f.spot()] = f
	}
	return o
}
