package rawsock

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/netio/packet"
)

// lab is two network namespaces without names, joined by veth pairs a0-b0,
// a1-b1 and so on. They vanish with the test's thread and sockets.
type lab struct {
	t       *testing.T
	a, b    netns.NsHandle
	settled bool
}

func newLab(t *testing.T, pairs int) *lab {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("network namespaces need root")
		}
		t.Skip("network namespaces need root")
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the test, in its namespace
	l := &lab{t: t, b: newNamespace(t), a: newNamespace(t)}
	for i := range pairs {
		l.connect(i)
	}
	return l
}

// settle waits until IPv6 works on every interface, which is when the kernel
// has given it a link-local address.
func (l *lab) settle() {
	l.t.Helper()
	if l.settled {
		return
	}
	l.settled = true
	for _, ns := range []netns.NsHandle{l.a, l.b} {
		l.in(ns, func() {
			missing := map[int]bool{}
			links, err := netlink.LinkList()
			check(l.t, err)
			for _, link := range links {
				missing[link.Attrs().Index] = link.Type() == "veth"
			}
			updates, done := make(chan netlink.AddrUpdate, 256), make(chan struct{})
			defer close(done)
			check(l.t, netlink.AddrSubscribeWithOptions(updates, done, netlink.AddrSubscribeOptions{ListExisting: true}))
			for limit := time.After(5 * time.Second); ; {
				waiting := 0
				for _, m := range missing {
					if m {
						waiting++
					}
				}
				if waiting == 0 {
					return
				}
				select {
				case u := <-updates:
					if u.NewAddr && u.LinkAddress.IP.IsLinkLocalUnicast() {
						missing[u.LinkIndex] = false
					}
				case <-limit:
					l.t.Fatalf("%d interfaces without a link-local address", waiting)
				}
			}
		})
	}
}

func newNamespace(t *testing.T) netns.NsHandle {
	t.Helper()
	ns, err := netns.New()
	check(t, err)
	t.Cleanup(func() { _ = ns.Close() })
	for _, key := range []string{"ipv6/conf/all/accept_dad", "ipv6/conf/default/accept_dad"} {
		check(t, os.WriteFile("/proc/sys/net/"+key, []byte("0"), 0o644))
	}
	return ns
}

// in runs f in namespace ns.
func (l *lab) in(ns netns.NsHandle, f func()) {
	l.t.Helper()
	back, err := netns.Get()
	check(l.t, err)
	defer func() { _ = back.Close() }()
	check(l.t, netns.Set(ns))
	f()
	check(l.t, netns.Set(back))
}

// connect makes the pair ai-bi with addresses 10.9.i.1 and 10.9.i.2.
func (l *lab) connect(i int) {
	l.t.Helper()
	a, b := fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i)
	check(l.t, netlink.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: a}, PeerName: b, PeerNamespace: netlink.NsFd(l.b),
	}))
	l.up(a, i, 1)
	l.in(l.b, func() { l.up(b, i, 2) })
}

func (l *lab) up(name string, pair, host int) {
	l.t.Helper()
	link, err := netlink.LinkByName(name)
	check(l.t, err)
	for _, s := range []string{fmt.Sprintf("10.9.%d.%d/24", pair, host), fmt.Sprintf("fd09:%x::%d/64", pair, host)} {
		addr, err := netlink.ParseAddr(s)
		check(l.t, err)
		addr.Flags = unix.IFA_F_NODAD
		if addr.IP.To4() != nil {
			addr.Flags = 0
		}
		check(l.t, netlink.AddrAdd(link, addr))
	}
	check(l.t, netlink.LinkSetUp(link))
}

func (l *lab) index(name string) int {
	l.t.Helper()
	link, err := netlink.LinkByName(name)
	check(l.t, err)
	return link.Attrs().Index
}

func (l *lab) indexB(name string) (n int) {
	l.in(l.b, func() { n = l.index(name) })
	return n
}

// joinB joins in namespace b, where the helper sockets belong.
func (l *lab) joinB(v *VRRP, ifindex int, group netip.Addr) (err error) {
	l.in(l.b, func() { err = v.Join(ifindex, group) })
	return err
}

// openAt opens a socket in a namespace, over IPv6 as soon as that works.
func (l *lab) openAt(ns netns.NsHandle, ipv6 bool) *VRRP {
	l.t.Helper()
	if ipv6 {
		l.settle()
	}
	var v *VRRP
	l.in(ns, func() {
		var err error
		v, err = open(ipv6, Options{Now: monotonic})
		check(l.t, err)
	})
	l.t.Cleanup(func() { check(l.t, v.Close()) })
	return v
}

// collect reads until want datagrams arrived; it fails after 5 s.
func collect(t *testing.T, v *VRRP, want int) []packet.VRRPDatagram {
	t.Helper()
	var all []packet.VRRPDatagram
	for deadline := time.Now().Add(5 * time.Second); len(all) < want; {
		wait := time.Until(deadline)
		if wait <= 0 {
			t.Fatalf("received %d of %d datagrams", len(all), want)
		}
		p := []unix.PollFd{{Fd: int32(v.FD()), Events: unix.POLLIN}}
		if _, err := unix.Poll(p, int(wait.Milliseconds())+1); err != nil && err != unix.EINTR {
			t.Fatal(err)
		}
		batch, _, err := v.Receive()
		check(t, err)
		for _, d := range batch {
			d.Payload = append([]byte(nil), d.Payload...)
			all = append(all, d)
		}
	}
	return all
}

// sendAll sends and demands that the kernel took everything.
func sendAll(t *testing.T, v *VRRP, out []Out) {
	t.Helper()
	v.Send(out)
	for i := range out {
		if out[i].Err != nil {
			t.Fatalf("send %d: %v", i, out[i].Err)
		}
	}
}

func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return ts.Nano()
}

func advert(vrid, priority byte) []byte {
	return []byte{0x31, vrid, priority, 1, 0, 100, 0, 0, 10, 9, 0, 100}
}

func linkLocal(t *testing.T, name string) netip.Addr {
	t.Helper()
	i, err := net.InterfaceByName(name)
	check(t, err)
	addrs, err := i.Addrs()
	check(t, err)
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsLinkLocalUnicast() {
			return p.Addr().WithZone("")
		}
	}
	t.Fatalf("%s has no link-local address", name)
	return netip.Addr{}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
