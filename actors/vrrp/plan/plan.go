// Package plan says what ground an instance stands on: from what it wants and
// what the interfaces are like now to its source address and its faults. Pure.
package plan

import (
	"cmp"
	"net/netip"
	"slices"
)

// Want is what an instance needs of the host.
type Want struct {
	IPv6         bool
	Interface    string // empty: unicast by Source alone
	Source       netip.Addr
	TrackSource  bool
	TrackPrimary bool
	Unicast      bool
	NoPeers      bool           // unicast.fault_without_peers with no peers
	Virtual      []netip.Prefix // never a source
	Others       []string       // interfaces of tracked addresses, but its own
}

// Interface is what is known of one interface.
type Interface struct {
	Exists    bool
	Index     int
	Up        bool
	Multicast bool
	Addresses []Address
}

// Address is one address of an interface.
type Address struct {
	Addr netip.Addr
	Ours bool // set by us or another run of ours
}

// Fault is one reason why an instance cannot take part.
type Fault struct{ Kind, Object string }

// Ground is the outcome.
type Ground struct {
	Index  int        // of the own interface; 0 = none
	Source netip.Addr // invalid: none
	Faults []Fault    // sorted by kind, then object
}

// The kinds of faults that the ground can give.
const (
	InterfaceDown   = "interface_down"
	NoSourceAddress = "no_source_address"
	ConfigFault     = "config"
)

// Survey judges the ground. interfaces holds what is known by name.
func Survey(w Want, interfaces map[string]Interface) Ground {
	var g Ground
	own := interfaces[w.Interface]
	if w.Interface != "" {
		g.Index = own.Index
		if w.TrackPrimary && !own.Up || !own.Exists {
			g.Faults = append(g.Faults, Fault{InterfaceDown, w.Interface})
		}
		if own.Exists && !w.Unicast && !own.Multicast {
			g.Faults = append(g.Faults, Fault{ConfigFault, w.Interface + " cannot multicast"})
		}
	}
	if w.NoPeers {
		g.Faults = append(g.Faults, Fault{ConfigFault, "unicast without peers"})
	}
	for _, name := range w.Others {
		if !interfaces[name].Up {
			g.Faults = append(g.Faults, Fault{InterfaceDown, name})
		}
	}
	g.Source = source(w, own)
	if !g.Source.IsValid() {
		g.Faults = append(g.Faults, Fault{NoSourceAddress, w.Interface})
	}
	slices.SortFunc(g.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Object, b.Object))
	})
	g.Faults = slices.Compact(g.Faults)
	return g
}

// source picks the address adverts are sent from: the configured one, else
// the interface's first that is neither virtual nor ours; IPv6: link-local
// only (RFC 9568 section 5.1.2.1).
func source(w Want, own Interface) netip.Addr {
	if w.Source.IsValid() {
		if w.TrackSource && !slices.ContainsFunc(own.Addresses, func(a Address) bool { return a.Addr == w.Source }) {
			return netip.Addr{}
		}
		return w.Source
	}
	for _, a := range own.Addresses {
		if a.Ours || a.Addr.Is6() != w.IPv6 || w.IPv6 && !a.Addr.IsLinkLocalUnicast() {
			continue
		}
		if slices.ContainsFunc(w.Virtual, func(p netip.Prefix) bool { return p.Addr() == a.Addr }) {
			continue
		}
		return a.Addr
	}
	return netip.Addr{}
}
