package address

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

// script is a life with everything in it, and what it must come to.
func script() (steps []any, kernel string) {
	a1, a2, a3 := addr("eth0", "192.0.2.1/24"), addr("eth0", "192.0.2.2/24"), addr("eth1", "192.0.2.3/24")
	b1 := addr("eth0", "192.0.2.11/24")
	return []any{
		claim(ownerA, 2, a1, a2),
		claim(ownerB, 2, b1),
		claim(ownerA, 2, a2, a3),
		&messages.ReleaseAddresses{Owner: ownerB},
		claim(ownerB, 1, b1, a1),
		&messages.AnnounceAddresses{Owner: ownerA, Repeat: 1},
		claim(ownerA, 1, a3),
	}, "1 192.0.2.1/24, 1 192.0.2.11/24, 2 192.0.2.3/24"
}

// A crash between any two messages costs nothing and nobody is told of a loss.
func TestACrashAnywhereChangesNothing(t *testing.T) {
	steps, want := script()
	for at := range len(steps) + 1 {
		for _, held := range []bool{false, true} { // held: the writer's thread is behind
			bubble(t, fmt.Sprintf("before message %d, writer behind %v", at, held), func(w *world) {
				for i, m := range steps {
					if i == at {
						w.with(func() { w.held = held })
						w.kill()
					}
					w.tell(m)
				}
				if at == len(steps) {
					w.kill()
				}
				w.with(func() { w.held = false })
				w.settle()
				w.want("kernel", w.kernel(), want)
				w.lostNothing()
			})
		}
	}
}

// A crash within a step: it was committed, and what it needs was not ordered.
func TestACrashBeforeAnOrderIsHandedOver(t *testing.T) {
	steps, want := script()
	for at := 1; at < 20; at++ {
		bubble(t, fmt.Sprintf("at order %d", at), func(w *world) {
			w.with(func() { w.crash = at })
			for _, m := range steps {
				w.tell(m)
			}
			w.settle()
			w.want("kernel", w.kernel(), want)
			w.lostNothing()
		})
	}
}

func TestALossDuringACrashIsReported(t *testing.T) {
	bubble(t, "confirmed and missing after the restart", func(w *world) {
		w.tell(claim(ownerA, 1, addr("eth0", "192.0.2.1/24"), addr("eth0", "192.0.2.2/24")))
		w.got(ownerA)
		w.with(func() { w.forms = w.forms[1:] })
		w.kill()
		w.settle()
		w.want("told", w.got(ownerA), "lost 192.0.2.1/24")
		w.want("kernel", w.kernel(), "1 192.0.2.2/24")
	})
}

// settle gives restarts their time.
func (w *world) settle() {
	time.Sleep(3 * time.Second)
	synctest.Wait()
}

func (w *world) lostNothing() {
	w.t.Helper()
	for owner, mail := range w.mail {
		for len(mail) > 0 {
			if m, ok := (<-mail).(*messages.AddressLost); ok {
				w.t.Errorf("%s was told that it lost %s", owner, m.Prefix)
			}
		}
	}
}
