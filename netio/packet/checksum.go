package packet

import (
	"encoding/binary"
	"net/netip"
)

// Checksum is the internet checksum of b, RFC 1071; over bytes that hold it
// already it is 0.
func Checksum(b []byte) uint16 { return ^fold(sum(0, b)) }

// sum adds b to acc for the internet checksum, RFC 1071. The result is not
// folded yet; an odd last byte counts as if a zero followed. Only the last of
// several pieces may be odd. Inputs up to 64 KiB cannot overflow.
func sum(acc uint64, b []byte) uint64 {
	for len(b) >= 4 {
		acc += uint64(binary.BigEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		acc += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		acc += uint64(b[0]) << 8
	}
	return acc
}

// fold reduces a sum to 16 bits. Over a range that holds a right checksum it
// is 0xffff; the checksum to store is its complement.
func fold(acc uint64) uint16 {
	for acc > 0xffff {
		acc = acc&0xffff + acc>>16
	}
	return uint16(acc)
}

// pseudo is the sum of the pseudo header of RFC 793 section 3.1 (IPv4) or
// RFC 8200 section 8.1 (IPv6). Both addresses must be of one family.
func pseudo(src, dst netip.Addr, protocol uint8, length int) uint64 {
	acc := uint64(protocol) + uint64(length)
	if src.Is4() {
		s, d := src.As4(), dst.As4()
		return sum(sum(acc, s[:]), d[:])
	}
	s, d := src.As16(), dst.As16()
	return sum(sum(acc, s[:]), d[:])
}

// sameFamily reports whether a and b are valid and both IPv4 or both IPv6.
func sameFamily(a, b netip.Addr) bool {
	return a.IsValid() && a.BitLen() == b.BitLen()
}
