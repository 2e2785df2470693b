package vrrp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// ask gives an order that must be answered.
func (r *router) ask(msg any) *messages.Done {
	r.t.Helper()
	d, err := r.order(msg, 5*second)
	if err != nil {
		r.t.Fatalf("%T: %v", msg, err)
	}
	return d
}

func refused(t *testing.T, d *messages.Done, text string) {
	t.Helper()
	if !d.Conflict || !strings.Contains(d.Error, text) {
		t.Errorf("answer %+v, want a conflict: %s", d, text)
	}
}

func TestSwitchover(t *testing.T) {
	t.Run("is answered when the other has taken over, and back", func(t *testing.T) {
		virtual(t, func(w *world) {
			a, b := pair(w)
			if d := a.ask(&messages.Switchover{}); *d != (messages.Done{}) {
				t.Errorf("answer %+v", d)
			}
			if got := w.now(); got != 5*second+648437500 {
				t.Errorf("answered at %v", got)
			}
			if s := a.status(); s.State != "backup" || !s.Held {
				t.Errorf("a is %s, held %v", s.State, s.Held)
			}
			after(10 * second)
			b.want("master")
			if d := a.ask(&messages.Switchover{Back: true}); *d != (messages.Done{}) {
				t.Errorf("answer %+v", d)
			}
			after(5 * second)
			a.want("master")
			refused(t, a.ask(&messages.Switchover{Back: true}), "not held by a switchover")
		})
	})
	t.Run("that nobody answers fails after a down interval and costs no address", func(t *testing.T) {
		virtual(t, func(w *world) {
			a := w.router("a", 1)
			a.start(100)
			w.at(5 * second)
			refused(t, a.ask(&messages.Switchover{}), "nobody took over")
			if got := w.now(); got != 5*second+3609375*time.Microsecond {
				t.Errorf("answered at %v", got)
			}
			after(0)
			a.want("master")
			if got := a.spans(); len(got) != 1 || got[0].to != 0 {
				t.Errorf("held %v", got)
			}
			n := len(a.sent(false))
			after(3 * second)
			if got := len(a.sent(false)); got != n+3 {
				t.Errorf("%d adverts in 3 s afterwards", got-n)
			}
			refused(t, a.ask(&messages.Switchover{}), "nobody took over") // a second one is told too
		})
	})
	t.Run("by force leaves at once", func(t *testing.T) {
		virtual(t, func(w *world) {
			a, b := pair(w)
			if d := a.ask(&messages.Switchover{Force: true}); *d != (messages.Done{}) || w.now() != 5*second {
				t.Errorf("answer %+v at %v", d, w.now())
			}
			after(second)
			b.want("master")
			if s := a.status(); s.State != "backup" || !s.Held {
				t.Errorf("a is %s, held %v", s.State, s.Held)
			}
			apart(t, a, b)
		})
	})
	t.Run("is refused by who is not master, and while one is under way", func(t *testing.T) {
		virtual(t, func(w *world) {
			a, b := pair(w)
			refused(t, b.ask(&messages.Switchover{}), "backup, not master")
			refused(t, b.ask(&messages.Garp{}), "only a master")
			answer := make(chan *messages.Done, 1)
			go func() { answer <- a.ask(&messages.Switchover{}) }()
			after(ms)
			refused(t, a.ask(&messages.Switchover{}), "under way")
			_ = w.sys.Kill(a.path, supervisors.KillSpec{}) // does not lose who waits
			after(second)
			if d := <-answer; *d != (messages.Done{}) {
				t.Errorf("answer %+v", d)
			}
		})
	})
	t.Run("that a fault overtakes is told so", func(t *testing.T) {
		virtual(t, func(w *world) {
			a, b := pair(w)
			_ = b.stop(messages.StopInstance{Release: true})
			answer := make(chan *messages.Done, 1)
			go func() { answer <- a.ask(&messages.Switchover{}) }()
			after(ms)
			a.up(false)
			refused(t, <-answer, "interface eth0 down")
		})
	})
}

func TestGarp(t *testing.T) {
	virtual(t, func(w *world) {
		a, _ := pair(w)
		if d := a.ask(&messages.Garp{}); *d != (messages.Done{}) {
			t.Errorf("answer %+v", d)
		}
		after(0)
		if !slices.Equal(w.said, []string{a.path + " x1"}) {
			t.Errorf("announced %q", w.said)
		}
	})
}

// rename gives the instance another name as a reload does.
func (r *router) rename(to string) {
	r.t.Helper()
	from := r.path
	answer, err := r.sys.Ask(from, second, &messages.LeaveName{})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.sys.Stop(from, second); err != nil {
		r.t.Fatal(err)
	}
	r.path = messages.InstancePath(to)
	i := *r.specs[from].Load()
	i.Name = to
	r.host.Rename(from, r.path)
	r.sys.Tell(messages.PathAddress, &messages.RenameOwner{From: from, To: r.path})
	r.spawn(r.env(), i, answer.(*messages.NameLeft).Memory.(*Seed))
	after(0)
	r.sys.Tell(messages.InboxPath(false), &messages.LeaveGroup{Owner: from})
}

func TestRenameChangesNothing(t *testing.T) {
	for name, trapAt := range map[string]where{"in order": nowhere, "with a crash at the first message": beforeMessage, "with a crash after the first message": afterMessage} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(w *world) {
				a, b := pair(w)
				a.hear(3, 50)
				after(ms)
				before := a.status()
				a.trap = &trap{at: trapAt, n: 1}
				a.rename("new")
				w.at(20*second + 100*ms)
				if a.trap.sprung() != (trapAt != nowhere) {
					t.Fatalf("hit %q", a.trap.hit)
				}
				s := a.status()
				if s.Name != "new" || s.State != "master" || len(s.Transitions) != len(before.Transitions) || !s.Since.Equal(before.Since) || len(s.Conflict.With) != 1 {
					t.Errorf("status %+v", s)
				}
				if got := a.spans(); len(got) != 1 || got[0].to != 0 || len(a.sent(true)) != 0 {
					t.Errorf("held %v, resigned %v", got, a.sent(true))
				}
				gaps(t, "a", a.sent(false), span{5 * second, 20 * second})
				if len(b.status().Transitions) != 1 || len(a.groups) != 1 {
					t.Errorf("the other %v, groups %v", b.status().Transitions, a.groups)
				}
				a.change(func(i *config.Instance) { i.Priority = 80 }) // it listens to its name
				after(8 * second)
				b.want("master")
			})
		})
	}
}

func TestAReloadSurvivesACrash(t *testing.T) {
	virtual(t, func(w *world) {
		a, _ := pair(w)
		a.trap.set("*messages.ReconfigureInstance")
		a.change(func(i *config.Instance) { i.Priority, i.VirtualIPs = 120, []config.Address{vip("10.0.0.111/24")} })
		after(ms)
		s := a.status()
		if s.Priority.Effective != 120 || !slices.Equal(s.Addresses, []string{"10.0.0.111/24"}) || s.State != "master" {
			t.Errorf("status %+v", s)
		}
		if got := a.record().LastCrash.State; !strings.HasPrefix(got, "master, priority 100, source 10.0.0.1, ") {
			t.Errorf("state before the crash: %q", got)
		}
		if got := a.owners[a.path].list; len(got) != 1 || got[0].Prefix != netip.MustParsePrefix("10.0.0.111/24") {
			t.Errorf("claimed %v", got)
		}
		after(second)
		sent := w.lan.SentBy("a")
		if f := sent[len(sent)-1].Frame; f.Priority != 120 {
			t.Errorf("advertises %d", f.Priority)
		}
		if got := a.told("reconfigured"); len(got) != 1 {
			t.Errorf("timeline %q", got)
		}
		a.trap.set("")
		a.change(func(*config.Instance) {}) // nothing changed
		after(ms)
		if got := a.told("reconfigured"); len(got) != 1 {
			t.Errorf("timeline %q", got)
		}
	})
}
