package rawsock

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/netio/packet"
)

const (
	defaultReceiveBuffer = 16 << 20 // thousands of adverts may arrive in phase
	sendBuffer           = 4 << 20
	advertTTL            = 255 // RFC 9568 section 5.1.1.3
	advertTOS            = 0xc0
	checksumOffset       = 6 // of a VRRP message, RFC 9568 section 5.2
)

// Options of a VRRP socket.
type Options struct {
	Now           func() int64 // CLOCK_MONOTONIC in nanoseconds; required
	ReceiveBuffer int          // bytes; 0 = 16 MiB
}

// VRRP carries the adverts of all virtual routers of one family: one raw
// socket that receives, one that sends, and the group memberships. Receive and
// Send belong to one thread at a time; Join, Leave, SetVRIDs and Drops may be
// called from any.
type VRRP struct {
	ipv6   bool
	in     int
	out    int
	rx     *receiver
	tx     *sender
	groups *memberships
}

// OpenVRRP4 opens the sockets for IPv4 in the network namespace of the caller's thread.
func OpenVRRP4(o Options) (*VRRP, error) { return open(false, o) }

// OpenVRRP6 opens the sockets for IPv6 in the network namespace of the caller's thread.
func OpenVRRP6(o Options) (*VRRP, error) { return open(true, o) }

func open(ipv6 bool, o Options) (*VRRP, error) {
	v := &VRRP{ipv6: ipv6, in: -1, out: -1, groups: newMemberships(ipv6)}
	var err error
	if v.in, err = openReceiver(ipv6, o); err == nil {
		v.out, err = openSender(ipv6)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open vrrp socket for %s: %w", familyName(ipv6), err), v.Close())
	}
	v.rx, v.tx = newReceiver(ipv6, v.in, o.Now), newSender(ipv6, v.out)
	return v, nil
}

// Close closes all sockets and thereby leaves all groups.
func (v *VRRP) Close() error {
	err := v.groups.close()
	for _, fd := range []*int{&v.in, &v.out} {
		if *fd >= 0 {
			err = errors.Join(err, unix.Close(*fd))
			*fd = -1
		}
	}
	return err
}

// FD is the receiving descriptor, for epoll. It is not blocking and stays
// owned by v.
func (v *VRRP) FD() int { return v.in }

// Receive reads up to 64 datagrams without blocking. They are valid until the
// next call. More tells that the socket may hold others; false means that all
// that had arrived by the time of the call was read.
func (v *VRRP) Receive() (batch []packet.VRRPDatagram, more bool, err error) {
	return v.rx.receive()
}

// Send sends the batch in order and sets Err of each element. It never blocks:
// what does not fit the send buffer is an error of its element.
func (v *VRRP) Send(batch []Out) { v.tx.send(batch) }

// Join makes the socket receive the group on the interface. Joining again
// renews the membership, for an interface that went away and came back. It may
// open a socket, so the caller's thread must be in v's network namespace.
func (v *VRRP) Join(ifindex int, group netip.Addr) error { return v.groups.join(ifindex, group) }

// Leave ends a membership; one that does not exist is no error.
func (v *VRRP) Leave(ifindex int, group netip.Addr) error { return v.groups.leave(ifindex, group) }

// SetVRIDs lets the kernel drop the adverts of all other virtual routers, which
// the receive checks neither count nor log unless asked to. nil accepts all.
// Packets already queued are not affected.
func (v *VRRP) SetVRIDs(vrids *[256]bool) error {
	if vrids == nil {
		return Attach(v.in, nil)
	}
	return Attach(v.in, vridFilter(v.ipv6, vrids))
}

// Drops counts the datagrams lost because the receive buffer was full.
func (v *VRRP) Drops() uint64 { return uint64(drops(v.in)) }

func familyName(ipv6 bool) string {
	if ipv6 {
		return "ipv6"
	}
	return "ipv4"
}

// openReceiver opens the socket that hears the adverts of every interface. It
// keeps IP_MULTICAST_ALL at its default of 1, so that it receives what the
// membership sockets joined; the interface is checked in user space.
func openReceiver(ipv6 bool, o Options) (int, error) {
	options := []option{
		{"SO_TIMESTAMPNS", unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1, false},
	}
	family := unix.AF_INET
	if ipv6 {
		family = unix.AF_INET6
		options = append(options,
			option{"IPV6_RECVPKTINFO", unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1, false},
			option{"IPV6_RECVHOPLIMIT", unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1, false},
			option{"IPV6_CHECKSUM", unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, checksumOffset, false},
		)
	} else { // TTL and destination are read from the header, which IPv4 delivers
		options = append(options, option{"IP_PKTINFO", unix.IPPROTO_IP, unix.IP_PKTINFO, 1, false})
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, packet.ProtocolVRRP)
	if err != nil {
		return -1, fmt.Errorf("open raw socket: %w", err)
	}
	size := o.ReceiveBuffer
	if size == 0 {
		size = defaultReceiveBuffer
	}
	err = errors.Join(apply(fd, options), SetReceiveBuffer(fd, size))
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// openSender opens the socket that sends on every interface and receives nothing.
func openSender(ipv6 bool) (int, error) {
	family, options := unix.AF_INET, senderOptions4()
	if ipv6 {
		family, options = unix.AF_INET6, senderOptions6()
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, packet.ProtocolVRRP)
	if err != nil {
		return -1, fmt.Errorf("open raw socket: %w", err)
	}
	err = errors.Join(Attach(fd, dropAll()), apply(fd, options), setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, sendBuffer))
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// senderOptions4: free bind and transparent allow a source address that is not
// (yet) ours, as a hand-built header would. No DF bit: an advert that is too
// long is fragmented, not lost.
func senderOptions4() []option {
	return []option{
		{"IP_TTL", unix.IPPROTO_IP, unix.IP_TTL, advertTTL, false},
		{"IP_MULTICAST_TTL", unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, advertTTL, false},
		{"IP_MULTICAST_LOOP", unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0, false},
		{"IP_TOS", unix.IPPROTO_IP, unix.IP_TOS, advertTOS, false},
		{"IP_MTU_DISCOVER", unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT, false},
		{"IP_FREEBIND", unix.IPPROTO_IP, unix.IP_FREEBIND, 1, false},
		{"IP_TRANSPARENT", unix.IPPROTO_IP, unix.IP_TRANSPARENT, 1, true},
	}
}

// senderOptions6: the kernel fills the checksum, which covers the pseudo
// header with the source it chose.
func senderOptions6() []option {
	return []option{
		{"IPV6_UNICAST_HOPS", unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, advertTTL, false},
		{"IPV6_MULTICAST_HOPS", unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, advertTTL, false},
		{"IPV6_MULTICAST_LOOP", unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0, false},
		{"IPV6_TCLASS", unix.IPPROTO_IPV6, unix.IPV6_TCLASS, advertTOS, false},
		{"IPV6_MTU_DISCOVER", unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DONT, false},
		{"IPV6_CHECKSUM", unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, checksumOffset, false},
		{"IPV6_FREEBIND", unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1, true},
		{"IPV6_TRANSPARENT", unix.IPPROTO_IPV6, unix.IPV6_TRANSPARENT, 1, true},
	}
}
