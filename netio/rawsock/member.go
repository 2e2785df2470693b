package rawsock

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// perHelper is how many memberships one socket may hold by default
// (net.ipv4.igmp_max_memberships).
const perHelper = 20

// memberships keeps multicast memberships on helper sockets, because the
// kernel limits them per socket. The helpers receive nothing: they are
// datagram sockets that were never bound.
type memberships struct {
	ipv6    bool
	mu      sync.Mutex
	helpers []*helper
	joined  map[membership]*helper
}

type membership struct {
	ifindex int
	group   netip.Addr
}

type helper struct {
	fd    int
	count int
}

func newMemberships(ipv6 bool) *memberships {
	return &memberships{ipv6: ipv6, joined: map[membership]*helper{}}
}

func (g *memberships) join(ifindex int, group netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := membership{ifindex, group.WithZone("")}
	if !m.group.IsMulticast() || m.group.Is4() == g.ipv6 || ifindex <= 0 {
		return fmt.Errorf("join %v on interface %d: %w", group, ifindex, unix.EINVAL)
	}
	old := g.joined[m]
	h, err := g.add(m, old)
	if err != nil {
		return fmt.Errorf("join %v on interface %d: %w", group, ifindex, err)
	}
	if old != nil { // the new one came first: no packet is missed
		_ = g.set(old.fd, m, false) // its interface may be gone, and the membership with it
		old.count--
	}
	g.joined[m] = h
	return nil
}

// add joins on a helper with room, other than the one that holds m already.
func (g *memberships) add(m membership, not *helper) (*helper, error) {
	for _, h := range g.helpers {
		if h == not || h.count >= perHelper {
			continue
		}
		err := g.set(h.fd, m, true)
		if err == nil {
			h.count++
			return h, nil
		}
		if !errors.Is(err, unix.ENOBUFS) || h.count == 0 { // a lower system limit: try the next
			return nil, err
		}
	}
	family := unix.AF_INET
	if g.ipv6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open membership socket: %w", err)
	}
	if err := g.set(fd, m, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	h := &helper{fd: fd, count: 1}
	g.helpers = append(g.helpers, h)
	return h, nil
}

func (g *memberships) leave(ifindex int, group netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := membership{ifindex, group.WithZone("")}
	h := g.joined[m]
	if h == nil {
		return nil
	}
	delete(g.joined, m)
	h.count--
	// Without its interface the membership is gone already.
	if err := g.set(h.fd, m, false); err != nil && !errors.Is(err, unix.ENODEV) && !errors.Is(err, unix.EADDRNOTAVAIL) {
		return fmt.Errorf("leave %v on interface %d: %w", group, ifindex, err)
	}
	return nil
}

func (g *memberships) set(fd int, m membership, join bool) error {
	if g.ipv6 {
		code := unix.IPV6_LEAVE_GROUP
		if join {
			code = unix.IPV6_JOIN_GROUP
		}
		return unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, code,
			&unix.IPv6Mreq{Multiaddr: m.group.As16(), Interface: uint32(m.ifindex)})
	}
	code := unix.IP_DROP_MEMBERSHIP
	if join {
		code = unix.IP_ADD_MEMBERSHIP
	}
	return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, code,
		&unix.IPMreqn{Multiaddr: m.group.As4(), Ifindex: int32(m.ifindex)})
}

func (g *memberships) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var err error
	for _, h := range g.helpers {
		err = errors.Join(err, unix.Close(h.fd))
	}
	g.helpers, g.joined = nil, map[membership]*helper{}
	return err
}
