package config

import (
	"net/netip"
	"time"
)

// intervalRange is what an advert of the version can carry.
func intervalRange(version uint8) span {
	if version == 2 {
		return span{low: time.Second, high: 255 * time.Second, step: time.Second}
	}
	return span{low: 10 * time.Millisecond, high: 40950 * time.Millisecond, step: 10 * time.Millisecond}
}

// strict judges what RFC rules forbid.
func (n *instanceBuilder) strict(strict val[bool]) {
	if !n.out.Strict {
		return
	}
	r := n.raw
	if r.unicast.set {
		n.errorf(r.unicast.at, "found unicast under strict; the RFCs know multicast only")
	}
	if r.preemptDelay.v > 0 && r.preempt.v && r.priority.v != 255 {
		n.errorf(r.preemptDelay.at, "found %s, want 0s under strict", brief(r.preemptDelay.v))
	}
	if t := from(r.downTimer, n.defaults.downTimer); t.set && t.v != 3 {
		n.errorf(t.at, "found %d, want 3 under strict", t.v)
	}
	if r.allowNone.set && r.allowNone.v {
		n.errorf(r.allowNone.at, "found true, want false under strict")
	}
	if r.master.set && !r.master.v && r.priority.v == 255 {
		n.errorf(r.master.at, "found backup with priority 255, want master under strict")
	}
	if r.priority.v != 255 {
		n.warnf(strict.at, "a master that does not own the addresses accepts traffic to them: accept: false is not built yet")
	}
}

// claims finds instances that would take each other's adverts for their own:
// which instance was the first with these adverts.
type claims map[claim]claimant

// claim is what one instance sends or expects: to a multicast group, or
// between a source address and one peer.
type claim struct {
	vrid   uint8
	family Family
	iface  string
	source netip.Addr // unicast; invalid: that of the interface
	to     netip.Addr // the group or the peer
}

type claimant struct {
	index int // of the instance
	name  string
	at    place // of its vrid
}

// add claims for instance number index, and reports the first that it clashes with.
func (c claims) add(n *instanceBuilder, index int) {
	r := n.raw
	if !r.vrid.set || r.iface.bad || r.sourceIP.bad || r.group.bad || r.unicast.bad {
		return
	}
	own := claimant{index, n.out.Name, r.vrid.at}
	first := own
	stake := func(k claim) {
		switch other, ok := c[k]; {
		case !ok:
			c[k] = own
		case other.index < first.index:
			first = other
		}
	}
	k := claim{vrid: n.out.VRID, family: n.out.Family, iface: n.out.Interface, to: n.out.McastGroup}
	if u := n.out.Unicast; u == nil {
		stake(k)
	} else {
		if k.source = n.out.SourceIP; k.source.IsValid() {
			k.iface = "" // the address says where
		}
		for _, p := range u.Peers {
			k.to = p.Address
			stake(k)
		}
	}
	if first.index != index {
		n.errorf(own.at, "found %d, which %q has too at %s: same family, interface and destination", r.vrid.v, first.name, first.at)
	}
}
