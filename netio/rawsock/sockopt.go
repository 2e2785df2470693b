package rawsock

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// batchSize is how many messages one system call carries.
const batchSize = 64

// mmsghdr is struct mmsghdr of recvmmsg(2) and sendmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// mmsg runs recvmmsg or sendmmsg over hs. It never blocks. The result is how
// many messages were carried; the error is set only when it is 0.
func mmsg(call uintptr, fd int, hs []mmsghdr) (int, error) {
	for {
		n, _, errno := unix.Syscall6(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(hs))),
			uintptr(len(hs)), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == unix.EINTR:
		case errno != 0:
			return 0, errno
		default:
			return int(n), nil
		}
	}
}

// option is one integer socket option.
type option struct {
	name        string
	level, code int
	value       int
	optional    bool // a kernel or a caller without the right does without it
}

// apply sets options in order.
func apply(fd int, options []option) error {
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.code, o.value); err != nil && !o.optional {
			return fmt.Errorf("set %s to %d: %w", o.name, o.value, err)
		}
	}
	return nil
}

// SetReceiveBuffer asks for a receive buffer of n bytes: beyond the system's
// limit if the caller may, else up to it.
func SetReceiveBuffer(fd, n int) error { return setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, n) }

// setBuffer asks for a buffer of n bytes: beyond the system's limit if the
// caller may, else up to it.
func setBuffer(fd, force, plain, n int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, n) == nil {
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, n); err != nil {
		return fmt.Errorf("set socket buffer to %d bytes: %w", n, err)
	}
	return nil
}

// Attach makes program the filter of a socket, nil: none. It applies to what
// arrives from now on.
func Attach(fd int, program []bpf.Instruction) error {
	if program == nil {
		err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("detach filter: %w", err)
		}
		return nil
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		return fmt.Errorf("assemble filter: %w", err)
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
		return fmt.Errorf("attach filter: %w", err)
	}
	return nil
}

// drops reads how many packets the kernel dropped because the receive buffer
// was full.
func drops(fd int) uint32 {
	var info [unix.SK_MEMINFO_VARS]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 || int(size) < (unix.SK_MEMINFO_DROPS+1)*4 {
		return 0
	}
	return info[unix.SK_MEMINFO_DROPS]
}
