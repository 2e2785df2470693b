package kernel

import (
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const deadline = 10 * time.Second

// lan is a veth pair between two network namespaces without names, which go
// with the test: "left" is ours, "right" the segment.
type lan struct {
	left, right      netns.NsHandle
	net, peer        *netlink.Handle // of the two sides
	index, peerIndex int
}

func newLAN(t *testing.T) *lan {
	t.Helper()
	if unix.Geteuid() != 0 {
		t.Skip("needs root for network namespaces")
	}
	l := &lan{left: newNS(t), right: newNS(t)}
	l.net, l.peer = handleAt(t, l.left), handleAt(t, l.right)
	link := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "left"}, PeerName: "right",
		PeerNamespace: netlink.NsFd(int(l.right)),
	}
	check(t, l.net.LinkAdd(link))
	l.index, l.peerIndex = up(t, l.net, "left"), up(t, l.peer, "right")
	return l
}

func up(t *testing.T, h *netlink.Handle, name string) int {
	t.Helper()
	link, err := h.LinkByName(name)
	check(t, err)
	check(t, h.LinkSetUp(link))
	return link.Attrs().Index
}

func newNS(t *testing.T) netns.NsHandle {
	t.Helper()
	var ns netns.NsHandle
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		ns, err = netns.New()
	}()
	<-done
	check(t, err)
	t.Cleanup(func() { _ = ns.Close() })
	return ns
}

// in runs f on a thread in the namespace.
func in(t *testing.T, ns netns.NsHandle, f func() error) {
	t.Helper()
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := netns.Set(ns); err != nil {
			result <- err
			return
		}
		result <- f()
	}()
	check(t, <-result)
}

func handleAt(t *testing.T, ns netns.NsHandle) *netlink.Handle {
	t.Helper()
	h, err := netlink.NewHandleAt(ns)
	check(t, err)
	t.Cleanup(h.Close)
	return h
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// packetSocket opens an AF_PACKET socket for all or one kind of frames.
func packetSocket(t *testing.T, ns netns.NsHandle, ifindex int, proto uint16) int {
	t.Helper()
	var fd int
	in(t, ns, func() (err error) {
		network := proto<<8 | proto>>8
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: network, Ifindex: ifindex})
	})
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// wire is a Sender over AF_PACKET.
type wire struct{ fd int }

func (w wire) Send(frames []Frame) (int, error) {
	for i, f := range frames {
		if err := unix.Sendto(w.fd, f.Data, 0, &unix.SockaddrLinklayer{Ifindex: f.Ifindex}); err != nil {
			return i, err
		}
	}
	return len(frames), nil
}

func openWriter(t *testing.T, l *lan) *Writer {
	t.Helper()
	var w *Writer
	fd := packetSocket(t, l.left, 0, 0)
	in(t, l.left, func() (err error) {
		w, err = OpenWriter(wire{fd})
		return err
	})
	return run(t, w)
}

// run starts the thread of w and ends it with the test.
func run(t *testing.T, w *Writer) *Writer {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- w.Run() }()
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w
}

func openReader(t *testing.T, l *lan) *Reader {
	t.Helper()
	var r *Reader
	in(t, l.left, func() (err error) {
		r, err = OpenReader()
		return err
	})
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// do runs a job and waits for its result.
func do(t *testing.T, w *Writer, j Job) Result {
	t.Helper()
	done := make(chan Result, 1)
	j.Done = func(r Result) { done <- r }
	if !w.Submit(Prepare(j)) {
		t.Fatal("job not taken")
	}
	select {
	case r := <-done:
		return r
	case <-time.After(deadline):
		t.Fatal("job not done")
		panic("unreachable")
	}
}

// on returns what the reader finds on an interface, without link-local addresses of the kernel.
func on(t *testing.T, r *Reader, index int) map[netip.Prefix]Found {
	t.Helper()
	all, err := r.DumpAddresses()
	check(t, err)
	out := map[netip.Prefix]Found{}
	for _, f := range all {
		if f.Index == index && (f.Protocol == ProtocolOurs || !f.Prefix.Addr().IsLinkLocalUnicast()) {
			out[f.Prefix] = f
		}
	}
	return out
}

func vip(index int, prefix string) Address {
	return Address{Index: index, Prefix: netip.MustParsePrefix(prefix), Protocol: ProtocolOurs, Preferred: Forever, Valid: Forever, NoDAD: netip.MustParsePrefix(prefix).Addr().Is6()}
}
