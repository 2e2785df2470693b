package config

import (
	"encoding/binary"
	"net/netip"
)

// defaultMTU is that of Ethernet; used where the host's is not known.
const defaultMTU = 1500

// maxAddresses is how many addresses one advert carries: the count is one
// octet, and the message, with the 8 octets of authentication of version 2,
// must fit one frame (RFC 3768 section 5.1, RFC 9568 section 5.2).
func maxAddresses(f Family, version uint8, mtu int) int {
	const ethernet, header, auth = 14, 8, 8
	ip, size := 20, 4
	if f == IPv6 {
		ip, size = 40, 16
	}
	room := mtu - ethernet - ip - header
	if version == 2 {
		room -= auth
	}
	return max(0, min(255, room/size))
}

func (n *instanceBuilder) addresses() {
	r := n.raw
	seen := map[netip.Addr]place{}
	for i := range r.virtuals.v {
		a := &r.virtuals.v[i]
		if !a.v.address.set {
			continue
		}
		ip, at := a.v.address.v.Addr(), a.v.address.at
		if familyOf(ip) != n.out.Family {
			n.errorf(at, "found %s, but the first of the list is %s; move it to virtual_ips_excluded", ip, n.out.Family)
		} else if first, ok := seen[ip]; ok {
			n.errorf(at, "the address %s is given twice; first at %s", ip, first)
		}
		seen[ip] = at
		n.out.VirtualIPs = append(n.out.VirtualIPs, n.address(&a.v))
	}
	if len(r.virtuals.v) == 0 && !r.virtuals.bad && (!r.allowNone.v || n.out.Strict) {
		n.errorf(r.virtuals.at, "required and missing; want at least one address%s", n.unlessAllowed())
	}
	n.excluded(seen)
	n.fits()
	if n.out.Family == IPv6 && len(r.virtuals.v) > 0 {
		n.linkLocalFirst(r.virtuals.v[0].v.address)
	}
}

func (n *instanceBuilder) unlessAllowed() string {
	if n.out.Strict {
		return " under strict"
	}
	return ", or allow_no_virtual_ips: true"
}

// excluded may repeat a virtual address, and itself, on other interfaces only.
func (n *instanceBuilder) excluded(virtual map[netip.Addr]place) {
	if len(n.raw.excluded.v) == 0 {
		return
	}
	type spot struct {
		ip    netip.Addr
		iface string
	}
	seen := map[spot]place{}
	for _, a := range n.out.VirtualIPs {
		seen[spot{a.Prefix.Addr(), a.Interface}] = virtual[a.Prefix.Addr()]
	}
	for i := range n.raw.excluded.v {
		a := &n.raw.excluded.v[i]
		if !a.v.address.set {
			continue
		}
		x := n.address(&a.v)
		s := spot{x.Prefix.Addr(), x.Interface}
		if first, ok := seen[s]; ok {
			n.errorf(a.v.address.at, "the address %s is given twice on %q; first at %s", s.ip, s.iface, first)
		}
		seen[s] = a.v.address.at
		n.out.VirtualIPsExcluded = append(n.out.VirtualIPsExcluded, x)
	}
}

// fits judges whether one advert carries all addresses.
func (n *instanceBuilder) fits() {
	mtu, host := defaultMTU, false
	if n.host != nil && n.raw.iface.set {
		if i, ok := n.host.Interface(n.out.Interface); ok && i.MTU > 0 {
			mtu, host = i.MTU, i.MTU != defaultMTU
		}
	}
	limit, have := maxAddresses(n.out.Family, n.out.Version, mtu), len(n.out.VirtualIPs)
	if have > limit {
		n.add(Error, n.raw.virtuals.at, host, "found %d addresses; one %s advert at MTU %d carries %d: move %d to virtual_ips_excluded",
			have, n.out.Family, mtu, limit, have-limit)
	}
}

// linkLocalFirst judges the first IPv6 address, which must be link-local
// (RFC 9568 section 5.2.9).
func (n *instanceBuilder) linkLocalFirst(first val[netip.Prefix]) {
	if !first.set || first.v.Addr().IsLinkLocalUnicast() {
		return
	}
	const text = "found %s; the first IPv6 address of a virtual router should be link-local"
	if n.out.Strict {
		n.errorf(first.at, text+", and must be under strict", first.v.Addr())
		return
	}
	n.warnf(first.at, text, first.v.Addr())
}

// address fills and judges one address.
func (n *instanceBuilder) address(r *rawAddress) Address {
	a := Address{
		Prefix: r.address.v, Interface: r.iface.or(n.out.Interface), Scope: uint8(r.scope.v),
		Label: r.label.v, Tracked: r.tracked.v, DAD: r.dad.v, PreferredLifetime: Forever,
		Home: r.home.v, MngTmpAddr: r.mngTmpAddr.v, AutoJoin: r.autoJoin.v, PrefixRoute: r.prefixRoute.v,
	}
	if a.Interface == "" && !r.iface.bad && !n.raw.iface.bad && n.raw.unicast.set {
		n.errorf(r.iface.at, "required and missing; the instance has no interface")
	}
	a.Peer = n.peer(r)
	if a.Prefix.Addr().Is6() {
		a.PreferredLifetime = r.lifetime.or(Forever)
		if !r.lifetime.set && a.Prefix.IsSingleIP() && !a.Peer.IsValid() {
			a.PreferredLifetime = 0
		}
		only(n, r.scope, "IPv4")
		only(n, r.broadcast, "IPv4")
		only(n, r.label, "IPv4")
		return a
	}
	only(n, r.dad, "IPv6")
	only(n, r.lifetime, "IPv6")
	a.Broadcast = n.broadcast(r)
	return a
}

// only reports an option of the other family.
func only[V any](n *instanceBuilder, v val[V], family string) {
	if v.set {
		n.errorf(v.at, "is for %s addresses only; remove it", family)
	}
}

// peer is the other end of a point-to-point address.
func (n *instanceBuilder) peer(r *rawAddress) netip.Prefix {
	p := r.peer
	if !p.set {
		return netip.Prefix{}
	}
	switch own := r.address.v; {
	case familyOf(p.v.Addr()) != familyOf(own.Addr()):
		n.errorf(p.at, "found %s, but the address is %s", p.v.Addr(), familyOf(own.Addr()))
	case !own.IsSingleIP():
		n.errorf(p.at, "found %s with address %s; with a peer the prefix length belongs to the peer", p.v, own)
	case r.broadcast.set:
		n.errorf(r.broadcast.at, "found %s with a peer; a point-to-point address has no broadcast address", r.broadcast.v)
	}
	return p.v
}

// broadcast computes the broadcast address of an IPv4 prefix.
func (n *instanceBuilder) broadcast(r *rawAddress) netip.Addr {
	if !r.broadcast.set {
		return netip.Addr{}
	}
	if r.broadcast.v != "+" && r.broadcast.v != "-" {
		a, err := netip.ParseAddr(r.broadcast.v)
		if err != nil {
			n.errorf(r.broadcast.at, "found %q, want %s", r.broadcast.v, broadcastKind.want)
		}
		return a
	}
	bits := r.address.v.Bits()
	if bits > 30 {
		n.errorf(r.broadcast.at, "found %q with prefix length %d; want at most 30", r.broadcast.v, bits)
		return netip.Addr{}
	}
	octets := r.address.v.Masked().Addr().As4()
	if r.broadcast.v == "+" {
		host := uint32(1<<(32-bits) - 1)
		binary.BigEndian.PutUint32(octets[:], binary.BigEndian.Uint32(octets[:])|host)
	}
	return netip.AddrFrom4(octets)
}
