package vrrp

import (
	"time"

	"github.com/understudy-ha/understudy/actors/vrrp/fsm"
	"github.com/understudy-ha/understudy/messages"
)

// An actor that crashes loses the message it crashed on. So what an instance
// declares to others is declared again until it is answered, or once where no
// answer is due. All of it is a wish: a second time changes nothing.

// repeatTimer is the timer of that; it is none of the core's.
const repeatTimer = fsm.Timers + 1

// The pause before an order is repeated doubles: it may be what the other one
// crashes on.
const (
	firstRepeat   = time.Second
	longestRepeat = 32 * time.Second
)

// owed is what is not certain to have arrived.
type owed struct {
	links     []string // interfaces that link was asked for and has not told of
	addresses bool     // a claim or release that was not answered
	group     bool     // a membership was declared once
	pause     time.Duration
	at        int64 // when the pause ends
}

// declared begins to wait for answers, unless it waits already.
func (a *Actor) declared() {
	if !a.timers.Armed(repeatTimer) || a.owed.at > a.env.Now()+int64(firstRepeat) {
		a.await(firstRepeat)
	}
}

func (a *Actor) await(pause time.Duration) {
	a.owed.pause, a.owed.at = pause, a.env.Now()+int64(pause)
	a.timers.Arm(repeatTimer, pause)
}

// settled ends the waiting if nothing is open any more.
func (a *Actor) settled() {
	if !a.owed.addresses && !a.owed.group && a.asked == nil && len(a.owed.links) == 0 {
		a.timers.Stop(repeatTimer)
	}
}

// repeat declares again what is open.
func (a *Actor) repeat() {
	pause := min(2*a.owed.pause, longestRepeat)
	for _, name := range a.owed.links {
		a.child.Tell(messages.PathLink, &messages.SubscribeLink{Subscriber: a.child.Path, Name: name})
	}
	if a.owed.group {
		a.join()
	}
	a.owed.group = false
	if a.owed.addresses {
		a.log.Warn("addresses are not answered for, declared again", "instance", a.mem.Instance.Name)
		a.declareAddresses()
	}
	if a.asked != nil {
		a.late = true
		a.arm()
	}
	a.await(pause)
	a.settled()
}

// declareAddresses tells the writer what this instance holds now; what is
// missing is announced.
func (a *Actor) declareAddresses() {
	if a.mem.Holding {
		a.order(a.claim(0))
	} else {
		a.order(&messages.ReleaseAddresses{Owner: a.child.Path})
	}
}

// order gives the address writer an order that it answers.
func (a *Actor) order(m any) {
	a.child.Tell(messages.PathAddress, m)
	a.owed.addresses = true
	a.declared()
}
