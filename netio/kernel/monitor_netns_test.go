package kernel

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// follow runs a monitor in the LAN and returns what it tells.
func follow(t *testing.T, l *lan, o MonitorOptions) (*Monitor, chan struct{}) {
	t.Helper()
	var m *Monitor
	in(t, l.left, func() (err error) {
		m, err = OpenMonitor(o)
		return err
	})
	told, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		ended <- m.Run(func() {
			select {
			case told <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		check(t, m.Close())
		check(t, <-ended)
	})
	return m, told
}

// until takes events until ok says that enough came.
func until(t *testing.T, m *Monitor, told chan struct{}, ok func(Events) bool) {
	t.Helper()
	limit := time.After(deadline)
	for {
		select {
		case <-told:
			if ok(m.Take()) {
				return
			}
		case <-limit:
			t.Fatal("the event never came")
		}
	}
}

func TestMonitorTellsOfLinksAndAddresses(t *testing.T) {
	l := newLAN(t)
	m, told := follow(t, l, MonitorOptions{})
	w := openWriter(t, l)
	a := vip(l.index, "192.0.2.1/24")
	do(t, w, Job{Adds: []Add{{Address: a}}})
	until(t, m, told, func(e Events) bool {
		for _, x := range e.Addresses {
			if x.Address.Prefix == a.Prefix && x.Present && x.Address.Protocol == ProtocolOurs {
				return true
			}
		}
		return false
	})
	do(t, w, Job{Dels: []Address{a}})
	until(t, m, told, func(e Events) bool {
		for _, x := range e.Addresses {
			if x.Address.Prefix == a.Prefix && !x.Present && x.Removed {
				return true
			}
		}
		return false
	})
	check(t, l.net.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "extra"}, PeerName: "other"}))
	until(t, m, told, func(e Events) bool {
		return slices.ContainsFunc(e.Links, func(x LinkEvent) bool { return x.Link.Name == "extra" && !x.Deleted && x.Link.HasMAC })
	})
	extra, err := l.net.LinkByName("extra")
	check(t, err)
	check(t, l.net.LinkDel(extra))
	until(t, m, told, func(e Events) bool {
		return slices.ContainsFunc(e.Links, func(x LinkEvent) bool { return x.Link.Name == "extra" && x.Deleted })
	})
}

// A port that leaves a bridge is reported with RTM_DELLINK of the bridge family; the interface stays.
func TestLeavingABridgeIsNotAnEnd(t *testing.T) {
	l := newLAN(t)
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "bridge"}}
	check(t, l.net.LinkAdd(bridge))
	left, err := l.net.LinkByName("left")
	check(t, err)
	check(t, l.net.LinkSetMaster(left, bridge))
	m, told := follow(t, l, MonitorOptions{})
	check(t, l.net.LinkSetNoMaster(left))
	check(t, l.net.LinkSetMTU(left, 1400)) // the last event
	until(t, m, told, func(e Events) bool {
		for _, x := range e.Links {
			if x.Link.Index == l.index {
				if x.Deleted {
					t.Fatal("the interface was reported as deleted")
				}
				return x.Link.MTU == 1400
			}
		}
		return false
	})
}

func TestAnOverrunAsksForAResyncAndTheMonitorLivesOn(t *testing.T) {
	l := newLAN(t)
	var m *Monitor
	in(t, l.left, func() (err error) {
		m, err = OpenMonitor(MonitorOptions{ReceiveBuffer: 1}) // the kernel's least
		return err
	})
	w, r := openWriter(t, l), openReader(t, l)
	j := Job{}
	for i := range 500 { // nobody reads meanwhile
		a := vip(l.index, "10.0.0.0/16")
		a.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i / 250), byte(1 + i%250)}), 16)
		j.Adds = append(j.Adds, Add{Address: a})
	}
	do(t, w, j)
	told, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() { ended <- m.Run(func() { told <- struct{}{} }) }()
	t.Cleanup(func() {
		check(t, m.Close())
		check(t, <-ended)
	})
	until(t, m, told, func(e Events) bool { return e.Resync })
	if n := len(on(t, r, l.index)); n != 500 {
		t.Fatalf("dump after the overrun has %d addresses, want 500", n)
	}
	extra := vip(l.index, "192.0.2.9/24")
	do(t, w, Job{Adds: []Add{{Address: extra}}})
	until(t, m, told, func(e Events) bool {
		return len(e.Addresses) > 0 && e.Addresses[len(e.Addresses)-1].Address.Prefix == extra.Prefix
	})
}

func TestDumpLinksHasFacts(t *testing.T) {
	l := newLAN(t)
	r, found := openReader(t, l), map[string]Link{}
	waitFor(t, func() bool { // the carrier takes a moment
		links, err := r.DumpLinks()
		check(t, err)
		for _, x := range links {
			found[x.Name] = x
		}
		return found["left"].Up
	})
	if lo := found["lo"]; !lo.Loopback || lo.HasMAC {
		t.Errorf("lo: %+v", lo)
	}
	if left := found["left"]; left.Index != l.index || !left.HasMAC || left.MTU != 1500 || !left.Up || !left.Multicast || left.Loopback {
		t.Errorf("left: %+v", left)
	}
	f, err := InterfaceByName("lo")
	check(t, err)
	if !f.Loopback || f.MTU == 0 {
		t.Errorf("facts about lo: %+v", f)
	}
	if _, err := InterfaceByName("none-such"); err == nil {
		t.Error("facts about an interface that is not there")
	}
}

// What the writer adds is not told; what others add, and what the writer removes, is.
func TestMonitorLeavesOutTheWritersAdds(t *testing.T) {
	l := newLAN(t)
	w := openWriter(t, l)
	port, err := w.PortID()
	check(t, err)
	m, told := follow(t, l, MonitorOptions{NoAddsOf: port})
	ours, others := vip(l.index, "192.0.2.1/32"), vip(l.index, "192.0.2.2/32")
	do(t, w, Job{Adds: []Add{{Address: ours}}})
	do(t, openWriter(t, l), Job{Adds: []Add{{Address: others}}})
	until(t, m, told, func(e Events) bool {
		for _, x := range e.Addresses {
			if x.Address.Prefix == ours.Prefix {
				t.Errorf("told of %v", x.Address.Prefix)
			}
		}
		return slices.ContainsFunc(e.Addresses, func(x AddressEvent) bool { return x.Address.Prefix == others.Prefix })
	})
	do(t, w, Job{Dels: []Address{ours}})
	until(t, m, told, func(e Events) bool {
		return slices.ContainsFunc(e.Addresses, func(x AddressEvent) bool { return x.Address.Prefix == ours.Prefix && x.Removed })
	})
}
