package packet

import (
	"bytes"
	"net/netip"
	"testing"
	"time"
)

// addVRRP seeds f with every captured advert and a few broken ones.
func addVRRP(tb testing.TB, add func(d VRRPDatagram)) {
	tb.Helper()
	eachFrame(tb, func(frame []byte) {
		if d, ok := datagramOf(frame); ok {
			add(d)
		}
	})
	for _, b := range [][]byte{nil, {0x31}, bytes.Repeat([]byte{0xff}, 8), append([]byte{0x21, 51, 0, 255, 1, 1, 0, 0}, make([]byte, 1020)...)} {
		add(VRRPDatagram{Src: testSrc, Dst: testGroup, TTL: 255, IPLength: len(b), Payload: b})
	}
}

// resumPlain puts the plain checksum of the message at the start of b right.
func resumPlain(b []byte, ipv6 bool) {
	if n := VRRPLength(b, ipv6); n > 0 && n <= len(b) {
		b[6], b[7] = 0, 0
		c := ^fold(sum(0, b[:n]))
		b[6], b[7] = byte(c>>8), byte(c)
	}
}

// FuzzParseVRRP: what parses must append and parse to the same value.
func FuzzParseVRRP(f *testing.F) {
	addVRRP(f, func(d VRRPDatagram) { f.Add(d.Payload, d.Dst.Is6(), uint8(0xff), false) })
	f.Fuzz(func(t *testing.T, b []byte, ipv6 bool, forms uint8, resum bool) {
		if b = bytes.Clone(b); resum {
			resumPlain(b, ipv6)
		}
		src, dst := testSrc, testGroup
		if ipv6 {
			src, dst = testSrc6, testDst6
		}
		before := bytes.Clone(b)
		a, err := ParseVRRP(b, src, dst, Forms(forms))
		if !bytes.Equal(b, before) {
			t.Fatalf("input changed to %x", b)
		}
		if err != nil {
			return
		}
		form := MatchForm(b, src, dst, dst, Forms(forms))
		again, err := a.AppendBinary(nil, src, dst, form)
		if err != nil {
			t.Fatalf("%+v parsed but does not append: %v", a, err)
		}
		if len(again) != len(b) {
			t.Fatalf("%d bytes became %d", len(b), len(again))
		}
		if b2, err := ParseVRRP(again, src, dst, FormSet(form)); err != nil || !equalAdverts(a, b2) {
			t.Fatalf("parsed %+v, then %+v, %v", a, b2, err)
		}
	})
}

// fuzzEntry makes an entry and the addresses of a datagram from a number.
func fuzzEntry(kind uint16) (*VRRPEntry, VRRPDatagram) {
	bit := func(n int) bool { return kind>>n&1 != 0 }
	e := &VRRPEntry{
		VRID: 51, Version: 3, Interval: time.Second, Group: testGroup, Forms: Forms(kind >> 8),
		Unicast: bit(0), CheckSource: bit(1), CheckList: bit(2), OwnerIgnores: bit(3) && bit(4) && bit(5),
		Peers: []VRRPPeer{{Addr: testSrc, MinTTL: 250, MaxTTL: 255}}, Addrs: wire(addrs("192.0.2.100", "192.0.2.101")),
	}
	d := VRRPDatagram{Src: testSrc, Dst: testGroup, AH: bit(3) && bit(4)}
	switch {
	case bit(6):
		e.IPv6, e.Group, d.Src, d.Dst = true, testDst6, testSrc6, testDst6
	case bit(7):
		e.Version, e.AuthType, e.AuthData = 2, uint8(kind>>4&3), [8]byte{'s', '3', 'c', 'r', 'e', 't'}
	}
	if bit(5) {
		d.Dst = testPeer
	}
	return e, d
}

// FuzzCheckVRRP: no bytes panic, every packet is counted once, and what is
// accepted over IPv4 parses to what was heard.
func FuzzCheckVRRP(f *testing.F) {
	addVRRP(f, func(d VRRPDatagram) {
		for _, kind := range []uint16{0xff00, 0xff07, 0xff80, 0xff90, 0xff44, 0xff63} {
			f.Add(d.Payload, d.TTL, d.IPLength, kind, false)
			f.Add(d.Payload, d.TTL, d.IPLength, kind, true)
		}
	})
	f.Fuzz(func(t *testing.T, b []byte, ttl, ipLength int, kind uint16, resum bool) {
		if b = bytes.Clone(b); resum {
			resumPlain(b, kind>>6&1 != 0)
		}
		e, d := fuzzEntry(kind)
		d.Payload, d.TTL, d.IPLength = b, ttl, ipLength
		c := &heardCase{e: e, d: d}
		heard, v, _ := c.check(t)
		if v.Drop || e.IPv6 {
			return
		}
		n := VRRPLength(b, false)
		a, err := ParseVRRP(b[:n], d.Src, summedDst(e, d, heard), e.Forms)
		if err != nil {
			t.Fatalf("accepted, but does not parse: %v", err)
		}
		if a.Version != heard.Version || a.Priority != heard.Priority || a.Interval != heard.Interval || a.VRID != e.VRID {
			t.Fatalf("heard %+v, parsed %+v", heard, a)
		}
	})
}

func summedDst(e *VRRPEntry, d VRRPDatagram, h VRRPHeard) netip.Addr {
	if h.Form == ChecksumGroup {
		return e.Group
	}
	return d.Dst
}

// FuzzParseIPv4: what parses must append to the same header bytes.
func FuzzParseIPv4(f *testing.F) {
	eachFrame(f, func(frame []byte) {
		if eth, rest, err := ParseEthernet(frame); err == nil && eth.Type == EtherTypeIPv4 {
			f.Add(rest)
		}
	})
	f.Add([]byte{0x4f, 0, 0, 60})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, rest, err := ParseIPv4(b)
		if err != nil {
			return
		}
		if len(rest) < h.PayloadLength {
			t.Fatalf("payload of %d bytes, %d there", h.PayloadLength, len(rest))
		}
		again, err := h.AppendBinary(nil)
		if err != nil {
			t.Fatalf("%+v parsed but does not append: %v", h, err)
		}
		header := b[:len(b)-len(rest)]
		if again[10], again[11] = header[10], header[11]; !bytes.Equal(again, header) { // 0 and 0xffff are the same sum
			t.Fatalf("appended\n%x, parsed\n%x", again, header)
		}
	})
}

// FuzzParseARP: what parses must append to the same bytes.
func FuzzParseARP(f *testing.F) {
	eachFrame(f, func(frame []byte) {
		if eth, rest, err := ParseEthernet(frame); err == nil && eth.Type == EtherTypeARP {
			f.Add(rest)
		}
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseARP(b)
		if err != nil {
			return
		}
		if again, err := a.AppendBinary(nil); err != nil || !bytes.Equal(again, b[:ARPSize]) {
			t.Fatalf("appended\n%x (%v), parsed\n%x", again, err, b)
		}
	})
}

// FuzzParseNA: what parses must append and parse to the same value. The
// checksum is put right first, or no mutation would get past it.
func FuzzParseNA(f *testing.F) {
	eachFrame(f, func(frame []byte) {
		if h, rest, err := ParseIPv6(frame[min(EthernetHeaderSize, len(frame)):]); err == nil && h.NextHeader == ProtocolICMPv6 {
			f.Add(rest, false)
			f.Add(rest, true)
		}
	})
	f.Fuzz(func(t *testing.T, b []byte, toGroup bool) {
		src, dst := testSrc6, netip.MustParseAddr("fe80::20")
		if toGroup {
			dst = netip.IPv6LinkLocalAllNodes()
		}
		if len(b) >= 4 {
			b = bytes.Clone(b)
			b[2], b[3] = 0, 0
			c := ^fold(sum(pseudo(src, dst, ProtocolICMPv6, len(b)), b))
			b[2], b[3] = byte(c>>8), byte(c)
		}
		n, err := ParseNA(b, src, dst)
		if err != nil {
			return
		}
		again, err := n.AppendBinary(nil, src, dst)
		if err != nil {
			t.Fatalf("%+v parsed but does not append: %v", n, err)
		}
		if n2, err := ParseNA(again, src, dst); err != nil || n2 != n {
			t.Fatalf("parsed %+v, then %+v, %v", n, n2, err)
		}
	})
}
