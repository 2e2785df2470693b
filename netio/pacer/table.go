package pacer

import (
	"net/netip"
	"slices"

	"github.com/understudy-ha/understudy/netio/packet"
)

// table finds the line of a received advert. Multicast is told apart by
// interface and VRID, unicast by local address and VRID; several lines may
// share a key.
type table struct {
	multicast map[uint64][]*line
	unicast   map[unicastKey][]*line
	vrids     [2][256]int // lines by family and VRID
}

type unicastKey struct {
	local netip.Addr
	vrid  uint8
}

func newTable() table {
	return table{multicast: map[uint64][]*line{}, unicast: map[unicastKey][]*line{}}
}

func multicastKey(ipv6 bool, ifindex int, vrid uint8) uint64 {
	return uint64(uint32(ifindex))<<16 | uint64(family(ipv6))<<8 | uint64(vrid)
}

func (t *table) add(l *line) {
	for _, k := range l.keys {
		t.vrids[family(k.IPv6)][k.VRID]++
		if k.Local.IsValid() {
			u := unicastKey{k.Local.WithZone(""), k.VRID}
			t.unicast[u] = append(t.unicast[u], l)
		} else {
			m := multicastKey(k.IPv6, k.Ifindex, k.VRID)
			t.multicast[m] = append(t.multicast[m], l)
		}
	}
}

func (t *table) remove(l *line) {
	for _, k := range l.keys {
		t.vrids[family(k.IPv6)][k.VRID]--
		if k.Local.IsValid() {
			drop(t.unicast, unicastKey{k.Local.WithZone(""), k.VRID}, l)
		} else {
			drop(t.multicast, multicastKey(k.IPv6, k.Ifindex, k.VRID), l)
		}
	}
	l.keys = nil
}

func drop[K comparable](m map[K][]*line, k K, l *line) {
	rest := slices.DeleteFunc(m[k], func(x *line) bool { return x == l })
	if len(rest) == 0 {
		delete(m, k)
		return
	}
	m[k] = rest
}

// find returns the line of an advert, nil when its virtual router is unknown.
// An advert to a local address where only multicast is expected still finds
// that virtual router, whose checks count it.
func (t *table) find(ipv6 bool, vrid uint8, d *packet.VRRPDatagram) *line {
	if !d.Dst.IsMulticast() && len(t.unicast) > 0 {
		if l := choose(t.unicast[unicastKey{d.Dst.WithZone(""), vrid}], d); l != nil {
			return l
		}
	}
	lines := t.multicast[multicastKey(ipv6, d.Ifindex, vrid)]
	if len(lines) == 1 {
		return lines[0] // the key holds the interface
	}
	return choose(lines, d)
}

// choose picks among lines of one key: by group, by interface, by peer.
func choose(lines []*line, d *packet.VRRPDatagram) *line {
	if len(lines) == 1 && !lines[0].elsewhere(d) {
		return lines[0]
	}
	var first *line
	for _, l := range lines {
		if l.elsewhere(d) {
			continue
		}
		if l.expects(d) {
			return l
		}
		if first == nil {
			first = l
		}
	}
	return first
}

// elsewhere says that a unicast line listens on another interface.
func (l *line) elsewhere(d *packet.VRRPDatagram) bool {
	for i := range l.keys {
		k := &l.keys[i]
		if !k.Local.IsValid() || k.Ifindex == 0 || k.Ifindex == d.Ifindex {
			return false
		}
	}
	return len(l.keys) > 0
}

// expects tells lines of one key apart.
func (l *line) expects(d *packet.VRRPDatagram) bool {
	if !l.entry.Unicast {
		return l.entry.Group.WithZone("") == d.Dst.WithZone("")
	}
	for i := range l.entry.Peers {
		if l.entry.Peers[i].Addr.WithZone("") == d.Src.WithZone("") {
			return true
		}
	}
	return false
}

// wanted is the set of VRIDs of a family that some line has.
func (t *table) wanted(f int) *[256]bool {
	var set [256]bool
	for id, n := range t.vrids[f] {
		set[id] = n > 0
	}
	return &set
}
