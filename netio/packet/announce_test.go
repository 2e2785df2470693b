package packet

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

var testMAC = [6]byte{0x02, 0, 0x5e, 0x10, 0, 0x0a}

func TestParseARPRefusesOtherNetworks(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(b []byte) []byte
		want error
	}{
		{"27 bytes", func(b []byte) []byte { return b[:27] }, ErrTruncated},
		{"infiniband", func(b []byte) []byte { b[1] = 32; return b }, ErrType},
		{"not ipv4", func(b []byte) []byte { b[3] = 1; return b }, ErrType},
		{"hardware addresses of 8 bytes", func(b []byte) []byte { b[4] = 8; return b }, ErrType},
		{"protocol addresses of 16 bytes", func(b []byte) []byte { b[5] = 16; return b }, ErrType},
		{"padding behind is no fault", func(b []byte) []byte { return append(b, make([]byte, 18)...) }, nil},
	} {
		b, err := AppendGratuitousARP(nil, testMAC, testSrc)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := ParseARP(tc.edit(b[EthernetHeaderSize:])); !errors.Is(err, tc.want) {
			t.Errorf("%s: %+v, error %v, want %v", tc.name, a, err, tc.want)
		}
	}
}

func TestEveryARPParsesToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mac := rapid.SliceOfN(rapid.Byte(), 6, 6)
		a := ARP{
			Op:        rapid.Uint16().Draw(t, "op"),
			SenderMAC: [6]byte(mac.Draw(t, "sender mac")),
			Sender:    drawAddr(t, false, "sender"),
			TargetMAC: [6]byte(mac.Draw(t, "target mac")),
			Target:    drawAddr(t, false, "target"),
		}
		b, err := a.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseARP(b); err != nil || got != a || len(b) != ARPSize {
			t.Fatalf("parsed %+v from %d bytes, %v, want %+v", got, len(b), err, a)
		}
	})
}

func TestAnnouncementsRefuseWrongAddresses(t *testing.T) {
	garp := func(mac [6]byte, ip string) ([]byte, error) {
		return AppendGratuitousARP([]byte("x"), mac, netip.MustParseAddr(ip))
	}
	na := func(mac [6]byte, ip string) ([]byte, error) {
		return AppendUnsolicitedNA([]byte("x"), mac, netip.MustParseAddr(ip), false)
	}
	for _, tc := range []struct {
		name  string
		build func(mac [6]byte, ip string) ([]byte, error)
		mac   [6]byte
		ip    string
	}{
		{"arp for ipv6", garp, testMAC, "fe80::1"},
		{"arp without mac", garp, [6]byte{}, "192.0.2.1"},
		{"neighbour advert for ipv4", na, testMAC, "192.0.2.1"},
		{"neighbour advert for a group", na, testMAC, "ff02::12"},
		{"neighbour advert without mac", na, [6]byte{}, "fe80::1"},
	} {
		if b, err := tc.build(tc.mac, tc.ip); !errors.Is(err, ErrAddress) || string(b) != "x" {
			t.Errorf("%s: appended %x, error %v, want %v", tc.name, b, err, ErrAddress)
		}
	}
	if b, err := (ARP{Sender: testSrc, Target: testSrc6}).AppendBinary(nil); !errors.Is(err, ErrAddress) || b != nil {
		t.Errorf("arp of two families: %x, %v", b, err)
	}
	if b, err := (NeighborAdvert{Target: testDst6}).AppendBinary(nil, testSrc6, testDst6); !errors.Is(err, ErrAddress) || b != nil {
		t.Errorf("neighbour advert for a group: %x, %v", b, err)
	}
}

func TestAnnouncementsDoNotAllocate(t *testing.T) {
	buf := make([]byte, 0, UnsolicitedNASize)
	for name, build := range map[string]func() ([]byte, error){
		"gratuitous arp":   func() ([]byte, error) { return AppendGratuitousARP(buf, testMAC, testSrc) },
		"neighbour advert": func() ([]byte, error) { return AppendUnsolicitedNA(buf, testMAC, testSrc6, true) },
	} {
		failed := false
		if n := testing.AllocsPerRun(100, func() { _, err := build(); failed = failed || err != nil }); n != 0 || failed {
			t.Errorf("%s: %v allocations, failed %t", name, n, failed)
		}
	}
}

func TestParseNAFollowsRFC4861(t *testing.T) {
	node := netip.MustParseAddr("2001:db8::7")
	good := NeighborAdvert{Override: true, Target: testSrc6, TargetMAC: testMAC}
	for _, tc := range []struct {
		name     string
		edit     func(b []byte) []byte
		src, dst netip.Addr
		want     error
		wantMAC  [6]byte
	}{
		{"as sent", func(b []byte) []byte { return b }, testSrc6, testDst6, nil, testMAC},
		{"23 bytes", func(b []byte) []byte { return b[:23] }, testSrc6, testDst6, ErrTruncated, testMAC},
		{"a solicitation", func(b []byte) []byte { b[0] = 135; return b }, testSrc6, testDst6, ErrType, testMAC},
		{"code 1", func(b []byte) []byte { b[1] = 1; return b }, testSrc6, testDst6, ErrType, testMAC},
		{"target is a group", func(b []byte) []byte { b[8] = 0xff; return b }, testSrc6, testDst6, ErrAddress, testMAC},
		{"solicited by a group", func(b []byte) []byte { b[4] |= 0x40; return b }, testSrc6, testDst6, ErrAddress, testMAC},
		{"solicited by a node", func(b []byte) []byte { b[4] |= 0x40; return b }, testSrc6, node, nil, testMAC},
		{"over ipv4", func(b []byte) []byte { return b }, testSrc, testGroup, ErrAddress, testMAC},
		{"an option of length 0", func(b []byte) []byte { b[25] = 0; return b }, testSrc6, testDst6, ErrOption, testMAC},
		{"an option longer than the message", func(b []byte) []byte { b[25] = 2; return b }, testSrc6, testDst6, ErrOption, testMAC},
		{"half an option header", func(b []byte) []byte { return append(b, 1) }, testSrc6, testDst6, ErrOption, testMAC},
		{"no option", func(b []byte) []byte { return b[:24] }, testSrc6, testDst6, nil, [6]byte{}},
		{"an unknown option before ours", func(b []byte) []byte {
			return append(append(bytes.Clone(b[:24]), 14, 1, 9, 9, 9, 9, 9, 9), b[24:]...)
		}, testSrc6, testDst6, nil, testMAC},
		{"a link-layer address of 14 bytes is not ethernet", func(b []byte) []byte {
			b[25] = 2
			return append(b, make([]byte, 8)...)
		}, testSrc6, testDst6, nil, [6]byte{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := good.AppendBinary(nil, testSrc6, testDst6)
			if err != nil {
				t.Fatal(err)
			}
			b = tc.edit(b)
			if tc.dst.Is6() {
				b[2], b[3] = 0, 0
				c := ^fold(sum(pseudo(tc.src, tc.dst, ProtocolICMPv6, len(b)), b))
				b[2], b[3] = byte(c>>8), byte(c)
			}
			n, err := ParseNA(b, tc.src, tc.dst)
			if !errors.Is(err, tc.want) || (err == nil && n.TargetMAC != tc.wantMAC) {
				t.Errorf("parsed %+v, error %v, want mac %x, error %v", n, err, tc.wantMAC, tc.want)
			}
		})
	}
	b, err := good.AppendBinary(nil, testSrc6, testDst6)
	if err != nil {
		t.Fatal(err)
	}
	b[30]++
	if n, err := ParseNA(b, testSrc6, testDst6); !errors.Is(err, ErrChecksum) {
		t.Errorf("a flipped bit: %+v, error %v, want %v", n, err, ErrChecksum)
	}
}

func TestEveryNeighborAdvertParsesToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src, dst := drawAddr(t, true, "source"), drawAddr(t, true, "destination")
		n := NeighborAdvert{
			Router:    rapid.Bool().Draw(t, "router"),
			Solicited: rapid.Bool().Draw(t, "solicited") && !dst.IsMulticast(),
			Override:  rapid.Bool().Draw(t, "override"),
			Target:    drawAddr(t, true, "target"),
			TargetMAC: [6]byte(rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "mac")),
		}
		if n.Target.IsMulticast() {
			t.Skip("a group is no target")
		}
		b, err := n.AppendBinary(nil, src, dst)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseNA(b, src, dst); err != nil || got != n {
			t.Fatalf("parsed %+v, %v, want %+v", got, err, n)
		}
	})
}
