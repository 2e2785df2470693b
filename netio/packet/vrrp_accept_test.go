package packet

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestCheckVRRPAccepts(t *testing.T) {
	reserved := func(c *heardCase) { c.d.Payload[4] |= 0xf0; c.resum() }
	slower := func(c *heardCase) { c.e.Interval = 2 * time.Second }
	otherList := func(c *heardCase) { c.e.Addrs[7]++ }
	for _, tc := range []struct {
		name  string
		base  func(testing.TB) *heardCase
		alter func(c *heardCase)
		notes []VRRPCounter
	}{
		{"version 2", multicastV2, func(*heardCase) {}, nil},
		{"version 2 with the agreed password", passwordV2, func(*heardCase) {}, nil},
		{"version 3 unicast from a peer", unicastV3, func(*heardCase) {}, nil},
		{"version 3 over ipv6", multicastV6, func(*heardCase) {}, nil},
		{"a source with a zone", multicastV6, func(c *heardCase) { c.d.Src = c.d.Src.WithZone("eth0") }, nil},
		{"group and destination with zones", multicastV6, func(c *heardCase) { c.d.Dst = c.d.Dst.WithZone("eth0") }, nil},
		{"a group nobody set", multicastV3, func(c *heardCase) { c.e.Group = netip.Addr{} }, nil},
		{"authentication data without authentication is not read", multicastV2, func(c *heardCase) { c.d.Payload[16] = 7; c.resum() }, nil},
		{"padding up to 46 bytes", multicastV3, func(c *heardCase) { c.pad(10) }, nil},
		{"padding within the total length", multicastV3, func(c *heardCase) { c.pad(10); c.d.IPLength = len(c.d.Payload) }, nil},
		{"padding short of 46 bytes", multicastV3, func(c *heardCase) { c.pad(2) }, nil},
		{"a message without addresses", multicastV3, func(c *heardCase) {
			c.d.Payload, c.d.Payload[3], c.e.Addrs, c.d.IPLength = c.d.Payload[:8], 0, nil, 8
			c.resum()
		}, nil},
		{"a unicast ttl nobody asked about", unicastV3, func(c *heardCase) { c.e.CheckSource, c.d.TTL = false, 3 }, nil},
		{"a unicast source nobody asked about", unicastV3, func(c *heardCase) { c.e.CheckSource, c.e.Peers = false, nil }, nil},
		{"a peer at the edge of its range", unicastV3, func(c *heardCase) { c.d.TTL = 253 }, nil},
		{"a peer list is no matter of multicast", multicastV3, func(c *heardCase) { c.e.CheckSource = true }, nil},
		{"a list in another order", multicastV3, func(c *heardCase) { c.e.Addrs = wire(addrs("192.0.2.101", "192.0.2.100")) }, nil},
		{"an ipv6 list in another order", multicastV6, func(c *heardCase) { c.e.Addrs = wire(addrs("2001:db8::51", "fe80::51")) }, nil},
		{"a list nobody compares", multicastV3, func(c *heardCase) { otherList(c); c.e.CheckList = false }, nil},
		{"check 14: another interval", multicastV3, slower, []VRRPCounter{VRRPIntervalDiffers}},
		{"check 14: another interval over ipv6", multicastV6, slower, []VRRPCounter{VRRPIntervalDiffers}},
		{"reserved bits", multicastV3, reserved, []VRRPCounter{VRRPReservedBits}},
		{"check 19: one address differs", multicastV3, otherList, []VRRPCounter{VRRPAddrListErr}},
		{"check 19: all addresses differ, counted once", multicastV3, func(c *heardCase) { c.e.Addrs = wire(addrs("10.0.0.1", "10.0.0.2")) }, []VRRPCounter{VRRPAddrListErr}},
		{"check 19: one address is missing", multicastV3, func(c *heardCase) { c.e.Addrs = append(c.e.Addrs, 192, 0, 2, 9) }, []VRRPCounter{VRRPAddrListErr}},
		{"check 19: one address too many", multicastV3, func(c *heardCase) { c.e.Addrs = c.e.Addrs[:4] }, []VRRPCounter{VRRPAddrListErr}},
		{"check 19: one address twice is not two", multicastV3, func(c *heardCase) { c.d.Payload[15] = 100; c.resum() }, []VRRPCounter{VRRPAddrListErr}},
		{"interval and reserved bits", multicastV3, func(c *heardCase) { reserved(c); slower(c) }, []VRRPCounter{VRRPIntervalDiffers, VRRPReservedBits}},
		{"interval and list", multicastV3, func(c *heardCase) { slower(c); otherList(c) }, []VRRPCounter{VRRPIntervalDiffers, VRRPAddrListErr}},
		{"reserved bits and list", multicastV3, func(c *heardCase) { reserved(c); otherList(c) }, []VRRPCounter{VRRPReservedBits, VRRPAddrListErr}},
		{"all three", multicastV3, func(c *heardCase) { reserved(c); slower(c); otherList(c) }, []VRRPCounter{VRRPIntervalDiffers, VRRPReservedBits, VRRPAddrListErr}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := tc.base(t)
			tc.alter(c)
			heard, v, _ := c.check(t)
			if v.Drop || !slices.Equal(v.Notes, tc.notes) {
				t.Fatalf("verdict %+v (%v), want accepted with notes %v", v, v.Reason, tc.notes)
			}
			form := ChecksumPlain
			if c.e.IPv6 {
				form = ChecksumKernel
			}
			want := VRRPHeard{Src: c.d.Src.WithZone(""), Version: c.e.Version, Priority: 150, Interval: time.Second, Form: form, At: 42}
			if heard != want {
				t.Errorf("heard %+v, want %+v", heard, want)
			}
		})
	}
}

func TestCheckVRRPReportsTheFormThatFitted(t *testing.T) {
	for _, tc := range []struct {
		name        string
		dst, summed netip.Addr
		sent        ChecksumForm
		forms       Forms
		want        ChecksumForm
	}{
		{"pseudo header", testGroup, testGroup, ChecksumPseudo, FormSet(ChecksumPlain, ChecksumPseudo), ChecksumPseudo},
		{"plain", testGroup, testGroup, ChecksumPlain, FormSet(ChecksumPlain, ChecksumPseudo), ChecksumPlain},
		{"unicast over the real destination", testPeer, testPeer, ChecksumPseudo, FormSet(ChecksumPlain, ChecksumPseudo, ChecksumGroup), ChecksumPseudo},
		{"unicast over the group", testPeer, testGroup, ChecksumGroup, FormSet(ChecksumPlain, ChecksumPseudo, ChecksumGroup), ChecksumGroup},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := accepted(t, testAdvert(3), tc.dst, tc.sent)
			b, err := testAdvert(3).AppendBinary(nil, testSrc, tc.summed, tc.sent)
			if err != nil {
				t.Fatal(err)
			}
			c.d.Payload, c.e.Forms = b, tc.forms
			if heard, v, _ := c.check(t); v.Drop || heard.Form != tc.want {
				t.Errorf("verdict %+v, form %v, want %v", v, heard.Form, tc.want)
			}
			c.e.Forms &^= FormSet(tc.want)
			if _, v, _ := c.check(t); !v.Drop || v.Reason != VRRPChecksumErr {
				t.Errorf("without the form %+v (%v), want %v", v, v.Reason, VRRPChecksumErr)
			}
		})
	}
}

func TestCheckVRRPCountsAResignation(t *testing.T) {
	c := multicastV3(t)
	c.d.Payload[2] = 0
	c.resum()
	heard, v, st := c.check(t)
	if v.Drop || heard.Priority != 0 || st[VRRPPriZeroRcvd].Load() != 1 {
		t.Errorf("heard %+v, verdict %+v, counted %d", heard, v, st[VRRPPriZeroRcvd].Load())
	}
}

func TestCheckVRRPAcceptsEveryCapturedAdvert(t *testing.T) {
	for _, g := range goldens() {
		if g.trailer > 0 || g.want.AuthType == 2 {
			continue // signed: not for an entry without keys
		}
		frames, err := readPcap(g.file)
		if err != nil {
			t.Fatal(err)
		}
		adverts := 0
		for _, frame := range frames {
			d, ok := datagramOf(frame)
			if !ok {
				continue
			}
			adverts++
			c := &heardCase{d: d, e: &VRRPEntry{
				VRID: 51, IPv6: d.Dst.Is6(), Version: g.want.Version, Interval: g.want.Interval,
				AuthType: g.want.AuthType, AuthData: g.want.AuthData, Unicast: !d.Dst.IsMulticast(), Group: testGroup,
				Forms: FormSet(ChecksumPlain, ChecksumPseudo, ChecksumGroup), CheckSource: true,
				Peers: []VRRPPeer{{Addr: d.Src, MinTTL: 255, MaxTTL: 255}}, Addrs: wire(g.want.Addrs), CheckList: true,
			}}
			form := g.form
			if c.e.IPv6 {
				form, c.e.Group = ChecksumKernel, testDst6
			}
			if heard, v, _ := c.check(t); v.Drop || v.Notes != nil || heard.Form != form {
				t.Errorf("%s: verdict %+v (%v), form %v, want %v", g.file, v, v.Reason, heard.Form, form)
			}
		}
		if adverts != g.adverts {
			t.Errorf("%s: %d adverts, want %d", g.file, adverts, g.adverts)
		}
	}
}

func TestCheckVRRPDoesNotAllocate(t *testing.T) {
	long := testAdvert(3)
	for i := range 250 {
		long.Addrs = append(long.Addrs, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
	}
	shuffled := accepted(t, long, testGroup, ChecksumPseudo)
	slices.Reverse(long.Addrs)
	shuffled.e.Addrs = wire(long.Addrs)
	noted := multicastV3(t)
	noted.e.Interval, noted.e.Addrs = 2*time.Second, nil
	for _, tc := range []struct {
		name string
		c    *heardCase
		drop bool
	}{
		{"version 2 with password", passwordV2(t), false},
		{"version 3", multicastV3(t), false},
		{"unicast", unicastV3(t), false},
		{"ipv6", multicastV6(t), false},
		{"with notes", noted, false},
		{"long lists in another order", shuffled, false},
		{"dropped", func() *heardCase { c := multicastV3(t); c.d.TTL = 1; return c }(), true},
	} {
		var st VRRPStats
		w := Watch{Master: testSrc, Priority: 150, Interval: time.Second, Form: ChecksumPlain}
		matched := 0
		n := testing.AllocsPerRun(100, func() {
			heard, v := CheckVRRP(tc.c.e, tc.c.d, &st)
			if v.Drop == tc.drop && heard.Matches(w) {
				matched++
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations a packet", tc.name, n)
		}
		if (st[VRRPAdvertRcvd].Load() == 0) != tc.drop {
			t.Errorf("%s: %d received", tc.name, st[VRRPAdvertRcvd].Load())
		}
	}
}

func TestHeardMatchesOnlyARepetition(t *testing.T) {
	w := Watch{Master: testSrc, Priority: 150, Interval: time.Second, Form: ChecksumPseudo}
	same := VRRPHeard{Src: testSrc, Version: 3, Priority: 150, Interval: time.Second, Form: ChecksumPseudo, At: 7}
	for _, tc := range []struct {
		name  string
		alter func(h *VRRPHeard, w *Watch)
		want  bool
	}{
		{"the same again", func(*VRRPHeard, *Watch) {}, true},
		{"at another time", func(h *VRRPHeard, _ *Watch) { h.At++ }, true},
		{"another source", func(h *VRRPHeard, _ *Watch) { h.Src = testPeer }, false},
		{"another priority", func(h *VRRPHeard, _ *Watch) { h.Priority-- }, false},
		{"another interval", func(h *VRRPHeard, _ *Watch) { h.Interval *= 2 }, false},
		{"another form", func(h *VRRPHeard, _ *Watch) { h.Form = ChecksumPlain }, false},
		{"a resignation, even if one is watched for", func(h *VRRPHeard, w *Watch) { h.Priority, w.Priority = 0, 0 }, false},
	} {
		h, w := same, w
		if tc.alter(&h, &w); h.Matches(w) != tc.want {
			t.Errorf("%s: matches %t, want %t", tc.name, !tc.want, tc.want)
		}
	}
}
