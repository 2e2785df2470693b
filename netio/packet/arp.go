package packet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Sizes in bytes.
const (
	ARPSize           = 28 // an ARP message for Ethernet and IPv4
	GratuitousARPSize = EthernetHeaderSize + ARPSize
)

// Values of ARP.Op.
const (
	ARPRequest = 1
	ARPReply   = 2
)

const arpHardwareEthernet = 1

// ARP is an ARP message for Ethernet and IPv4, RFC 826.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       Hardware type = 1       |    Protocol type = 0x0800     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	| HW length = 6 | Length = 4    |           Operation           |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       Sender MAC (6 bytes), sender IPv4 address (4)           |
//	|       Target MAC (6 bytes), target IPv4 address (4)           |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type ARP struct {
	Op        uint16
	SenderMAC [6]byte
	Sender    netip.Addr
	TargetMAC [6]byte
	Target    netip.Addr
}

// AppendBinary appends the message, without Ethernet header, to b. The error
// wraps ErrAddress if an address is not IPv4; b is then returned as it came.
func (a ARP) AppendBinary(b []byte) ([]byte, error) {
	if !a.Sender.Is4() || !a.Target.Is4() {
		return b, fmt.Errorf("arp: sender %v, target %v: %w", a.Sender, a.Target, ErrAddress)
	}
	b = binary.BigEndian.AppendUint16(b, arpHardwareEthernet)
	b = binary.BigEndian.AppendUint16(b, EtherTypeIPv4)
	b = append(b, 6, 4)
	b = binary.BigEndian.AppendUint16(b, a.Op)
	b = append(b, a.SenderMAC[:]...)
	b = appendAddr(b, a.Sender)
	b = append(b, a.TargetMAC[:]...)
	return appendAddr(b, a.Target), nil
}

// ParseARP reads the message at the start of b, the Ethernet header taken
// off; padding may follow. The error wraps ErrTruncated, or ErrType if it is
// not for Ethernet and IPv4.
func ParseARP(b []byte) (ARP, error) {
	if len(b) < ARPSize {
		return ARP{}, fmt.Errorf("arp: %d of %d bytes: %w", len(b), ARPSize, ErrTruncated)
	}
	hardware, protocol := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	if hardware != arpHardwareEthernet || protocol != EtherTypeIPv4 || b[4] != 6 || b[5] != 4 {
		return ARP{}, fmt.Errorf("arp: hardware %d, protocol %#04x, lengths %d and %d: %w", hardware, protocol, b[4], b[5], ErrType)
	}
	return ARP{
		Op:        binary.BigEndian.Uint16(b[6:]),
		SenderMAC: [6]byte(b[8:]),
		Sender:    netip.AddrFrom4([4]byte(b[14:])),
		TargetMAC: [6]byte(b[18:]),
		Target:    netip.AddrFrom4([4]byte(b[24:])),
	}, nil
}

// AppendGratuitousARP appends the Ethernet frame (GratuitousARPSize bytes)
// that tells the segment that ip is at mac: a broadcast ARP request whose
// sender and target are ip, RFC 5227 section 3, the target MAC being the
// broadcast address as with keepalived. The error wraps ErrAddress if ip is
// not IPv4 or mac is zero; b is then returned as it came.
func AppendGratuitousARP(b []byte, mac [6]byte, ip netip.Addr) ([]byte, error) {
	if !ip.Is4() || mac == [6]byte{} {
		return b, fmt.Errorf("gratuitous arp for %v at %x: %w", ip, mac, ErrAddress)
	}
	b = Ethernet{Dst: broadcastMAC(), Src: mac, Type: EtherTypeARP}.AppendBinary(b)
	return ARP{Op: ARPRequest, SenderMAC: mac, Sender: ip, TargetMAC: broadcastMAC(), Target: ip}.AppendBinary(b)
}
