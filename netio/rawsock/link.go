package rawsock

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/netio/packet"
)

// LinkFrame is one Ethernet frame, header included, for one interface.
type LinkFrame struct {
	Ifindex int
	Data    []byte
}

// Link sends Ethernet frames on any interface and receives nothing. It belongs
// to one thread at a time.
type Link struct {
	fd    int
	hdrs  [batchSize]mmsghdr
	iovs  [batchSize]unix.Iovec
	names [batchSize]unix.RawSockaddrLinklayer
}

// OpenLink opens the socket in the network namespace of the caller's thread.
func OpenLink() (*Link, error) {
	// Protocol 0: the kernel queues no packet to this socket.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	if err := setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, sendBuffer); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	l := &Link{fd: fd}
	for i := range l.hdrs {
		h := &l.hdrs[i].hdr
		h.Iov = &l.iovs[i]
		h.SetIovlen(1)
		l.names[i].Family = unix.AF_PACKET
		h.Name, h.Namelen = (*byte)(ptr(&l.names[i])), unix.SizeofSockaddrLinklayer
	}
	return l, nil
}

// Close closes the socket.
func (l *Link) Close() error { return unix.Close(l.fd) }

// Send sends frames in order without blocking and returns how many left. It
// stops at the first the kernel refuses: batch[sent] is the one the error is
// about, and the caller may go on behind it.
func (l *Link) Send(batch []LinkFrame) (sent int, err error) {
	for sent < len(batch) {
		n := 0
		for ; n < batchSize && sent+n < len(batch); n++ {
			if err = l.fill(n, &batch[sent+n]); err != nil {
				break
			}
		}
		for done := 0; done < n; {
			k, e := mmsg(unix.SYS_SENDMMSG, l.fd, l.hdrs[done:n])
			if e != nil {
				return sent, fmt.Errorf("send frame on interface %d: %w", batch[sent].Ifindex, e)
			}
			done += k
			sent += k
		}
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

func (l *Link) fill(i int, f *LinkFrame) error {
	if len(f.Data) < packet.EthernetHeaderSize {
		return fmt.Errorf("send frame of %d bytes on interface %d: %w", len(f.Data), f.Ifindex, ErrFrame)
	}
	l.iovs[i].Base = &f.Data[0]
	l.iovs[i].SetLen(len(f.Data))
	l.names[i].Ifindex = int32(f.Ifindex)
	l.names[i].Protocol = binary.NativeEndian.Uint16(f.Data[12:]) // network order in both
	return nil
}
