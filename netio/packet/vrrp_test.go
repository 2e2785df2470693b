package packet

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	testSrc   = netip.MustParseAddr("192.0.2.10")
	testPeer  = netip.MustParseAddr("192.0.2.20")
	testGroup = netip.MustParseAddr("224.0.0.18")
	testSrc6  = netip.MustParseAddr("fe80::10")
	testDst6  = netip.MustParseAddr("ff02::12")
)

func testAdvert(version uint8) VRRPAdvert {
	return VRRPAdvert{Version: version, VRID: 51, Priority: 150, Interval: time.Second, Addrs: addrs("192.0.2.100", "192.0.2.101")}
}

func TestAppendVRRPRefusesWhatTheFormatCannotSay(t *testing.T) {
	v2, v3 := testAdvert(2), testAdvert(3)
	with := func(a VRRPAdvert, f func(*VRRPAdvert)) VRRPAdvert { f(&a); return a }
	none := netip.Addr{}
	for _, tc := range []struct {
		name     string
		a        VRRPAdvert
		src, dst netip.Addr
		form     ChecksumForm
		want     error
	}{
		{"version 1 is unknown", with(v2, func(a *VRRPAdvert) { a.Version = 1 }), testSrc, testGroup, ChecksumPlain, ErrVersion},
		{"version 2 has no ipv6", with(v2, func(a *VRRPAdvert) { a.Addrs = addrs("fe80::1") }), testSrc6, testDst6, ChecksumKernel, ErrVersion},
		{"virtual router id 0 is reserved", with(v3, func(a *VRRPAdvert) { a.VRID = 0 }), testSrc, testGroup, ChecksumPseudo, ErrVRID},
		{"version 2 interval is at least 1s", with(v2, func(a *VRRPAdvert) { a.Interval = 0 }), testSrc, testGroup, ChecksumPlain, ErrInterval},
		{"version 2 interval is at most 255s", with(v2, func(a *VRRPAdvert) { a.Interval = 256 * time.Second }), testSrc, testGroup, ChecksumPlain, ErrInterval},
		{"version 2 interval is whole seconds", with(v2, func(a *VRRPAdvert) { a.Interval = 1500 * time.Millisecond }), testSrc, testGroup, ChecksumPlain, ErrInterval},
		{"version 3 interval is at least 10ms", with(v3, func(a *VRRPAdvert) { a.Interval = 0 }), testSrc, testGroup, ChecksumPseudo, ErrInterval},
		{"version 3 interval is not negative", with(v3, func(a *VRRPAdvert) { a.Interval = -10 * time.Millisecond }), testSrc, testGroup, ChecksumPseudo, ErrInterval},
		{"version 3 interval is at most 40.95s", with(v3, func(a *VRRPAdvert) { a.Interval = 40960 * time.Millisecond }), testSrc, testGroup, ChecksumPseudo, ErrInterval},
		{"version 3 interval has steps of 10ms", with(v3, func(a *VRRPAdvert) { a.Interval = 15 * time.Millisecond }), testSrc, testGroup, ChecksumPseudo, ErrInterval},
		{"256 addresses do not fit the count", with(v3, func(a *VRRPAdvert) { a.Addrs = slices.Repeat(addrs("192.0.2.1"), 256) }), testSrc, testGroup, ChecksumPseudo, ErrCount},
		{"an ipv6 address does not travel over ipv4", with(v3, func(a *VRRPAdvert) { a.Addrs = addrs("192.0.2.1", "fe80::1") }), testSrc, testGroup, ChecksumPseudo, ErrAddress},
		{"an invalid address is refused", with(v3, func(a *VRRPAdvert) { a.Addrs = []netip.Addr{none} }), testSrc, testGroup, ChecksumPseudo, ErrAddress},
		{"source and destination are of one family", v3, testSrc6, testGroup, ChecksumPseudo, ErrAddress},
		{"nothing tells the family", with(v3, func(a *VRRPAdvert) { a.Addrs = nil }), none, none, ChecksumPlain, ErrAddress},
		{"the pseudo header needs a source", v3, none, testGroup, ChecksumPseudo, ErrAddress},
		{"the pseudo header needs a destination", v3, testSrc, none, ChecksumGroup, ErrAddress},
		{"the kernel fills in no ipv4 checksum", v3, testSrc, testGroup, ChecksumKernel, ErrForm},
		{"an unknown form has no ipv4 checksum", v3, testSrc, testGroup, ChecksumUnknown, ErrForm},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := []byte("before")
			got, err := tc.a.AppendBinary(before, tc.src, tc.dst, tc.form)
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if !bytes.Equal(got, before) {
				t.Errorf("returned %q, want the input", got)
			}
		})
	}
}

func TestAppendVRRPNeedsOnlyTheAddressesItSums(t *testing.T) {
	none := netip.Addr{}
	v3, v6 := testAdvert(3), testAdvert(3)
	v6.Addrs = addrs("fe80::51")
	for _, tc := range []struct {
		name     string
		a        VRRPAdvert
		src, dst netip.Addr
		form     ChecksumForm
	}{
		{"version 2 sums no addresses", testAdvert(2), none, none, ChecksumPlain},
		{"plain version 3 sums no addresses", v3, none, testGroup, ChecksumPlain},
		{"the kernel knows the ipv6 source", v6, none, testDst6, ChecksumKernel},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.a.AppendBinary(nil, tc.src, tc.dst, tc.form)
			if err != nil {
				t.Fatal(err)
			}
			src, dst := testSrc, testGroup
			if tc.dst == testDst6 {
				src, dst = testSrc6, testDst6
			}
			want, err := tc.a.AppendBinary(nil, src, dst, tc.form)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("without addresses %x, with them %x (%v)", got, want, err)
			}
			if tc.form == ChecksumKernel && (got[6] != 0 || got[7] != 0) {
				t.Errorf("checksum %x left to the kernel, want 0", got[6:8])
			}
		})
	}
}

func TestParseVRRPRefusesMalformedMessages(t *testing.T) {
	pseudoOnly, plain := FormSet(ChecksumPseudo), FormSet(ChecksumPlain)
	edit := func(f func(b []byte) []byte) func([]byte) []byte {
		return func(b []byte) []byte {
			b = f(b)
			if len(b) >= VRRPHeaderSize { // only the edit is wrong, not the checksum
				b[6], b[7] = 0, 0
				c := ^fold(sum(0, b))
				b[6], b[7] = byte(c>>8), byte(c)
			}
			return b
		}
	}
	for _, tc := range []struct {
		name     string
		version  uint8
		edit     func([]byte) []byte
		src, dst netip.Addr
		forms    Forms
		want     error
	}{
		{"7 bytes are no header", 3, edit(func(b []byte) []byte { return b[:7] }), testSrc, testGroup, plain, ErrTruncated},
		{"the second address is cut off", 3, edit(func(b []byte) []byte { return b[:15] }), testSrc, testGroup, plain, ErrTruncated},
		{"version 2 without authentication data is cut off", 2, edit(func(b []byte) []byte { return b[:16] }), testSrc, testGroup, plain, ErrTruncated},
		{"a byte too many", 3, edit(func(b []byte) []byte { return append(b, 0) }), testSrc, testGroup, plain, ErrLength},
		{"version 4", 3, edit(func(b []byte) []byte { b[0] = 0x41; return b }), testSrc, testGroup, plain, ErrVersion},
		{"version 2 over ipv6", 2, edit(func(b []byte) []byte { return b }), testSrc6, testDst6, FormSet(ChecksumKernel), ErrVersion},
		{"type 2", 3, edit(func(b []byte) []byte { b[0] = 0x32; return b }), testSrc, testGroup, plain, ErrType},
		{"a flipped bit", 3, func(b []byte) []byte { b[2] ^= 4; return b }, testSrc, testGroup, plain, ErrChecksum},
		{"a form that is not accepted", 3, edit(func(b []byte) []byte { return b }), testSrc, testGroup, pseudoOnly, ErrChecksum},
		{"no form accepted", 3, edit(func(b []byte) []byte { return b }), testSrc, testGroup, 0, ErrChecksum},
		{"version 2 is summed plainly whatever is accepted", 2, func(b []byte) []byte { b[6]++; return b }, testSrc, testGroup, pseudoOnly, ErrChecksum},
		{"virtual router id 0", 3, edit(func(b []byte) []byte { b[1] = 0; return b }), testSrc, testGroup, plain, ErrVRID},
		{"version 3 interval 0", 3, edit(func(b []byte) []byte { b[4], b[5] = 0xf0, 0; return b }), testSrc, testGroup, plain, ErrInterval},
		{"version 2 interval 0", 2, edit(func(b []byte) []byte { b[5] = 0; return b }), testSrc, testGroup, plain, ErrInterval},
		{"addresses of two families", 3, edit(func(b []byte) []byte { return b }), testSrc, testDst6, plain, ErrAddress},
		{"no addresses at all", 3, edit(func(b []byte) []byte { return b }), netip.Addr{}, netip.Addr{}, plain, ErrAddress},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := testAdvert(tc.version).AppendBinary(nil, testSrc, testGroup, ChecksumPlain)
			if err != nil {
				t.Fatal(err)
			}
			if a, err := ParseVRRP(tc.edit(b), tc.src, tc.dst, tc.forms); !errors.Is(err, tc.want) {
				t.Errorf("parsed %+v, error %v, want %v", a, err, tc.want)
			}
		})
	}
}

func TestParseVRRPIgnoresReservedBits(t *testing.T) {
	want := testAdvert(3)
	b, err := want.AppendBinary(nil, testSrc, testGroup, ChecksumPlain)
	if err != nil {
		t.Fatal(err)
	}
	b[4] |= 0xf0
	b[6], b[7] = 0, 0
	c := ^fold(sum(0, b))
	b[6], b[7] = byte(c>>8), byte(c)
	got, err := ParseVRRP(b, testSrc, testGroup, FormSet(ChecksumPlain))
	if err != nil || !equalAdverts(got, want) {
		t.Errorf("parsed %+v, %v, want %+v", got, err, want)
	}
}

func TestParsedVRRPKeepsNothingOfTheBuffer(t *testing.T) {
	want := testAdvert(2)
	want.AuthType, want.AuthData = 1, [8]byte{1, 2, 3}
	b, err := want.AppendBinary(nil, testSrc, testGroup, ChecksumPlain)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseVRRP(b, testSrc, testGroup, FormSet(ChecksumPlain))
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if !equalAdverts(got, want) {
		t.Errorf("after the buffer was reused %+v, want %+v", got, want)
	}
}

// drawAddr is any address of the family without a zone.
func drawAddr(t *rapid.T, ipv6 bool, label string) netip.Addr {
	n := addrSize(ipv6)
	a, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, label))
	return a
}

// drawAdvert is any advert that can be sent, with a form that fits it.
func drawAdvert(t *rapid.T) (a VRRPAdvert, src, dst netip.Addr, form ChecksumForm) {
	kind := rapid.SampledFrom([]string{"v2", "v3", "v3 ipv6"}).Draw(t, "kind")
	a = VRRPAdvert{
		Version:  3,
		VRID:     uint8(rapid.IntRange(1, 255).Draw(t, "vrid")),
		Priority: rapid.Uint8().Draw(t, "priority"),
		Interval: time.Duration(rapid.IntRange(1, 0xfff).Draw(t, "interval")) * 10 * time.Millisecond,
	}
	switch kind {
	case "v2":
		a.Version, form = 2, ChecksumPlain
		a.Interval = time.Duration(rapid.IntRange(1, 255).Draw(t, "seconds")) * time.Second
		a.AuthType = rapid.Uint8().Draw(t, "auth type")
		a.AuthData = [8]byte(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "auth data"))
	case "v3":
		form = rapid.SampledFrom([]ChecksumForm{ChecksumPlain, ChecksumPseudo, ChecksumGroup}).Draw(t, "form")
	default:
		form = rapid.SampledFrom([]ChecksumForm{ChecksumPseudo, ChecksumKernel}).Draw(t, "form")
	}
	ipv6 := kind == "v3 ipv6"
	next := drawAddr(t, ipv6, "first address")
	for range rapid.OneOf(rapid.IntRange(0, 4), rapid.Just(vrrpMaxAddrs)).Draw(t, "count") {
		a.Addrs = append(a.Addrs, next)
		if next = next.Next(); !next.IsValid() { // behind the highest address
			next = a.Addrs[0]
		}
	}
	return a, drawAddr(t, ipv6, "source"), drawAddr(t, ipv6, "destination"), form
}

func TestEveryAdvertParsesToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, src, dst, form := drawAdvert(t)
		b, err := a.AppendBinary([]byte{1, 2, 3}, src, dst, form)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b[:3], []byte{1, 2, 3}) {
			t.Fatalf("the bytes before became %x", b[:3])
		}
		if n := VRRPLength(b[3:], dst.Is6()); n != len(b)-3 {
			t.Fatalf("length %d, appended %d", n, len(b)-3)
		}
		got, err := ParseVRRP(b[3:], src, dst, FormSet(form))
		if err != nil || !equalAdverts(got, a) {
			t.Fatalf("parsed %+v, %v, want %+v", got, err, a)
		}
	})
}

func TestOneFlippedBitNeverPassesTheChecksum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, src, dst, form := drawAdvert(t)
		if form == ChecksumKernel {
			form = ChecksumPseudo
		}
		b, err := a.AppendBinary(nil, src, dst, form)
		if err != nil {
			t.Fatal(err)
		}
		bit := rapid.IntRange(0, len(b)*8-1).Draw(t, "bit")
		b[bit/8] ^= 0x80 >> (bit % 8)
		if got, err := ParseVRRP(b, src, dst, FormSet(form)); err == nil {
			t.Fatalf("parsed %+v", got)
		}
	})
}
