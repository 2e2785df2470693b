package vrrp

import (
	"slices"
	"testing"

	"github.com/understudy-ha/understudy/messages"
)

// handover stops a master as for another process and returns what it left.
func handover(t *testing.T, r *router) *messages.InstanceState {
	t.Helper()
	answer, err := r.sys.Ask(r.path, second, &messages.StopInstance{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.sys.Stop(r.path, second); err != nil {
		t.Fatal(err)
	}
	r.host.Close(r.path)
	return answer.(*messages.InstanceStopped).State
}

func TestAnotherProcessGoesOn(t *testing.T) {
	for name, tr := range map[string]*trap{
		"in order": {}, "crashed before the first message": {at: beforeMessage, n: 1}, "crashed after the first message": {at: afterMessage, n: 1},
		"crashed at the second": {at: beforeMessage, n: 2}, "crashed after the second": {at: afterMessage, n: 2},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(w *world) {
				a, b := pair(w)
				was := a.status()
				state := handover(t, a)
				after(500 * ms)
				i := instanceOf("a", 100)
				seed := SeedOf(&i, state, w.lan.Now(), true)
				if !seed.Adopts() {
					t.Fatal("it will not resume as master")
				}
				a.trap = tr
				a.spawn(a.env(), i, seed)
				w.at(15 * second)
				if tr.sprung() != (tr.at != nowhere) {
					t.Errorf("hit %q", tr.hit)
				}
				s := a.status()
				if s.State != "master" || len(s.Transitions) != 1 || !s.Since.Equal(was.Since) || len(b.status().Transitions) != 1 {
					t.Errorf("a %+v, b %v", s, b.status().Transitions)
				}
				steady(t, a, 14*second)
				if got := a.spans(); len(got) != 1 || got[0].to != 0 || len(a.sent(true)) != 0 || len(w.clean) != 0 {
					t.Errorf("held %v, resigned %v, cleaned %v", got, a.sent(true), w.clean)
				}
			})
		})
	}
}

// What was left for a master that cannot resume is cleaned, whatever crashes.
func TestAMasterThatCannotResumeLeavesNothing(t *testing.T) {
	for at := nowhere; at <= afterCall; at++ {
		for n := 1; n < 40; n++ {
			hit := true
			t.Run("", func(t *testing.T) {
				virtual(t, func(w *world) {
					a := w.router("a", 1)
					a.start(100)
					w.at(5 * second)
					a.want("master")
					state := handover(t, a)
					a.up(false)
					i := instanceOf("a", 100)
					a.trap = &trap{at: at, n: n}
					a.spawn(a.env(), i, SeedOf(&i, state, w.lan.Now(), true))
					after(ms)
					hit = a.trap.sprung()
					if !slices.Contains(w.clean, "10.0.0.100/24") {
						t.Errorf("%s: not cleaned", a.trap.hit)
					}
					if s := a.status(); s.State != "fault" || s.Transitions[0].From != "init" {
						t.Errorf("%s: %+v", a.trap.hit, s)
					}
				})
			})
			if !hit {
				break
			}
		}
	}
}

// A hold from before a reboot or a long pause stays one.
func TestASavedBackupGoesOn(t *testing.T) {
	virtual(t, func(w *world) {
		a, b := pair(w)
		a.ask(&messages.Switchover{})
		state := handover(t, a)
		if state.Role != "backup" || !state.Held {
			t.Fatalf("state %+v", state)
		}
		i := instanceOf("a", 100)
		a.spawn(a.env(), i, SeedOf(&i, state, w.lan.Now(), true))
		after(10 * second)
		if s := a.status(); s.State != "backup" || !s.Held || s.Master == nil || s.Master.Address != "10.0.0.2" {
			t.Errorf("status %+v", s)
		}
		b.want("master")
		if got := a.told("resumed"); len(got) != 1 {
			t.Errorf("timeline %q", got)
		}
	})
}
