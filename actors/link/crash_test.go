package link

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

const second = time.Second

// trap makes the actor panic once, before or after its nth message, or its nth
// call to another actor or the registry; n 0: never.
type trap struct {
	calls bool
	n     int
	after bool

	messages, count int
	hit             string
}

func (t *trap) around(call bool, what string, do func()) {
	n := &t.messages
	if call {
		n = &t.count
	}
	*n++
	mine := *n
	spring := func(after bool) {
		if t.hit == "" && t.n == mine && t.calls == call && t.after == after {
			t.hit = fmt.Sprintf("%d, %s, call %v, after %v", mine, what, call, after)
			panic(what)
		}
	}
	spring(false)
	do()
	spring(true)
}

// mortal is the actor in its trap.
func (w *world) mortal(c supervisors.Child) actor.Actor {
	tell, publish := c.Tell, c.Publish
	c.Tell = func(path string, msg any) {
		if path == c.Path { // from any goroutine: no call of the actor
			tell(path, msg)
			return
		}
		w.trap.around(true, fmt.Sprintf("tell %s %T", path, msg), func() { tell(path, msg) })
	}
	c.Publish = func(v any) { w.trap.around(true, "publish", func() { publish(v) }) }
	a := w.inner(c)
	return actor.ReceiveFunc(func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Restarting, *actor.Stopping, *actor.Stopped:
			a.Receive(ctx)
		default:
			w.trap.around(false, fmt.Sprintf("%T", ctx.Message()), func() { a.Receive(ctx) })
		}
	})
}

// kernel changes what a dump has, and then tells of it.
func (w *world) kernel(change func(h *host), e Events) {
	w.host.mu.Lock()
	change(w.host)
	w.host.mu.Unlock()
	w.happen(e)
}

// last is what a path was told last, and whether any of it was the given text.
func (w *world) last(path, text string) (last string, told bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if all := w.mail[path]; len(all) > 0 {
		last = all[len(all)-1]
	}
	return last, slices.ContainsFunc(w.mail[path], func(s string) bool { return strings.HasPrefix(s, text) })
}

// A panic at each message and call: whoever subscribes, again if it was not
// answered, knows the newest state in the end, and address learns of removals
// or is told to look for itself.
func TestAPanicAnywhereIsMadeGood(t *testing.T) {
	for _, tr := range []trap{{}, {after: true}, {calls: true}, {calls: true, after: true}} {
		for more := true; more; {
			tr.n++
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tr)
				w.live()
				more = w.trap.hit != ""
			})
		}
		if tr.n < 8 {
			t.Errorf("only %d places", tr.n)
		}
	}
}

func (w *world) live() {
	for _, s := range []*messages.SubscribeLink{sub(a, "eth0"), sub(b, "eth1"), sub(b, "eth0")} {
		w.tell(s)
		if last, _ := w.last(s.Subscriber, ""); last == "" {
			time.Sleep(time.Second)
			w.tell(s)
		}
	}
	w.tell(sub(b, "eth0")) // the same again: it may have been the one that was lost
	one := Address{Ifindex: 1, Prefix: netip.MustParsePrefix("192.0.2.1/24"), Usable: true}
	w.kernel(func(h *host) { h.addresses = []Address{one} }, address(1, "192.0.2.1/24", 0, true, true))
	w.kernel(func(h *host) { h.links[0].Up = false }, link("eth0", 1, false))
	w.got(messages.PathAddress)
	w.kernel(func(h *host) { h.addresses = nil }, address(1, "192.0.2.1/24", 0, true, false))
	time.Sleep(5 * time.Second)
	synctest.Wait()
	_, removed := w.last(messages.PathAddress, "removed 1 192.0.2.1/24")
	if _, resynced := w.last(messages.PathAddress, "resynced"); !removed && !resynced {
		w.t.Errorf("%s: address knows nothing of the removal", w.trap.hit)
	}
	w.kernel(func(h *host) { h.links = append(h.links, messages.Interface{Name: "eth1", Index: 2, Up: true}) }, link("eth1", 2, true))
	w.tell(&messages.UnsubscribeLink{Subscriber: a})
	w.kernel(func(*host) {}, Events{Resync: true})
	w.kernel(func(h *host) { h.links[0].Up = true }, link("eth0", 1, true))
	time.Sleep(5 * time.Second)
	synctest.Wait()
	if last, _ := w.last(b, ""); last != "eth0 1 up=true" {
		w.t.Errorf("%s: b was told last %q", w.trap.hit, last)
	}
	if _, told := w.last(b, "eth1 2 up=true"); !told {
		w.t.Errorf("%s: b was not told of eth1", w.trap.hit)
	}
	record, _ := w.sys.Registry().Record(messages.PathLink)
	if s := record.Snapshot.(*View).Status(); s.Subscribers < 2 || len(s.Interfaces) != 2 || !s.Interfaces[0].Interface.Up || len(s.Interfaces[0].Interface.Addresses) != 0 {
		w.t.Errorf("%s: status %+v", w.trap.hit, s)
	}
}

// The goroutine of an incarnation that died at once may begin after that of its
// successor, and replace it: what it sees reaches the successor.
func TestALateMonitorTellsWhoIsAlive(t *testing.T) {
	for name, then := range map[string]func(w *world){
		"of events":  func(w *world) { w.kernel(func(h *host) { h.links[0].Up = false }, link("eth0", 1, false)) },
		"of its end": func(w *world) { w.die(errors.New("socket closed")) },
	} {
		bubble(t, name, func(w *world) {
			w.tell(sub(a, "eth0"))
			w.host.mu.Lock()
			w.delay = second // of the next Run
			w.host.mu.Unlock()
			for range 2 {
				if err := w.sys.Kill(messages.PathLink, supervisors.KillSpec{}); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			time.Sleep(2 * second) // the late one has replaced the other
			w.got(a)
			then(w)
			time.Sleep(second)
			synctest.Wait()
			if last, _ := w.last(a, ""); last != "eth0 1 up=false" {
				t.Errorf("a was told last %q", last)
			}
		})
	}
}
