package fsm

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/understudy-ha/understudy/netio/packet"
)

// link joins machines over a network that loses nothing and takes latency, in
// virtual time. It does for each what its line does: it absorbs adverts that
// match the watch, serves the schedule, ends the watch.
type link struct {
	now     Instant
	latency time.Duration
	nodes   []*node
	flight  []flying // in order of arrival
}

type node struct {
	rig
	starts   Instant
	dead     bool
	next     Instant // of the schedule
	absorbed Instant
	told     Instant // absorbed, as far as the machine knows
	source   netip.Addr
}

type flying struct {
	at    Instant
	from  *node
	heard packet.VRRPHeard
}

// run lets time pass until end.
func (l *link) run(end Instant) error {
	for {
		at, do := l.soonest()
		if at > end || do == nil {
			l.now = end
			return nil
		}
		l.now = max(l.now, at)
		if err := do(); err != nil {
			return fmt.Errorf("at %s: %w", time.Duration(l.now), err)
		}
	}
}

// soonest is what happens next. What arrives comes before what ends.
func (l *link) soonest() (Instant, func() error) {
	at := Instant(1 << 62)
	var do func() error
	offer := func(t Instant, f func() error) {
		if t != 0 && t < at {
			at, do = t, f
		}
	}
	if len(l.flight) > 0 {
		offer(l.flight[0].at, l.arrive)
	}
	for _, n := range l.nodes {
		if n.dead {
			continue
		}
		if n.s.Role == Init {
			offer(n.starts, func() error { return l.happen(n, Started{Source: n.source}) })
			continue
		}
		if n.ground.schedule != nil {
			offer(n.next, func() error { l.send(n, n.ground.schedule.Priority); return nil })
		}
		if w := n.ground.watch; w != nil {
			offer(w.Deadline, func() error { return l.happen(n, WatchExpired{LastHeard: n.absorbed}) })
		}
		for tm, t := range n.s.Deadline {
			offer(t, func() error { return l.happen(n, TimerFired{Timer(tm)}) })
		}
	}
	return at, do
}

func (l *link) arrive() error {
	f := l.flight[0]
	l.flight = l.flight[1:]
	for _, n := range l.nodes {
		if n == f.from || n.dead || !n.ground.ear {
			continue
		}
		h := f.heard
		h.At = l.now
		if w := n.ground.watch; w != nil && w.Master == h.Src && w.Priority == h.Priority && w.Interval == h.Interval && w.Form == h.Form {
			moved := *w
			moved.Deadline = l.now + Instant(w.Timeout)
			n.ground.watch, n.absorbed = &moved, l.now
			continue
		}
		if err := l.happen(n, AdvertHeard{h}); err != nil {
			return err
		}
	}
	return nil
}

// happen is what an actor does with an event.
func (l *link) happen(n *node, ev Event) error {
	n.now = l.now
	switch ev.(type) {
	case AdvertHeard, WatchExpired:
	default:
		if n.s.Role == Backup && n.absorbed > n.told {
			n.told = n.absorbed
			if err := n.rig.happen(AdvertsAbsorbed{Last: n.absorbed}); err != nil {
				return err
			}
			if w := n.ground.watch; w != nil && w.Deadline != n.s.DownAt {
				return fmt.Errorf("%s: watch ends at %d, the machine believes %d", n.source, w.Deadline, n.s.DownAt)
			}
		}
	}
	if err := n.rig.happen(ev); err != nil {
		return err
	}
	for _, a := range n.did {
		switch a := a.(type) {
		case SendAdvert:
			l.send(n, a.Priority)
		case StartAdverts:
			n.next = l.now + Instant(a.Interval)
		}
	}
	return nil
}

func (l *link) send(n *node, priority uint8) {
	n.next = l.now + Instant(n.cfg.Interval)
	l.flight = append(l.flight, flying{l.now + Instant(l.latency), n, packet.VRRPHeard{
		Src: n.source, Version: n.cfg.Version, Priority: priority, Interval: n.cfg.Interval, Form: packet.ChecksumPseudo,
	}})
}

func (l *link) masters() []*node {
	var ms []*node
	for _, n := range l.nodes {
		if !n.dead && n.s.Role == Master {
			ms = append(ms, n)
		}
	}
	return ms
}

// alone demands exactly one master, and that nothing changes for a while.
func (l *link) alone(t *rapid.T) *node {
	ms := l.masters()
	if len(ms) != 1 {
		t.Fatalf("%d masters at %s: %v", len(ms), time.Duration(l.now), l)
	}
	since := ms[0].s.Since
	l.pass(t, 20*time.Second)
	if now := l.masters(); len(now) != 1 || now[0] != ms[0] || now[0].s.Since != since {
		t.Fatalf("mastership moved by %s without cause: %v", time.Duration(l.now), l)
	}
	return ms[0]
}

func (l *link) pass(t *rapid.T, d time.Duration) {
	if err := l.run(l.now + Instant(d)); err != nil {
		t.Fatal(err)
	}
}

func (l *link) String() string {
	s := ""
	for _, n := range l.nodes {
		s += fmt.Sprintf("\n%s %s priority %d since %s, started %s, v%d every %s preempt %t, master %s",
			n.source, n.s.Role, AdvertPriority(n.cfg, n.s), time.Duration(n.s.Since), time.Duration(n.starts), n.cfg.Version, n.cfg.Interval, n.cfg.Preempt, n.s.MasterAddr)
	}
	return s
}

// drawLink makes a pair that starts within 10 s of one another.
func drawLink(t *rapid.T) *link {
	l := &link{now: Instant(time.Second), latency: time.Duration(rapid.IntRange(1, 2000).Draw(t, "latency us")) * time.Microsecond}
	version := uint8(rapid.IntRange(2, 3).Draw(t, "version"))
	for i, a := range []string{"192.0.2.1", "192.0.2.2"} {
		n := &node{source: netip.MustParseAddr(a)}
		n.cfg = defaults()
		n.cfg.Version = version
		n.cfg.Priority = rapid.SampledFrom([]uint8{1, 99, 100, 101, 150, 254}).Draw(t, "priority")
		n.cfg.Preempt = rapid.Bool().Draw(t, "preempt")
		if version == 3 {
			n.cfg.Interval = rapid.SampledFrom([]time.Duration{100 * time.Millisecond, 330 * time.Millisecond, time.Second}).Draw(t, "interval")
		}
		n.starts = l.now + Instant(i)*Instant(time.Duration(rapid.IntRange(0, 10000).Draw(t, "start ms"))*time.Millisecond)
		l.nodes = append(l.nodes, n)
	}
	return l
}

// settle runs until one down interval after the last start.
func (l *link) settle(t *rapid.T) *node {
	var down time.Duration
	last := Instant(0)
	for _, n := range l.nodes {
		down, last = max(down, DownInterval(n.cfg, n.s)), max(last, n.starts)
	}
	l.pass(t, time.Duration(last-l.now)+down+2*l.latency)
	return l.alone(t)
}

func (l *link) other(n *node) *node {
	if l.nodes[0] == n {
		return l.nodes[1]
	}
	return l.nodes[0]
}

// TestPairConverges: one down interval after both started there is one master,
// which stays; with preemption it is the one of higher priority.
func TestPairConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLink(t)
		m := l.settle(t)
		if o := l.other(m); o.cfg.Preempt && o.cfg.Priority > m.cfg.Priority {
			t.Fatalf("the lower priority won: %v", l)
		}
	})
}

// TestPairTakesOver: a master that dies is replaced within the backup's down
// interval of its last advert, one that stops within the backup's skew; one
// that comes back meets its successor by the rules.
func TestPairTakesOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLink(t)
		m := l.settle(t)
		b := l.other(m)
		l.pass(t, time.Duration(rapid.IntRange(0, 1000).Draw(t, "into the interval ms"))*time.Millisecond)
		limit := DownInterval(b.cfg, b.s)
		if rapid.Bool().Draw(t, "orderly") {
			limit = Skew(b.cfg, b.s)
			if err := l.happen(m, Stopped{Release: true}); err != nil {
				t.Fatal(err)
			}
		}
		m.dead = true
		l.pass(t, limit+2*l.latency)
		if l.alone(t) != b {
			t.Fatalf("no takeover: %v", l)
		}
		*m = node{source: m.source, starts: l.now + 1, rig: rig{cfg: m.cfg}}
		l.settle(t)
	})
}

// TestPairHealsAfterPartition: two masters that meet are one master as soon as
// both have advertised; the higher priority stays, then the higher address.
func TestPairHealsAfterPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLink(t)
		for _, n := range l.nodes { // each alone
			apart := &link{now: l.now, latency: l.latency, nodes: []*node{n}}
			if err := apart.run(l.now + Instant(20*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		l.now += Instant(20 * time.Second)
		if len(l.masters()) != 2 {
			t.Fatalf("not two masters: %v", l)
		}
		a, b := l.nodes[0], l.nodes[1]
		l.pass(t, max(a.cfg.Interval, b.cfg.Interval)+2*l.latency)
		better := b // the higher address
		if a.cfg.Priority > b.cfg.Priority {
			better = a
		}
		if l.alone(t) != better {
			t.Fatalf("the wrong one stayed: %v", l)
		}
	})
}

// TestPriorityChangesMakeNoSecondMaster: however often the priority of a
// backup changes below that of a living master, it takes nothing over; and a
// dead master is replaced in time in spite of the changes.
func TestPriorityChangesMakeNoSecondMaster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLink(t)
		for _, n := range l.nodes {
			n.cfg.Preempt = true
		}
		l.nodes[0].cfg.Priority, l.nodes[1].cfg.Priority = 200, 150
		m := l.settle(t)
		b := l.other(m)
		change := func() {
			l.pass(t, time.Duration(rapid.IntRange(1, 2500).Draw(t, "wait ms"))*time.Millisecond)
			if err := l.happen(b, PriorityChanged{uint8(rapid.IntRange(1, 200).Draw(t, "priority"))}); err != nil {
				t.Fatal(err)
			}
			if b.s.Role != Backup && !m.dead {
				t.Fatalf("the backup left its role: %v", l)
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			change()
		}
		m.dead = true
		longest := time.Duration(b.cfg.DownTimerAdverts+1) * m.cfg.Interval
		if b.cfg.Version == 2 {
			longest = time.Duration(b.cfg.DownTimerAdverts)*b.cfg.Interval + time.Second
		}
		died := l.now
		for time.Duration(l.now-died) <= longest {
			change()
		}
		if b.s.Role != Master {
			t.Fatalf("the changes kept the backup from taking over: %v", l)
		}
	})
}
