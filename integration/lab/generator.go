package lab

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/netio/packet"
)

// Generator sends hand-made packets from a host's eth0, with any source.
type Generator struct {
	fd    int
	index int
	mac   [6]byte
	id    uint16
}

// Generator opens the socket; the lab closes it.
func (h *Host) Generator() (*Generator, error) {
	g := &Generator{index: h.Index, mac: h.MAC}
	err := h.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		g.fd = fd
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open generator in %s: %w", h.Name, err)
	}
	h.lab.onClose(func() error { return unix.Close(g.fd) })
	return g, nil
}

// Forged is a VRRP packet to be sent as it stands.
type Forged struct {
	Src, Dst netip.Addr
	DstMAC   [6]byte // zero: the one of the multicast group Dst
	TTL      uint8   // 0: 255
	Message  []byte  // from the VRRP header on
}

// Send sends one packet.
func (g *Generator) Send(f Forged) error {
	if f.TTL == 0 {
		f.TTL = 255
	}
	if f.DstMAC == [6]byte{} {
		f.DstMAC = groupMAC(f.Dst)
	}
	g.id++
	frame, err := f.frame(g.mac, g.id)
	if err != nil {
		return fmt.Errorf("forge packet from %v: %w", f.Src, err)
	}
	to := &unix.SockaddrLinklayer{Ifindex: g.index, Halen: 6}
	copy(to.Addr[:], f.DstMAC[:])
	if err := unix.Sendto(g.fd, frame, 0, to); err != nil {
		return fmt.Errorf("send packet from %v: %w", f.Src, err)
	}
	return nil
}

func (f Forged) frame(mac [6]byte, id uint16) ([]byte, error) {
	eth := packet.Ethernet{Dst: f.DstMAC, Src: mac, Type: packet.EtherTypeIPv4}
	if f.Dst.Is6() {
		eth.Type = packet.EtherTypeIPv6
		b, err := packet.IPv6Header{TrafficClass: 0xc0, PayloadLength: len(f.Message), NextHeader: packet.ProtocolVRRP, HopLimit: f.TTL, Src: f.Src, Dst: f.Dst}.AppendBinary(eth.AppendBinary(nil))
		return append(b, f.Message...), err
	}
	b, err := packet.IPv4Header{TOS: 0xc0, PayloadLength: len(f.Message), ID: id, TTL: f.TTL, Protocol: packet.ProtocolVRRP, Src: f.Src, Dst: f.Dst}.AppendBinary(eth.AppendBinary(nil))
	return append(b, f.Message...), err
}

func groupMAC(group netip.Addr) [6]byte {
	if group.Is6() {
		b := group.As16()
		return [6]byte{0x33, 0x33, b[12], b[13], b[14], b[15]}
	}
	b := group.As4()
	return [6]byte{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}
}

// Message encodes an advert, with the checksum that keepalived sends.
func Message(a packet.VRRPAdvert, src, dst netip.Addr) ([]byte, error) {
	b, err := a.AppendBinary(nil, src, dst, packet.ChecksumPseudo)
	if err != nil {
		return nil, fmt.Errorf("forge advert: %w", err)
	}
	return b, nil
}
