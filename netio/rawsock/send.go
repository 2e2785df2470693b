package rawsock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/netio/packet"
)

// ErrFrame is an advert that cannot be put on a socket: no message, or a
// destination of the other family.
var ErrFrame = errors.New("unusable frame")

// Out is one datagram to send: a frame to one of its destinations.
type Out struct {
	Frame *packet.Frame
	Index int   // in Frame.Dsts
	Err   error // set by Send: nil when the kernel took it
}

// payload is the VRRP message for the destination.
func (o *Out) payload() []byte {
	if o.Frame.Payloads != nil {
		if o.Index >= len(o.Frame.Payloads) {
			return nil
		}
		return o.Frame.Payloads[o.Index]
	}
	return o.Frame.Payload
}

// sender fills message headers made once. It belongs to one thread.
type sender struct {
	ipv6    bool
	fd      int
	hdrs    [batchSize]mmsghdr
	iovs    [batchSize]unix.Iovec
	names4  [batchSize]unix.RawSockaddrInet4
	names6  [batchSize]unix.RawSockaddrInet6
	control [batchSize][controlSize]byte
	index   [batchSize]int // in the caller's batch
}

func newSender(ipv6 bool, fd int) *sender {
	s := &sender{ipv6: ipv6, fd: fd}
	for i := range s.hdrs {
		h := &s.hdrs[i].hdr
		h.Iov = &s.iovs[i]
		h.SetIovlen(1)
		if ipv6 {
			s.names6[i].Family = unix.AF_INET6
			h.Name, h.Namelen = (*byte)(ptr(&s.names6[i])), unix.SizeofSockaddrInet6
		} else {
			s.names4[i].Family = unix.AF_INET
			h.Name, h.Namelen = (*byte)(ptr(&s.names4[i])), unix.SizeofSockaddrInet4
		}
	}
	return s
}

func (s *sender) send(batch []Out) {
	for next := 0; next < len(batch); {
		n := 0
		for ; next < len(batch) && n < batchSize; next++ {
			o := &batch[next]
			if o.Err = s.fill(n, o); o.Err == nil {
				s.index[n] = next
				n++
			}
		}
		s.flush(batch, n)
	}
}

// flush hands the first n headers to the kernel. One it refuses ends the
// system call before it and is the first of the next call, which fails.
func (s *sender) flush(batch []Out, n int) {
	for sent := 0; sent < n; {
		k, err := mmsg(unix.SYS_SENDMMSG, s.fd, s.hdrs[sent:n])
		if err != nil {
			batch[s.index[sent]].Err = err
			k = 1
		}
		sent += k
	}
}

// fill prepares header i for o.
func (s *sender) fill(i int, o *Out) error {
	f, b := o.Frame, o.payload()
	if len(b) == 0 || o.Index >= len(f.Dsts) {
		return fmt.Errorf("send to destination %d of %d, %d bytes: %w", o.Index, len(f.Dsts), len(b), ErrFrame)
	}
	dst := f.Dsts[o.Index]
	if dst.Is4() == s.ipv6 || !dst.IsValid() || (f.Src.IsValid() && f.Src.Is4() == s.ipv6) {
		return fmt.Errorf("send from %v to %v over %s: %w", f.Src, dst, familyName(s.ipv6), ErrFrame)
	}
	s.iovs[i].Base = &b[0]
	s.iovs[i].SetLen(len(b))
	var n int
	if s.ipv6 {
		name := &s.names6[i]
		name.Addr = dst.As16()
		name.Scope_id = 0
		if dst.IsLinkLocalUnicast() || dst.IsLinkLocalMulticast() {
			name.Scope_id = uint32(f.Ifindex)
		}
		n = control6(s.control[i][:], f)
	} else {
		s.names4[i].Addr = dst.As4()
		n = control4(s.control[i][:], f)
	}
	h := &s.hdrs[i].hdr
	h.Control = nil
	if n > 0 {
		h.Control = &s.control[i][0]
	}
	h.SetControllen(n)
	return nil
}

// control4 writes interface, source and TTL of f as control data and returns its length.
func control4(b []byte, f *packet.Frame) int {
	n := 0
	if f.Ifindex != 0 || f.Src.IsValid() {
		data := cmsg(b, unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
		binary.NativeEndian.PutUint32(data, uint32(f.Ifindex))
		clear(data[4:])
		if f.Src.IsValid() {
			src := f.Src.As4()
			copy(data[4:], src[:]) // ipi_spec_dst
		}
		n = unix.CmsgSpace(unix.SizeofInet4Pktinfo)
	}
	if f.TTL != 0 {
		binary.NativeEndian.PutUint32(cmsg(b[n:], unix.IPPROTO_IP, unix.IP_TTL, 4), uint32(f.TTL))
		n += unix.CmsgSpace(4)
	}
	return n
}

// control6 is control4 for IPv6.
func control6(b []byte, f *packet.Frame) int {
	n := 0
	if f.Ifindex != 0 || f.Src.IsValid() {
		data := cmsg(b, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
		clear(data)
		if f.Src.IsValid() {
			src := f.Src.As16()
			copy(data, src[:])
		}
		binary.NativeEndian.PutUint32(data[16:], uint32(f.Ifindex))
		n = unix.CmsgSpace(unix.SizeofInet6Pktinfo)
	}
	if f.TTL != 0 {
		binary.NativeEndian.PutUint32(cmsg(b[n:], unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, 4), uint32(f.TTL))
		n += unix.CmsgSpace(4)
	}
	return n
}

// cmsg writes a control message header at the start of b and returns the room
// for its data.
func cmsg(b []byte, level, kind, size int) []byte {
	binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(size)))
	binary.NativeEndian.PutUint32(b[8:], uint32(level))
	binary.NativeEndian.PutUint32(b[12:], uint32(kind))
	return b[unix.SizeofCmsghdr:][:size]
}

func ptr[T any](p *T) unsafe.Pointer { return unsafe.Pointer(p) }
