package vrrp

import (
	"fmt"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

// swallows says that the receiver crashes on this message.
func (w *world) swallows(msg any) bool {
	switch msg.(type) {
	case *messages.SubscribeLink, *messages.UnsubscribeLink, *messages.JoinGroup, *messages.ClaimAddresses,
		*messages.ReleaseAddresses, *messages.ArmClaim, *messages.DisarmClaim:
	default:
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.orders++
	if w.orders != w.lose {
		return false
	}
	w.lost = fmt.Sprintf("order %d, %T", w.orders, msg)
	return true
}

// TestWhatOthersLoseIsDeclaredAgain loses each order to the actors around the
// instances, one at a time.
func TestWhatOthersLoseIsDeclaredAgain(t *testing.T) {
	virtual(t, func(w *world) {
		for n := 1; ; n++ {
			w.clear()
			a, b := w.router("a", 1), w.router("b", 2)
			w.lose = n
			a.start(100)
			b.start(90)
			w.at(10 * second)
			a.up(false)
			w.at(14 * second)
			a.up(true)
			w.at(24 * second)
			if w.lost == "" {
				if n < 10 {
					t.Errorf("only %d orders", n)
				}
				break
			}
			if a.status().State != "master" || b.status().State != "backup" || !a.holding() || b.holding() {
				t.Errorf("%s: %s %v, %s %v", w.lost, a.status().State, a.spans(), b.status().State, b.spans())
			}
			if len(a.groups) != 1 || len(b.groups) != 1 || len(a.subs["eth0"]) != 1 || len(b.subs["eth0"]) != 1 {
				t.Errorf("%s: groups %v %v, subscribed %v %v", w.lost, a.groups, b.groups, a.subs, b.subs)
			}
			both := time.Duration(0)
			for _, x := range a.spans() {
				for _, y := range b.spans() {
					both += max(0, min(end(w, x), end(w, y))-max(x.from, y.from))
				}
			}
			if both > firstRepeat {
				t.Errorf("%s: both held the addresses for %v: %v and %v", w.lost, both, a.spans(), b.spans())
			}
		}
	})
}

func end(w *world, s span) time.Duration {
	if s.to == 0 {
		return w.now()
	}
	return s.to
}

// An order that its receiver never survives is repeated ever less often.
func TestRepeatsBecomeRare(t *testing.T) {
	virtual(t, func(w *world) {
		a := w.router("a", 1)
		a.mute = true
		a.start(100)
		w.at(60 * second)
		a.want("master")
		if a.claims < 5 || a.claims > 7 {
			t.Errorf("claimed %d times in a minute", a.claims)
		}
		a.with(func() { a.mute = false })
		w.at(300 * second)
		n := a.claims
		w.at(600 * second)
		if a.claims != n {
			t.Errorf("claimed %d times after it was answered", a.claims-n)
		}
	})
}
