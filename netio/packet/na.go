package packet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Sizes in bytes.
const (
	naHeaderSize      = 24 // before the options
	naOptionSize      = 8  // the target link-layer address option for Ethernet
	UnsolicitedNASize = EthernetHeaderSize + IPv6HeaderSize + naHeaderSize + naOptionSize
)

const (
	icmpv6NeighborAdvert = 136
	ndTargetLinkLayer    = 2
	ndHopLimit           = 255 // RFC 4861 section 7.1.2: proves that no router forwarded it
)

// NeighborAdvert is a neighbour advertisement, RFC 4861 section 4.4.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  Type = 136   |   Code = 0    |          Checksum             |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|R|S|O|                     Reserved                            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                  Target Address, 16 bytes                     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|   Option = 2  |  Length = 1   |  Target MAC, 6 bytes          |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type NeighborAdvert struct {
	Router    bool
	Solicited bool
	Override  bool
	Target    netip.Addr // not multicast
	TargetMAC [6]byte    // zero: no target link-layer address option
}

// AppendBinary appends the ICMPv6 message to b; its checksum covers the
// pseudo header of src and dst. The error wraps ErrAddress; b is then returned
// as it came.
func (n NeighborAdvert) AppendBinary(b []byte, src, dst netip.Addr) ([]byte, error) {
	if !src.Is6() || !dst.Is6() || !n.Target.Is6() || n.Target.IsMulticast() {
		return b, fmt.Errorf("neighbor advert for %v from %v to %v: %w", n.Target, src, dst, ErrAddress)
	}
	var flags uint8
	for i, set := range [...]bool{n.Router, n.Solicited, n.Override} {
		if set {
			flags |= 0x80 >> i
		}
	}
	start := len(b)
	b = append(b, icmpv6NeighborAdvert, 0, 0, 0, flags, 0, 0, 0) // bytes 2 and 3: the checksum
	b = appendAddr(b, n.Target)
	if n.TargetMAC != [6]byte{} {
		b = append(b, ndTargetLinkLayer, naOptionSize/8)
		b = append(b, n.TargetMAC[:]...)
	}
	acc := sum(pseudo(src, dst, ProtocolICMPv6, len(b)-start), b[start:])
	binary.BigEndian.PutUint16(b[start+2:], ^fold(acc))
	return b, nil
}

// ParseNA reads the ICMPv6 message b of a packet from src to dst and applies
// the rules of RFC 4861 section 7.1.2, except that the caller judges the hop
// limit. Unknown options are skipped. The error wraps ErrTruncated, ErrType,
// ErrAddress, ErrChecksum or ErrOption.
func ParseNA(b []byte, src, dst netip.Addr) (NeighborAdvert, error) {
	if !src.Is6() || !dst.Is6() {
		return NeighborAdvert{}, fmt.Errorf("neighbor advert from %v to %v: %w", src, dst, ErrAddress)
	}
	if len(b) < naHeaderSize {
		return NeighborAdvert{}, fmt.Errorf("neighbor advert: %d of at least %d bytes: %w", len(b), naHeaderSize, ErrTruncated)
	}
	if b[0] != icmpv6NeighborAdvert || b[1] != 0 {
		return NeighborAdvert{}, fmt.Errorf("neighbor advert: icmpv6 type %d, code %d: %w", b[0], b[1], ErrType)
	}
	if fold(sum(pseudo(src, dst, ProtocolICMPv6, len(b)), b)) != 0xffff {
		return NeighborAdvert{}, fmt.Errorf("neighbor advert from %v to %v: %w", src, dst, ErrChecksum)
	}
	n := NeighborAdvert{
		Router:    b[4]&0x80 != 0,
		Solicited: b[4]&0x40 != 0,
		Override:  b[4]&0x20 != 0,
		Target:    netip.AddrFrom16([16]byte(b[8:])),
	}
	if n.Target.IsMulticast() {
		return NeighborAdvert{}, fmt.Errorf("neighbor advert for %v: %w", n.Target, ErrAddress)
	}
	if n.Solicited && dst.IsMulticast() {
		return NeighborAdvert{}, fmt.Errorf("neighbor advert: solicited, but to %v: %w", dst, ErrAddress)
	}
	for rest := b[naHeaderSize:]; len(rest) > 0; {
		if len(rest) < 2 || rest[1] == 0 || len(rest) < int(rest[1])*8 {
			return NeighborAdvert{}, fmt.Errorf("neighbor advert: option in the last %d bytes: %w", len(rest), ErrOption)
		}
		if rest[0] == ndTargetLinkLayer && rest[1] == naOptionSize/8 {
			n.TargetMAC = [6]byte(rest[2:])
		}
		rest = rest[int(rest[1])*8:]
	}
	return n, nil
}

// AppendUnsolicitedNA appends the Ethernet frame (UnsolicitedNASize bytes)
// that tells all nodes of the segment that ip is at mac, overriding what they
// have cached, RFC 4861 section 7.2.6. Router says whether this host forwards.
// The error wraps ErrAddress if ip is not a unicast IPv6 address or mac is
// zero; b is then returned as it came.
func AppendUnsolicitedNA(b []byte, mac [6]byte, ip netip.Addr, router bool) ([]byte, error) {
	if !ip.Is6() || ip.IsMulticast() || mac == [6]byte{} {
		return b, fmt.Errorf("unsolicited neighbor advert for %v at %x: %w", ip, mac, ErrAddress)
	}
	allNodes := netip.IPv6LinkLocalAllNodes()
	b = Ethernet{Dst: [6]byte{0x33, 0x33, 0, 0, 0, 1}, Src: mac, Type: EtherTypeIPv6}.AppendBinary(b)
	b, err := IPv6Header{
		PayloadLength: naHeaderSize + naOptionSize,
		NextHeader:    ProtocolICMPv6,
		HopLimit:      ndHopLimit,
		Src:           ip,
		Dst:           allNodes,
	}.AppendBinary(b)
	if err != nil {
		return b, fmt.Errorf("unsolicited neighbor advert for %v: %w", ip, err)
	}
	return NeighborAdvert{Override: true, Router: router, Target: ip, TargetMAC: mac}.AppendBinary(b, ip, allNodes)
}
