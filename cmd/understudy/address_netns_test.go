package main

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/actors/address"
	"github.com/understudy-ha/understudy/actors/link"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/kernel"
	"github.com/understudy-ha/understudy/netio/rawsock"
	"github.com/understudy-ha/understudy/supervisors"
)

const owner = "/vrrp/a"

// machine is the real address and link actors over the kernel, joined as in the
// daemon, in a network namespace of their own, which has no name and goes with
// the test.
type machine struct {
	t    *testing.T
	net  *netlink.Handle
	sys  *supervisors.System
	mail chan any
}

func newMachine(t *testing.T, buffer int) *machine {
	t.Helper()
	if unix.Geteuid() != 0 {
		t.Skip("needs root for network namespaces")
	}
	m := &machine{t: t, mail: make(chan any, 10000)}
	var w *kernel.Writer
	var mon *kernel.Monitor
	var r *kernel.Reader
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		failed <- func() (err error) {
			ns, err := netns.New()
			if err != nil {
				return err
			}
			defer ns.Close()
			if m.net, err = netlink.NewHandle(); err != nil {
				return err
			}
			sender, err := rawsock.OpenLink()
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = sender.Close() })
			if w, err = kernel.OpenWriter(sender); err != nil {
				return err
			}
			port, err := w.PortID()
			if err != nil {
				return err
			}
			if mon, err = kernel.OpenMonitor(kernel.MonitorOptions{ReceiveBuffer: buffer, NoAddsOf: port}); err != nil {
				return err
			}
			r, err = kernel.OpenReader()
			return err
		}()
	}()
	m.check(<-failed)
	m.start(address.New(addressWriter{w}, addressReader{r}), link.New(linkMonitor{mon}, linkReader{r}))
	t.Cleanup(func() {
		_ = m.sys.Close(5 * time.Second)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err := mon.Close(); err != nil {
			t.Error(err)
		}
		_ = r.Close()
		m.net.Close()
	})
	return m
}

func (m *machine) start(addr, links func(supervisors.Child) actor.Actor) {
	probe := func(supervisors.Child) actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) {
			if strings.HasPrefix(fmt.Sprintf("%T", ctx.Message()), "*messages.") {
				m.mail <- ctx.Message()
			}
		})
	}
	sys, err := supervisors.Start(supervisors.Node{Name: "test", Children: []supervisors.Node{
		{Name: "net", Children: []supervisors.Node{{Name: "link", New: links}, {Name: "address", New: addr, NeverQuarantine: true}}},
		{Name: "vrrp", Children: []supervisors.Node{{Name: "a", New: probe}}},
	}}, supervisors.Options{})
	m.check(err)
	m.sys = sys
}

func (m *machine) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// add makes a veth pair and sets it up.
func (m *machine) add(name string) netlink.Link {
	m.t.Helper()
	m.check(m.net.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "p"}))
	for _, n := range []string{name + "p", name} {
		l, err := m.net.LinkByName(n)
		m.check(err)
		m.check(m.net.LinkSetUp(l))
	}
	l, err := m.net.LinkByName(name)
	m.check(err)
	return l
}

func (m *machine) tell(msg any) { m.sys.Tell(messages.PathAddress, msg) }

// next waits for a message of one kind that ok accepts.
func next[T any](m *machine, what string, ok func(*T) bool) *T {
	m.t.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case msg := <-m.mail:
			if x, is := msg.(*T); is && ok(x) {
				return x
			}
		case <-limit:
			m.t.Fatalf("never told: %s", what)
		}
	}
}

func (m *machine) settle() {
	m.t.Helper()
	_, err := m.sys.Ask(messages.PathAddress, 10*time.Second, &messages.AwaitAddresses{})
	m.check(err)
}

// none fails if a message of this kind is waiting.
func none[T any](m *machine, what string) {
	m.t.Helper()
	for len(m.mail) > 0 {
		if x, is := (<-m.mail).(*T); is {
			m.t.Fatalf("%s: told %+v", what, x)
		}
	}
}

// has waits until the interface has exactly n addresses of ours or of the test.
func (m *machine) has(l netlink.Link, n int) {
	m.t.Helper()
	limit, tick := time.After(10*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		list, err := m.net.AddrList(l, netlink.FAMILY_V4)
		if err == nil && len(list) == n {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			m.t.Fatalf("%s has %d addresses, want %d (%v)", l.Attrs().Name, len(list), n, err)
		}
	}
}

func vip(iface, prefix string, tracked bool) config.Address {
	return config.Address{Prefix: netip.MustParsePrefix(prefix), Interface: iface, Tracked: tracked, PrefixRoute: true, PreferredLifetime: config.Forever}
}

func applied(n int) func(*messages.AddressesApplied) bool {
	return func(a *messages.AddressesApplied) bool { return a.Claimed && a.Count == n && len(a.Failed) == 0 }
}

func TestARemovalByOthersIsReportedOnce(t *testing.T) {
	m := newMachine(t, 0)
	l := m.add("us0")
	m.tell(&messages.ClaimAddresses{Owner: owner, Announce: 2, Addresses: []config.Address{
		vip("us0", "192.0.2.1/24", true), vip("us0", "192.0.2.2/24", false), vip("us0", "192.0.2.3/24", true),
	}})
	next(m, "claim applied", applied(3))
	remove := func(prefix string) {
		a, err := netlink.ParseAddr(prefix)
		m.check(err)
		m.check(m.net.AddrDel(l, a))
	}
	remove("192.0.2.2/24") // not tracked
	remove("192.0.2.3/24")
	lost := next(m, "address lost", func(*messages.AddressLost) bool { return true })
	if lost.Prefix.String() != "192.0.2.3/24" {
		t.Errorf("lost %v", lost.Prefix)
	}
	m.tell(&messages.LinkResynced{})
	m.tell(&messages.ReleaseAddresses{Owner: owner})
	m.settle()
	none[messages.AddressLost](m, "after it was reported")
	m.has(l, 0)
	// Taken and given back at once: our own removals are no loss.
	for range 20 {
		m.tell(&messages.ClaimAddresses{Owner: owner, Announce: 1, Addresses: []config.Address{vip("us0", "192.0.2.1/24", true)}})
		m.tell(&messages.ReleaseAddresses{Owner: owner})
	}
	m.tell(&messages.ClaimAddresses{Owner: owner, Announce: 1, Addresses: []config.Address{vip("us0", "192.0.2.1/24", true)}})
	m.settle()
	m.has(l, 1)
	none[messages.AddressLost](m, "by our own removals")
}

func TestACrashOfAddressOrLinkLosesNoAddress(t *testing.T) {
	m := newMachine(t, 0)
	l := m.add("us0")
	list := []config.Address{vip("us0", "192.0.2.1/24", true), vip("us0", "192.0.2.2/24", true)}
	m.tell(&messages.ClaimAddresses{Owner: owner, Announce: 1, Addresses: list})
	next(m, "claim applied", applied(2))
	for _, path := range []string{messages.PathAddress, messages.PathLink} {
		m.check(m.sys.Kill(path, supervisors.KillSpec{}))
		m.settle()
		m.tell(&messages.ClaimAddresses{Owner: owner, Addresses: list})
		next(m, "claim applied after the kill of "+path, applied(2))
		m.has(l, 2)
	}
	none[messages.AddressLost](m, "by a restart")
}

func TestAnInterfaceThatComesBackGetsItsAddresses(t *testing.T) {
	m := newMachine(t, 0)
	m.tell(&messages.ClaimAddresses{Owner: owner, Announce: 1, Addresses: []config.Address{vip("us1", "192.0.2.1/24", false)}})
	m.settle()
	l := m.add("us1")
	m.has(l, 1)
	m.check(m.net.LinkDel(l))
	l = m.add("us1")
	m.has(l, 1)
	m.check(m.net.LinkSetDown(l))
	m.check(m.net.LinkSetName(l, "us2")) // a rename is the end of the old name
	m.has(l, 0)
	none[messages.AddressLost](m, "of an untracked address")
}

func TestLeftoversAreCleaned(t *testing.T) {
	m := newMachine(t, 0)
	l := m.add("us0")
	for _, p := range []string{"192.0.2.1/24", "192.0.2.2/24", "192.0.2.50/24"} {
		a, err := netlink.ParseAddr(p)
		m.check(err)
		m.check(m.net.AddrAdd(l, a))
	}
	// The interface is younger than the actors: until link has heard of it there is nothing to clean.
	var answer any
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		var err error
		answer, err = m.sys.Ask(messages.PathAddress, 10*time.Second, &messages.CleanAddresses{
			Addresses: []config.Address{vip("us0", "192.0.2.2/24", true), vip("us0", "192.0.2.50/24", true)},
		})
		m.check(err)
		if len(answer.(*messages.AddressesCleaned).Removed) > 0 {
			break
		}
	}
	if got := fmt.Sprint(answer.(*messages.AddressesCleaned).Removed); got != "[192.0.2.2/24 192.0.2.50/24]" {
		t.Errorf("removed %s", got)
	}
	m.has(l, 1)
}

// With a receive buffer of the least size events are lost; what others removed is found all the same.
func TestALossWithinAnOverrunIsFound(t *testing.T) {
	m := newMachine(t, 1)
	l := m.add("us0")
	m.tell(&messages.ClaimAddresses{Owner: owner, Announce: 1, Addresses: []config.Address{
		vip("us0", "192.0.2.1/24", true), vip("us0", "192.0.2.2/24", true),
	}})
	next(m, "claim applied", applied(2))
	a, err := netlink.ParseAddr("192.0.2.2/24")
	m.check(err)
	for i := range 300 { // a flood around the removal
		if i == 150 {
			m.check(m.net.AddrDel(l, a))
		}
		x, err := netlink.ParseAddr(fmt.Sprintf("10.0.%d.%d/32", i/250, i%250))
		m.check(err)
		m.check(m.net.AddrAdd(l, x))
	}
	lost := next(m, "address lost", func(*messages.AddressLost) bool { return true })
	if lost.Prefix.String() != "192.0.2.2/24" {
		t.Errorf("lost %v", lost.Prefix)
	}
	m.has(l, 301)
}
