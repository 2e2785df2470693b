package vrrp

import (
	"strings"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

func (r *router) record() supervisors.Record {
	r.t.Helper()
	rec, ok := r.sys.Registry().Record(r.path)
	if !ok {
		r.t.Fatalf("no actor at %s", r.path)
	}
	return rec
}

func TestKillsCostNothing(t *testing.T) {
	virtual(t, func(w *world) {
		a, b := pair(w)
		for _, r := range []*router{a, b} {
			if err := w.sys.Kill(r.path, supervisors.KillSpec{Times: 200, Every: 97 * ms}); err != nil {
				t.Fatal(err)
			}
		}
		w.at(30 * second)
		if n := a.record().Restarts; n != 200 {
			t.Errorf("%d restarts", n)
		}
		steady(t, a, 29*second)
		if len(a.sent(true)) != 0 || len(b.lan.SentBy("b")) != 0 || len(a.status().Transitions) != 2 || len(b.status().Transitions) != 1 {
			t.Errorf("a %v, b %v", a.status().Transitions, b.status().Transitions)
		}
		if got := a.spans(); len(got) != 1 || got[0].to != 0 {
			t.Errorf("held %v", got)
		}
		_ = a.stop(messages.StopInstance{Release: true})
		after(second)
		if got := b.spans(); len(got) != 1 || b.shots != 1 {
			t.Errorf("b held %v, armed claims %d", got, b.shots)
		}
	})
}

func TestAHungMasterIsReplacedInTime(t *testing.T) {
	virtual(t, func(w *world) {
		a, b := pair(w)
		if err := w.sys.Kill(a.path, supervisors.KillSpec{Mode: supervisors.KillHang}); err != nil {
			t.Fatal(err)
		}
		w.at(15 * second)
		a.want("master")
		if n := a.record().Hangs; n != 1 {
			t.Errorf("%d hangs", n)
		}
		steady(t, a, 14*second)
		if len(a.sent(true)) != 0 || len(a.ends) != 0 || len(b.status().Transitions) != 1 {
			t.Errorf("resigned %v, leases ended %v, b %v", a.sent(true), a.ends, b.status().Transitions)
		}
		w.at(90 * second) // the hung turn has ended by itself
		a.want("master")
		if n := a.record().Restarts; n != 1 {
			t.Errorf("%d restarts", n)
		}
	})
}

// A lease that ends while nobody replaces the actor: the others take over, and
// the one who wakes up starts cold, in place or as a new incarnation.
func TestALeaseEndsWithoutASecondHolder(t *testing.T) {
	for name, nap := range map[string]time.Duration{"busy for a second": second, "hung until it is replaced": time.Hour} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(w *world) {
				a, b := w.router("a", 1), w.router("b", 2)
				a.deaf = true
				for i, r := range []*router{a, b} {
					c := instanceOf(r.name, [2]uint8{100, 90}[i])
					c.AdvertInterval = 100 * ms
					r.spawn(r.env(), c, nil)
				}
				w.at(2 * second)
				a.want("master")
				if nap == second {
					a.trap.nap = nap
					w.sys.Tell(a.path, &messages.Garp{})
				} else if err := w.sys.Kill(a.path, supervisors.KillSpec{Mode: supervisors.KillHang}); err != nil {
					t.Fatal(err)
				}
				w.at(2800 * ms)
				b.want("master")
				if len(a.sent(true)) != 1 || len(a.ends) != 1 || a.holding() {
					t.Errorf("resigned %v, ended %v, holding %v", a.sent(true), a.ends, a.holding())
				}
				if r := a.record(); r.Restarts != 0 {
					t.Fatalf("replaced too early for this test: %+v", r)
				}
				w.at(10 * second)
				a.want("master") // it preempts
				b.want("backup")
				apart(t, a, b)
				got := a.status()
				if n := len(got.Transitions); n != 5 || got.Transitions[2].Cause != "no sign of life in time: the lease ended" || got.Transitions[3].To != "backup" {
					t.Errorf("transitions %v", got.Transitions)
				}
				if got.Counters["become_master"] != 2 || got.Counters["release_master"] != 1 {
					t.Errorf("counters %v", got.Counters)
				}
				sent := a.sent(false)
				if last := sent[len(sent)-1]; w.now()-last > 101*ms {
					t.Errorf("a master whose last advert left at %v", last)
				}
				_ = b.stop(messages.StopInstance{Release: true})
				a.hear(9, 200) // armed again, too
				after(5 * second)
				if a.want("master"); a.shots != 3 {
					t.Errorf("%d of 3 takeovers were armed", a.shots)
				}
			})
		})
	}
}

func TestACrashLoopEndsInQuarantineAndIsRetried(t *testing.T) {
	virtual(t, func(w *world) {
		a, b := pair(w)
		a.trap.set("all")
		w.sys.Tell(a.path, &messages.Garp{})
		after(3 * second)
		r := a.record()
		if r.State != supervisors.Quarantined || r.LastCrash == nil || !strings.Contains(r.LastCrash.Reason, "bad message") {
			t.Fatalf("record %+v", r)
		}
		if a.holding() || len(a.sent(true)) == 0 {
			t.Errorf("holding %v, resigned %v", a.holding(), a.sent(true))
		}
		b.want("master")
		apart(t, a, b)
		a.trap.set("")
		after(36 * second)
		a.want("master")
		b.want("backup")
		if r := a.record(); r.State != supervisors.Running {
			t.Errorf("state %s", r.State)
		}
		apart(t, a, b)
	})
}

// Memory that cannot be resumed from is thrown away: a cold start, and nothing
// stays behind.
func TestPoisonedMemoryIsGivenUp(t *testing.T) {
	virtual(t, func(w *world) {
		a, b := pair(w)
		a.trap.set("*actor.Started")
		_ = w.sys.Kill(a.path, supervisors.KillSpec{Count: true})
		time.Sleep(50 * ms) // the second death on resuming comes after 5 ms
		a.trap.set("")
		after(second)
		b.want("master")
		if s := a.status(); s.State != "backup" || len(s.Transitions) != 1 || a.holding() || len(a.sent(true)) != 1 {
			t.Errorf("status %+v, holding %v, resigned %v", s, a.holding(), a.sent(true))
		}
		apart(t, a, b)
		after(5 * second)
		a.want("master")
		apart(t, a, b)
	})
}

// A stall of the whole pacer is nobody's death.
func TestAStallOfThePacerEndsNoLease(t *testing.T) {
	virtual(t, func(w *world) {
		a, b := pair(w)
		a.host.Pause()
		after(2500 * ms)
		a.host.Resume()
		after(2 * second)
		a.want("master")
		b.want("backup")
		if len(a.ends) != 0 || len(a.sent(true)) != 0 {
			t.Errorf("leases ended %v, resigned %v", a.ends, a.sent(true))
		}
	})
}
