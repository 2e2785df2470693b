package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"

	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/fake"
	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/packet"
	"github.com/understudy-ha/understudy/supervisors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ms     = time.Millisecond
	second = time.Second
)

// web is the path of the one instance of most tests.
var web = messages.InstancePath("web")

// world is a segment with routers, in virtual time.
type world struct {
	t   *testing.T
	lan *fake.LAN
}

// virtual runs f in a bubble of virtual time.
func virtual(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(&world{t: t, lan: fake.NewLAN()}) })
}

// after lets virtual time pass and everything settle.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// at waits for an instant, counted from the beginning.
func (w *world) at(d time.Duration) { after(d - w.now()) }

func (w *world) now() time.Duration { return time.Duration(w.lan.Now() - fake.Epoch) }

// router is one host: its pacer on the segment, real instances, and stand-ins
// for the other actors. What those saw is guarded by mu.
type router struct {
	*world
	name string
	host *fake.Pacer
	sys  *supervisors.System
	trap *trap
	slow bool // hung actors are not reported by the pacer

	mu     sync.Mutex
	link   map[string]messages.LinkChanged
	subs   map[string][]string // paths by interface name
	owners map[string]*wish
	groups map[string]messages.JoinGroup
	events []messages.Event
	said   []string // announcements
	clean  []netip.Prefix
	lets   []span // while any owner held addresses
	ends   []string
	refuse []messages.AddressFailure
	specs  map[string]*atomic.Pointer[config.Instance]
	notes  int // env.Changed
}

// wish is what the stand-in of the address writer keeps of an owner.
type wish struct {
	held  bool
	fired bool // held by the trigger alone
	arm   *atomic.Bool
	list  []config.Address
}

// span of the LAN's clock; to 0: it goes on.
type span struct{ from, to time.Duration }

// router starts one with the address 10.0.0.n on eth0, interface n.
func (w *world) router(name string, n int) *router {
	w.t.Helper()
	r := &router{
		world: w, name: name, trap: &trap{},
		subs: map[string][]string{}, owners: map[string]*wish{}, groups: map[string]messages.JoinGroup{},
		specs: map[string]*atomic.Pointer[config.Instance]{},
	}
	own := netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
	r.link = map[string]messages.LinkChanged{"eth0": {Exists: true, Interface: messages.Interface{
		Name: "eth0", Index: n, Multicast: true, Up: true, HasMAC: true, Addresses: []messages.InterfaceAddress{{Prefix: netip.PrefixFrom(own, 24)}},
	}}}
	stand := func(f func(actor.Context)) func(supervisors.Child) actor.Actor {
		return func(supervisors.Child) actor.Actor { return actor.ReceiveFunc(f) }
	}
	sys, err := supervisors.Start(supervisors.Node{Name: "understudy", Children: []supervisors.Node{
		{Name: "net", Children: []supervisors.Node{
			{Name: "link", New: stand(r.linkActor)},
			{Name: "address", New: stand(r.addressActor)},
			{Name: "inbox/vrrp4", New: stand(r.inboxActor)},
			{Name: "inbox/vrrp6", New: stand(r.inboxActor)},
		}},
		{Name: "vrrp", Dynamic: true},
		{Name: "edge", Children: []supervisors.Node{{Name: "inspect", New: stand(r.inspectActor)}}},
	}}, supervisors.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	r.sys = sys
	r.host = w.lan.Join(fake.Host{Name: name, Ifindex: n, Addrs: []netip.Addr{own, netip.AddrFrom4([4]byte{10, 0, 1, byte(n)})}, Options: pacer.Options{
		OnLeaseEnd: func(path string) {
			r.with(func() { r.ends = append(r.ends, path) })
			sys.Tell(messages.PathAddress, &messages.ReleaseOwner{Owner: path})
		},
		OnMissed: func(path string) {
			if !r.slow {
				sys.ReportHang(path)
			}
		},
	}})
	w.t.Cleanup(func() {
		_ = sys.Close(second)
		r.host.Leave()
		synctest.Wait()
	})
	return r
}

func (r *router) with(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// instance is a configuration of VRID 51 as the defaults make it.
func instanceOf(priority uint8) config.Instance {
	return config.Instance{
		Name: "web", Interface: "eth0", VRID: 51, Family: config.IPv4, Version: 3, Priority: priority, AdvertInterval: second,
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
func (r *router) start(i config.Instance) { r.spawn(r.env(), i, nil) }

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
	spec := r.specs[web]
	r.mu.Unlock()
	i := *spec.Load()
	f(&i)
	spec.Store(&i)
	r.sys.Tell(web, &messages.ReconfigureInstance{Instance: i})
}

// stop ends the instance as a reload does. The error is that of the actor.
func (r *router) stop(order messages.StopInstance) error {
	_, err := r.sys.Ask(web, 2*second, &order)
	if err != nil && order.Release {
		r.abandon(web)
	}
	if err := r.sys.Stop(web, 2*second); err != nil {
		r.t.Errorf("stop: %v", err)
	}
	r.host.Close(web)
	return err
}

// order gives an operator's order, again if the actor crashes on it.
func (r *router) order(msg any, limit time.Duration) (*messages.Done, error) {
	for try := 0; ; try++ {
		answer, err := r.sys.Ask(web, limit, msg)
		if err == nil {
			return answer.(*messages.Done), nil
		}
		if try == 2 || !r.trap.sprung() {
			return nil, err
		}
	}
}

// set changes an interface and tells those who asked for it.
func (r *router) set(name string, f func(*messages.LinkChanged)) {
	r.mu.Lock()
	l := r.link[name]
	l.Interface.Name = name
	l.Interface.Addresses = slices.Clone(l.Interface.Addresses)
	f(&l)
	r.link[name] = l
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
func (r *router) status() messages.InstanceStatus { return r.statusOf(web) }

func (r *router) statusOf(path string) messages.InstanceStatus {
	r.t.Helper()
	rec, ok := r.sys.Registry().Record(path)
	reader, shown := rec.Snapshot.(messages.StatusReader)
	if !ok || !shown {
		r.t.Fatalf("%s shows nothing", path)
	}
	return reader.InstanceStatus()
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
func (r *router) hear(n, priority byte) { r.hearFrom(netip.AddrFrom4([4]byte{10, 0, 0, n}), priority) }

func (r *router) hearFrom(src netip.Addr, priority byte) {
	r.t.Helper()
	a := packet.VRRPAdvert{Version: 3, VRID: 51, Priority: priority, Interval: second, Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.100")}}
	b, err := a.AppendBinary(nil, src, group, packet.ChecksumPseudo)
	if err != nil {
		r.t.Fatal(err)
	}
	r.lan.Inject(r.name, packet.VRRPDatagram{Src: src, Dst: group, TTL: 255, Payload: b})
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
