package kernel

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const (
	recordedFrame  = 256  // bytes, the kernel's header included: announcements are short
	recordedFrames = 4096 // that may wait
)

// recorder is a packet socket whose frames wait in a ring that is ours: the limits
// of the host on socket buffers, which only the first user namespace may pass,
// lose none.
type recorder struct {
	fd   int
	ring []byte
	next int
}

func openRecorder(t *testing.T, ns netns.NsHandle, ifindex int, proto uint16) *recorder {
	t.Helper()
	fd := packetSocket(t, ns, ifindex, proto)
	page := os.Getpagesize()
	check(t, unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq{
		Block_size: uint32(page), Block_nr: uint32(recordedFrames * recordedFrame / page),
		Frame_size: recordedFrame, Frame_nr: recordedFrames,
	}))
	ring, err := unix.Mmap(fd, 0, recordedFrames*recordedFrame, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	check(t, err)
	t.Cleanup(func() { _ = unix.Munmap(ring) })
	return &recorder{fd: fd, ring: ring}
}

// read waits for the next frame; false: there was none within the deadline.
func (p *recorder) read(t *testing.T) ([]byte, bool) {
	t.Helper()
	slot := p.ring[p.next*recordedFrame:][:recordedFrame]
	h := (*unix.TpacketHdr)(unsafe.Pointer(&slot[0]))
	status := (*uintptr)(unsafe.Pointer(&slot[0])) // an unsigned long
	if atomic.LoadUintptr(status)&unix.TP_STATUS_USER == 0 {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}, int(deadline.Milliseconds()))
		if n == 0 {
			return nil, false
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
		return p.read(t)
	}
	frame := append([]byte(nil), slot[h.Mac:][:h.Snaplen]...)
	atomic.StoreUintptr(status, unix.TP_STATUS_KERNEL)
	p.next = (p.next + 1) % recordedFrames
	return frame, true
}
