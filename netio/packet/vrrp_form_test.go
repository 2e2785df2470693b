package packet

import (
	"net/netip"
	"testing"
)

func TestMatchFormTellsTheFormsApart(t *testing.T) {
	all := FormSet(ChecksumPlain, ChecksumPseudo, ChecksumGroup)
	for _, tc := range []struct {
		name       string
		version    uint8
		summedDst  netip.Addr
		form       ChecksumForm
		dst, group netip.Addr
		forms      Forms
		want       ChecksumForm
		src        netip.Addr
	}{
		{"real destination", 3, testPeer, ChecksumPseudo, testPeer, testGroup, all, ChecksumPseudo, testSrc},
		{"multicast: the group is the real destination", 3, testGroup, ChecksumPseudo, testGroup, testGroup, all, ChecksumPseudo, testSrc},
		{"no pseudo header", 3, testPeer, ChecksumPlain, testPeer, testGroup, all, ChecksumPlain, testSrc},
		{"unicast summed over the group", 3, testGroup, ChecksumGroup, testPeer, testGroup, all, ChecksumGroup, testSrc},
		{"the group form is not accepted", 3, testGroup, ChecksumGroup, testPeer, testGroup, FormSet(ChecksumPlain, ChecksumPseudo), ChecksumUnknown, testSrc},
		{"the group is not known", 3, testGroup, ChecksumGroup, testPeer, netip.Addr{}, all, ChecksumUnknown, testSrc},
		{"another source was summed", 3, testPeer, ChecksumPseudo, testPeer, testGroup, all, ChecksumUnknown, testPeer},
		{"version 2 is plain though only pseudo is accepted", 2, testGroup, ChecksumPlain, testGroup, testGroup, FormSet(ChecksumPseudo), ChecksumPlain, testSrc},
		{"the kernel judges no ipv4", 3, testPeer, ChecksumPlain, testPeer, testGroup, FormSet(ChecksumKernel), ChecksumUnknown, testSrc},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := testAdvert(tc.version).AppendBinary(nil, testSrc, tc.summedDst, tc.form)
			if err != nil {
				t.Fatal(err)
			}
			if got := MatchForm(b, tc.src, tc.dst, tc.group, tc.forms); got != tc.want {
				t.Errorf("form %v, want %v", got, tc.want)
			}
		})
	}
	if got := MatchForm(make([]byte, VRRPHeaderSize-1), testSrc, testGroup, testGroup, all); got != ChecksumUnknown {
		t.Errorf("a short message has form %v, want unknown", got)
	}
}

func TestMaxAddresses(t *testing.T) {
	for _, tc := range []struct {
		name    string
		mtu     int
		ipv6    bool
		version uint8
		auth    int
		want    int
	}{
		{"ipv4 at 1500 is bounded by the count", 1500, false, 3, 0, 255},
		{"ipv6 at 1500", 1500, true, 3, 0, 89},
		{"ipv6 at 1500 with a trailer", 1500, true, 3, HMACTrailerSize, 88},
		{"ipv4 version 2 at 576", 576, false, 2, 0, 131},
		{"ipv4 version 3 at 576", 576, false, 3, 0, 133},
		{"ipv4 version 2 with ah at 576", 576, false, 2, AHSize, 125},
		{"exactly one", 46, false, 3, 0, 1},
		{"one byte short of one", 45, false, 3, 0, 0},
		{"no room for the header", 20, true, 3, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := MaxAddresses(tc.mtu, tc.ipv6, tc.version, tc.auth); got != tc.want {
				t.Errorf("%d addresses, want %d", got, tc.want)
			}
		})
	}
}

func TestVRRPLengthOfAShortBufferIsZero(t *testing.T) {
	if n := VRRPLength([]byte{0x31, 1, 1, 9, 0, 1, 0}, false); n != 0 {
		t.Errorf("length %d, want 0", n)
	}
}

func TestFormsHaveNames(t *testing.T) {
	for form, want := range map[ChecksumForm]string{ChecksumUnknown: "unknown", ChecksumKernel: "kernel", ChecksumKernel + 1: "form(5)"} {
		if got := form.String(); got != want {
			t.Errorf("form %d is called %q, want %q", form, got, want)
		}
	}
}

func TestMatchFormKnowsNoPlainIPv6(t *testing.T) {
	b := []byte{0x31, 51, 150, 0, 0, 100, 0, 0}
	resumPlain(b, true)
	if got := MatchForm(b, testSrc6, testDst6, testDst6, FormSet(ChecksumPlain, ChecksumPseudo, ChecksumGroup)); got != ChecksumUnknown {
		t.Errorf("form %v, want unknown", got)
	}
}
