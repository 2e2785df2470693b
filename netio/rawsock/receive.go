package rawsock

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/netio/packet"
)

const (
	// datagramSize holds the largest advert, 255 IPv6 addresses, and the IPv4
	// header; what is longer is cut and then fails the length check.
	datagramSize = 4608
	controlSize  = 128
)

// receiver reads batches into buffers made once. It belongs to one thread.
type receiver struct {
	ipv6    bool
	fd      int
	stamps  stamps
	hdrs    [batchSize]mmsghdr
	iovs    [batchSize]unix.Iovec
	names   [batchSize]unix.RawSockaddrInet6
	control [batchSize][controlSize]byte
	data    [batchSize][datagramSize]byte
	batch   [batchSize]packet.VRRPDatagram
}

func newReceiver(ipv6 bool, fd int, now func() int64) *receiver {
	r := &receiver{ipv6: ipv6, fd: fd, stamps: stamps{now: now}}
	for i := range r.hdrs {
		r.iovs[i].Base = &r.data[i][0]
		r.iovs[i].SetLen(datagramSize)
		h := &r.hdrs[i].hdr
		h.Iov, h.Control = &r.iovs[i], &r.control[i][0]
		h.SetIovlen(1)
		if ipv6 {
			h.Name = (*byte)(ptr(&r.names[i]))
		}
	}
	return r
}

func (r *receiver) receive() ([]packet.VRRPDatagram, bool, error) {
	for i := range r.hdrs { // the kernel has overwritten the sizes it used
		h := &r.hdrs[i].hdr
		h.SetControllen(controlSize)
		if r.ipv6 {
			h.Namelen = unix.SizeofSockaddrInet6
		}
	}
	r.stamps.begin()
	n, err := mmsg(unix.SYS_RECVMMSG, r.fd, r.hdrs[:])
	if err != nil {
		if errors.Is(err, unix.EAGAIN) {
			return nil, false, nil
		}
		return nil, true, err // an error of the socket is reported once; the queue is still there
	}
	for i := range n {
		if r.ipv6 {
			r.parse6(i)
		} else {
			r.parse4(i)
		}
	}
	return r.batch[:n], n == batchSize, nil
}

// parse4 reads what the raw IPv4 socket delivers: the IP header and what
// follows. A header the kernel would not have let through leaves no payload.
func (r *receiver) parse4(i int) {
	b := r.data[i][:min(int(r.hdrs[i].n), datagramSize)]
	d := &r.batch[i]
	*d = packet.VRRPDatagram{TTL: -1, At: r.stamps.mono}
	r.ancillary(i, d)
	if len(b) < packet.IPv4HeaderSize {
		return
	}
	size := int(b[0]&0xf) * 4
	if size < packet.IPv4HeaderSize || size > len(b) {
		return
	}
	d.TTL = int(b[8])
	d.Src = netip.AddrFrom4([4]byte(b[12:]))
	d.Dst = netip.AddrFrom4([4]byte(b[16:]))
	d.IPLength = int(binary.BigEndian.Uint16(b[2:])) - size
	d.Payload = b[size:]
}

// parse6 reads what the raw IPv6 socket delivers: the message alone, the rest
// in the socket address and in control data.
func (r *receiver) parse6(i int) {
	d := &r.batch[i]
	*d = packet.VRRPDatagram{
		TTL:      -1,
		IPLength: -1,
		At:       r.stamps.mono,
		Src:      netip.AddrFrom16(r.names[i].Addr),
		Payload:  r.data[i][:min(int(r.hdrs[i].n), datagramSize)],
	}
	r.ancillary(i, d)
}

// ancillary reads the control messages: each has a length of 8 bytes that
// covers itself, level and type of 4 bytes, data, and padding to 8 bytes.
func (r *receiver) ancillary(i int, d *packet.VRRPDatagram) {
	b := r.control[i][:min(int(r.hdrs[i].hdr.Controllen), controlSize)]
	for len(b) >= unix.SizeofCmsghdr {
		n := binary.NativeEndian.Uint64(b)
		if n < unix.SizeofCmsghdr || n > uint64(len(b)) {
			return
		}
		level, kind := binary.NativeEndian.Uint32(b[8:]), binary.NativeEndian.Uint32(b[12:])
		data := b[unix.SizeofCmsghdr:n]
		switch {
		case level == unix.SOL_SOCKET && kind == unix.SO_TIMESTAMPNS && len(data) >= 16:
			sec, nsec := binary.NativeEndian.Uint64(data), binary.NativeEndian.Uint64(data[8:])
			d.At = r.stamps.monotonic(int64(sec)*int64(time.Second) + int64(nsec))
		case level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			d.Ifindex = int(binary.NativeEndian.Uint32(data))
		case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			d.Dst = netip.AddrFrom16([16]byte(data))
			d.Ifindex = int(binary.NativeEndian.Uint32(data[16:]))
		case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_HOPLIMIT && len(data) >= 4:
			d.TTL = int(int32(binary.NativeEndian.Uint32(data)))
		}
		b = b[min((n+7)&^7, uint64(len(b))):]
	}
}

// stamps turns the kernel's receive times, which are wall-clock, into
// CLOCK_MONOTONIC. When the wall clock was set since the batch before, nothing
// can be said about the times of this batch and all count as read now: a
// stamp may be late, never early.
type stamps struct {
	now    func() int64
	mono   int64 // the present
	offset int64 // monotonic less wall clock
	valid  bool
}

// The wall clock may be slewed by this much of the time between two batches.
const slewDivisor, slewSlack = 500, int64(time.Millisecond)

func (s *stamps) begin() {
	before := s.mono
	wall := time.Now().UnixNano() // first: a pause between the two makes stamps late
	s.mono = s.now()
	offset := s.mono - wall
	shift := max(offset-s.offset, s.offset-offset)
	s.valid = shift <= slewSlack+(s.mono-before)/slewDivisor
	s.offset = offset
}

func (s *stamps) monotonic(wall int64) int64 {
	if !s.valid {
		return s.mono
	}
	return wall + s.offset
}
