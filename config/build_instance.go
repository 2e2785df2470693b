package config

import "net/netip"

// instanceBuilder builds and judges one instance.
type instanceBuilder struct {
	*builder
	raw      *rawInstance
	defaults *rawDefaults
	out      *Instance
}

func (n *instanceBuilder) build(common GARP) {
	r, d := n.raw, n.defaults
	strict := from(r.strict, d.strict)
	*n.out = Instance{
		Name: r.name.v, Interface: r.iface.v, VRID: uint8(r.vrid.v), Priority: uint8(r.priority.v),
		AdvertInterval: r.interval.v, Strict: strict.v,
		Preempt: r.preempt.v, PreemptDelay: r.preemptDelay.v,
		DownTimerAdverts:        from(r.downTimer, d.downTimer).v,
		AdvertToLowerPriority:   from(r.toLower, d.toLower).v,
		AdvertToHigherPriority:  from(r.toHigher, d.toHigher).v,
		CheckAdvertAddresses:    from(r.checkAddresses, d.checkAddresses).v,
		ReannounceAfterConflict: from(r.reannounce, d.reannounce).v,
		Checksum:                from(r.checksum, d.checksum).v,
		TimerExpiredBackup:      r.expired.v,
		TrackPrimary:            r.trackPrimary.v,
		SourceIP:                r.sourceIP.v, TrackSourceIP: r.trackSource.v,
		ReceiveBuffer: r.receiveBuffer.v,
		GARP:          garp(&r.garp.v, common, strict.v),
	}
	n.family()
	n.version()
	n.role()
	n.unicast()
	n.source()
	n.group()
	n.strict(strict)
	n.addresses()
	if n.host != nil {
		n.judgeInterfaces()
	}
}

// family is that of the virtual addresses; without any it can be said.
func (n *instanceBuilder) family() {
	r := n.raw
	n.out.Family = IPv4
	if r.family.set {
		n.out.Family = r.family.v
	}
	for i := range r.virtuals.v {
		if p := &r.virtuals.v[i].v.address; p.set {
			n.out.Family = familyOf(p.v.Addr())
			if r.family.set && r.family.v != n.out.Family {
				n.errorf(r.family.at, "found %s, but the first of virtual_ips is %s", r.family.v, n.out.Family)
			}
			return
		}
	}
}

// version judges what depends on it: IPv6 is always version 3, and the two
// versions carry different intervals (RFC 3768 section 5.3.7, RFC 9568 section 5.2.7).
func (n *instanceBuilder) version() {
	r := n.raw
	v := from(r.version, n.defaults.version)
	n.out.Version = uint8(v.v)
	if n.out.Family == IPv6 {
		if r.version.set && v.v == 2 {
			n.errorf(v.at, "found 2, but the addresses are IPv6; want 3")
		}
		n.out.Version = 3
	}
	if v.bad || r.interval.bad {
		return
	}
	if s := intervalRange(n.out.Version); !s.holds(r.interval.v) {
		n.errorf(r.interval.at, "found %s, want %s with version %d", brief(r.interval.v), s.want(), n.out.Version)
	}
}

// role judges what depends on the priority: 255 owns the addresses.
func (n *instanceBuilder) role() {
	r := n.raw
	owner := r.priority.v == 255
	n.out.StartMaster = owner
	if r.master.set {
		n.out.StartMaster = r.master.v
	}
	ignore := from(r.ownerIgnore, n.defaults.ownerIgnore)
	n.out.OwnerIgnoreAdverts = owner && (ignore.v || !ignore.set && n.out.Strict)
	if r.preempt.set && !r.preempt.v && r.preemptDelay.v > 0 {
		n.errorf(r.preemptDelay.at, "found %s, but preempt is false", brief(r.preemptDelay.v))
	}
	if r.expired.v > 0 && r.preempt.v && !r.preempt.bad {
		n.errorf(r.expired.at, "found %d, want preempt: false with it", r.expired.v)
	}
	if r.priority.bad {
		return
	}
	if r.master.v && !owner {
		n.errorf(r.master.at, "found master with priority %d; only priority 255 starts as master (write priority: 255 or state: backup)", r.priority.v)
	}
	if r.ownerIgnore.v && !owner {
		n.errorf(r.ownerIgnore.at, "found true with priority %d; want priority 255 with it", r.priority.v)
	}
	if owner && r.preempt.set && !r.preempt.v {
		n.errorf(r.preempt.at, "found false with priority 255; the owner of the addresses always preempts")
	}
	if owner && r.preemptDelay.v > 0 {
		n.errorf(r.preemptDelay.at, "found %s with priority 255; the owner of the addresses does not wait", brief(r.preemptDelay.v))
	}
}

// source judges where adverts come from.
func (n *instanceBuilder) source() {
	r := n.raw
	if !r.iface.set && !r.iface.bad {
		switch {
		case !r.unicast.set && !r.unicast.bad:
			n.errorf(r.iface.at, "required and missing; only unicast with source_ip can do without")
		case !r.sourceIP.set && !r.sourceIP.bad:
			n.errorf(r.iface.at, "required and missing; unicast can do without it when source_ip is given")
		case r.sourceIP.v.Is6() && r.sourceIP.v.IsLinkLocalUnicast():
			n.errorf(r.sourceIP.at, "found the link-local address %s, want interface with it", r.sourceIP.v)
		}
	}
	if r.sourceIP.set && familyOf(r.sourceIP.v) != n.out.Family {
		n.errorf(r.sourceIP.at, "found %s, but the instance is %s%s", r.sourceIP.v, n.out.Family, n.familyHint(familyOf(r.sourceIP.v)))
	}
}

// familyHint says how to make the instance one of f when nothing fixes its family.
func (n *instanceBuilder) familyHint(f Family) string {
	if n.raw.family.set || len(n.raw.virtuals.v) > 0 {
		return ""
	}
	return " (write family: " + f.String() + ")"
}

// group is where multicast adverts go.
func (n *instanceBuilder) group() {
	r := n.raw.group
	n.out.McastGroup = n.defaults.group4.v
	if n.out.Family == IPv6 {
		n.out.McastGroup = n.defaults.group6.v
	}
	if !r.set {
		return
	}
	switch {
	case n.raw.unicast.set:
		n.errorf(r.at, "found %s in an instance with unicast; remove one of the two", r.v)
	case familyOf(r.v) != n.out.Family:
		n.errorf(r.at, "found %s, but the instance is %s%s", r.v, n.out.Family, n.familyHint(familyOf(r.v)))
	}
	n.out.McastGroup = r.v
}

// unicast judges the peers.
func (n *instanceBuilder) unicast() {
	r := &n.raw.unicast
	if !r.set {
		return
	}
	u := &Unicast{TTL: r.v.ttl.v, OldChecksum: r.v.oldChecksum.v, FaultWithoutPeers: r.v.faultless.v}
	if !r.v.ttl.set && n.out.Family == IPv4 {
		u.TTL = 255
	}
	limited := false
	seen := map[netip.Addr]place{}
	for i := range r.v.peers.v {
		p := &r.v.peers.v[i]
		limited = limited || p.v.minTTL.set || p.v.maxTTL.set
		if !p.v.address.set {
			continue
		}
		a := p.v.address.v
		first, twice := seen[a]
		switch {
		case familyOf(a) != n.out.Family:
			n.errorf(p.v.address.at, "found %s, but the instance is %s%s", a, n.out.Family, n.familyHint(familyOf(a)))
		case twice:
			n.errorf(p.v.address.at, "the peer %s is given twice; first at %s", a, first)
		case p.v.minTTL.v > p.v.maxTTL.v:
			n.errorf(p.v.minTTL.at, "found %d, want at most max_ttl, which is %d", p.v.minTTL.v, p.v.maxTTL.v)
		}
		seen[a] = p.v.address.at
		u.Peers = append(u.Peers, Peer{a, uint8(p.v.minTTL.v), uint8(p.v.maxTTL.v)})
	}
	if len(r.v.peers.v) == 0 && !r.v.peers.bad && !u.FaultWithoutPeers {
		n.errorf(r.v.peers.at, "required and missing; want at least one peer, or fault_without_peers: true")
	}
	check := r.v.checkSource
	u.CheckSource = limited || check.or(n.defaults.unicast.v.checkSource.v)
	if check.set && !check.v && limited {
		n.errorf(check.at, "found false, but min_ttl and max_ttl of peers need it; remove it")
	}
	n.out.Unicast = u
}
