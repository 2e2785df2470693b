package lab

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// twoHosts builds a segment with hosts a and b, .1 and .2.
func twoHosts(t *testing.T, tag string) (*Lab, *Segment) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, or a user namespace as make test-netns makes one")
	}
	l, err := New(tag)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(filepath.Join(runNetns, prefix+tag+".*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	spec := func(host, v4, v6 string) HostSpec {
		return HostSpec{Host: host, Addrs: []netip.Prefix{netip.MustParsePrefix(v4), netip.MustParsePrefix(v6)}}
	}
	s, err := l.Segment(spec("a", "192.0.2.1/24", "fe80::1/64"), spec("b", "192.0.2.2/24", "fe80::2/64"))
	if err != nil {
		t.Fatal(err)
	}
	return l, s
}

func TestForgedAdvertIsCapturedAtItsPort(t *testing.T) {
	_, s := twoHosts(t, "labcap")
	capture, err := s.Capture()
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.Find("a").Generator()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ src, dst string }{{"192.0.2.77", "224.0.0.18"}, {"fe80::77", "ff02::12"}} {
		src, dst := netip.MustParseAddr(row.src), netip.MustParseAddr(row.dst)
		advert := packet.VRRPAdvert{Version: 3, VRID: 7, Priority: 90, Interval: 250 * time.Millisecond, Addrs: []netip.Addr{src}}
		m, err := Message(advert, src, dst)
		if err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		if err := g.Send(Forged{Src: src, Dst: dst, TTL: 99, Message: m}); err != nil {
			t.Fatal(err)
		}
		got, ok := capture.WaitAdvert(2*time.Second, func(a *Advert) bool { return a.Src == src })
		if !ok {
			t.Fatalf("%v was not captured", src)
		}
		if got.Host != "a" || got.TTL != 99 || got.VRID != 7 || got.Priority != 90 || got.Interval != advert.Interval || got.Form != packet.ChecksumPseudo || len(got.Addrs) != 1 {
			t.Errorf("captured %+v", got)
		}
		if late := got.At.Sub(before); late < -time.Millisecond || late > time.Second {
			t.Errorf("captured %v after it was sent", late)
		}
	}
	if n := len(capture.Adverts()); n != 2 {
		t.Errorf("%d adverts captured, want 2: copies on other ports must not count", n)
	}
}

func TestPulledCableStopsPingsAndCarrier(t *testing.T) {
	_, s := twoHosts(t, "labcut")
	a, b := s.Find("a"), s.Find("b")
	p, err := a.Ping(netip.MustParseAddr("192.0.2.2"), 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Answering(2*time.Second, time.Now()) {
		t.Fatal("no answer over a whole cable")
	}
	cut := time.Now()
	if err := b.Plug(false); err != nil {
		t.Fatal(err)
	}
	if !Until(2*time.Second, func() bool { return !b.running() }) {
		t.Error("the carrier did not go")
	}
	Wait(300 * time.Millisecond)
	if p.Answering(50*time.Millisecond, cut.Add(100*time.Millisecond)) {
		t.Error("answers through a pulled cable")
	}
	if err := b.Plug(true); err != nil {
		t.Fatal(err)
	}
	if !p.Answering(3*time.Second, cut.Add(100*time.Millisecond)) {
		t.Error("no answer after the cable was put back")
	}
	if out := p.Outage(cut); out < 250*time.Millisecond {
		t.Errorf("outage of %v measured, want at least 250ms", out)
	}
}

func TestAddressWatchSeesComingAndGoing(t *testing.T) {
	_, s := twoHosts(t, "labaddr")
	a := s.Find("a")
	w, err := a.WatchAddresses()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Wait(2*time.Second, netip.MustParseAddr("192.0.2.1"), true); err != nil {
		t.Errorf("an address that was there before: %v", err)
	}
	vip := netip.MustParsePrefix("192.0.2.100/24")
	before := time.Now()
	if err := a.AddAddress(vip); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Wait(2*time.Second, vip.Addr(), true); err != nil {
		t.Error(err)
	}
	if err := a.DeleteAddress(vip); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Wait(2*time.Second, vip.Addr(), false); err != nil {
		t.Error(err)
	}
	if n := len(w.Changes(vip.Addr(), before)); n != 2 {
		t.Errorf("%d changes seen, want 2", n)
	}
	if _, err := w.Wait(20*time.Millisecond, vip.Addr(), true); err == nil {
		t.Error("an absent address was waited for without an error")
	}
}

func TestInterfaceIsMadeAgainOnTheSamePort(t *testing.T) {
	_, s := twoHosts(t, "labnew")
	capture, err := s.Capture()
	if err != nil {
		t.Fatal(err)
	}
	a := s.Find("a")
	index, mac := a.Index, a.MAC
	addr := netip.MustParsePrefix("192.0.2.1/24")
	if err := a.RemoveInterface(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Netlink().LinkByName("eth0"); err == nil {
		t.Error("eth0 is still there")
	}
	if err := a.MakeInterface(addr); err != nil {
		t.Fatal(err)
	}
	if a.Index == index || a.MAC != mac {
		t.Errorf("eth0 has index %d and MAC %x, had %d and %x: want another index, the same MAC", a.Index, a.MAC, index, mac)
	}
	p, err := s.Find("b").Ping(addr.Addr(), 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Answering(2*time.Second, time.Now()) {
		t.Error("the new eth0 does not answer")
	}
	if e, ok := capture.WaitEcho(time.Second, addr.Addr(), time.Time{}); !ok || e.Host != "a" {
		t.Errorf("answer captured %t at port %q, want a", ok, e.Host)
	}
}

func TestKillLeavesNobodyTimeToReact(t *testing.T) {
	l, s := twoHosts(t, "labkill")
	said := filepath.Join(l.Dir(), "said")
	script := `(trap 'echo farewell >` + said + `; exit' TERM; echo ready; while :; do sleep 0.01; done) & wait`
	p, err := s.Find("a").Start("parent", "sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	if !Until(2*time.Second, func() bool { return strings.Contains(p.Log(), "ready") }) {
		t.Fatalf("the child did not start: %s", p.Log())
	}
	pids := tree(p.PID())
	if len(pids) < 2 {
		t.Fatalf("tree of %d processes, want the child too", len(pids))
	}
	p.Kill()
	if p.Alive() {
		t.Error("the parent is alive")
	}
	gone := func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pids[1]) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ") // nobody may have reaped it
	}
	if !Until(2*time.Second, gone) {
		t.Error("the child is alive")
	}
	if _, err := os.Stat(said); err == nil {
		t.Error("the child said farewell")
	}
}

func TestLeftoversOfADeadProcessAreRemoved(t *testing.T) {
	_, s := twoHosts(t, "lableft")
	gone := exec.Command("true") // a process id that is no more
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	stale := &Namespace{Name: prefix + "labold." + strconv.Itoa(gone.Process.Pid) + "-a", lab: s.Switch.lab}
	if err := onThread(stale.make); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stale.remove() })
	sleeper := exec.Command("sleep", "100")
	if err := stale.Do(sleeper.Start); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // ends when the sleeper is killed below
		_ = sleeper.Wait()
		close(ended)
	}()

	l, err := New("labold")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	select {
	case <-ended:
	case <-time.After(3 * time.Second):
		_ = sleeper.Process.Kill()
		t.Error("what ran in the stale namespace still runs")
	}
	if _, err := os.Stat(filepath.Join(runNetns, stale.Name)); err == nil {
		t.Error("the stale namespace is still there")
	}
	if _, err := os.Stat(filepath.Join(runNetns, s.Switch.Name)); err != nil {
		t.Error("a namespace of a living process was removed")
	}
}

func TestTagsAreChecked(t *testing.T) {
	for _, tag := range []string{"", "UPPER", "a.b", "a/b", strings.Repeat("x", maxTag+1)} {
		if _, err := New(tag); err == nil {
			t.Errorf("tag %q was taken", tag)
		}
	}
}
