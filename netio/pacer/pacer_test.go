package pacer_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/packet"
	"github.com/understudy-ha/understudy/netio/rawsock"
)

// limit is how long a test waits for an event.
const limit = 10 * time.Second

func wait(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(limit):
		t.Fatalf("no %s within %v", what, limit)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// running starts a pacer and ends it with the test.
func running(t *testing.T, c pacer.Config) *pacer.Pacer {
	t.Helper()
	p, err := pacer.New(c)
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- p.Run() }()
	t.Cleanup(func() {
		p.Stop()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		must(t, p.Close())
	})
	return p
}

func TestAdvertsCrossBetweenTwoNamespaces(t *testing.T) {
	for _, raw := range []bool{false, true} {
		t.Run(fmt.Sprintf("raw=%v", raw), func(t *testing.T) {
			if os.Getuid() != 0 {
				if os.Getenv("CI") == "true" {
					t.Fatal("network namespaces need root")
				}
				t.Skip("network namespaces need root")
			}
			cross(t, raw)
		})
	}
}

// cross lets one pacer advertise every 10 ms for a second to another.
func cross(t *testing.T, raw bool) {
	const interval, count = 10 * time.Millisecond, 100
	runtime.LockOSThread() // never unlocked: the thread ends with the test, in its namespace
	from, to, fromIndex, toIndex := twoSockets(t)
	config := pacer.Config{RawWait: raw, Thread: pacer.Thread{Name: "pacer-test-name-too-long"}, Problem: func(err error) { t.Error(err) }}
	master, backup := running(t, config), running(t, config)
	must(t, master.Attach(false, from))
	must(t, backup.Attach(false, to))
	now := pacer.NewClock().Now

	ends := make(chan int64, 8)
	b := backup.Open("/b", func(h pacer.Hint) {
		if h == pacer.HintExpired {
			ends <- now()
		}
	})
	ended := func() int64 {
		t.Helper()
		select {
		case at := <-ends:
			return at
		case <-time.After(limit):
			t.Fatalf("the watch did not end within %v", limit)
			return 0
		}
	}
	b.Listen(entry(1, interval), []packet.VRRPKey{{VRID: 1, Ifindex: toIndex}})
	b.Watch(packet.Watch{Deadline: now()})
	ended()                         // the backup listens
	const timeout = 2 * time.Second // long enough for any machine
	w := packet.Watch{Master: addrA, Priority: 100, Interval: interval, Form: packet.ChecksumPseudo, Timeout: timeout}
	w.Deadline = now() + int64(timeout)
	b.Watch(w)

	m := master.Open("/m", nil)
	f := *frame(t, addrA, 100, interval)
	f.Ifindex = fromIndex
	first := now() + int64(interval)
	end := first + int64((count-1)*interval)
	m.Renew(end + int64(interval/2)) // the lease ends with the last advert; nobody renews
	m.Advertise(&f, interval, first)

	expiredAt := ended()
	sent := m.Stats()[packet.VRRPAdvertSent].Load()
	got := b.Stats()[packet.VRRPAdvertRcvd].Load()
	if sent == 0 || sent > count || got != sent {
		t.Errorf("%d adverts sent, at most %d wanted, %d received", sent, count, got)
	}
	ok, armed, heard := b.Expired()
	if !ok || armed || heard == 0 {
		t.Errorf("expired %v, armed %v, last heard %d", ok, armed, heard)
	}
	if early := heard + int64(timeout) - expiredAt; early > 0 {
		t.Errorf("the watch ended %v early", time.Duration(early))
	}
	if heard < m.LastSent()-int64(time.Second) || heard > expiredAt {
		t.Errorf("last heard %d, last sent %d", heard, m.LastSent())
	}
	if b.Take() != nil || b.TakeNotices() != nil {
		t.Error("matching adverts were not absorbed")
	}
	if d := backup.Metrics(); d.KernelDrops != 0 || d.Packets != sent {
		t.Errorf("%+v", d)
	}
}

// twoSockets opens sockets in two fresh namespaces joined by a veth pair.
func twoSockets(t *testing.T) (from, to *rawsock.VRRP, fromIndex, toIndex int) {
	t.Helper()
	o := rawsock.Options{Now: pacer.NewClock().Now}
	nsB, err := netns.New()
	must(t, err)
	nsA, err := netns.New()
	must(t, err)
	t.Cleanup(func() { _, _ = nsA.Close(), nsB.Close() })
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "a0"}, PeerName: "b0", PeerNamespace: netlink.NsFd(nsB)}))
	up := func(name, addr string) int {
		l, err := netlink.LinkByName(name)
		must(t, err)
		a, err := netlink.ParseAddr(addr)
		must(t, err)
		must(t, netlink.AddrAdd(l, a))
		must(t, netlink.LinkSetUp(l))
		return l.Attrs().Index
	}
	fromIndex = up("a0", addrA.String()+"/24")
	from, err = rawsock.OpenVRRP4(o)
	must(t, err)
	t.Cleanup(func() { must(t, from.Close()) })
	must(t, netns.Set(nsB))
	toIndex = up("b0", addrB.String()+"/24")
	to, err = rawsock.OpenVRRP4(o)
	must(t, err)
	t.Cleanup(func() { must(t, to.Close()) })
	must(t, to.Join(toIndex, group))
	return from, to, fromIndex, toIndex
}

func TestNextRunGoesOnAfterAPanic(t *testing.T) {
	p, err := pacer.New(pacer.Config{})
	must(t, err)
	defer func() { must(t, p.Close()) }()
	now := pacer.NewClock().Now
	var crashes atomic.Int32
	expired := make(chan struct{})
	s := p.Open("/i", func(h pacer.Hint) {
		switch {
		case h != pacer.HintExpired:
		case crashes.Add(1) == 1:
			panic("a bug in an owner")
		default:
			close(expired)
		}
	})
	s.Watch(packet.Watch{Deadline: now() + int64(10*time.Millisecond)})
	var crash *pacer.Panic
	if err := p.Run(); !errors.As(err, &crash) || len(crash.Stack) == 0 {
		t.Fatalf("first run: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Run() }()
	s.Watch(packet.Watch{Deadline: now() + int64(10*time.Millisecond)})
	wait(t, "second end", expired)
	p.Stop()
	if err := <-done; err != nil {
		t.Errorf("second run: %v", err)
	}
}

func TestWaitIsNeverShorterThanAsked(t *testing.T) {
	now := pacer.NewClock().Now
	p := running(t, pacer.Config{})
	for _, d := range []time.Duration{0, 100 * time.Microsecond, 3 * time.Millisecond, 20 * time.Millisecond} {
		got := make(chan int64, 1)
		s := p.Open("/"+d.String(), func(h pacer.Hint) {
			if h == pacer.HintExpired {
				got <- now()
			}
		})
		at := now() + int64(d)
		s.Watch(packet.Watch{Deadline: at})
		select {
		case x := <-got:
			if x < at-int64(time.Microsecond) { // two clocks
				t.Errorf("%v: ended %v early", d, time.Duration(at-x))
			}
		case <-time.After(limit):
			t.Fatalf("%v: never ended", d)
		}
	}
	if o := p.Overdue(); o > limit {
		t.Errorf("overdue by %v", o)
	}
}

func TestRefusedSchedulingIsReported(t *testing.T) {
	reported := make(chan error, 8)
	running(t, pacer.Config{Thread: pacer.Thread{RTPriority: 1000}, Problem: func(err error) { reported <- err }})
	select {
	case err := <-reported:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(limit):
		t.Error("nothing was reported")
	}
}

func TestClockIsCLOCKMONOTONIC(t *testing.T) {
	a, b := pacer.NewClock(), pacer.NewClock()
	before := a.Now()
	other := b.Now()
	if d := other - before; d < -int64(50*time.Microsecond) || d > int64(time.Second) {
		t.Errorf("two clocks differ by %v", time.Duration(d))
	}
}
