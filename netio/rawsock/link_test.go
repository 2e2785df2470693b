package rawsock

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func ethernet(n byte) []byte {
	b := make([]byte, 42)
	copy(b, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, n, 0x88, 0xb5}) // a type for experiments
	return b
}

// TestLinkSendsFramesInOrder also sends more than one system call carries.
func TestLinkSendsFramesInOrder(t *testing.T) {
	l := newLab(t, 2)
	link, err := OpenLink()
	check(t, err)
	defer func() { check(t, link.Close()) }()

	var listener int
	l.in(l.b, func() {
		listener, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0xb588)
		check(t, err)
	})
	defer func() { check(t, unix.Close(listener)) }()
	check(t, unix.SetsockoptTimeval(listener, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}))

	const count = 100
	var batch []LinkFrame
	for i := range count {
		batch = append(batch, LinkFrame{Ifindex: l.index([]string{"a0", "a1"}[i%2]), Data: ethernet(byte(i))})
	}
	sent, err := link.Send(batch)
	if sent != count || err != nil {
		t.Fatalf("sent %d: %v", sent, err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for i := 0; i < count && time.Now().Before(deadline); i++ {
		var b [128]byte
		n, from, err := unix.Recvfrom(listener, b[:], 0)
		check(t, err)
		if !bytes.Equal(b[:n], batch[i].Data) {
			t.Fatalf("frame %d: % x", i, b[:n])
		}
		if got, want := from.(*unix.SockaddrLinklayer).Ifindex, l.indexB([]string{"b0", "b1"}[i%2]); got != want {
			t.Fatalf("frame %d on interface %d, want %d", i, got, want)
		}
	}
}

func TestLinkSaysWhichFrameWasRefused(t *testing.T) {
	l := newLab(t, 1)
	link, err := OpenLink()
	check(t, err)
	defer func() { check(t, link.Close()) }()
	index := l.index("a0")
	good := LinkFrame{Ifindex: index, Data: ethernet(1)}

	sent, err := link.Send([]LinkFrame{good, good, {Ifindex: 999, Data: ethernet(2)}, good})
	if sent != 2 || !errors.Is(err, unix.ENXIO) {
		t.Errorf("no such interface: sent %d, %v", sent, err)
	}
	sent, err = link.Send([]LinkFrame{good, {Ifindex: index, Data: []byte{1}}, good})
	if sent != 1 || !errors.Is(err, ErrFrame) {
		t.Errorf("frame without header: sent %d, %v", sent, err)
	}
}
