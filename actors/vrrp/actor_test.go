package vrrp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/packet"
	"github.com/understudy-ha/understudy/supervisors"
)

// pair is a as master since 3.609 s and b as its backup, at 5 s.
func pair(w *world) (a, b *router) {
	w.t.Helper()
	a, b = w.router("a", 1), w.router("b", 2)
	a.start(100)
	b.start(90)
	w.at(5 * second)
	a.want("master")
	b.want("backup")
	return a, b
}

// apart checks that addresses were never held by both.
func apart(t *testing.T, a, b *router) {
	t.Helper()
	for _, x := range a.spans() {
		for _, y := range b.spans() {
			if (y.to == 0 || x.from < y.to) && (x.to == 0 || y.from < x.to) {
				t.Errorf("both held the addresses: %v and %v", x, y)
			}
		}
	}
}

func TestStatusFollowsTheInstance(t *testing.T) {
	virtual(t, func(w *world) {
		a, b := w.router("a", 1), w.router("b", 2)
		a.start(100)
		b.start(90)
		after(second)
		s := a.status()
		if s.State != "backup" || s.Master != nil || s.AddressesHeld || s.DownInterval != 3.609375 || s.Source != "10.0.0.1" {
			t.Errorf("before the takeover: %+v", s)
		}
		w.at(10*second + 100*ms)
		s = a.status()
		if s.State != "master" || s.Master == nil || *s.Master != (messages.MasterOf{Address: "10.0.0.1", Priority: 100}) || !s.AddressesHeld {
			t.Errorf("the master: %+v", s)
		}
		if s.Counters["advert_sent"] != 7 || s.Counters["become_master"] != 1 || s.Counters["release_master"] != 0 {
			t.Errorf("counters of the master: %v", s.Counters)
		}
		s = b.status()
		if s.Master == nil || *s.Master != (messages.MasterOf{Address: "10.0.0.1", Priority: 100}) || s.AddressesHeld || s.DownInterval != 3.6484375 {
			t.Errorf("the backup: %+v", s)
		}
		if s.Counters["advert_rcvd"] != 7 || len(s.Peers) != 1 || s.Peers[0].Address != "10.0.0.1" || s.Margin.WorstGap != 1 {
			t.Errorf("what the backup heard: %v %+v %+v", s.Counters, s.Peers, s.Margin)
		}
		if n := b.statusReader().(messages.MetricsReader).InstanceMetrics().TransitionsTo["backup"]; n != 1 {
			t.Errorf("entered backup %d times", n)
		}
		a.up(false)
		after(0)
		if s = a.status(); s.State != "fault" || len(s.Faults) != 1 || s.Faults[0].Cause != "interface_down" || s.AddressesHeld {
			t.Errorf("in fault: %+v", s)
		}
		if got := a.told("transition"); len(got) != 3 || got[2] != "master>fault: interface eth0 down" {
			t.Errorf("timeline %q", got)
		}
	})
}

func TestRefusedAddressesAreToldOnce(t *testing.T) {
	virtual(t, func(w *world) {
		a := w.router("a", 1)
		a.refuse = []messages.AddressFailure{{Prefix: netip.MustParsePrefix("10.0.0.100/24"), Error: "no"}}
		a.start(100)
		w.at(5 * second)
		a.want("master")
		for range 3 { // each declares the claim again
			if err := w.sys.Kill(a.path, supervisors.KillSpec{}); err != nil {
				t.Fatal(err)
			}
			after(ms)
		}
		if s := a.status(); len(s.Refused) != 1 || s.Refused[0] != (messages.Refused{Address: "10.0.0.100/24", Error: "no"}) {
			t.Errorf("refused %v", s.Refused)
		}
		if got := a.told("address_refused"); len(got) != 1 {
			t.Errorf("timeline %q", got)
		}
	})
}

func TestNoticesComeOnceARole(t *testing.T) {
	virtual(t, func(w *world) {
		a, _ := pair(w)
		odd := func() {
			w.lan.Inject("a", packet.VRRPDatagram{Src: netip.MustParseAddr("10.0.0.7"), Dst: group, TTL: 64, Payload: a.advert(netip.MustParseAddr("10.0.0.7"), 50)})
			after(10 * ms)
		}
		odd()
		odd()
		if got := a.told("notice"); len(got) != 1 || !strings.Contains(got[0], "packet from 10.0.0.7: ip_ttl_err") {
			t.Errorf("notices %q", got)
		}
		_ = w.sys.Kill(a.path, supervisors.KillSpec{})
		after(ms)
		odd()
		if got := a.told("notice"); len(got) != 1 {
			t.Errorf("told again after a restart: %q", got)
		}
		a.hear(9, 200)
		after(ms)
		a.want("backup")
		odd()
		if got := a.told("notice"); len(got) != 2 {
			t.Errorf("in another role: %q", got)
		}
		if n := a.status().Counters["ip_ttl_err"]; n != 4 {
			t.Errorf("%d counted", n)
		}
	})
}

func TestConflictsAreAccountedFor(t *testing.T) {
	virtual(t, func(w *world) {
		a, _ := pair(w)
		a.hear(3, 50)
		after(second)
		if c := a.status().Conflict; !c.Active || c.TotalSeconds != 1 || !slices.Equal(c.With, []string{"10.0.0.3"}) {
			t.Errorf("while it lasts: %+v", c)
		}
		after(5 * second)
		if c := a.status().Conflict; c.Active || c.TotalSeconds < 3 || c.TotalSeconds > 4 {
			t.Errorf("when it is over: %+v", c)
		}
		if got := a.told("conflict"); len(got) != 2 || !strings.HasPrefix(got[1], "active>: 10.0.0.3 is no longer heard") {
			t.Errorf("timeline %q", got)
		}
	})
}

// The armed frame is what the instance sends afterwards, and the claim that
// goes with it is the instance's own.
func TestTheArmedFrameIsWhatBecomesOfIt(t *testing.T) {
	changes := map[string]struct {
		change func(r *router)
		first  time.Duration
	}{
		"as configured": {func(*router) {}, 3609375 * time.Microsecond},
		"after a reload": {func(r *router) {
			r.change(func(i *config.Instance) { i.Priority, i.VirtualIPs = 120, append(i.VirtualIPs, vip("10.0.0.102/24")) })
		}, 3531250 * time.Microsecond},
		"after another source":  {func(r *router) { r.source("10.0.0.11/24") }, 3609375 * time.Microsecond},
		"after a restart":       {func(r *router) { _ = r.sys.Kill(r.path, supervisors.KillSpec{}) }, 3609375 * time.Microsecond},
		"prepared late":         {func(r *router) { r.answerLate(3 * second) }, 3609375 * time.Microsecond},
		"prepared twice, late":  {func(r *router) { r.source("10.0.0.11/24"); r.answerLate(3 * second) }, 3609375 * time.Microsecond},
		"prepared when it ends": {func(r *router) { r.answerLate(3609375 * time.Microsecond) }, 3609375 * time.Microsecond},
	}
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(w *world) {
				a := w.router("a", 1)
				a.busy = strings.Contains(name, "prepared")
				a.start(100)
				w.at(2 * second)
				c.change(a)
				w.at(7 * second)
				sent := a.lan.SentBy("a")
				if len(sent) != 4 || a.sent(false)[0] != c.first {
					t.Fatalf("adverts %v", a.sent(false))
				}
				for _, s := range sent[1:] {
					if string(s.Payload) != string(sent[0].Payload) || s.Frame.Src != sent[0].Frame.Src || s.Frame.Priority != sent[0].Frame.Priority {
						t.Errorf("sent %+v, first %+v", s.Frame, sent[0].Frame)
					}
				}
				if want := name != "prepared when it ends"; a.shots == 1 != want {
					t.Errorf("the claim was triggered %d times", a.shots)
				}
				if got := a.spans(); !slices.Equal(got, []span{{from: c.first}}) {
					t.Errorf("held %v", got)
				}
			})
		})
	}
}

// answerLate lets the address writer answer, from an instant on, what it was
// asked to prepare.
func (r *router) answerLate(at time.Duration) {
	r.at(at)
	r.mu.Lock()
	r.busy = false
	answers := r.late
	r.mu.Unlock()
	for _, m := range answers {
		r.sys.Tell(r.path, m)
	}
}

func TestAnInterfaceIsFollowed(t *testing.T) {
	virtual(t, func(w *world) {
		a, b := w.router("a", 1), w.router("b", 2)
		number := func(n int) { a.set("eth0", func(c *messages.LinkChanged) { c.Interface.Index = n }) }
		number(7) // its adverts come in by interface 1
		a.start(90)
		b.start(100)
		w.at(3500 * ms)
		_ = w.sys.Kill(a.path, supervisors.KillSpec{})
		after(ms)
		if s := a.status(); s.Master != nil || a.groups[a.path].Ifindex != 7 {
			t.Errorf("on the wrong interface: %+v, %+v", s.Master, a.groups)
		}
		number(1)
		w.at(6 * second)
		if s := a.status(); s.Master == nil || s.Master.Address != "10.0.0.2" || a.groups[a.path].Ifindex != 1 {
			t.Errorf("on the right one: %+v, %+v", s.Master, a.groups)
		}
		b.up(false)
		after(2 * second)
		a.want("master")
		number(9)
		after(second)
		sent := w.lan.SentBy("a")
		if f := sent[len(sent)-1].Frame; f.Ifindex != 9 {
			t.Errorf("adverts leave by interface %d", f.Ifindex)
		}
	})
}

func TestStop(t *testing.T) {
	for _, release := range []bool{true, false} {
		virtual(t, func(w *world) {
			a, b := pair(w)
			answer, err := w.sys.Ask(a.path, second, &messages.StopInstance{Release: release})
			if err != nil {
				t.Fatal(err)
			}
			stopped := answer.(*messages.InstanceStopped)
			if kept := stopped.State != nil; stopped.Name != "a" || kept == release {
				t.Errorf("release %v: answer %+v", release, stopped)
			}
			if !release && (stopped.State.Role != "master" || stopped.State.LastSent == 0 || len(stopped.State.Addresses) != 1) {
				t.Errorf("state %+v", stopped.State)
			}
			after(second)
			if a.holding() == release || len(a.sent(true)) == 1 != release || len(a.groups) != 0 || len(a.subs["eth0"]) != 0 {
				t.Errorf("release %v: holding %v, resigned %v, groups %v, subscribed %v", release, a.holding(), a.sent(true), a.groups, a.subs)
			}
			if got := b.status().State == "master"; got != release {
				t.Errorf("release %v: the other is %s", release, b.status().State)
			}
			a.up(false) // nobody is at home
			after(4 * second)
			b.want("master")
			if n := len(a.sent(true)); n > 1 {
				t.Errorf("resigned %d times", n)
			}
		})
	}
}
