package packet

import (
	"net/netip"
	"testing"
	"time"
)

func TestCheckVRRPDrops(t *testing.T) {
	for _, tc := range []struct {
		name  string
		base  func(testing.TB) *heardCase
		spoil func(c *heardCase)
		want  VRRPCounter
	}{
		{"check 1: nothing", multicastV3, func(c *heardCase) { c.d.Payload = nil }, VRRPTooShort},
		{"check 1: 7 bytes", multicastV3, func(c *heardCase) { c.d.Payload = c.d.Payload[:7] }, VRRPTooShort},
		{"check 2: another virtual router", multicastV3, func(c *heardCase) { c.e.VRID = 52 }, VRRPIgnored},
		{"check 2: another group", multicastV3, func(c *heardCase) { c.d.Dst = netip.MustParseAddr("224.0.0.19") }, VRRPIgnored},
		{"check 2: another family", multicastV3, func(c *heardCase) { c.d.Src, c.d.Dst = testSrc6, testDst6 }, VRRPIgnored},
		{"check 2: addresses of two families", multicastV3, func(c *heardCase) { c.d.Dst = testDst6 }, VRRPIgnored},
		{"check 2: no source", multicastV3, func(c *heardCase) { c.d.Src = netip.Addr{} }, VRRPIgnored},
		{"check 4: ipv6 unicast for a multicast router", multicastV6, func(c *heardCase) { c.d.Dst = netip.MustParseAddr("fe80::20") }, VRRPNotMulticast},
		{"check 4: ipv6 multicast for a unicast router", multicastV6, func(c *heardCase) { c.e.Unicast = true }, VRRPNotMulticast},
		{"check 5: ah where none is agreed", multicastV2, func(c *heardCase) { c.d.AH = true }, VRRPAuthtypeMismatch},
		{"check 5: no ah where it is agreed", multicastV2, func(c *heardCase) { c.e.AuthType = 2 }, VRRPAuthtypeMismatch},
		{"check 6: an address cut off", multicastV3, func(c *heardCase) { c.d.Payload = c.d.Payload[:12] }, VRRPPacketLenErr},
		{"check 6: authentication data cut off", multicastV2, func(c *heardCase) { c.d.Payload = c.d.Payload[:16] }, VRRPPacketLenErr},
		{"check 6: more addresses counted than there are", multicastV3, func(c *heardCase) { c.d.Payload[3] = 3; c.resumHeader() }, VRRPPacketLenErr},
		{"check 6: an odd byte behind is no padding", multicastV3, func(c *heardCase) { c.pad(1) }, VRRPPacketLenErr},
		{"check 6: an uncounted address is no padding", multicastV3, func(c *heardCase) { c.pad(4); c.d.IPLength += 4 }, VRRPPacketLenErr},
		{"check 6: a trailer is no padding", multicastV3, func(c *heardCase) { c.pad(HMACTrailerSize); c.d.IPLength += HMACTrailerSize }, VRRPPacketLenErr},
		{"check 6: 50 bytes need no padding", multicastV3, func(c *heardCase) { c.pad(14) }, VRRPPacketLenErr},
		{"check 6: ipv6 is never padded", multicastV6, func(c *heardCase) { c.d.Payload[3] = 0; c.d.Payload = c.d.Payload[:10] }, VRRPPacketLenErr},
		{"check 6: a packet with ah is never padded", multicastV2, func(c *heardCase) { c.d.AH, c.e.AuthType = true, 2; c.pad(2) }, VRRPPacketLenErr},
		{"check 7: a router has forwarded it", multicastV3, func(c *heardCase) { c.d.TTL = 254 }, VRRPTTLErr},
		{"check 7: ttl unknown", multicastV3, func(c *heardCase) { c.d.TTL = -1 }, VRRPTTLErr},
		{"check 7: ipv6 hop limit", multicastV6, func(c *heardCase) { c.d.TTL = 64 }, VRRPTTLErr},
		{"check 8: version 3 at a version 2 router", multicastV3, func(c *heardCase) { c.e.Version = 2 }, VRRPVersErr},
		{"check 8: version 2 at a version 3 router", multicastV2, func(c *heardCase) { c.e.Version = 3 }, VRRPVersErr},
		{"check 8: version 4", multicastV3, func(c *heardCase) { c.d.Payload[0] = 0x41; c.resum() }, VRRPVersErr},
		{"check 10: unknown kind", multicastV2, func(c *heardCase) { c.d.Payload[4] = 3; c.resum() }, VRRPInvalidAuthtype},
		{"check 10: password where none is agreed", passwordV2, func(c *heardCase) { c.e.AuthType = 0 }, VRRPAuthtypeMismatch},
		{"check 10: no password where one is agreed", multicastV2, func(c *heardCase) { c.e.AuthType = 1 }, VRRPAuthtypeMismatch},
		{"check 10: ah announced, but not there", multicastV2, func(c *heardCase) { c.d.Payload[4] = 2; c.resum() }, VRRPAuthtypeMismatch},
		{"check 10: wrong password", passwordV2, func(c *heardCase) { c.e.AuthData[5]++ }, VRRPAuthFailure},
		{"check 10: wrong padding of the password", passwordV2, func(c *heardCase) { c.e.AuthData[7]++ }, VRRPAuthFailure},
		{"check 10: an unverified digest is never accepted", multicastV2, func(c *heardCase) {
			c.d.AH, c.e.AuthType, c.d.Payload[4] = true, 2, 2
			c.resum()
		}, VRRPAuthFailure},
		{"check 10: the addresses of an ipv6 message are no password", multicastV6, func(c *heardCase) {
			c.e.Version, c.e.AuthType, c.d.Payload[0], c.d.Payload[4] = 2, 1, 0x21, 1
			copy(c.e.AuthData[:], c.d.Payload[len(c.d.Payload)-8:])
		}, VRRPAuthFailure},
		{"check 11: version 2 interval", multicastV2, func(c *heardCase) { c.e.Interval = 2 * time.Second }, VRRPAdvertIntervalErr},
		{"check 11: version 3 interval 0", multicastV3, func(c *heardCase) { c.d.Payload[4], c.d.Payload[5] = 0, 0; c.resum() }, VRRPAdvertIntervalErr},
		{"check 11: version 3 interval 0 with reserved bits", multicastV6, func(c *heardCase) { c.d.Payload[4], c.d.Payload[5] = 0x10, 0 }, VRRPAdvertIntervalErr},
		{"check 12: type 2", multicastV3, func(c *heardCase) { c.d.Payload[0] = 0x32; c.resum() }, VRRPInvalidTypeRcvd},
		{"check 13: total length above what came", multicastV3, func(c *heardCase) { c.d.IPLength++ }, VRRPPacketLenErr},
		{"check 13: total length below the message", multicastV3, func(c *heardCase) { c.d.IPLength -= 4 }, VRRPPacketLenErr},
		{"check 13: padding does not hide a message cut short", multicastV3, func(c *heardCase) { c.pad(10); c.d.IPLength = 12 }, VRRPPacketLenErr},
		{"check 13: total length unknown", multicastV3, func(c *heardCase) { c.d.IPLength = -1 }, VRRPPacketLenErr},
		{"check 15: version 2", multicastV2, func(c *heardCase) { c.d.Payload[6]++ }, VRRPChecksumErr},
		{"check 15: version 3", multicastV3, func(c *heardCase) { c.d.Payload[7]++ }, VRRPChecksumErr},
		{"check 15: a form that is not accepted", multicastV3, func(c *heardCase) { c.e.Forms = FormSet(ChecksumPseudo) }, VRRPChecksumErr},
		{"check 15: no form is accepted", multicastV3, func(c *heardCase) { c.e.Forms = 0 }, VRRPChecksumErr},
		{"check 15: nobody has judged ipv4 for us", multicastV3, func(c *heardCase) { c.d.Payload[7]++; c.e.Forms = FormSet(ChecksumKernel) }, VRRPChecksumErr},
		{"check 16: unicast for a multicast router", multicastV3, func(c *heardCase) { c.d.Dst = testPeer }, VRRPDestinationErr},
		{"check 16: multicast for a unicast router", unicastV3, func(c *heardCase) { c.d.Dst = testGroup }, VRRPDestinationErr},
		{"check 17: an owner that ignores adverts", multicastV3, func(c *heardCase) { c.e.OwnerIgnores = true }, VRRPOwnerIgnored},
		{"check 20: not a peer", unicastV3, func(c *heardCase) { c.e.Peers = c.e.Peers[:1] }, VRRPSourceErr},
		{"check 20: no peers", unicastV3, func(c *heardCase) { c.e.Peers = nil }, VRRPSourceErr},
		{"check 20: a peer from too far", unicastV3, func(c *heardCase) { c.d.TTL = 252 }, VRRPTTLErr},
		{"check 20: a peer from too near", unicastV3, func(c *heardCase) { c.e.Peers[1].MaxTTL = 254 }, VRRPTTLErr},
		{"check 20: a peer of unknown ttl", unicastV3, func(c *heardCase) { c.e.Peers[1].MinTTL = 0; c.d.TTL = -1 }, VRRPTTLErr},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := tc.base(t)
			if _, v, _ := c.check(t); v.Drop {
				t.Fatalf("dropped before it was spoilt: %v", v.Reason)
			}
			tc.spoil(c)
			_, v, st := c.check(t)
			if !v.Drop || v.Reason != tc.want {
				t.Fatalf("verdict %+v (%v), want %v", v, v.Reason, tc.want)
			}
			late := tc.want == VRRPSourceErr || tc.want == VRRPTTLErr && c.e.Unicast
			if got := st[VRRPAdvertRcvd].Load() == 1; got != late {
				t.Errorf("counted as received: %t, want %t", got, late)
			}
		})
	}
}

// TestCheckVRRPOrder spoils a packet in more and more ways, from the last
// check to the first: the earliest failure is the reason each time.
func TestCheckVRRPOrder(t *testing.T) {
	type step struct {
		want  VRRPCounter
		spoil func(c *heardCase)
	}
	version2 := []step{
		{VRRPTooShort, func(c *heardCase) { c.d.Payload = c.d.Payload[:7] }},
		{VRRPIgnored, func(c *heardCase) { c.e.VRID++ }},
		{VRRPAuthtypeMismatch, func(c *heardCase) { c.d.AH = true }},
		{VRRPPacketLenErr, func(c *heardCase) { c.pad(1) }},
		{VRRPTTLErr, func(c *heardCase) { c.d.TTL = 1 }},
		{VRRPVersErr, func(c *heardCase) { c.e.Version = 3 }},
		{VRRPInvalidAuthtype, func(c *heardCase) { c.d.Payload[4] = 7 }},
		{VRRPAuthtypeMismatch, func(c *heardCase) { c.e.AuthType = 0 }},
		{VRRPAuthFailure, func(c *heardCase) { c.e.AuthData[0]++ }},
		{VRRPAdvertIntervalErr, func(c *heardCase) { c.e.Interval++ }},
		{VRRPInvalidTypeRcvd, func(c *heardCase) { c.d.Payload[0]++ }},
		{VRRPPacketLenErr, func(c *heardCase) { c.d.IPLength++ }},
		{VRRPChecksumErr, func(c *heardCase) { c.d.Payload[6]++ }},
		{VRRPDestinationErr, func(c *heardCase) { c.d.Dst = testPeer }},
		{VRRPOwnerIgnored, func(c *heardCase) { c.e.OwnerIgnores = true }},
	}
	unicast := []step{
		{VRRPAdvertIntervalErr, func(c *heardCase) { c.d.Payload[4], c.d.Payload[5] = 0, 0 }},
		{VRRPInvalidTypeRcvd, func(c *heardCase) { c.d.Payload[0]++ }},
		{VRRPPacketLenErr, func(c *heardCase) { c.d.IPLength++ }},
		{VRRPChecksumErr, func(c *heardCase) { c.d.Payload[6]++ }},
		{VRRPDestinationErr, func(c *heardCase) { c.d.Dst = testGroup }},
		{VRRPOwnerIgnored, func(c *heardCase) { c.e.OwnerIgnores = true }},
		{VRRPSourceErr, func(c *heardCase) { c.d.Src = netip.MustParseAddr("192.0.2.77") }},
		{VRRPTTLErr, func(c *heardCase) { c.d.TTL = 1 }},
	}
	ipv6 := []step{
		{VRRPIgnored, func(c *heardCase) { c.e.VRID++ }},
		{VRRPNotMulticast, func(c *heardCase) { c.e.Unicast = true }},
		{VRRPAuthtypeMismatch, func(c *heardCase) { c.d.AH = true }},
		{VRRPPacketLenErr, func(c *heardCase) { c.pad(2) }},
		{VRRPTTLErr, func(c *heardCase) { c.d.TTL = 1 }},
		{VRRPVersErr, func(c *heardCase) { c.e.Version = 2 }},
		{VRRPAdvertIntervalErr, func(c *heardCase) { c.d.Payload[4], c.d.Payload[5] = 0, 0 }},
		{VRRPInvalidTypeRcvd, func(c *heardCase) { c.d.Payload[0]++ }},
		{VRRPOwnerIgnored, func(c *heardCase) { c.e.OwnerIgnores = true }},
	}
	for _, tc := range []struct {
		name  string
		base  func(testing.TB) *heardCase
		steps []step
	}{{"multicast version 2", passwordV2, version2}, {"unicast version 3", unicastV3, unicast}, {"ipv6", multicastV6, ipv6}} {
		for i := range tc.steps {
			c := tc.base(t)
			for j := len(tc.steps) - 1; j >= i; j-- {
				tc.steps[j].spoil(c)
			}
			if _, v, _ := c.check(t); !v.Drop || v.Reason != tc.steps[i].want {
				t.Errorf("%s, failing from step %d on: %+v (%v), want %v", tc.name, i, v, v.Reason, tc.steps[i].want)
			}
		}
	}
}
