package pacer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/packet"
)

func TestDeadOwnerResignsOnceThenIsSilent(t *testing.T) {
	for _, interval := range []time.Duration{10 * ms, 100 * ms, second} {
		t.Run(interval.String(), func(t *testing.T) {
			virtual(t, func(t *testing.T, b *bench) {
				o := b.open(b.a, "/i", interval)
				o.master(t, addrA, interval)
				after(20 * max(interval, 100*ms))
				b.lan.Forget()
				o.dead.Store(true)
				died := b.lan.Now()
				after(10 * o.lease)

				sent := b.lan.SentBy("a")
				p := priorities(sent)
				if len(p) == 0 || p[len(p)-1] != 0 {
					t.Fatalf("no resignation: %v", p)
				}
				for _, x := range p[:len(p)-1] {
					if x != 100 {
						t.Fatalf("more than one resignation: %v", p)
					}
				}
				if end := time.Duration(sent[len(sent)-1].At - died); end > o.lease+ms || end < 0 {
					t.Errorf("resigned %v after the death, lease %v", end, o.lease)
				}
				equal(t, "lease ends", b.list(&b.ends), []string{"/i"})
				if len(b.list(&b.missed)) == 0 {
					t.Error("the unanswered ask was not reported")
				}
				if o.renew() || !o.Ended() {
					t.Error("an ended lease was renewed")
				}
				o.Advertise(frame(t, addrA, 100, interval), interval, b.lan.Now())
				after(5 * interval)
				if n := len(b.lan.SentBy("a")); n != len(sent) {
					t.Error("sent after the end of the lease")
				}
				o.dead.Store(false)
				o.Reopen()
				b.lan.Forget()
				first := o.master(t, addrA, interval)
				after(3*interval + interval/2)
				equal(t, "after reopen", times(b.lan.SentBy("a")), multiples(first, interval, 3))
			})
		})
	}
}

func TestLeaseIsAskedForOnceAPeriod(t *testing.T) {
	for _, c := range []struct{ interval, period time.Duration }{{10 * ms, 50 * ms}, {100 * ms, 100 * ms}, {second, second}} {
		t.Run(c.interval.String(), func(t *testing.T) {
			virtual(t, func(t *testing.T, b *bench) {
				o := b.open(b.a, "/i", c.interval)
				o.master(t, addrA, c.interval)
				after(100 * c.period)
				if n := len(o.got(pacer.HintRenew)); n < 90 || n > 100 {
					t.Errorf("%d asks in 100 periods", n)
				}
				if b.a.Metrics().LeaseEnds != 0 || len(b.list(&b.missed)) != 0 {
					t.Error("a living owner lost its lease")
				}
			})
		})
	}
}

func TestSweepIsBounded(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		const count = 300
		var owners []*owner
		for i := range count {
			o := b.open(b.a, fmt.Sprintf("/i%d", i), second)
			o.master(t, addrA, second)
			owners = append(owners, o)
		}
		after(1500 * ms)
		perInstant := map[int64]int{}
		for _, o := range owners {
			for _, at := range o.got(pacer.HintRenew) {
				perInstant[at]++
			}
		}
		total := 0
		for at, n := range perInstant {
			total += n
			if n > 128 {
				t.Errorf("%d asks in the turn at %d", n, at)
			}
		}
		if total != count {
			t.Errorf("%d asks for %d owners", total, count)
		}
	})
}

func TestStallHoldsUntilTheOwnerAnswered(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		first := o.master(t, addrA, second)
		after(3*second + 500*ms)
		last := first + int64(2*second)
		o.reacts(func(pacer.Hint) {}) // alive, but takes its time
		b.a.Pause()
		after(10 * second)
		b.lan.Forget()
		b.a.Resume()
		after(100 * ms)
		if n := len(b.lan.SentBy("a")); n != 0 {
			t.Fatalf("%d adverts before the owner judged the stall", n)
		}
		if n := len(o.got(pacer.HintStalled)); n != 1 {
			t.Fatalf("%d stall hints", n)
		}
		s, ok := o.Stalled()
		if !ok || s.LastSent != last || s.Missed != 9 || !s.Held {
			t.Errorf("stall %+v, %v; last sent %d", s, ok, last)
		}
		if len(b.list(&b.ends)) != 0 {
			t.Error("a stall of ours ended a lease")
		}
		o.reacts(nil)
		resumed := b.lan.Now()
		o.renew()
		after(2 * second)
		equal(t, "one at once, then in phase", times(b.lan.SentBy("a")),
			[]int64{resumed, first + int64(13*second), first + int64(14*second)})
	})
}

func TestStalledOwnerMayFallSilentInstead(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		o.master(t, addrA, second)
		after(1500 * ms)
		o.reacts(func(h pacer.Hint) {
			if h == pacer.HintStalled {
				o.Silence() // heard another master: backup
				o.renew()
			}
		})
		b.a.Pause()
		after(10 * second)
		b.lan.Forget()
		b.a.Resume()
		after(10 * second)
		if n := len(b.lan.SentBy("a")); n != 0 {
			t.Errorf("%d adverts after Silence", n)
		}
	})
}

func TestDeadOwnerIsFoundAfterAStall(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		o.master(t, addrA, second)
		after(1500 * ms)
		o.dead.Store(true)
		b.a.Pause()
		after(10 * second)
		b.lan.Forget()
		b.a.Resume()
		resumed := b.lan.Now()
		after(second - 1)
		if len(b.list(&b.ends)) != 0 || len(b.lan.SentBy("a")) != 0 {
			t.Fatal("judged before one full ask")
		}
		after(5 * second)
		equal(t, "lease ends", b.list(&b.ends), []string{"/i"})
		sent := b.lan.SentBy("a")
		equal(t, "priorities", priorities(sent), []uint8{0})
		if d := time.Duration(sent[0].At - resumed); d > 2*second {
			t.Errorf("found dead only after %v", d)
		}
	})
}

func TestStallPolicyHoldsALivingLease(t *testing.T) {
	for _, hold := range []bool{false, true} {
		t.Run(fmt.Sprint(hold), func(t *testing.T) {
			virtual(t, func(t *testing.T, b *bench) {
				o := b.open(b.a, "/i", 10*ms)
				o.lease = 10 * second
				if hold {
					o.SetStallPolicy(36 * ms)
				}
				o.master(t, addrA, 10*ms)
				after(105 * ms)
				o.reacts(func(pacer.Hint) {})
				b.a.Pause()
				after(40 * ms)
				b.lan.Forget()
				b.a.Resume()
				after(0)
				want := 1
				if hold {
					want = 0
				}
				if n := len(b.lan.SentBy("a")); n != want {
					t.Errorf("%d adverts, want %d: no burst", n, want)
				}
				if s, ok := o.Stalled(); !ok || s.Held != hold {
					t.Errorf("stall %+v, %v", s, ok)
				}
			})
		})
	}
}

func TestAbandonResigns(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		o.listen(1, second, 2)
		o.master(t, addrA, second)
		after(1500 * ms)
		b.a.Abandon("/i")
		b.lan.Forget()
		after(5 * second)
		equal(t, "priorities", priorities(b.lan.SentBy("a")), []uint8{0})
		if o.renew() || len(b.list(&b.ends)) != 0 {
			t.Error("abandoned in order: renewed, or reported as a lease end")
		}
		if o.Stats()[packet.VRRPPriZeroSent].Load() != 1 {
			t.Error("the resignation is not counted")
		}
	})
}

// An owner that does not answer is reported in time to be replaced before its lease ends.
func TestASilentOwnerIsReportedBeforeItsLeaseEnds(t *testing.T) {
	for _, interval := range []time.Duration{10 * ms, 50 * ms, 100 * ms, second} {
		t.Run(interval.String(), func(t *testing.T) {
			virtual(t, func(t *testing.T, b *bench) {
				o := b.open(b.a, "/i", interval)
				o.master(t, addrA, interval)
				after(10 * max(interval, 50*ms))
				o.dead.Store(true)
				for len(b.list(&b.missed)) == 0 {
					after(ms)
				}
				if b.a.Metrics().LeaseEnds != 0 {
					t.Error("the lease ended first")
				}
			})
		})
	}
}
