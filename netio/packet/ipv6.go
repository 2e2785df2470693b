package packet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// IPv6HeaderSize is the length of the fixed IPv6 header in bytes.
const IPv6HeaderSize = 40

// IPv6Header is the fixed IPv6 header, RFC 8200 section 3.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|Version| Traffic Class |           Flow Label                  |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|         Payload Length        |  Next Header  |   Hop Limit   |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                 Source Address, 16 bytes                      |
//	|               Destination Address, 16 bytes                   |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type IPv6Header struct {
	TrafficClass  uint8
	FlowLabel     uint32 // 20 bits
	PayloadLength int    // bytes after this header, extension headers included
	NextHeader    uint8
	HopLimit      uint8
	Src, Dst      netip.Addr
}

// AppendBinary appends the header to b. The error wraps ErrAddress or, for a
// payload length or flow label that does not fit, ErrLength; b is then
// returned as it came.
func (h IPv6Header) AppendBinary(b []byte) ([]byte, error) {
	if !h.Src.Is6() || !h.Dst.Is6() {
		return b, fmt.Errorf("ipv6 header: from %v to %v: %w", h.Src, h.Dst, ErrAddress)
	}
	if h.PayloadLength < 0 || h.PayloadLength > 0xffff || h.FlowLabel > 0xfffff {
		return b, fmt.Errorf("ipv6 header: payload of %d bytes, flow label %#x: %w", h.PayloadLength, h.FlowLabel, ErrLength)
	}
	b = binary.BigEndian.AppendUint32(b, 6<<28|uint32(h.TrafficClass)<<20|h.FlowLabel)
	b = binary.BigEndian.AppendUint16(b, uint16(h.PayloadLength))
	b = append(b, h.NextHeader, h.HopLimit)
	b = appendAddr(b, h.Src)
	return appendAddr(b, h.Dst), nil
}

// ParseIPv6 reads the header at the start of b. Rest is what follows it, at
// least PayloadLength bytes, and aliases b. Extension headers are not
// followed. The error wraps ErrTruncated or ErrVersion.
func ParseIPv6(b []byte) (h IPv6Header, rest []byte, err error) {
	if len(b) < IPv6HeaderSize {
		return IPv6Header{}, nil, fmt.Errorf("ipv6 header: %d of %d bytes: %w", len(b), IPv6HeaderSize, ErrTruncated)
	}
	word := binary.BigEndian.Uint32(b)
	if word>>28 != 6 {
		return IPv6Header{}, nil, fmt.Errorf("ipv6 header: version %d: %w", word>>28, ErrVersion)
	}
	h = IPv6Header{
		TrafficClass:  uint8(word >> 20),
		FlowLabel:     word & 0xfffff,
		PayloadLength: int(binary.BigEndian.Uint16(b[4:])),
		NextHeader:    b[6],
		HopLimit:      b[7],
		Src:           netip.AddrFrom16([16]byte(b[8:])),
		Dst:           netip.AddrFrom16([16]byte(b[24:])),
	}
	rest = b[IPv6HeaderSize:]
	if len(rest) < h.PayloadLength {
		return IPv6Header{}, nil, fmt.Errorf("ipv6 header: payload %d of %d bytes: %w", len(rest), h.PayloadLength, ErrTruncated)
	}
	return h, rest, nil
}
