package chaos

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// brittle panics at the nth kill, before or after it is done.
type brittle struct {
	*victims
	n, calls int
	late     bool
}

func (b *brittle) Kill(path string, k supervisors.KillSpec) error {
	b.calls++
	now := b.calls == b.n
	if now && !b.late {
		panic("before a kill")
	}
	err := b.victims.Kill(path, k)
	if now && b.late {
		panic("after a kill")
	}
	return err
}

// A panic at each message, or in each kill: an order goes on, and no kill of it
// is done twice. Only the one that the actor died on may be missing.
func TestACrashAnywhere(t *testing.T) {
	for _, in := range []string{"message", "kill"} {
		for _, late := range []bool{false, true} {
			for n := 1; n <= 6; n++ {
				t.Run(fmt.Sprintf("%s %d, after it %v", in, n, late), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { crashAt(t, in, n, late) })
				})
			}
		}
	}
}

func crashAt(t *testing.T, in string, n int, late bool) {
	b := &brittle{victims: &victims{since: time.Now()}, late: late}
	count, at := 0, 0
	if in == "kill" {
		b.n = n
	} else {
		at = n
	}
	shell := func(c supervisors.Child) actor.Actor {
		a := New(c, b)
		return actor.ReceiveFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(*actor.Restarting); ok {
				a.Receive(ctx)
				return
			}
			count++
			now := count == at
			if now && !late {
				panic("before a message")
			}
			a.Receive(ctx)
			if now && late {
				panic("after a message")
			}
		})
	}
	s, err := supervisors.Start(supervisors.Node{Name: "top", Children: []supervisors.Node{
		{Name: "edge", Children: []supervisors.Node{{Name: "chaos", New: shell}}},
	}}, supervisors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close(time.Second) }()
	order := &messages.ChaosKill{Path: "/a", Times: 5, Every: time.Second}
	_, err = s.Ask(path, time.Second, order)
	refused := errors.Is(err, supervisors.ErrCrashed)
	if err != nil && !refused {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	most, least := 5, 4
	if refused {
		least = 0 // who asked knows
	}
	if got := len(b.notes); got > most || got < least {
		t.Errorf("%d kills of %d: %q", got, most, b.notes)
	}
	for i := 1; i < len(b.notes); i++ {
		if b.notes[i] == b.notes[i-1] {
			t.Errorf("the same kill twice: %q", b.notes)
		}
	}
}
