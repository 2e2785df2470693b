package vrrp

import (
	"net/netip"
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
	"github.com/understudy-ha/understudy/supervisors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ms     = time.Millisecond
	second = time.Second
)

// world is a segment with routers, in virtual time. One system of actors
// serves all routers, since making one is most of a test's work: the instances
// of a router are known by their paths.
type world struct {
	t   *testing.T
	lan *fake.LAN
	sys *supervisors.System

	mu      sync.Mutex
	routers []*router
	said    []string // announcements
	clean   []string // left-overs to be removed
	orders  int      // given to link, address and inbox
	lose    int      // of them, the one that its receiver crashes on; 0: none
	lost    string
}

// virtual runs f in a bubble of virtual time.
func virtual(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, lan: fake.NewLAN()}
		stand := func(f func(any)) func(supervisors.Child) actor.Actor {
			return func(supervisors.Child) actor.Actor {
				return actor.ReceiveFunc(func(ctx actor.Context) {
					if !w.swallows(ctx.Message()) {
						f(ctx.Message())
					}
				})
			}
		}
		sys, err := supervisors.Start(supervisors.Node{Name: "understudy", Children: []supervisors.Node{
			{Name: "net", Children: []supervisors.Node{
				{Name: "link", New: stand(w.link)},
				{Name: "address", New: stand(w.address)},
				{Name: "inbox/vrrp4", New: stand(w.inbox)},
				{Name: "inbox/vrrp6", New: stand(w.inbox)},
			}},
			{Name: "vrrp", Dynamic: true},
			{Name: "edge", Children: []supervisors.Node{{Name: "inspect", New: stand(w.inspect)}}},
		}}, supervisors.Options{})
		if err != nil {
			t.Fatal(err)
		}
		w.sys = sys
		t.Cleanup(func() {
			_ = sys.Close(second)
			w.clear()
			synctest.Wait()
		})
		f(w)
	})
}

// clear ends the routers and begins with a new segment.
func (w *world) clear() {
	for _, r := range w.routers {
		for path := range r.specs {
			_ = w.sys.Stop(path, second)
		}
		r.host.Leave()
	}
	synctest.Wait()
	w.mu.Lock()
	w.routers, w.said, w.clean, w.lan = nil, nil, nil, fake.NewLAN()
	w.orders, w.lose, w.lost = 0, 0, ""
	w.mu.Unlock()
}

// after lets virtual time pass and everything settle.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// at waits for an instant, counted from the beginning.
func (w *world) at(d time.Duration) { after(d - w.now()) }

func (w *world) now() time.Duration { return time.Duration(w.lan.Now() - fake.Epoch) }

// router is one host: its pacer on the segment and real instances. What the
// stand-ins for the other actors saw of those is guarded by mu.
type router struct {
	*world
	name string
	path string // of its instance
	host *fake.Pacer
	trap *trap
	deaf bool // hung actors are not reported by the pacer

	mu     sync.Mutex
	links  map[string]messages.LinkChanged
	subs   map[string][]string // paths by interface name
	owners map[string]*wish
	groups map[string]messages.JoinGroup
	events []messages.Event
	lets   []span   // while any owner held addresses
	ends   []string // of leases
	refuse []messages.AddressFailure
	specs  map[string]*atomic.Pointer[config.Instance]
	notes  int  // env.Changed
	shots  int  // claims that the line triggered
	claims int  // ClaimAddresses
	mute   bool // claims are not answered
	busy   bool // the address writer answers ArmClaim late
	late   []*messages.ClaimArmed
}

// wish is what the stand-in of the address writer keeps of an owner.
type wish struct {
	held  bool
	fired bool // held by the trigger alone
	kept  bool // in the kernel, but forgotten
	arm   *atomic.Bool
	list  []config.Address
}

// span of the LAN's clock; to 0: it goes on.
type span struct{ from, to time.Duration }

// router makes one with the address 10.0.0.n on eth0, interface n. Its
// instance will have the router's name.
func (w *world) router(name string, n int) *router {
	r := &router{
		world: w, name: name, path: messages.InstancePath(name), trap: &trap{},
		subs: map[string][]string{}, owners: map[string]*wish{}, groups: map[string]messages.JoinGroup{},
		specs: map[string]*atomic.Pointer[config.Instance]{},
	}
	own := netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
	r.links = map[string]messages.LinkChanged{"eth0": {Exists: true, Interface: messages.Interface{
		Name: "eth0", Index: n, Multicast: true, Up: true, HasMAC: true, Addresses: []messages.InterfaceAddress{{Prefix: netip.PrefixFrom(own, 24)}},
	}}}
	r.host = w.lan.Join(fake.Host{Name: name, Ifindex: n, Addrs: []netip.Addr{own}, Options: pacer.Options{
		OnLeaseEnd: func(path string) {
			r.with(func() { r.ends = append(r.ends, path) })
			w.sys.Tell(messages.PathAddress, &messages.ReleaseOwner{Owner: path})
		},
		OnMissed: func(path string) {
			if !r.deaf {
				w.sys.ReportHang(path)
			}
		},
	}})
	w.mu.Lock()
	w.routers = append(w.routers, r)
	w.mu.Unlock()
	return r
}

// of is the router that has an instance, known by its path.
func (w *world) of(path string) *router {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.routers {
		if r.has(path) {
			return r
		}
	}
	return nil
}

func (r *router) has(path string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.specs[path] != nil
}
