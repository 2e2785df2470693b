package inspect

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// running starts a tree with inspect in it.
func running(t *testing.T) *supervisors.System {
	t.Helper()
	records := func() []messages.ActorRecord {
		return []messages.ActorRecord{{Path: messages.PathPacer, State: "running"}}
	}
	s, err := supervisors.Start(supervisors.Node{Name: "understudy", Children: []supervisors.Node{
		{Name: "edge", Children: []supervisors.Node{{Name: "inspect", New: New(records)}}},
	}}, supervisors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(patience); err != nil {
			t.Error(err)
		}
	})
	return s
}

func ask[T any](t *testing.T, s *supervisors.System, msg any) T {
	t.Helper()
	v, err := s.Ask(messages.PathInspect, patience, msg)
	if err != nil {
		t.Fatal(err)
	}
	out, ok := v.(T)
	if !ok {
		t.Fatalf("answer to %T is %T", msg, v)
	}
	return out
}

func next(t *testing.T, f *messages.Follower) messages.Event {
	t.Helper()
	select {
	case e, open := <-f.Events():
		if !open {
			t.Fatalf("cut off: %s", f.Reason())
		}
		return e
	case <-time.After(patience):
		t.Fatal("no event")
	}
	return messages.Event{}
}

func TestEventsAndFollowersSurviveACrash(t *testing.T) {
	s := running(t)
	s.Tell(messages.PathInspect, &messages.Event{Kind: "notice", Cause: "one"})
	f := messages.NewFollower(8)
	if got := ask[*messages.Events](t, s, &messages.FollowEvents{Follower: f}); len(got.Events) != 1 {
		t.Fatalf("backlog: %+v", got)
	}
	if err := s.Kill(messages.PathInspect, supervisors.KillSpec{}); err != nil {
		t.Fatal(err)
	}
	s.Tell(messages.PathInspect, &messages.Event{Kind: "notice", Cause: "two"})
	if e := next(t, f); e.Seq != 2 || e.Cause != "two" {
		t.Errorf("got %+v", e)
	}
	got := ask[*messages.Events](t, s, &messages.EventsSince{})
	if len(got.Events) != 2 || got.Events[0].Cause != "one" || got.Last != 2 {
		t.Errorf("got %+v", got)
	}
	if r, ok := s.Registry().Record(messages.PathInspect); !ok || r.Restarts != 1 {
		t.Errorf("the actor was not restarted: %+v", r)
	}
	s.Tell(messages.PathInspect, &messages.UnfollowEvents{Follower: f})
	s.Tell(messages.PathInspect, &messages.Event{Kind: "notice", Cause: "three"})
	ask[*messages.Events](t, s, &messages.EventsSince{Since: messages.Since{Seq: 2}})
	select {
	case e := <-f.Events():
		t.Errorf("an event after the end: %+v", e)
	default:
	}
}

func TestAStopCutsTheFollowersOff(t *testing.T) {
	s := running(t)
	f := messages.NewFollower(8)
	ask[*messages.Events](t, s, &messages.FollowEvents{Follower: f})
	if err := s.Stop(messages.PathInspect, patience); err != nil {
		t.Fatal(err)
	}
	select {
	case _, open := <-f.Events():
		if open || f.Reason() != "inspect is stopping" {
			t.Errorf("open %v, reason %q", open, f.Reason())
		}
	case <-time.After(patience):
		t.Error("the follower waits for ever")
	}
}

func TestHealthIsAnswered(t *testing.T) {
	s := running(t)
	if h := ask[*messages.Health](t, s, &messages.HealthAsked{}); h.Verdict != "ok" {
		t.Errorf("got %+v", h)
	}
}
