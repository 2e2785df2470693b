package pacer_test

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/understudy-ha/understudy/netio/fake"
	"github.com/understudy-ha/understudy/netio/pacer"
)

func TestAVouchedOwnerIsAskedEveryEighthTime(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		o.master(t, addrA, second)
		o.Vouch(func() bool { return true })
		after(80 * second)
		if n := len(o.got(pacer.HintRenew)); n < 8 || n > 11 {
			t.Errorf("%d asks in 80 periods, want every eighth", n)
		}
		if n := len(b.lan.SentBy("a")); n < 79 {
			t.Errorf("%d adverts in 80 s", n)
		}
		if b.a.Metrics().LeaseEnds != 0 || len(b.list(&b.missed)) != 0 {
			t.Error("a living owner lost its lease")
		}
	})
}

func TestVouchingEndsWithTheOwner(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		var idle atomic.Bool
		idle.Store(true)
		o := b.open(b.a, "/i", second)
		o.master(t, addrA, second)
		o.Vouch(idle.Load)
		after(20 * second)
		idle.Store(false)
		o.dead.Store(true)
		after(4 * second)
		equal(t, "lease ends", b.list(&b.ends), []string{"/i"})
		if len(b.list(&b.missed)) == 0 {
			t.Error("the silent owner was not reported")
		}
	})
}

// An armed backup that nobody vouches for any more does not take over by itself.
func TestAnArmedOwnerIsJudgedWhenItsWatchEnds(t *testing.T) {
	for name, idle := range map[string]bool{"idle": true, "busy": false} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T, b *bench) {
				var alive atomic.Bool
				alive.Store(true)
				o, _ := b.arm(second, 10*second, nil)
				o.Vouch(alive.Load)
				after(7 * second) // past the lease of two adverts
				if n := len(o.got(pacer.HintRenew)); n > 1 {
					t.Errorf("%d asks in 7 periods", n)
				}
				alive.Store(idle)
				after(3*second + ms)
				if sent := len(b.lan.SentBy("a")) > 0; sent != idle {
					t.Errorf("armed advert sent: %v", sent)
				}
				if len(o.got(pacer.HintExpired)) != 1 {
					t.Error("the owner was not told of the end")
				}
			})
		})
	}
}

func TestTheWriterIsWokenBeforeAnArmedWatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := fake.NewLAN()
		var times, last atomic.Int64
		p := lan.Join(fake.Host{Name: "a", Ifindex: 2, Addrs: []netip.Addr{addrA}, Options: pacer.Options{
			OnNear: func() { times.Add(1); last.Store(lan.Now()) },
		}})
		defer p.Leave()
		b := &bench{t: t, lan: lan, a: p}
		o, end := b.arm(second, 10*second, nil)
		after(5 * second)
		if times.Load() != 0 {
			t.Fatal("woken 5 s too early")
		}
		after(6 * second)
		if at := last.Load(); times.Load() != 1 || at >= end || end-at > int64(ms) {
			t.Errorf("woken %d times, last at %d, the watch ended at %d", times.Load(), at, end)
		}
		if len(o.got(pacer.HintExpired)) != 1 {
			t.Error("the watch did not end")
		}
	})
}
