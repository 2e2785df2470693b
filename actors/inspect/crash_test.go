package inspect

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// A panic at each message, before or after it is handled: no event is lost but
// the one that the actor died on before it was noted, the numbers have no gap,
// and a follower sees each event once.
func TestACrashAtEachMessage(t *testing.T) {
	for _, late := range []bool{false, true} {
		for n := 1; n <= 12; n++ {
			t.Run(fmt.Sprintf("message %d, after it %v", n, late), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { crashAt(t, n, late) })
			})
		}
	}
}

func crashAt(t *testing.T, n int, late bool) {
	count, crashed := 0, ""
	records := func() []messages.ActorRecord { return nil }
	shell := func(c supervisors.Child) actor.Actor {
		a := New(records)(c)
		return actor.ReceiveFunc(func(ctx actor.Context) {
			if _, ok := ctx.Message().(*actor.Restarting); ok {
				a.Receive(ctx)
				return
			}
			count++
			now := count == n
			if now {
				crashed = fmt.Sprintf("%T", ctx.Message())
			}
			if now && !late {
				panic("before")
			}
			a.Receive(ctx)
			if now && late {
				panic("after")
			}
		})
	}
	s, err := supervisors.Start(supervisors.Node{Name: "understudy", Children: []supervisors.Node{
		{Name: "edge", Children: []supervisors.Node{{Name: "inspect", New: shell}}},
	}}, supervisors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close(time.Second) }()
	again := func(msg any) any {
		for {
			v, err := s.Ask(messages.PathInspect, time.Second, msg)
			if err == nil {
				return v
			}
			if !errors.Is(err, supervisors.ErrCrashed) {
				t.Fatal(err)
			}
		}
	}
	note := func(cause string) {
		s.Tell(messages.PathInspect, &messages.Event{Kind: "notice", Cause: cause})
		synctest.Wait()
	}
	f := messages.NewFollower(64)
	note("1")
	note("2")
	again(&messages.FollowEvents{Since: messages.Since{Seq: 99}, Follower: f})
	for i := 3; i <= 6; i++ {
		note(fmt.Sprint(i))
	}
	if h := again(&messages.HealthAsked{}).(*messages.Health); h.Verdict != "failed" {
		t.Errorf("health %+v", h)
	}
	note("7")
	got := again(&messages.EventsSince{}).(*messages.Events)
	want := 7
	if crashed == "*messages.Event" && !late {
		want = 6
	}
	if len(got.Events) != want || got.Last != uint64(want) {
		t.Errorf("crash at %s: %d events, last %d, want %d", crashed, len(got.Events), got.Last, want)
	}
	seen := map[uint64]bool{}
	for range len(f.Events()) {
		e := <-f.Events()
		if seen[e.Seq] && crashed != "*messages.FollowEvents" { // it followed twice: the order was repeated
			t.Errorf("crash at %s: event %d came twice", crashed, e.Seq)
		}
		seen[e.Seq] = true
	}
	for seq := uint64(3); seq < uint64(want); seq++ {
		if !seen[seq] {
			t.Errorf("crash at %s: the follower missed event %d", crashed, seq)
		}
	}
}
