package pacer_test

import (
	"testing"
	"time"

	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/packet"
)

// arm makes a backup on host a that takes over from a silent segment at end.
func (b *bench) arm(interval time.Duration, wait time.Duration, then func()) (o *owner, end int64) {
	b.t.Helper()
	o = b.open(b.a, "/i", interval)
	o.listen(1, interval, 2)
	o.SetResign(frame(b.t, addrA, 0, interval))
	end = b.lan.Now() + int64(wait)
	o.Watch(watchOf(addrB, 100, interval, end))
	o.Arm(frame(b.t, addrA, 100, interval), then, b.lan.Now()+int64(o.lease))
	return o, end
}

func TestArmedAdvertLeavesBeforeTheOwnerKnows(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		var order []string
		o, end := b.arm(second, 10*second, func() {
			if len(b.lan.SentBy("a")) == 1 {
				order = append(order, "claim after the advert")
			}
		})
		o.reacts(func(h pacer.Hint) {
			switch h {
			case pacer.HintRenew:
				o.renew()
			case pacer.HintExpired:
				order = append(order, "hint")
				if ok, armed, _ := o.Expired(); !ok || !armed {
					t.Errorf("expired %v, armed %v", ok, armed)
				}
				o.master(t, addrA, second)
			case pacer.HintPacket, pacer.HintStalled:
			}
		})
		after(15*second + 500*ms)
		equal(t, "order", order, []string{"claim after the advert", "hint"})
		equal(t, "adverts", times(b.lan.SentBy("a")), multiples(end, second, 6))
		if m := b.a.Metrics(); m.ArmedSent != 1 || o.Stats()[packet.VRRPAdvertSent].Load() != 6 {
			t.Errorf("%+v", m)
		}
	})
}

func TestArmedOwnerThatDiesSendsOneAdvertAndResigns(t *testing.T) {
	for _, interval := range []time.Duration{10 * ms, second} {
		t.Run(interval.String(), func(t *testing.T) {
			virtual(t, func(t *testing.T, b *bench) {
				o, end := b.arm(interval, 10*max(interval, 100*ms), nil)
				o.reacts(func(h pacer.Hint) {
					if h == pacer.HintExpired {
						o.dead.Store(true)
					} else {
						o.renew()
					}
				})
				after(20 * max(interval, 100*ms))
				sent := b.lan.SentBy("a")
				equal(t, "priorities", priorities(sent), []uint8{100, 0})
				if sent[0].At != end {
					t.Errorf("advert at %d, want %d", sent[0].At, end)
				}
				if d := time.Duration(sent[1].At - end); d > o.lease+ms {
					t.Errorf("resigned %v later", d)
				}
				equal(t, "lease ends", b.list(&b.ends), []string{"/i"})
			})
		})
	}
}

func TestBackupWhoseLeaseLapsedIsNotArmed(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o, end := b.arm(second, 10*second, func() { t.Error("claimed") })
		o.dead.Store(true)
		after(20 * second)
		if n := len(b.lan.SentBy("a")); n != 0 {
			t.Errorf("%d adverts", n)
		}
		equal(t, "expiries", o.got(pacer.HintExpired), []int64{end})
		if ok, armed, _ := o.Expired(); !ok || armed {
			t.Errorf("expired %v, armed %v", ok, armed)
		}
		if n := len(o.got(pacer.HintRenew)); n > 4 {
			t.Errorf("%d asks to an owner that does not answer", n)
		}
		if len(b.list(&b.ends)) != 0 {
			t.Error("a backup has no lease to end")
		}
	})
}

func TestDisarmTakesBackWhatWasSent(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o, _ := b.arm(second, 2*second, nil)
		o.reacts(func(h pacer.Hint) {
			if h == pacer.HintRenew {
				o.renew()
			}
		})
		after(2*second + 100*ms)
		o.Disarm() // the owner had decided against it before it knew
		after(5 * second)
		equal(t, "priorities", priorities(b.lan.SentBy("a")), []uint8{100, 0})
		if ok, armed, _ := o.Expired(); !ok || !armed {
			t.Errorf("expired %v, armed %v: the owner must learn of it", ok, armed)
		}
		if len(b.list(&b.ends)) != 0 {
			t.Error("reported as a lease end")
		}
	})
}

func TestDisarmedWatchOnlyHints(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o, end := b.arm(second, 2*second, func() { t.Error("claimed") })
		o.Disarm()
		after(5 * second)
		if n := len(b.lan.SentBy("a")); n != 0 {
			t.Errorf("%d adverts", n)
		}
		equal(t, "expiries", o.got(pacer.HintExpired), []int64{end})
	})
}
