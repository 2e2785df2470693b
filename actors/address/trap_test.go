package address

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

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
		w.trap.around(true, fmt.Sprintf("tell %T", msg), func() { tell(path, msg) })
	}
	c.Publish = func(v any) { w.trap.around(true, "publish", func() { publish(v) }) }
	a := New(w, w)(c)
	return actor.ReceiveFunc(func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Restarting, *actor.Stopping, *actor.Stopped:
			a.Receive(ctx)
		default:
			w.trap.around(false, fmt.Sprintf("%T", ctx.Message()), func() { a.Receive(ctx) })
		}
	})
}

// everywhere runs f with a panic at each message and call, before and after.
func everywhere(t *testing.T, f func(w *world)) {
	for _, tr := range []trap{{}, {after: true}, {calls: true}, {calls: true, after: true}} {
		for more := true; more; {
			tr.n++
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tr)
				f(w)
				more = w.trap.hit != ""
			})
		}
		if tr.n < 5 {
			t.Errorf("only %d places", tr.n)
		}
	}
}

// A message that is lost in a crash is repeated by its owner; nothing else is
// needed to bring the kernel to what is wished.
func TestAPanicAnywhereIsMadeGood(t *testing.T) {
	steps, want := script()
	everywhere(t, func(w *world) {
		for _, m := range steps {
			w.tell(m)
		}
		w.settle()
		w.tell(steps[4], steps[6])
		w.settle()
		w.want("kernel after "+w.trap.hit, w.kernel(), want)
		if a, b := w.got(ownerA), w.got(ownerB); a == "" || b == "" {
			t.Errorf("%s: answers %q and %q", w.trap.hit, a, b)
		}
		w.lostNothing()
	})
}

// A claim that was triggered is kept if its owner claims, and is given up if it
// withdraws, wherever the actor crashes.
func TestAPanicAnywhereAroundAnArmedClaim(t *testing.T) {
	one := addr("eth0", "192.0.2.1/24")
	ends := map[string][]any{
		"1 192.0.2.1/24": {claim(ownerA, 5, one), &messages.DisarmClaim{Owner: ownerA}},
		"":               {&messages.DisarmClaim{Owner: ownerA}, &messages.ReleaseAddresses{Owner: ownerA}},
	}
	for want, end := range ends {
		everywhere(t, func(w *world) {
			w.tell(&messages.ArmClaim{Owner: ownerA, Addresses: claim("", 0, one).Addresses, Announce: 5})
			w.settle()
			fire := func() {}
			for len(w.mail[ownerA]) > 0 {
				if m, ok := (<-w.mail[ownerA]).(*messages.ClaimArmed); ok {
					fire = m.Fire
				}
			}
			fire()
			synctest.Wait()
			w.tell(end...)
			w.settle()
			w.tell(end...) // whatever was lost
			w.settle()
			w.want("kernel after "+w.trap.hit, w.kernel(), want)
			w.lostNothing()
		})
	}
}
