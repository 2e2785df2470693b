package config

import (
	"net/netip"
	"slices"
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

// clashes finds instances that would take each other's adverts for their own.
type clashes map[clashKey][]*instanceBuilder

type clashKey struct {
	vrid    uint8
	family  Family
	iface   string
	group   netip.Addr // multicast
	source  netip.Addr // unicast
	unicast bool
}

func (c clashes) add(b *builder, n *instanceBuilder) {
	r := n.raw
	if !r.vrid.set || r.iface.bad || r.sourceIP.bad || r.group.bad || r.unicast.bad {
		return
	}
	k := clashKey{vrid: n.out.VRID, family: n.out.Family, iface: n.out.Interface}
	if u := n.out.Unicast; u == nil {
		k.group = n.out.McastGroup
	} else {
		k.unicast, k.source = true, n.out.SourceIP
		if k.source.IsValid() {
			k.iface = "" // the address says where
		}
	}
	for _, other := range c[k] {
		if k.unicast && !samePeers(n.out.Unicast, other.out.Unicast) {
			continue
		}
		b.errorf(r.vrid.at, "found %d, which %q has too at %s: same family, interface and destination", r.vrid.v, other.out.Name, other.raw.vrid.at)
		break
	}
	c[k] = append(c[k], n)
}

// samePeers reports whether both have a peer.
func samePeers(a, b *Unicast) bool {
	return slices.ContainsFunc(a.Peers, func(p Peer) bool {
		return slices.ContainsFunc(b.Peers, func(q Peer) bool { return p.Address == q.Address })
	})
}
