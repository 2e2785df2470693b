package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
)

// step is one thing that happens in a life.
type step struct {
	at   time.Duration
	lost string // type of the message that carries it: if a crash swallows that, it has not happened
	do   func(l *life)
}

// life is the part of a run that steps act on: a is the router that crashes.
type life struct {
	a, b *router
	wg   sync.WaitGroup
	done []string // answers to orders
}

// order gives an order that is answered later.
func (l *life) order(r *router, msg any) {
	l.wg.Go(func() {
		d, err := r.order(msg, 8*second)
		if err != nil {
			r.t.Errorf("%T: %v", msg, err)
		} else if d.Error != "" && !r.trap.sprung() {
			r.t.Errorf("%T: %s", msg, d.Error)
		}
	})
}

// lives are the whole life of an instance, in parts that each begin with a
// takeover by a, of priority 100, from nobody; b has 90.
var lives = map[string]struct {
	end   time.Duration
	steps []step
}{
	"adverts": {14 * second, []step{
		{4200 * ms, "", func(l *life) { l.a.hear(3, 50) }},                    // lower
		{4700 * ms, "", func(l *life) { l.a.hear(3, 0) }},                     // another resigns
		{5200 * ms, "", func(l *life) { l.a.hear(9, 200); l.b.hear(9, 200) }}, // higher, for one advert
		{9900 * ms, "", func(l *life) { // higher, and gone again at once
			for _, r := range []*router{l.a, l.b} {
				r.hear(9, 200)
				r.hear(9, 0)
			}
		}},
	}},
	"faults": {17 * second, []step{
		{4500 * ms, "", func(l *life) { l.a.up(false) }},
		{6 * second, "", func(l *life) { l.a.up(true) }},
		{10500 * ms, "", func(l *life) { l.a.source("10.0.0.11/24") }},
		{11500 * ms, "*messages.AddressLost", func(l *life) {
			l.a.sys.Tell(web, &messages.AddressLost{Prefix: netip.MustParsePrefix("10.0.0.100/24")})
		}},
		{13 * second, "", func(l *life) { // gone altogether: two faults at once
			l.a.set("eth0", func(c *messages.LinkChanged) { c.Exists, c.Interface.Addresses = false, nil })
		}},
		{14 * second, "", func(l *life) { // back without an address, and another number
			l.a.set("eth0", func(c *messages.LinkChanged) { c.Exists, c.Interface.Index = true, 7 })
		}},
		{15 * second, "", func(l *life) {
			l.a.set("eth0", func(c *messages.LinkChanged) {
				c.Interface.Index = 1
				c.Interface.Addresses = []messages.InterfaceAddress{{Prefix: netip.MustParsePrefix("10.0.0.1/24")}}
			})
		}},
	}},
	"orders": {16 * second, []step{
		{4200 * ms, "", func(l *life) { l.order(l.a, &messages.Garp{}) }},
		{4500 * ms, "", func(l *life) {
			l.a.change(func(i *config.Instance) {
				i.Priority, i.VirtualIPs = 110, append(slices.Clone(i.VirtualIPs), vip("10.0.0.101/24"))
			})
		}},
		{5500 * ms, "", func(l *life) { l.order(l.a, &messages.Switchover{}) }},
		{8 * second, "", func(l *life) { l.a.change(func(i *config.Instance) { i.Priority = 105 }) }},
		{8500 * ms, "", func(l *life) { l.order(l.a, &messages.Switchover{Back: true}) }},
		{13500 * ms, "", func(l *life) { l.order(l.a, &messages.Switchover{Force: true}) }},
	}},
}

// outcome is what must be the same whatever crashes.
type outcome struct {
	roles       string // at the end, of a and b
	transitions [2][]string
	adverts     []time.Duration // of a
	resigned    []time.Duration
	held        [2][]span
}

// live runs a life with a trap for a; skip leaves out the steps that a message
// of that type carries.
func live(t *testing.T, name string, at where, n int, skip string) (o outcome, tr *trap) {
	t.Helper()
	virtual(t, func(w *world) {
		l := &life{a: w.router("a", 1), b: w.router("b", 2)}
		tr = l.a.trap
		tr.at, tr.n = at, n
		l.a.start(instanceOf(100))
		l.b.start(instanceOf(90))
		for _, s := range lives[name].steps {
			w.at(s.at)
			if s.lost == "" || s.lost != skip {
				s.do(l)
			}
		}
		w.at(lives[name].end)
		l.wg.Wait()
		a, b := l.a.status(), l.b.status()
		o.roles = a.State + " " + b.State
		for i, s := range []messages.InstanceStatus{a, b} {
			for _, x := range s.Transitions {
				o.transitions[i] = append(o.transitions[i], fmt.Sprintf("%s>%s %s", x.From, x.To, x.Cause))
			}
		}
		_ = l.a.stop(messages.StopInstance{Release: true})
		after(2 * second)
		if l.b.status().State != "master" {
			t.Errorf("after the stop b is %s", l.b.status().State)
		}
		o.adverts, o.resigned = l.a.sent(false), l.a.sent(true)
		o.held = [2][]span{l.a.spans(), l.b.spans()}
	})
	return o, tr
}

// TestACrashAnywhereChangesNothing panics at each message of an instance's
// life, before and after it is handled, and at each call that it makes.
func TestACrashAnywhereChangesNothing(t *testing.T) {
	for name := range lives {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calm, tr := live(t, name, nowhere, 0, "")
			t.Logf("%d messages, %d calls: %+v", tr.messages, tr.calls, calm)
			for at := beforeMessage; at <= afterCall; at++ {
				for n := 1; ; n++ {
					got, tr := live(t, name, at, n, "")
					if !tr.sprung() {
						break
					}
					want := calm
					for _, s := range lives[name].steps {
						if s.lost != "" && tr.hit == fmt.Sprintf("%s %d, %s", beforeMessage, n, s.lost) {
							want, _ = live(t, name, nowhere, 0, s.lost)
						}
					}
					compare(t, tr.hit, got, want)
				}
			}
		})
	}
}

// tolerance is by how much an instant may differ from the calm run.
const tolerance = 20 * ms

func compare(t *testing.T, hit string, got, want outcome) {
	t.Helper()
	if got.roles != want.roles {
		t.Errorf("%s: roles %s, want %s", hit, got.roles, want.roles)
	}
	for i, name := range []string{"a", "b"} {
		if !slices.Equal(got.transitions[i], want.transitions[i]) {
			t.Errorf("%s: transitions of %s\n     %q\nwant %q", hit, name, got.transitions[i], want.transitions[i])
		}
		if !slices.EqualFunc(got.held[i], want.held[i], func(x, y span) bool { return near(x.from, y.from) && near(x.to, y.to) }) {
			t.Errorf("%s: %s held addresses\n     %v\nwant %v", hit, name, got.held[i], want.held[i])
		}
	}
	for _, at := range got.resigned {
		if !slices.ContainsFunc(want.resigned, func(x time.Duration) bool { return near(x, at) }) {
			t.Errorf("%s: priority 0 at %v, want it at %v alone", hit, at, want.resigned)
		}
	}
	for _, run := range runs(want.adverts) {
		last := run.from
		for _, at := range got.adverts {
			if at < run.from-tolerance || at > run.to+tolerance {
				continue
			}
			if gap := at - last; gap > second*115/100 {
				t.Errorf("%s: no advert from %v to %v", hit, last, at)
			}
			last = at
		}
		if run.to-last > second*15/100 {
			t.Errorf("%s: no advert from %v to %v", hit, last, run.to)
		}
	}
}

func near(x, y time.Duration) bool { return (x - y).Abs() <= tolerance }

// runs are the spans in which adverts came without a pause.
func runs(at []time.Duration) []span {
	var out []span
	for i, x := range at {
		if i == 0 || x-at[i-1] > second+tolerance {
			out = append(out, span{x, x})
		}
		out[len(out)-1].to = x
	}
	return out
}
