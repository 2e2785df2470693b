package lab

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// Advert is a VRRP packet as it was on the wire, valid or not.
type Advert struct {
	At       time.Time // kernel's, wall clock
	Host     string    // the port it came in at
	SrcMAC   [6]byte
	Src, Dst netip.Addr
	TTL      int // or hop limit
	TOS      int // or traffic class
	Version  uint8
	VRID     uint8
	Priority uint8
	Interval time.Duration
	AuthType uint8               // version 2
	Form     packet.ChecksumForm // ChecksumUnknown: the checksum fits nothing
	Addrs    []netip.Addr        // nil if cut short
}

// Announcement is a gratuitous ARP or an unsolicited neighbour advertisement.
type Announcement struct {
	At       time.Time
	Host     string
	MAC      [6]byte // announced
	Addr     netip.Addr
	Override bool // IPv6
	Router   bool // IPv6
}

// Echo is an answer to a ping.
type Echo struct {
	At   time.Time
	Host string // who answered
	Src  netip.Addr
	Seq  uint16
}

// decode reads an Ethernet frame into one of the three, or nil.
func decode(at time.Time, host string, frame []byte) any {
	eth, rest, err := packet.ParseEthernet(frame)
	if err != nil {
		return nil
	}
	switch eth.Type {
	case packet.EtherTypeARP:
		arp, err := packet.ParseARP(rest)
		if err != nil || arp.Sender != arp.Target || arp.Sender.IsUnspecified() {
			return nil
		}
		return &Announcement{At: at, Host: host, MAC: arp.SenderMAC, Addr: arp.Sender}
	case packet.EtherTypeIPv4:
		h, body, err := packet.ParseIPv4(rest)
		if err != nil {
			return nil
		}
		body = body[:h.PayloadLength]
		switch h.Protocol {
		case packet.ProtocolVRRP:
			a := &Advert{At: at, Host: host, SrcMAC: eth.Src, Src: h.Src, Dst: h.Dst, TTL: int(h.TTL), TOS: int(h.TOS)}
			return a.decode(body)
		case protocolICMP:
			if len(body) >= 8 && body[0] == echoReply4 {
				return &Echo{At: at, Host: host, Src: h.Src, Seq: binary.BigEndian.Uint16(body[6:])}
			}
		}
	case packet.EtherTypeIPv6:
		h, body, err := packet.ParseIPv6(rest)
		if err != nil || len(body) < h.PayloadLength {
			return nil
		}
		body = body[:h.PayloadLength]
		switch h.NextHeader {
		case packet.ProtocolVRRP:
			a := &Advert{At: at, Host: host, SrcMAC: eth.Src, Src: h.Src, Dst: h.Dst, TTL: int(h.HopLimit), TOS: int(h.TrafficClass)}
			return a.decode(body)
		case packet.ProtocolICMPv6:
			return decodeICMPv6(at, host, h, body)
		}
	}
	return nil
}

const (
	protocolICMP = 1
	echoRequest4 = 8
	echoReply4   = 0
	echoRequest6 = 128
	echoReply6   = 129
)

func decodeICMPv6(at time.Time, host string, h packet.IPv6Header, body []byte) any {
	if len(body) >= 8 && body[0] == echoReply6 {
		return &Echo{At: at, Host: host, Src: h.Src, Seq: binary.BigEndian.Uint16(body[6:])}
	}
	na, err := packet.ParseNA(body, h.Src, h.Dst)
	if err != nil || na.Solicited {
		return nil
	}
	return &Announcement{At: at, Host: host, MAC: na.TargetMAC, Addr: na.Target, Override: na.Override, Router: na.Router}
}

// decode reads what there is of a VRRP message.
func (a *Advert) decode(b []byte) any {
	if len(b) < packet.VRRPHeaderSize {
		return nil
	}
	a.Version, a.VRID, a.Priority = b[0]>>4, b[1], b[2]
	if a.Version == 2 {
		a.AuthType, a.Interval = b[4], time.Duration(b[5])*time.Second
	} else {
		a.Interval = time.Duration(binary.BigEndian.Uint16(b[4:])&0xfff) * 10 * time.Millisecond
	}
	size := packet.VRRPLength(b, a.Dst.Is6())
	if size > len(b) {
		return a
	}
	b = b[:size]
	group := netip.AddrFrom4([4]byte{224, 0, 0, 18})
	a.Form = packet.MatchForm(b, a.Src, a.Dst, group, packet.FormSet(packet.ChecksumPseudo, packet.ChecksumPlain, packet.ChecksumGroup))
	width := 4
	if a.Dst.Is6() {
		width = 16
	}
	for i := range int(b[3]) {
		addr, ok := netip.AddrFromSlice(b[packet.VRRPHeaderSize+i*width:][:width])
		if ok {
			a.Addrs = append(a.Addrs, addr)
		}
	}
	return a
}
