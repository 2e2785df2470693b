package pacer_test

import (
	"testing"
	"time"

	"github.com/understudy-ha/understudy/netio/fake"
	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/packet"
)

// backup makes an owner on host a watch a master on host b that advertises.
func (b *bench) backup(interval time.Duration) (backup, master *owner, first int64) {
	b.t.Helper()
	backup = b.open(b.a, "/backup", interval)
	backup.listen(1, interval, 2)
	backup.Watch(watchOf(addrB, 100, interval, b.lan.Now()+int64(10*interval)))
	master = b.open(b.b, "/master", interval)
	first = master.master(b.t, addrB, interval)
	return backup, master, first
}

func TestMatchingAdvertsAreAbsorbed(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o, _, first := b.backup(second)
		b.lan.Lose(func(s fake.Sent, _ string) bool { // the 5th and 6th
			n := (s.At - first) / int64(second)
			return n == 4 || n == 5
		})
		after(10*second + 500*ms)
		if h := o.got(pacer.HintPacket); len(h) != 0 {
			t.Errorf("%d hints for adverts that change nothing", len(h))
		}
		if want := first + int64(9*second); o.LastHeard() != want {
			t.Errorf("last heard %d, want %d", o.LastHeard(), want)
		}
		if gap, at := o.WorstGap(); gap != 3*second || at != first+int64(6*second) {
			t.Errorf("worst gap %v at %d", gap, at)
		}
		o.ResetWorstGap()
		if gap, _ := o.WorstGap(); gap != 0 {
			t.Errorf("worst gap %v after reset", gap)
		}
		if n := o.Stats()[packet.VRRPAdvertRcvd].Load(); n != 8 {
			t.Errorf("%d adverts counted", n)
		}
		p := o.Peers()
		if len(p) != 1 || p[0].Src != addrB || p[0].Priority != 100 || p[0].At != o.LastHeard() || p[0].Interval != second {
			t.Errorf("peers %+v", p)
		}
	})
}

func TestWatchEndsATimeoutAfterTheLastMatch(t *testing.T) {
	for _, interval := range []time.Duration{10 * ms, second} {
		t.Run(interval.String(), func(t *testing.T) {
			virtual(t, func(t *testing.T, b *bench) {
				o, master, first := b.backup(interval)
				after(20*interval + interval/2)
				master.Silence()
				after(10 * interval)
				last := first + int64(19*interval)
				equal(t, "expiries", o.got(pacer.HintExpired), []int64{last + int64(3*interval+interval/2)})
				if ok, armed, heard := o.Expired(); !ok || armed || heard != last {
					t.Errorf("expired %v, armed %v, last heard %d, want %d", ok, armed, heard, last)
				}
				if ok, _, _ := o.Expired(); ok {
					t.Error("taken twice")
				}
			})
		})
	}
}

func TestFirstDeadlineIsTheOneGiven(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		at := b.lan.Now() + int64(1234567*time.Microsecond)
		o.Watch(watchOf(addrB, 100, second, at))
		after(2 * second)
		equal(t, "expiries", o.got(pacer.HintExpired), []int64{at})
		if ok, _, heard := o.Expired(); !ok || heard != 0 {
			t.Errorf("expired %v, last heard %d", ok, heard)
		}
		o.Watch(watchOf(addrB, 100, second, b.lan.Now()+int64(second)))
		o.Unwatch()
		after(10 * second)
		if n := len(o.got(pacer.HintExpired)); n != 1 {
			t.Errorf("%d expiries after Unwatch", n)
		}
	})
}

// TestOwnStallIsNotSilence: the adverts of the stalled time lie in the queue
// and are read before the deadline is judged.
func TestOwnStallIsNotSilence(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o, master, first := b.backup(second)
		after(5*second + 500*ms)
		b.a.Pause()
		after(20 * second)
		b.a.Resume()
		after(2 * second)
		if h := o.got(pacer.HintExpired); len(h) != 0 {
			t.Fatalf("our stall became silence of the master at %v", h)
		}
		if want := first + int64(26*second); o.LastHeard() != want {
			t.Errorf("last heard %d, want %d", o.LastHeard(), want)
		}
		if m := b.a.Metrics(); m.Stalls == 0 || m.MaxLateness < second {
			t.Errorf("the stall is not in the metrics: %+v", m)
		}
		// A master that died during the stall is still found dead.
		b.a.Pause()
		master.Silence()
		after(20 * second)
		b.a.Resume()
		after(0)
		if h := o.got(pacer.HintExpired); len(h) != 1 || h[0] != b.lan.Now() {
			t.Errorf("expiries %v, now %d", h, b.lan.Now())
		}
	})
}

func TestNewWatchForgetsAnEndNotTaken(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		o.Watch(watchOf(addrB, 100, second, b.lan.Now()+int64(second)))
		after(second)
		o.Watch(watchOf(addrB, 100, second, b.lan.Now()+int64(second))) // an advert was handled meanwhile
		after(0)
		if ok, _, _ := o.Expired(); ok {
			t.Error("the end of the old watch is still there")
		}
		after(second)
		if ok, _, _ := o.Expired(); !ok {
			t.Error("the new watch did not end")
		}
	})
}

func TestNewOwnerLearnsOfTheEndOfTheWatch(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		o.Watch(watchOf(addrB, 100, second, b.lan.Now()+int64(second)))
		after(1100 * ms)
		heir := b.open(b.a, "/i", second)
		after(0)
		if len(heir.got(pacer.HintExpired)) != 1 {
			t.Error("no hint")
		}
		if ok, _, _ := heir.Expired(); !ok {
			t.Error("no end")
		}
	})
}

func TestFloodCostsOneHint(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o, _, _ := b.backup(second)
		after(100 * ms)
		for i := range 2000 { // more than a turn reads
			b.lan.Inject("a", datagram(t, 1, addrC, uint8(1+i%250), second))
		}
		after(0)
		if n := len(o.got(pacer.HintPacket)); n != 1 {
			t.Errorf("%d hints", n)
		}
		// 8 are kept, and 7 more that repeat the last of them are merged into it.
		if m := b.a.Metrics(); m.SlotDrops != 1985 || m.Packets != 2000 {
			t.Errorf("%d packets, %d dropped", m.Packets, m.SlotDrops)
		}
		// The watched master is heard through the flood.
		after(second)
		if o.LastHeard() == 0 {
			t.Error("the flood hid the master")
		}
		got := o.Take()
		if len(got) != 8 {
			t.Fatalf("%d adverts in the slot", len(got))
		}
		for i, h := range got {
			if h.Priority != uint8(i+1) {
				t.Errorf("advert %d has priority %d", i, h.Priority)
			}
		}
		if got := o.Take(); got != nil {
			t.Errorf("taken twice: %v", got)
		}
		b.lan.Inject("a", datagram(t, 1, addrC, 200, second))
		after(0)
		if n := len(o.got(pacer.HintPacket)); n != 2 {
			t.Errorf("%d hints after the slot was taken", n)
		}
	})
}

// TestSlotKeepsTheOrder: what matches the watch is not absorbed while
// something before it waits, and repeats are merged.
func TestSlotKeepsTheOrder(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		o.listen(1, second, 2)
		o.Watch(watchOf(addrB, 100, second, b.lan.Now()+int64(3*second)))
		after(0)
		for _, priority := range []uint8{0, 100, 100, 0} {
			b.lan.Inject("a", datagram(t, 1, addrB, priority, second))
			after(100 * ms)
		}
		got := o.Take()
		if len(got) != 3 || got[0].Priority != 0 || got[1].Priority != 100 || got[2].Priority != 0 {
			t.Fatalf("slot %+v", got)
		}
		if d := got[1].At - got[0].At; d != int64(200*ms) {
			t.Errorf("the merged advert is %v after the first", time.Duration(d))
		}
	})
}
