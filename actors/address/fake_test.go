package address

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"

	"github.com/understudy-ha/understudy/actors/address/plan"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host stands for the kernel, the writer's thread and link.
type host struct {
	mu     sync.Mutex
	cond   *sync.Cond
	queue  []Job
	held   bool // the thread does nothing
	stop   bool
	run    int
	forms  []plan.Form
	said   []string // announcements, "ADDR xN"
	refuse map[netip.Addr]error
	crash  int // Prepare panics at the nth call from now
	dumps  int
	ifaces map[string]messages.Interface
	taken  []plan.Form // goes along with the next removal
}

func newHost() *host {
	h := &host{refuse: map[netip.Addr]error{}, ifaces: map[string]messages.Interface{
		"eth0": {Name: "eth0", Index: 1, MAC: [6]byte{2, 0, 0, 0, 0, 1}, HasMAC: true, Up: true},
		"eth1": {Name: "eth1", Index: 2, MAC: [6]byte{2, 0, 0, 0, 0, 2}, HasMAC: true, Up: true},
	}}
	h.cond = sync.NewCond(&h.mu)
	return h
}

func (h *host) Prepare(j Job) func() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.crash > 0 {
		if h.crash--; h.crash == 0 {
			panic("prepare")
		}
	}
	return func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.queue = append(h.queue, j)
		h.cond.Broadcast()
		return true
	}
}

func (h *host) Run() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.run++
	mine := h.run
	h.cond.Broadcast()
	for {
		switch {
		case h.run != mine:
			return nil
		case len(h.queue) > 0 && !h.held:
			j := h.queue[0]
			h.queue = h.queue[1:]
			r := h.do(j)
			h.mu.Unlock()
			j.Done(r)
			h.mu.Lock()
		case h.stop:
			return nil
		default:
			h.cond.Wait()
		}
	}
}

func (h *host) Stop(time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stop = true
	h.cond.Broadcast()
	return true
}

func (h *host) do(j Job) Result {
	r := Result{Failed: map[int]error{}, DelFailed: map[int]error{}, Existed: map[int]bool{}}
	for _, f := range j.Dels {
		h.drop(f)
		for _, x := range h.taken {
			h.drop(x)
			r.Collateral = append(r.Collateral, x)
		}
		h.taken = nil
	}
	for i, a := range j.Adds {
		addr := a.Form.Prefix.Addr()
		if err := h.refuse[addr]; err != nil {
			r.Failed[i] = err
			continue
		}
		if !a.Held {
			if at := h.find(a.Form); at >= 0 {
				r.Existed[i] = true
			} else {
				h.forms = append(h.forms, a.Form)
			}
		}
		if a.Frame != nil && !(j.Quiet && r.Existed[i]) {
			h.said = append(h.said, fmt.Sprintf("%s x%d", addr, j.Repeat))
		}
	}
	return r
}

func (h *host) find(f plan.Form) int {
	return slices.IndexFunc(h.forms, func(o plan.Form) bool { return o.Index == f.Index && o.Prefix == f.Prefix })
}

func (h *host) drop(f plan.Form) {
	if at := h.find(f); at >= 0 {
		h.forms = slices.Delete(h.forms, at, at+1)
	}
}

func (h *host) Addresses() ([]plan.Form, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dumps++
	if h.dumps == 1 && h.refuse[netip.IPv4Unspecified()] != nil {
		return nil, errors.New("interrupted")
	}
	return slices.Clone(h.forms), nil
}

func (h *host) Forwarding(int) bool { return false }

// with runs f on the host's state.
func (h *host) with(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	h.cond.Broadcast()
}

// kernel lists "INDEX PREFIX", sorted; said lists the announcements and forgets them.
func (h *host) kernel() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, f := range h.forms {
		out = append(out, fmt.Sprintf("%d %s", f.Index, f.Prefix))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func (h *host) announced() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := strings.Join(h.said, ", ")
	h.said = nil
	return s
}

// world is a running tree: address, a stand-in for link, two owners.
type world struct {
	*host
	t    *testing.T
	sys  *supervisors.System
	mail map[string]chan any
	trap trap
}

const ownerA, ownerB = "/vrrp/a", "/vrrp/b"

func newWorld(t *testing.T, tr trap) *world {
	t.Helper()
	w := &world{host: newHost(), t: t, trap: tr, mail: map[string]chan any{ownerA: make(chan any, 1000), ownerB: make(chan any, 1000)}}
	probe := func(c supervisors.Child) actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) {
			if strings.HasPrefix(fmt.Sprintf("%T", ctx.Message()), "*messages.") {
				w.mail[c.Path] <- ctx.Message()
			}
		})
	}
	link := func(c supervisors.Child) actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) {
			if m, ok := ctx.Message().(*messages.SubscribeLink); ok {
				c.Tell(m.Subscriber, w.link(m.Name))
			}
		})
	}
	sys, err := supervisors.Start(supervisors.Node{Name: "test", Children: []supervisors.Node{
		{Name: "net", Children: []supervisors.Node{{Name: "link", New: link}, {Name: "address", New: w.mortal, NeverQuarantine: true}}},
		{Name: "vrrp", Children: []supervisors.Node{{Name: "a", New: probe}, {Name: "b", New: probe}}},
	}}, supervisors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.sys = sys
	t.Cleanup(func() {
		w.with(func() { w.stop = true })
		_ = sys.Close(time.Second)
		synctest.Wait()
	})
	return w
}

func (w *world) link(name string) *messages.LinkChanged {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i, ok := w.ifaces[name]; ok {
		return &messages.LinkChanged{Exists: true, Interface: i}
	}
	return &messages.LinkChanged{Interface: messages.Interface{Name: name}}
}

// tell sends to address and waits until all is quiet.
func (w *world) tell(msgs ...any) {
	w.t.Helper()
	for _, m := range msgs {
		w.sys.Tell(messages.PathAddress, m)
	}
	synctest.Wait()
}

// kill crashes address.
func (w *world) kill() {
	w.t.Helper()
	if err := w.sys.Kill(messages.PathAddress, supervisors.KillSpec{Count: true}); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// got returns what an owner was told, and forgets it.
func (w *world) got(owner string) string {
	var out []string
	for {
		select {
		case m := <-w.mail[owner]:
			switch m := m.(type) {
			case *messages.AddressesApplied:
				s := fmt.Sprintf("applied %v %d", m.Claimed, m.Count)
				for _, f := range m.Failed {
					s += fmt.Sprintf(" %s: %s", f.Prefix, f.Error)
				}
				out = append(out, s)
			case *messages.AddressLost:
				out = append(out, "lost "+m.Prefix.String())
			default:
				out = append(out, fmt.Sprintf("%T", m))
			}
		default:
			return strings.Join(out, ", ")
		}
	}
}

// want compares and reports what differs.
func (w *world) want(what, got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func addr(iface, prefix string) config.Address {
	return config.Address{Prefix: netip.MustParsePrefix(prefix), Interface: iface, Tracked: true, PrefixRoute: true, PreferredLifetime: config.Forever}
}

func claim(owner string, announce int, list ...config.Address) *messages.ClaimAddresses {
	return &messages.ClaimAddresses{Owner: owner, Addresses: list, Announce: announce}
}
