package link

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host stands for the kernel: what a dump has, and what the monitor saw.
type host struct {
	mu        sync.Mutex
	links     []messages.Interface
	addresses []Address
	events    Events
	notify    func()
	stop      chan struct{}
	fail      int // dumps that fail
	delay     time.Duration
	ends      chan error
}

func (h *host) Run(notify func()) error {
	h.mu.Lock()
	delay := h.delay
	h.delay = 0
	h.mu.Unlock()
	time.Sleep(delay)
	h.mu.Lock()
	if h.stop != nil {
		close(h.stop)
	}
	stop := make(chan struct{})
	ends := make(chan error, 1)
	h.stop, h.notify, h.ends = stop, notify, ends
	h.mu.Unlock()
	select {
	case <-stop:
		return nil
	case err := <-ends:
		return err
	}
}

// die ends the Run that is alive; a change goes along unseen.
func (h *host) die(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.links[0].Up = false
	h.ends <- err
}

func (h *host) Stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stop != nil {
		close(h.stop)
		h.stop = nil
	}
}

func (h *host) Take() Events {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.events
	h.events = Events{}
	return e
}

func (h *host) Links() ([]messages.Interface, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail > 0 {
		h.fail--
		return nil, errors.New("interrupted")
	}
	return append([]messages.Interface(nil), h.links...), nil
}

func (h *host) Addresses() ([]Address, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Address(nil), h.addresses...), nil
}

type world struct {
	*host
	t    *testing.T
	sys  *supervisors.System
	mu   sync.Mutex
	mail map[string][]string
	trap trap

	inner func(supervisors.Child) actor.Actor
}

const a, b = "/vrrp/a", "/vrrp/b"

func bubble(t *testing.T, name string, f func(w *world)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(newWorld(t, trap{})) })
	})
}

func newWorld(t *testing.T, tr trap) *world {
	t.Helper()
	w := &world{trap: tr, host: &host{links: []messages.Interface{{Name: "eth0", Index: 1, Up: true}}}, t: t, mail: map[string][]string{}}
	w.inner = New(w, w)
	probe := func(c supervisors.Child) actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) { w.note(c.Path, ctx.Message()) })
	}
	sys, err := supervisors.Start(supervisors.Node{Name: "test", Children: []supervisors.Node{
		{Name: "net", Children: []supervisors.Node{{Name: "link", New: w.mortal}, {Name: "address", New: probe}}},
		{Name: "vrrp", Children: []supervisors.Node{{Name: "a", New: probe}, {Name: "b", New: probe}}},
	}}, supervisors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.sys = sys
	t.Cleanup(func() { _ = sys.Close(time.Second); synctest.Wait() })
	synctest.Wait()
	w.got(messages.PathAddress) // the first dump
	return w
}

func (w *world) note(path string, msg any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ""
	switch m := msg.(type) {
	case *messages.LinkChanged:
		i := m.Interface
		s = fmt.Sprintf("%s gone", i.Name)
		if m.Exists {
			s = fmt.Sprintf("%s %d up=%v", i.Name, i.Index, i.Up)
			for _, ad := range i.Addresses {
				s += fmt.Sprintf(" %s/%d", ad.Prefix, ad.Protocol)
			}
		}
	case *messages.AddressRemoved:
		s = fmt.Sprintf("removed %d %s", m.Ifindex, m.Prefix)
	case *messages.LinkResynced:
		s = "resynced"
	default:
		return
	}
	w.mail[path] = append(w.mail[path], s)
}

func (w *world) got(path string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := strings.Join(w.mail[path], ", ")
	delete(w.mail, path)
	return s
}

func (w *world) tell(msgs ...any) {
	for _, m := range msgs {
		w.sys.Tell(messages.PathLink, m)
	}
	synctest.Wait()
}

// happen adds to the events of the monitor, as one batch.
func (w *world) happen(e Events) {
	w.host.mu.Lock()
	w.events = e
	notify := w.notify
	w.host.mu.Unlock()
	notify()
	synctest.Wait()
}

func (w *world) want(path, want string) {
	w.t.Helper()
	if got := w.got(path); got != want {
		w.t.Errorf("%s was told\n     %q\nwant %q", path, got, want)
	}
}

func sub(path, name string) *messages.SubscribeLink {
	return &messages.SubscribeLink{Subscriber: path, Name: name}
}

func link(name string, index int, up bool) Events {
	return Events{Links: []LinkEvent{{Link: messages.Interface{Name: name, Index: index, Up: up}}}}
}

func address(index int, prefix string, protocol uint8, usable, present bool) Events {
	ad := Address{Ifindex: index, Prefix: netip.MustParsePrefix(prefix), Protocol: protocol, Usable: usable}
	return Events{Addresses: []AddressEvent{{Address: ad, Present: present, Removed: !present}}}
}

func TestSubscribersHearOfChanges(t *testing.T) {
	bubble(t, "now and at each change, of their names alone", func(w *world) {
		w.tell(sub(a, "eth0"), sub(b, "eth1"))
		w.want(a, "eth0 1 up=true")
		w.want(b, "eth1 gone")
		w.happen(link("eth0", 1, false))
		w.happen(link("eth0", 1, false)) // nothing new
		w.want(a, "eth0 1 up=false")
		w.want(b, "")
		w.happen(link("eth1", 2, true))
		w.want(b, "eth1 2 up=true")
		w.tell(&messages.UnsubscribeLink{Subscriber: a})
		w.happen(link("eth0", 1, true))
		w.want(a, "")
	})
	bubble(t, "a rename is the end of one name and the start of another", func(w *world) {
		w.tell(sub(a, "eth0"), sub(b, "lan"))
		w.got(a)
		w.got(b)
		w.happen(link("lan", 1, true))
		w.want(a, "eth0 gone")
		w.want(b, "lan 1 up=true")
		w.happen(Events{Links: []LinkEvent{{Link: messages.Interface{Name: "lan", Index: 1}, Deleted: true}}})
		w.want(b, "lan gone")
	})
	bubble(t, "addresses count once they are usable; ours are no news but listed", func(w *world) {
		w.tell(sub(a, "eth0"))
		w.got(a)
		w.happen(address(1, "fe80::1/64", 0, false, true))
		w.want(a, "")
		w.happen(address(1, "192.0.2.100/24", messages.ProtocolOurs, true, true))
		w.want(a, "")
		w.happen(address(1, "fe80::1/64", 0, true, true))
		w.want(a, "eth0 1 up=true fe80::1/64/0 192.0.2.100/24/18")
		w.happen(address(1, "fe80::1/64", 0, true, false))
		w.want(a, "eth0 1 up=true 192.0.2.100/24/18")
		w.want(messages.PathAddress, "removed 1 fe80::1/64")
	})
	bubble(t, "an interface that comes back has none of its old addresses", func(w *world) {
		w.tell(sub(a, "eth0"))
		w.happen(address(1, "192.0.2.1/24", 0, true, true))
		w.happen(Events{Links: []LinkEvent{{Link: messages.Interface{Name: "eth0", Index: 1}, Deleted: true}}})
		w.got(a)
		w.happen(link("eth0", 7, true))
		w.want(a, "eth0 7 up=true")
	})
}

func TestResync(t *testing.T) {
	bubble(t, "tells the differences and address", func(w *world) {
		w.tell(sub(a, "eth0"), sub(b, "eth1"))
		w.got(a)
		w.got(b)
		w.host.mu.Lock()
		w.links = append(w.links, messages.Interface{Name: "eth1", Index: 2})
		w.fail = 1 // the first dump is interrupted
		w.host.mu.Unlock()
		w.happen(Events{Resync: true})
		w.want(messages.PathAddress, "")
		time.Sleep(retryAfter)
		synctest.Wait()
		w.want(a, "")
		w.want(b, "eth1 2 up=false")
		w.want(messages.PathAddress, "resynced")
	})
	bubble(t, "a crash keeps the subscriptions and loses nothing", func(w *world) {
		w.tell(sub(a, "eth0"))
		w.got(a)
		w.host.mu.Lock()
		w.links[0].Up = false // happens while the actor is down
		w.host.mu.Unlock()
		if err := w.sys.Kill(messages.PathLink, supervisors.KillSpec{Count: true}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.want(a, "eth0 1 up=false")
		w.want(messages.PathAddress, "resynced")
		w.happen(link("eth0", 1, true))
		w.want(a, "eth0 1 up=true")
		record, ok := w.sys.Registry().Record(messages.PathLink)
		if !ok {
			t.Fatal("no record")
		}
		s := record.Snapshot.(*View).Status()
		if s.Subscribers != 1 || len(s.Interfaces) != 1 || !s.Interfaces[0].Interface.Up {
			t.Errorf("status %+v", s)
		}
	})
	bubble(t, "who subscribes during a dump is told once it is there", func(w *world) {
		w.host.mu.Lock()
		w.fail = 1
		w.host.mu.Unlock()
		w.happen(Events{Resync: true})
		w.tell(sub(a, "eth0"))
		w.want(a, "")
		time.Sleep(retryAfter)
		synctest.Wait()
		w.want(a, "eth0 1 up=true")
	})
}

func TestManySubscribersOfOneInterface(t *testing.T) {
	bubble(t, "each is told once", func(w *world) {
		for range 3 {
			w.tell(sub(a, "eth0"))
		}
		w.got(a)
		w.happen(link("eth0", 1, false))
		w.want(a, "eth0 1 up=false")
	})
}
