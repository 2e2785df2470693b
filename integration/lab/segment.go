package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	bridgeName  = "br0"
	carrierWait = 3 * time.Second
)

// Segment is one Ethernet segment: a bridge in a namespace of its own, without
// multicast snooping, and hosts plugged into it.
type Segment struct {
	Switch *Namespace
	Hosts  []*Host

	bridge netlink.Link
}

// Host is a namespace with one interface, eth0, plugged into a segment.
type Host struct {
	*Namespace
	Host  string // short name, also of its port on the switch
	Index int    // interface index of eth0
	MAC   [6]byte

	segment *Segment
	port    netlink.Link // on the switch
}

// HostSpec says what to plug in.
type HostSpec struct {
	Host  string         // at most 15 characters: the port's name
	Addrs []netip.Prefix // of eth0, both families; an IPv6 link-local one must be among them if IPv6 is to work
}

// Segment builds the bridge and the hosts, all up.
func (l *Lab) Segment(hosts ...HostSpec) (*Segment, error) {
	sw, err := l.Namespace("switch")
	if err != nil {
		return nil, err
	}
	off := false
	attrs := netlink.NewLinkAttrs()
	attrs.Name = bridgeName
	bridge := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &off}
	if err := errors.Join(sw.nl.LinkAdd(bridge), sw.nl.LinkSetUp(bridge)); err != nil {
		return nil, fmt.Errorf("make the bridge of %s: %w", sw.Name, err)
	}
	s := &Segment{Switch: sw, bridge: bridge}
	for _, spec := range hosts {
		h, err := l.plug(s, spec)
		if err != nil {
			return nil, fmt.Errorf("plug host %s in: %w", spec.Host, err)
		}
		s.Hosts = append(s.Hosts, h)
	}
	return s, nil
}

func (l *Lab) plug(s *Segment, spec HostSpec) (*Host, error) {
	n, err := l.Namespace(spec.Host)
	if err != nil {
		return nil, err
	}
	h := &Host{Namespace: n, Host: spec.Host, segment: s}
	if err := h.connect(0); err != nil {
		return nil, err
	}
	return h, h.addAddresses(spec.Addrs)
}

// connect makes eth0 and its port, both up. The port gets this index; 0: any.
func (h *Host) connect(port int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Index = h.Host, port
	sw := h.segment.Switch.nl
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(h.fd)}
	if h.MAC != [6]byte{} {
		pair.PeerHardwareAddr = h.MAC[:]
	}
	err := sw.LinkAdd(pair)
	if err != nil {
		return fmt.Errorf("make the veth pair: %w", err)
	}
	if h.port, err = sw.LinkByName(h.Host); err != nil {
		return fmt.Errorf("find the port: %w", err)
	}
	eth0, err := h.nl.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("find eth0: %w", err)
	}
	h.Index = eth0.Attrs().Index
	h.MAC = [6]byte(eth0.Attrs().HardwareAddr)
	err = errors.Join(sw.LinkSetMaster(h.port, h.segment.bridge), sw.LinkSetUp(h.port), h.nl.LinkSetUp(eth0))
	if err != nil {
		return fmt.Errorf("set links up: %w", err)
	}
	return nil
}

func (h *Host) addAddresses(list []netip.Prefix) error {
	for _, p := range list {
		if err := h.AddAddress(p); err != nil {
			return err
		}
	}
	return nil
}

// RemoveInterface deletes eth0 and its port.
func (h *Host) RemoveInterface() error {
	if err := h.segment.Switch.nl.LinkDel(h.port); err != nil {
		return fmt.Errorf("delete eth0 of %s: %w", h.Name, err)
	}
	return nil
}

// MakeInterface makes eth0 and its port again after RemoveInterface. eth0 has
// another index and the same MAC: peers would send to the old one until they ask
// again. The port keeps its index, by which captures know it.
// It returns when the kernel says that the link is there, which it may do a
// second after the fact.
func (h *Host) MakeInterface(addrs ...netip.Prefix) error {
	if err := h.connect(h.port.Attrs().Index); err != nil {
		return fmt.Errorf("make eth0 of %s again: %w", h.Name, err)
	}
	if err := h.addAddresses(addrs); err != nil {
		return err
	}
	if !Until(carrierWait, h.running) {
		return fmt.Errorf("make eth0 of %s again: no link after %v", h.Name, carrierWait)
	}
	return nil
}

func (h *Host) running() bool {
	link, err := h.nl.LinkByIndex(h.Index)
	return err == nil && link.Attrs().RawFlags&unix.IFF_RUNNING != 0
}

// Find returns the host of that short name, or nil.
func (s *Segment) Find(host string) *Host {
	for _, h := range s.Hosts {
		if h.Host == host {
			return h
		}
	}
	return nil
}

// AddAddress adds an address to eth0, without duplicate address detection.
func (h *Host) AddAddress(p netip.Prefix) error {
	if err := h.nl.AddrAdd(h.eth0(), address(p)); err != nil {
		return fmt.Errorf("add %v to eth0 of %s: %w", p, h.Name, err)
	}
	return nil
}

// DeleteAddress removes an address from eth0.
func (h *Host) DeleteAddress(p netip.Prefix) error {
	if err := h.nl.AddrDel(h.eth0(), address(p)); err != nil {
		return fmt.Errorf("remove %v from eth0 of %s: %w", p, h.Name, err)
	}
	return nil
}

// Addresses lists what eth0 has.
func (h *Host) Addresses() ([]netip.Prefix, error) {
	list, err := h.nl.AddrList(h.eth0(), netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list addresses of %s: %w", h.Name, err)
	}
	out := make([]netip.Prefix, 0, len(list))
	for _, a := range list {
		out = append(out, prefixOf(a.IPNet))
	}
	return out, nil
}

// Plug pulls the host's cable at the switch (false), or puts it back: the host
// sees its carrier go, its peers do not.
func (h *Host) Plug(in bool) error {
	set := h.segment.Switch.nl.LinkSetDown
	if in {
		set = h.segment.Switch.nl.LinkSetUp
	}
	if err := set(h.port); err != nil {
		return fmt.Errorf("plug %s %t: %w", h.Name, in, err)
	}
	return nil
}

// Isolate cuts the host off without any carrier change (true), or heals that.
func (h *Host) Isolate(cut bool) error {
	var err error
	if cut {
		err = h.segment.Switch.nl.LinkSetNoMaster(h.port)
	} else {
		err = h.segment.Switch.nl.LinkSetMaster(h.port, h.segment.bridge)
	}
	if err != nil {
		return fmt.Errorf("isolate %s %t: %w", h.Name, cut, err)
	}
	return nil
}

func (h *Host) eth0() netlink.Link {
	return &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: h.Index, Name: "eth0"}}
}

func address(p netip.Prefix) *netlink.Addr {
	bits := 32
	flags := 0
	if p.Addr().Is6() {
		bits, flags = 128, 0x02 // IFA_F_NODAD
	}
	ipnet := &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), bits)}
	return &netlink.Addr{IPNet: ipnet, Flags: flags}
}

func prefixOf(n *net.IPNet) netip.Prefix {
	if n == nil {
		return netip.Prefix{}
	}
	a, _ := netip.AddrFromSlice(n.IP) // what the kernel reports is 4 or 16 bytes
	ones, bits := n.Mask.Size()
	a = a.Unmap()
	if a.Is4() && bits == 128 {
		ones -= 96
	}
	return netip.PrefixFrom(a, ones)
}
