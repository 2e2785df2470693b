package packet

import (
	"net/netip"
	"testing"
)

// heardCase is an entry and a datagram it accepts, for a test to spoil.
type heardCase struct {
	e *VRRPEntry
	d VRRPDatagram
}

func (c *heardCase) resum() {
	c.d.Payload[6], c.d.Payload[7] = 0, 0
	s := ^fold(sum(0, c.d.Payload[:VRRPLength(c.d.Payload, c.e.IPv6)]))
	c.d.Payload[6], c.d.Payload[7] = byte(s>>8), byte(s)
}

func (c *heardCase) pad(n int) { c.d.Payload = append(c.d.Payload, make([]byte, n)...) }

// wire is a list of addresses as in a message.
func wire(as []netip.Addr) []byte {
	var b []byte
	for _, a := range as {
		b = appendAddr(b, a)
	}
	return b
}

// accepted builds a case that passes. The source is .10; the entry belongs to
// .20 and takes plain and pseudo checksums.
func accepted(t testing.TB, a VRRPAdvert, dst netip.Addr, form ChecksumForm) *heardCase {
	t.Helper()
	src, ipv6 := testSrc, dst.Is6()
	if ipv6 {
		src = testSrc6
	}
	b, err := a.AppendBinary(nil, src, dst, form)
	if err != nil {
		t.Fatal(err)
	}
	c := &heardCase{
		e: &VRRPEntry{
			VRID: a.VRID, IPv6: ipv6, Version: a.Version, Interval: a.Interval,
			AuthType: a.AuthType, AuthData: a.AuthData,
			Unicast: !dst.IsMulticast(), Group: testGroup,
			Forms: FormSet(ChecksumPlain, ChecksumPseudo),
			Addrs: wire(a.Addrs), CheckList: true,
		},
		d: VRRPDatagram{Src: src, Dst: dst, TTL: 255, Ifindex: 2, IPLength: len(b), Payload: b, At: 42},
	}
	if ipv6 {
		c.e.Group, c.e.Forms, c.d.IPLength = testDst6, FormSet(ChecksumKernel), -1
	}
	if c.e.Unicast {
		c.e.Peers = []VRRPPeer{{Addr: netip.MustParseAddr("192.0.2.9"), MaxTTL: 255}, {Addr: src, MinTTL: 253, MaxTTL: 255}}
	}
	return c
}

func multicastV2(t testing.TB) *heardCase {
	return accepted(t, testAdvert(2), testGroup, ChecksumPlain)
}

func passwordV2(t testing.TB) *heardCase {
	a := testAdvert(2)
	a.AuthType, a.AuthData = 1, [8]byte{'s', '3', 'c', 'r', 'e', 't'}
	return accepted(t, a, testGroup, ChecksumPlain)
}

func multicastV3(t testing.TB) *heardCase {
	return accepted(t, testAdvert(3), testGroup, ChecksumPlain)
}

func unicastV3(t testing.TB) *heardCase {
	c := accepted(t, testAdvert(3), testPeer, ChecksumPlain)
	c.e.CheckSource = true
	return c
}

func multicastV6(t testing.TB) *heardCase {
	a := testAdvert(3)
	a.Addrs = addrs("fe80::51", "2001:db8::51")
	return accepted(t, a, testDst6, ChecksumKernel)
}

// check runs CheckVRRP and verifies what holds for every packet: one reason
// and nothing heard, or one packet received and the notes.
func (c *heardCase) check(t testing.TB) (VRRPHeard, Verdict, *VRRPStats) {
	t.Helper()
	var st VRRPStats
	heard, v := CheckVRRP(c.e, c.d, &st)
	counted := map[VRRPCounter]uint64{}
	for n := range VRRPCounters {
		if got := st[n].Load(); got != 0 {
			counted[n] = got
		}
	}
	want := map[VRRPCounter]uint64{}
	if v.Drop {
		want[v.Reason]++
		if counted[VRRPAdvertRcvd] > 0 && c.e.CheckSource { // check 18 comes before check 20
			want[VRRPAdvertRcvd]++
		}
		if heard != (VRRPHeard{}) || v.Notes != nil {
			t.Errorf("dropped, but heard %+v with notes %v", heard, v.Notes)
		}
	} else {
		want[VRRPAdvertRcvd]++
		for _, n := range v.Notes {
			want[n]++
		}
		if heard.Priority == 0 {
			want[VRRPPriZeroRcvd]++
		}
	}
	if len(counted) != len(want) {
		t.Errorf("counted %v, want %v", counted, want)
	}
	for n, k := range want {
		if counted[n] != k {
			t.Errorf("counted %d of %v, want %d", counted[n], n, k)
		}
	}
	return heard, v, &st
}

// resumHeader fixes the checksum where the count no longer fits the payload.
func (c *heardCase) resumHeader() {
	c.d.Payload[6], c.d.Payload[7] = 0, 0
	s := ^fold(sum(0, c.d.Payload))
	c.d.Payload[6], c.d.Payload[7] = byte(s>>8), byte(s)
}

// datagramOf makes of an Ethernet frame what a raw socket for VRRP delivers.
func datagramOf(frame []byte) (VRRPDatagram, bool) {
	eth, rest, err := ParseEthernet(frame)
	if err != nil {
		return VRRPDatagram{}, false
	}
	if eth.Type == EtherTypeIPv6 {
		h, payload, err := ParseIPv6(rest)
		return VRRPDatagram{Src: h.Src, Dst: h.Dst, TTL: int(h.HopLimit), IPLength: -1, Payload: payload}, err == nil && h.NextHeader == ProtocolVRRP
	}
	h, payload, err := ParseIPv4(rest)
	return VRRPDatagram{Src: h.Src, Dst: h.Dst, TTL: int(h.TTL), IPLength: h.PayloadLength, Payload: payload}, err == nil && h.Protocol == ProtocolVRRP
}
