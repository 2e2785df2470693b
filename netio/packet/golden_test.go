package packet

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// golden says what a capture of a real keepalived holds.
type golden struct {
	file                     string
	form                     ChecksumForm
	trailer                  int // bytes of authentication behind the message
	adverts, garps, nas, arp int
	want                     VRRPAdvert // with a non-zero priority
	router                   bool
}

func addrs(s ...string) []netip.Addr {
	var as []netip.Addr
	for _, a := range s {
		as = append(as, netip.MustParseAddr(a))
	}
	return as
}

func goldens() []golden {
	v2 := VRRPAdvert{Version: 2, VRID: 51, Priority: 150, Interval: time.Second, Addrs: addrs("192.0.2.100")}
	two := v2
	two.Addrs = addrs("192.0.2.100", "192.0.2.101")
	pass := v2
	pass.AuthType, pass.AuthData = 1, [8]byte{'s', '3', 'c', 'r', 'e', 't'}
	ah := v2
	ah.AuthType = 2
	v3 := VRRPAdvert{Version: 3, VRID: 51, Priority: 150, Interval: 250 * time.Millisecond, Addrs: addrs("192.0.2.100")}
	v3two := v3
	v3two.Addrs = two.Addrs
	v6, v6one := v3, v3
	v6.Addrs = addrs("fe80::51", "2001:db8::51")
	v6one.Addrs = addrs("fe80::51")
	const old, head = "keepalived-2.2.7-", "keepalived-2.4.3-"
	return []golden{
		{file: old + "v2-none.pcap", form: ChecksumPlain, adverts: 4, garps: 10, want: two},
		{file: old + "v2-pass.pcap", form: ChecksumPlain, adverts: 4, garps: 5, want: pass},
		{file: old + "v3-ipv4.pcap", form: ChecksumPseudo, adverts: 10, garps: 10, want: v3two},
		{file: old + "v3-ipv6.pcap", form: ChecksumPseudo, adverts: 10, nas: 10, want: v6},
		{file: old + "v3-ipv6-router.pcap", form: ChecksumPseudo, adverts: 6, nas: 5, want: v6one, router: true},
		{file: old + "v3-unicast.pcap", form: ChecksumPseudo, adverts: 10, garps: 5, arp: 2, want: v3},
		{file: old + "v3-unicast-old.pcap", form: ChecksumGroup, adverts: 10, garps: 5, arp: 2, want: v3},
		{file: head + "v2-none.pcap", form: ChecksumPlain, adverts: 2, garps: 10, want: two},
		{file: head + "v2-pass.pcap", form: ChecksumPlain, adverts: 4, garps: 5, want: pass},
		{file: head + "v2-ah.pcap", form: ChecksumPlain, adverts: 4, garps: 5, want: ah},
		{file: head + "v2-hmac.pcap", form: ChecksumPlain, trailer: HMACTrailerSize, adverts: 4, garps: 5, want: v2},
		{file: head + "v3-ipv4.pcap", form: ChecksumPseudo, adverts: 4, garps: 10, want: v3two},
		{file: head + "v3-ipv4-checksum-as-v2.pcap", form: ChecksumPlain, adverts: 4, garps: 10, want: v3two},
		{file: head + "v3-ipv4-hmac.pcap", form: ChecksumPseudo, trailer: HMACTrailerSize, adverts: 9, garps: 5, want: v3},
		{file: head + "v3-ipv6.pcap", form: ChecksumPseudo, adverts: 4, nas: 10, want: v6},
		{file: head + "v3-ipv6-hmac.pcap", form: ChecksumKernel, trailer: HMACTrailerSize, adverts: 9, nas: 5, want: v6one},
		{file: head + "v3-unicast.pcap", form: ChecksumPseudo, adverts: 7, garps: 5, arp: 2, want: v3},
		{file: head + "v3-unicast-hmac.pcap", form: ChecksumPseudo, trailer: HMACTrailerSize, adverts: 9, garps: 5, want: v3},
	}
}

// TestCapturedPacketsEncodeToTheSameBytes takes apart every packet of a real
// peer and builds it again.
func TestCapturedPacketsEncodeToTheSameBytes(t *testing.T) {
	var named []string
	for _, g := range goldens() {
		named = append(named, g.file)
		t.Run(g.file, func(t *testing.T) {
			frames, err := readPcap(g.file)
			if err != nil {
				t.Fatal(err)
			}
			var found golden
			for _, frame := range frames {
				g.frame(t, frame, &found)
			}
			if found.adverts != g.adverts || found.garps != g.garps || found.nas != g.nas || found.arp != g.arp {
				t.Errorf("found %d adverts, %d garps, %d nas, %d arps; want %d, %d, %d, %d",
					found.adverts, found.garps, found.nas, found.arp, g.adverts, g.garps, g.nas, g.arp)
			}
		})
	}
	for _, file := range captures(t) {
		if !slices.Contains(named, file) {
			t.Errorf("capture %s has no row", file)
		}
	}
}

func (g golden) frame(t *testing.T, frame []byte, found *golden) {
	t.Helper()
	eth, rest, err := ParseEthernet(frame)
	if err != nil {
		t.Fatal(err)
	}
	again := eth.AppendBinary(nil)
	switch eth.Type {
	case EtherTypeARP:
		g.arpFrame(t, frame, again, eth, rest, found)
		return
	case EtherTypeIPv4:
		h, payload, err := ParseIPv4(rest)
		if err != nil {
			t.Fatal(err)
		}
		if again, err = h.AppendBinary(again); err != nil {
			t.Fatal(err)
		}
		if h.Protocol == ProtocolAH {
			again, payload = append(again, payload[:AHSize]...), payload[AHSize:]
		}
		again = g.advert(t, again, payload, h.Src, h.Dst, found)
	case EtherTypeIPv6:
		h, payload, err := ParseIPv6(rest)
		if err != nil {
			t.Fatal(err)
		}
		if h.NextHeader == ProtocolICMPv6 && payload[0] != icmpv6NeighborAdvert {
			return // router solicitations of the namespace
		}
		if again, err = h.AppendBinary(again); err != nil {
			t.Fatal(err)
		}
		if h.NextHeader == ProtocolICMPv6 {
			again = g.neighbor(t, frame, again, payload, eth, h, found)
		} else {
			again = g.advert(t, again, payload, h.Src, h.Dst, found)
		}
	}
	if !bytes.Equal(again, frame) {
		t.Errorf("built\n%x, want\n%x", again, frame)
	}
}

func (g golden) advert(t *testing.T, b, payload []byte, src, dst netip.Addr, found *golden) []byte {
	t.Helper()
	found.adverts++
	n := VRRPLength(payload, dst.Is6())
	if n+g.trailer != len(payload) {
		t.Fatalf("message of %d bytes in %d, want a trailer of %d", n, len(payload), g.trailer)
	}
	group, summed := netip.MustParseAddr("224.0.0.18"), dst
	if g.form == ChecksumGroup {
		summed = group
	}
	a, err := ParseVRRP(payload[:n], src, summed, FormSet(g.form))
	if err != nil {
		t.Fatal(err)
	}
	all := FormSet(ChecksumPlain, ChecksumPseudo, ChecksumGroup)
	if got := MatchForm(payload[:n], src, dst, group, all); got != g.form && g.form != ChecksumKernel {
		t.Errorf("checksum recognised as %v, want %v", got, g.form)
	}
	want := g.want
	if a.Priority == 0 {
		want.Priority = 0 // the stop fell into the capture
	}
	if !equalAdverts(a, want) {
		t.Errorf("parsed %+v, want %+v", a, want)
	}
	start := len(b)
	if b, err = a.AppendBinary(b, src, summed, g.form); err != nil {
		t.Fatal(err)
	}
	if g.form == ChecksumKernel { // the kernel sums the trailer too
		copy(b[start+6:], payload[6:8])
	}
	return append(b, payload[n:]...)
}

func (g golden) arpFrame(t *testing.T, frame, again []byte, eth Ethernet, body []byte, found *golden) {
	t.Helper()
	a, err := ParseARP(body)
	if err != nil {
		t.Fatal(err)
	}
	if again, err = a.AppendBinary(again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, frame) {
		t.Errorf("arp: built\n%x, want\n%x", again, frame)
	}
	if a.Sender != a.Target {
		found.arp++ // address resolution of the unicast peer
		return
	}
	found.garps++
	garp, err := AppendGratuitousARP(nil, eth.Src, a.Target)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(garp, frame) || len(garp) != GratuitousARPSize {
		t.Errorf("gratuitous arp: built\n%x, want\n%x", garp, frame)
	}
}

func (g golden) neighbor(t *testing.T, frame, again, payload []byte, eth Ethernet, h IPv6Header, found *golden) []byte {
	t.Helper()
	found.nas++
	n, err := ParseNA(payload, h.Src, h.Dst)
	if err != nil {
		t.Fatal(err)
	}
	if want := (NeighborAdvert{Override: true, Router: g.router, Target: h.Src, TargetMAC: eth.Src}); n != want {
		t.Errorf("parsed %+v, want %+v", n, want)
	}
	if again, err = n.AppendBinary(again, h.Src, h.Dst); err != nil {
		t.Fatal(err)
	}
	na, err := AppendUnsolicitedNA(nil, eth.Src, n.Target, g.router)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(na, frame) || len(na) != UnsolicitedNASize {
		t.Errorf("neighbor advert: built\n%x, want\n%x", na, frame)
	}
	return again
}

// equalAdverts compares by value; no addresses equals nil.
func equalAdverts(a, b VRRPAdvert) bool {
	return slices.Equal(a.Addrs, b.Addrs) && a.Version == b.Version && a.VRID == b.VRID &&
		a.Priority == b.Priority && a.Interval == b.Interval && a.AuthType == b.AuthType && a.AuthData == b.AuthData
}
