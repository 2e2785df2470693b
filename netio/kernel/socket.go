package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/netio/rawsock"
)

// DefaultReceiveBuffer of the writer and the monitor, in bytes.
const DefaultReceiveBuffer = 4 << 20

// openRoute opens an rtnetlink socket in the network namespace of the calling
// thread, where it stays. groups is a mask of RTMGRP_*; buffer in bytes, 0:
// the system's own.
func openRoute(groups uint32, buffer int) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, fmt.Errorf("open rtnetlink socket: %w", err)
	}
	if buffer > 0 {
		_ = rawsock.SetReceiveBuffer(fd, buffer) // an overrun is noticed and made good
	}
	// Shorter errors, with the kernel's own words; kernels without them still give the number.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("bind rtnetlink socket: %w", err)
	}
	return fd, nil
}

// receive reads one datagram; block false: EAGAIN if there is none. A datagram
// longer than b is an error, never a part.
func receive(fd int, b []byte, block bool) (int, error) {
	flags := unix.MSG_TRUNC
	if !block {
		flags |= unix.MSG_DONTWAIT
	}
	for {
		n, _, err := unix.Recvfrom(fd, b, flags)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, os.NewSyscallError("recvfrom", err)
		case n > len(b):
			return 0, fmt.Errorf("netlink datagram of %d bytes: %w", n, unix.EMSGSIZE)
		}
		return n, nil
	}
}

// send hands messages to the kernel, which has worked on them when it returns.
func send(fd int, b []byte) error {
	for {
		err := unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("sendto", err)
		}
	}
}

// setTimeout bounds each read of fd.
func setTimeout(fd int, d time.Duration) error {
	tv := unix.NsecToTimeval(int64(d))
	return os.NewSyscallError("setsockopt", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv))
}

// bell wakes one thread from any other without blocking either.
type bell struct{ fd int }

func newBell() (bell, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return bell{-1}, fmt.Errorf("open eventfd: %w", err)
	}
	return bell{fd}, nil
}

// ring never blocks: a counter that is full rings already.
func (b bell) ring() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(b.fd, one[:])
}

// hush takes back all rings so far.
func (b bell) hush() {
	var n [8]byte
	_, _ = unix.Read(b.fd, n[:])
}

// wait blocks until one of the descriptors can be read.
func wait(fds ...int) ([]bool, error) { return waitUpTo(-1, fds...) }

// waitUpTo is wait with a limit, to the millisecond; negative: none.
func waitUpTo(limit time.Duration, fds ...int) ([]bool, error) {
	list := make([]unix.PollFd, len(fds))
	for i, fd := range fds {
		list[i] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	}
	ms := -1
	if limit >= 0 {
		ms = int(limit.Milliseconds())
	}
	for {
		_, err := unix.Poll(list, ms)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, os.NewSyscallError("poll", err)
		}
		ready := make([]bool, len(fds))
		for i := range list {
			ready[i] = list[i].Revents != 0
		}
		return ready, nil
	}
}
