package packet

import (
	"encoding/binary"
	"fmt"
)

// EthernetHeaderSize is the length of an untagged Ethernet header in bytes.
const EthernetHeaderSize = 14

// Values of Ethernet.Type.
const (
	EtherTypeIPv4 = 0x0800
	EtherTypeARP  = 0x0806
	EtherTypeIPv6 = 0x86dd
)

// Ethernet is an untagged Ethernet II header.
type Ethernet struct {
	Dst, Src [6]byte
	Type     uint16 // an EtherType; 802.3 lengths and VLAN tags are not interpreted
}

// AppendBinary appends the header to b.
func (e Ethernet) AppendBinary(b []byte) []byte {
	b = append(b, e.Dst[:]...)
	b = append(b, e.Src[:]...)
	return binary.BigEndian.AppendUint16(b, e.Type)
}

// ParseEthernet reads the header at the start of b; rest is what follows,
// padding included, and aliases b. The error wraps ErrTruncated.
func ParseEthernet(b []byte) (e Ethernet, rest []byte, err error) {
	if len(b) < EthernetHeaderSize {
		return Ethernet{}, nil, fmt.Errorf("ethernet header: %d of %d bytes: %w", len(b), EthernetHeaderSize, ErrTruncated)
	}
	e = Ethernet{Dst: [6]byte(b), Src: [6]byte(b[6:]), Type: binary.BigEndian.Uint16(b[12:])}
	return e, b[EthernetHeaderSize:], nil
}

// broadcastMAC addresses every station of the segment.
func broadcastMAC() [6]byte { return [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} }
