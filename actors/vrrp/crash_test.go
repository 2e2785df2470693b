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
}

// order gives an order that is answered later.
func (l *life) order(r *router, msg any) {
	l.wg.Go(func() {
		d, err := r.order(msg, 4*second)
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
	unicast bool // without an interface
	end     time.Duration
	steps   []step
}{
	"adverts": {false, 14 * second, []step{
		{4200 * ms, "", func(l *life) { l.a.hear(3, 50) }},        // lower
		{4700 * ms, "", func(l *life) { l.a.hear(3, 0) }},         // another resigns
		{5200 * ms, "", func(l *life) { l.hear(200) }},            // higher, for one advert
		{9900 * ms, "", func(l *life) { l.hear(200); l.hear(0) }}, // higher, and gone again at once
	}},
	"faults": {false, 17 * second, []step{
		{4500 * ms, "", func(l *life) { l.a.up(false) }},
		{6 * second, "", func(l *life) { l.a.up(true) }},
		{10500 * ms, "", func(l *life) { l.a.source("10.0.0.11/24") }},
		{11500 * ms, "*messages.AddressLost", func(l *life) {
			l.a.sys.Tell(l.a.path, &messages.AddressLost{Prefix: netip.MustParsePrefix("10.0.0.100/24")})
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
	"armed": {false, 8500 * ms, []step{ // b comes back another than it was, and takes over within an interval
		{6 * second, "", func(l *life) { l.b.up(false) }},
		{6100 * ms, "", func(l *life) { l.b.source("10.0.0.12/24") }},
		{6200 * ms, "", func(l *life) { l.b.up(true) }},
		{6500 * ms, "", func(l *life) { l.order(l.a, &messages.Switchover{Force: true}) }},
		{7500 * ms, "", func(*life) {}},
	}},
	"orders": {false, 16 * second, []step{
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
	"unicast without an interface": {true, 9 * second, []step{
		{4200 * ms, "", func(l *life) { l.order(l.a, &messages.Switchover{}) }},
		{5500 * ms, "", func(l *life) { l.a.change(func(i *config.Instance) { i.Priority = 80 }) }},
		{6 * second, "", func(l *life) { l.order(l.b, &messages.Switchover{Force: true}) }},
	}},
}

// hear makes both hear an advert of a third.
func (l *life) hear(priority byte) {
	l.a.hear(9, priority)
	l.b.hear(9, priority)
}

// outcome is what must be the same whatever crashes.
type outcome struct {
	states   [2]string // of a and b, as they show it, before each step and at the end
	adverts  [2][]time.Duration
	resigned [2][]time.Duration
	held     [2][]span
	told     [2]int // transitions on the timeline, before the end
	zeros    [2]int // adverts of priority 0, before the end
}

// live runs a life with a trap for a, or for b; skip leaves out the steps that
// a message of that type carries.
func live(w *world, name string, victim int, at where, n int, skip string) (o outcome, tr *trap) {
	w.clear()
	l := &life{a: w.router("a", 1), b: w.router("b", 2)}
	both := [2]*router{l.a, l.b}
	tr = both[victim].trap
	tr.at, tr.n = at, n
	for i, r := range both {
		c := instanceOf(r.name, [2]uint8{100, 90}[i])
		if lives[name].unicast {
			c.Interface, c.SourceIP = "", netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})
			c.Unicast = &config.Unicast{Peers: []config.Peer{{Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(2 - i)}), MaxTTL: 255}}}
			c.VirtualIPs[0].Tracked = false
		}
		r.spawn(r.env(), c, nil)
	}
	for _, s := range lives[name].steps {
		w.at(s.at)
		o.look(both)
		if s.lost == "" || s.lost != skip {
			s.do(l)
		}
	}
	w.at(lives[name].end)
	o.look(both)
	l.wg.Wait()
	for i, r := range both {
		o.told[i], o.zeros[i] = len(r.told("transition")), len(r.sent(true))
	}
	_ = both[victim].stop(messages.StopInstance{Release: true})
	after(2 * second)
	if other := both[1-victim]; other.status().State != "master" || both[victim].holding() {
		w.t.Errorf("after the stop %s is %s", other.name, other.status().State)
	}
	for i, r := range both {
		o.adverts[i], o.resigned[i], o.held[i] = r.sent(false), r.sent(true), r.spans()
	}
	return o, tr
}

// look notes what the instances show.
func (o *outcome) look(both [2]*router) {
	for i, r := range both {
		r.mu.Lock()
		groups := len(r.groups)
		r.mu.Unlock()
		o.states[i] += fmt.Sprintf("%s, %d memberships\n", shown(r.status()), groups)
	}
}

// shown is what a status tells and no crash may change.
func shown(s messages.InstanceStatus) string {
	out := fmt.Sprintf("%s of %v at %s, priority %d, held %v, addresses held %v %v, down after %v", s.State, s.Master, s.Source,
		s.Priority.Effective, s.Held, s.AddressesHeld, s.Addresses, s.DownInterval)
	for _, f := range s.Faults {
		out += fmt.Sprintf(", %s %s", f.Cause, f.Object)
	}
	for _, x := range s.Transitions {
		out += fmt.Sprintf(", %s>%s %s", x.From, x.To, x.Cause)
	}
	return out + fmt.Sprintf(", conflicts %v %v, %d times master, left %d times", s.Conflict.Active, s.Conflict.With,
		s.Counters["become_master"], s.Counters["release_master"])
}

// TestACrashAnywhereChangesNothing panics at each message of an instance's
// life, before and after it is handled, and at each call that it makes.
func TestACrashAnywhereChangesNothing(t *testing.T) {
	for name := range lives {
		for victim, who := range []string{"a", "b"} {
			t.Run(name+", crash of "+who, func(t *testing.T) {
				t.Parallel()
				virtual(t, func(w *world) { crashAnywhere(w, name, victim) })
			})
		}
	}
}

func crashAnywhere(w *world, name string, victim int) {
	calm, tr := live(w, name, victim, nowhere, 0, "")
	w.t.Logf("%d messages, %d calls", tr.messages, tr.calls)
	for at := beforeMessage; at <= afterCall; at++ {
		for n := 1; ; n++ {
			got, tr := live(w, name, victim, at, n, "")
			if !tr.sprung() {
				break
			}
			want := calm
			for _, s := range lives[name].steps {
				if s.lost != "" && tr.hit == fmt.Sprintf("%s %d, %s", beforeMessage, n, s.lost) {
					want, _ = live(w, name, victim, nowhere, 0, s.lost)
				}
			}
			compare(w.t, tr.hit, got, want)
			if at == beforeMessage || at == beforeCall { // nothing is done twice
				once(w.t, tr.hit, got, want)
			}
		}
	}
}

// tolerance is by how much an instant may differ from the calm run.
const tolerance = 20 * ms

func compare(t *testing.T, hit string, got, want outcome) {
	t.Helper()
	for i, name := range []string{"a", "b"} {
		if got.states[i] != want.states[i] {
			t.Errorf("%s: %s showed\n%swant\n%s", hit, name, got.states[i], want.states[i])
		}
		if !slices.EqualFunc(got.held[i], want.held[i], func(x, y span) bool { return near(x.from, y.from) && near(x.to, y.to) }) {
			t.Errorf("%s: %s held addresses\n     %v\nwant %v", hit, name, got.held[i], want.held[i])
		}
		for _, at := range got.resigned[i] {
			if !slices.ContainsFunc(want.resigned[i], func(x time.Duration) bool { return near(x, at) }) {
				t.Errorf("%s: priority 0 of %s at %v, want it at %v alone", hit, name, at, want.resigned[i])
			}
		}
		for _, run := range runs(want.adverts[i]) {
			gaps(t, hit+": "+name, got.adverts[i], run)
		}
	}
}

func once(t *testing.T, hit string, got, want outcome) {
	t.Helper()
	for i, name := range []string{"a", "b"} {
		if got.zeros[i] > want.zeros[i] || len(got.adverts[i]) > len(want.adverts[i])+1 {
			t.Errorf("%s: %s resigned %d times and advertised %d times, want %d and %d", hit, name,
				got.zeros[i], len(got.adverts[i]), want.zeros[i], len(want.adverts[i]))
		}
		if got.told[i] > want.told[i] {
			t.Errorf("%s: %d transitions of %s on the timeline, want %d", hit, got.told[i], name, want.told[i])
		}
	}
}

// steady checks that adverts came without a pause from the first to an instant.
func steady(t *testing.T, r *router, until time.Duration) {
	t.Helper()
	sent := r.sent(false)
	if len(sent) == 0 {
		t.Fatalf("%s sent nothing", r.name)
	}
	gaps(t, r.name, sent, span{sent[0], until - (until-sent[0])%second})
}

// gaps checks that no advert of a run is missing.
func gaps(t *testing.T, what string, adverts []time.Duration, run span) {
	t.Helper()
	last := run.from
	for _, at := range adverts {
		if at < run.from-tolerance || at > run.to+tolerance {
			continue
		}
		if gap := at - last; gap > second*115/100 {
			t.Errorf("%s: no advert from %v to %v", what, last, at)
		}
		last = at
	}
	if run.to-last > second*15/100 {
		t.Errorf("%s: no advert from %v to %v", what, last, run.to)
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
