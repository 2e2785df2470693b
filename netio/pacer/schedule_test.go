package pacer_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/packet"
)

func TestScheduleIsExact(t *testing.T) {
	for _, interval := range []time.Duration{10 * ms, 100 * ms, second} {
		t.Run(interval.String(), func(t *testing.T) {
			virtual(t, func(t *testing.T, b *bench) {
				o := b.open(b.a, "/i", interval)
				first := o.master(t, addrA, interval)
				after(500*interval + interval/2)
				equal(t, "adverts", times(b.lan.SentBy("a")), multiples(first, interval, 500))
				if n := o.Stats()[packet.VRRPAdvertSent].Load(); n != 500 {
					t.Errorf("%d adverts counted", n)
				}
				if h := o.Lateness(); h.Count != 500 || h.Counts[0] != 500 || h.Sum != 0 {
					t.Errorf("lateness %+v", h)
				}
				o.Silence()
				after(10 * interval)
				if n := len(b.lan.SentBy("a")); n != 500 || o.NextAdvert() != 0 {
					t.Errorf("%d adverts after silence, next at %d", n, o.NextAdvert())
				}
			})
		})
	}
}

// TestWindowBringsNoDrift: what leaves early with another keeps its own phase.
func TestWindowBringsNoDrift(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		first := b.lan.Now() + int64(100*ms)
		for i, offset := range []time.Duration{0, 200 * time.Microsecond, 300 * time.Microsecond} {
			o := b.open(b.a, "/"+string(rune('x'+i)), 100*ms)
			o.renew()
			o.Advertise(frame(t, addrA, uint8(i+1), 100*ms), 100*ms, first+int64(offset))
		}
		after(100*ms + 50*100*ms)
		var at [4][]int64
		for _, s := range b.lan.SentBy("a") {
			at[s.Frame.Priority] = append(at[s.Frame.Priority], s.At)
		}
		equal(t, "leader", at[1][:50], multiples(first, 100*ms, 50))
		equal(t, "within the window", at[2][:50], multiples(first, 100*ms, 50))
		equal(t, "beyond the window", at[3][:50], multiples(first+int64(300*time.Microsecond), 100*ms, 50))
	})
}

func TestSendAndUpdateMoveTheSchedule(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		start := b.lan.Now()
		o.master(t, addrA, second)
		after(300 * ms)
		o.Send(frame(t, addrA, 100, second), false) // at 0.3: the schedule stays
		after(900 * ms)
		o.Send(frame(t, addrA, 100, second), true) // at 1.2: the next is at 2.2
		after(1100 * ms)
		o.UpdateAdvert(frame(t, addrA, 90, 100*ms), 100*ms) // at 2.3, the last was at 2.2: now
		after(250 * ms)
		var want []int64
		for _, at := range []time.Duration{300 * ms, second, 1200 * ms, 2200 * ms, 2300 * ms, 2400 * ms, 2500 * ms} {
			want = append(want, start+int64(at))
		}
		equal(t, "adverts", times(b.lan.SentBy("a")), want)
		equal(t, "priorities", priorities(b.lan.SentBy("a")), []uint8{100, 100, 100, 100, 90, 90, 90})
		if o.LastSent() != want[6] {
			t.Errorf("last sent %d, want %d", o.LastSent(), want[6])
		}
	})
}

func TestNewOwnerFindsTheScheduleRunning(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		old := b.open(b.a, "/i", 100*ms)
		old.listen(1, 100*ms, 2)
		first := old.master(t, addrA, 100*ms)
		old.reacts(func(h pacer.Hint) { // takes nothing from the slot
			if h == pacer.HintRenew {
				old.renew()
			}
		})
		after(450 * ms)
		b.lan.Inject("a", datagram(t, 1, addrB, 50, 100*ms))
		after(0)
		old.dead.Store(true) // crashed with a packet in the slot
		after(50 * ms)

		heir := b.open(b.a, "/i", 100*ms)
		if old.Take() != nil {
			t.Error("the replaced incarnation took its successor's packets")
		}
		if !heir.renew() {
			t.Fatal("the lease has ended")
		}
		after(500*ms - 1)
		if len(heir.got(pacer.HintPacket)) != 1 {
			t.Errorf("hints of the waiting packet: %v", heir.got(pacer.HintPacket))
		}
		if got := heir.Take(); len(got) != 1 || got[0].Src != addrB {
			t.Errorf("slot %v", got)
		}
		old.Silence() // a replaced incarnation wakes up
		old.Send(frame(t, addrA, 0, 100*ms), false)
		if old.renew() {
			t.Error("a fenced session renewed")
		}
		after(501 * ms)
		equal(t, "adverts", times(b.lan.SentBy("a")), multiples(first, 100*ms, 15))
		if n := heir.Stats()[packet.VRRPAdvertSent].Load(); n != 15 {
			t.Errorf("%d adverts counted", n)
		}
		if n := b.a.Metrics().Fenced; n != 2 {
			t.Errorf("%d fenced orders", n)
		}
	})
}

func TestCloseLetsTheLastSendOut(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		o.listen(1, second, 2)
		o.master(t, addrA, second)
		after(0)
		o.Silence()
		o.Send(frame(t, addrA, 0, second), false)
		b.a.Close("/i")
		after(5 * second)
		equal(t, "priorities", priorities(b.lan.SentBy("a")), []uint8{0})
		b.lan.Inject("a", datagram(t, 1, addrB, 100, second))
		after(0)
		if m := b.a.Metrics(); m.Unknown != 1 || m.Lines != 0 {
			t.Errorf("after close: %+v", m)
		}
		fresh := b.open(b.a, "/i", second)
		if n := fresh.Stats()[packet.VRRPAdvertSent].Load(); n != 0 {
			t.Errorf("the new line counts %d adverts of the old one", n)
		}
	})
}

func TestUnsendableAdvertIsCountedAndNoticedOnce(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", 100*ms)
		b.a.Attach(false, nil)
		o.master(t, addrA, 100*ms)
		after(350 * ms)
		if sent, failed := o.Stats()[packet.VRRPAdvertSent].Load(), o.Stats()[packet.VRRPSendErr].Load(); sent != 0 || failed != 3 {
			t.Errorf("%d sent, %d failed", sent, failed)
		}
		n := o.TakeNotices()
		if len(n) != 1 || n[0].Reason != packet.VRRPSendErr || n[0].From != group {
			t.Errorf("notices %+v", n)
		}
		if o.LastSent() != 0 {
			t.Errorf("last sent %d", o.LastSent())
		}
	})
}

func TestFrameToPeersCountsOnce(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		f := frame(t, addrA, 100, second)
		o.Send(&packet.Frame{Src: f.Src, Dsts: []netip.Addr{addrB, addrC}, Payload: f.Payload, Priority: 100}, false)
		after(0)
		if sent := b.lan.SentBy("a"); len(sent) != 2 || sent[0].Dst != addrB || sent[1].Dst != addrC {
			t.Errorf("sent %v", sent)
		}
		if n := o.Stats()[packet.VRRPAdvertSent].Load(); n != 1 {
			t.Errorf("%d adverts counted", n)
		}
	})
}
