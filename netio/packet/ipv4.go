package packet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// IPv4HeaderSize is the length of an IPv4 header without options in bytes.
const IPv4HeaderSize = 20

const ipv4MaxOptions = 40 // RFC 791 section 3.1: the header length has 4 bits, in words

// Protocol numbers (IPv4) and next headers (IPv6).
const (
	ProtocolAH     = 51
	ProtocolICMPv6 = 58
	ProtocolVRRP   = 112
)

// IPv4Header is an IPv4 header, RFC 791 section 3.1.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|Version|  IHL  |Type of Service|          Total Length         |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|         Identification        |Flags|      Fragment Offset    |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  Time to Live |    Protocol   |         Header Checksum       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                       Source Address                          |
//	|                    Destination Address                        |
//	|                    Options, 0 to 40 bytes                     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type IPv4Header struct {
	TOS           uint8
	PayloadLength int // total length less header length, bytes
	ID            uint16
	Fragment      uint16 // three flags and the fragment offset, as on the wire
	TTL           uint8
	Protocol      uint8
	Src, Dst      netip.Addr
	Options       []byte // a multiple of 4 bytes, at most 40
}

// AppendBinary appends the header with its checksum to b. The error wraps
// ErrAddress, or ErrLength if the options or the total length cannot be
// expressed; b is then returned as it came.
func (h IPv4Header) AppendBinary(b []byte) ([]byte, error) {
	if !h.Src.Is4() || !h.Dst.Is4() {
		return b, fmt.Errorf("ipv4 header: from %v to %v: %w", h.Src, h.Dst, ErrAddress)
	}
	size := IPv4HeaderSize + len(h.Options)
	if len(h.Options) > ipv4MaxOptions || len(h.Options)%4 != 0 {
		return b, fmt.Errorf("ipv4 header: %d bytes of options: %w", len(h.Options), ErrLength)
	}
	if h.PayloadLength < 0 || h.PayloadLength > 0xffff-size {
		return b, fmt.Errorf("ipv4 header: payload of %d bytes: %w", h.PayloadLength, ErrLength)
	}
	start := len(b)
	b = append(b, 4<<4|uint8(size/4), h.TOS)
	b = binary.BigEndian.AppendUint16(b, uint16(size+h.PayloadLength))
	b = binary.BigEndian.AppendUint16(b, h.ID)
	b = binary.BigEndian.AppendUint16(b, h.Fragment)
	b = append(b, h.TTL, h.Protocol, 0, 0) // the checksum, filled in below
	b = appendAddr(b, h.Src)
	b = appendAddr(b, h.Dst)
	b = append(b, h.Options...)
	binary.BigEndian.PutUint16(b[start+10:], Checksum(b[start:]))
	return b, nil
}

// ParseIPv4 reads the header at the start of b and verifies its checksum.
// Rest is what follows the header. It holds at least PayloadLength bytes, more
// where the link has padded the packet. Rest and Options alias b. The error
// wraps ErrTruncated, ErrVersion, ErrLength or ErrChecksum.
func ParseIPv4(b []byte) (h IPv4Header, rest []byte, err error) {
	if len(b) < IPv4HeaderSize {
		return IPv4Header{}, nil, fmt.Errorf("ipv4 header: %d of at least %d bytes: %w", len(b), IPv4HeaderSize, ErrTruncated)
	}
	if b[0]>>4 != 4 {
		return IPv4Header{}, nil, fmt.Errorf("ipv4 header: version %d: %w", b[0]>>4, ErrVersion)
	}
	size, total := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case size < IPv4HeaderSize:
		return IPv4Header{}, nil, fmt.Errorf("ipv4 header: header length %d: %w", size, ErrLength)
	case total < size:
		return IPv4Header{}, nil, fmt.Errorf("ipv4 header: total length %d below header length %d: %w", total, size, ErrLength)
	case len(b) < total:
		return IPv4Header{}, nil, fmt.Errorf("ipv4 header: %d of %d bytes: %w", len(b), total, ErrTruncated)
	case Checksum(b[:size]) != 0:
		return IPv4Header{}, nil, fmt.Errorf("ipv4 header: %w", ErrChecksum)
	}
	h = IPv4Header{
		TOS:           b[1],
		PayloadLength: total - size,
		ID:            binary.BigEndian.Uint16(b[4:]),
		Fragment:      binary.BigEndian.Uint16(b[6:]),
		TTL:           b[8],
		Protocol:      b[9],
		Src:           netip.AddrFrom4([4]byte(b[12:])),
		Dst:           netip.AddrFrom4([4]byte(b[16:])),
	}
	if size > IPv4HeaderSize {
		h.Options = b[IPv4HeaderSize:size]
	}
	return h, b[size:], nil
}
