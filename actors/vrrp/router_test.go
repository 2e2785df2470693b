package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/fake"
	"github.com/understudy-ha/understudy/netio/packet"
	"github.com/understudy-ha/understudy/supervisors"
)

func (r *router) with(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// instanceOf is a configuration of VRID 51 as the defaults make it.
func instanceOf(name string, priority uint8) config.Instance {
	return config.Instance{
		Name: name, Interface: "eth0", VRID: 51, Family: config.IPv4, Version: 3, Priority: priority, AdvertInterval: second,
		Preempt: true, DownTimerAdverts: 3, AdvertToLowerPriority: true, ReannounceAfterConflict: true, TrackPrimary: true,
		McastGroup: group, GARP: config.GARP{MasterDelay: 5 * second, MasterRepeat: 5},
		VirtualIPs: []config.Address{vip("10.0.0.100/24")},
	}
}

var group = netip.MustParseAddr("224.0.0.18")

func vip(prefix string) config.Address {
	return config.Address{Prefix: netip.MustParsePrefix(prefix), Interface: "eth0", Tracked: true}
}

// env is what the instances of the router share.
func (r *router) env() Env {
	return Env{
		Pacer: lines{r}, Now: r.lan.Now, Options: func() Options { return Options{} },
		Changed: func() { r.with(func() { r.notes++ }) },
	}
}

// start spawns an instance as the program does.
func (r *router) start(priority uint8) { r.spawn(r.env(), instanceOf(r.name, priority), nil) }

func (r *router) spawn(env Env, i config.Instance, seed *Seed) {
	r.t.Helper()
	path := messages.InstancePath(i.Name)
	spec := &atomic.Pointer[config.Instance]{}
	spec.Store(&i)
	r.with(func() { r.specs[path] = spec })
	constructor := New(env, spec.Load, seed)
	err := r.sys.Spawn(messages.PathVRRP, supervisors.Node{
		Name: "instance/" + messages.Escape(i.Name), Kind: "instance",
		New:          func(c supervisors.Child) actor.Actor { return r.trap.around(c, constructor) },
		Lease:        func() time.Duration { return LeaseFor(spec.Load().AdvertInterval) },
		OnQuarantine: r.abandon, OnColdStart: r.abandon,
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *router) abandon(path string) {
	r.host.Abandon(path)
	r.sys.Tell(messages.PathAddress, &messages.ReleaseOwner{Owner: path})
}

// change gives an instance a new configuration as a reload does.
func (r *router) change(f func(*config.Instance)) {
	r.mu.Lock()
	spec := r.specs[r.path]
	r.mu.Unlock()
	i := *spec.Load()
	f(&i)
	spec.Store(&i)
	r.sys.Tell(r.path, &messages.ReconfigureInstance{Instance: i})
}

// stop ends the instance as a reload does: one that did not answer is
// abandoned, once no successor can claim anything any more.
func (r *router) stop(order messages.StopInstance) error {
	_, err := r.sys.Ask(r.path, 2*second, &order)
	if err := r.sys.Stop(r.path, 2*second); err != nil {
		r.t.Errorf("stop: %v", err)
	}
	if err != nil && order.Release {
		r.abandon(r.path)
	}
	r.host.Close(r.path)
	return err
}

// order gives an operator's order, again if the actor crashes on it.
func (r *router) order(msg any, limit time.Duration) (*messages.Done, error) {
	for try := 0; ; try++ {
		answer, err := r.sys.Ask(r.path, limit, msg)
		if err == nil {
			return answer.(*messages.Done), nil
		}
		if try == 2 || !errors.Is(err, supervisors.ErrCrashed) {
			return nil, err
		}
	}
}

// set changes an interface and tells those who asked for it.
func (r *router) set(name string, f func(*messages.LinkChanged)) {
	r.mu.Lock()
	l := r.links[name]
	l.Interface.Name = name
	l.Interface.Addresses = slices.Clone(l.Interface.Addresses)
	f(&l)
	r.links[name] = l
	subs := slices.Clone(r.subs[name])
	r.mu.Unlock()
	for _, s := range subs {
		r.sys.Tell(s, &l)
	}
}

func (r *router) up(on bool) {
	r.set("eth0", func(l *messages.LinkChanged) { l.Interface.Up = on })
}

func (r *router) source(addr string) {
	r.set("eth0", func(l *messages.LinkChanged) { l.Interface.Addresses[0].Prefix = netip.MustParsePrefix(addr) })
}

// status is what the instance shows.
func (r *router) status() messages.InstanceStatus { return r.statusReader().InstanceStatus() }

func (r *router) statusReader() messages.StatusReader {
	r.t.Helper()
	rec, ok := r.sys.Registry().Record(r.path)
	reader, shown := rec.Snapshot.(messages.StatusReader)
	if !ok || !shown {
		r.t.Fatalf("%s shows nothing", r.path)
	}
	return reader
}

func (r *router) want(role string) {
	r.t.Helper()
	if s := r.status(); s.State != role {
		r.t.Fatalf("%v: %s is %s, want %s: %v", r.now(), r.name, s.State, role, s.Transitions)
	}
}

// holding tells whether any owner holds addresses.
func (r *router) holding() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held()
}

func (r *router) held() bool {
	for _, o := range r.owners {
		if o.held {
			return true
		}
	}
	return false
}

// spans lists when addresses were held.
func (r *router) spans() []span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lets)
}

// lists of events of a kind, as "from to cause".
func (r *router) told(kind string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, e := range r.events {
		if e.Kind == kind {
			out = append(out, fmt.Sprintf("%s>%s: %s", e.From, e.To, e.Cause))
		}
	}
	return out
}

// hear makes the router hear an advert of 10.0.0.n with a priority.
func (r *router) hear(n, priority byte) {
	src := netip.AddrFrom4([4]byte{10, 0, 0, n})
	r.lan.Inject(r.name, packet.VRRPDatagram{Src: src, Dst: group, TTL: 255, Payload: r.advert(src, priority)})
}

// advert is a message of the virtual router.
func (r *router) advert(src netip.Addr, priority byte) []byte {
	r.t.Helper()
	a := packet.VRRPAdvert{Version: 3, VRID: 51, Priority: priority, Interval: second, Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.100")}}
	b, err := a.AppendBinary(nil, src, group, packet.ChecksumPseudo)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// sent lists the adverts of the router with a priority other than 0, or the others.
func (r *router) sent(resigning bool) []time.Duration {
	var at []time.Duration
	for _, s := range r.lan.SentBy(r.name) {
		if (s.Frame.Priority == 0) == resigning {
			at = append(at, time.Duration(s.At-fake.Epoch))
		}
	}
	return at
}
