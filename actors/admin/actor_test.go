package admin

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// fakeListener tells of each call.
type fakeListener struct {
	started chan func(error)
	closed  chan struct{}
	err     error
}

func (l *fakeListener) Start(failed func(error)) error { l.started <- failed; return nil }
func (l *fakeListener) Close() error                   { l.closed <- struct{}{}; return l.err }

func tree(t *testing.T, l Listener) *supervisors.System {
	t.Helper()
	s, err := supervisors.Start(supervisors.Node{Name: "understudy", Children: []supervisors.Node{
		{Name: "edge", Children: []supervisors.Node{{Name: "admin", New: New(l)}}},
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

func get[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s", what)
	}
	panic("unreachable")
}

func TestACrashOfTheListenerIsTheActorsAndItServesAgain(t *testing.T) {
	l := &fakeListener{started: make(chan func(error), 4), closed: make(chan struct{}, 4)}
	s := tree(t, l)
	failed := get(t, l.started, "start")
	failed(errors.New("accept: bad luck"))
	get(t, l.started, "second start")
	r, ok := s.Registry().Record(messages.PathAdmin)
	if !ok || r.LastCrash == nil || r.LastCrash.Reason != "accept: bad luck" {
		t.Errorf("record %+v", r)
	}
	failed(errors.New("late")) // of the incarnation before: ignored
	if len(l.closed) != 0 {
		t.Error("a crash gave up the socket")
	}
}

func TestOnlyTheOrderedStopClosesTheListener(t *testing.T) {
	l := &fakeListener{started: make(chan func(error), 4), closed: make(chan struct{}, 4), err: errors.New("busy")}
	s := tree(t, l)
	v, err := s.Ask(messages.PathAdmin, patience, &messages.StopAdmin{})
	if err != nil {
		t.Fatal(err)
	}
	if d, ok := v.(*messages.Done); !ok || d.Error != "close admin listener: busy" {
		t.Errorf("got %+v", v)
	}
	get(t, l.closed, "close")
	if err := s.Stop(messages.PathAdmin, patience); err != nil {
		t.Fatal(err)
	}
	if len(l.closed) != 0 {
		t.Error("the plain stop closed it too")
	}
}

func TestRunningShowsTheSystem(t *testing.T) {
	l := &fakeListener{started: make(chan func(error), 4), closed: make(chan struct{}, 4)}
	sys := Running(tree(t, l))
	get(t, l.started, "start")(errors.New("boom"))
	get(t, l.started, "second start")
	root := sys.Tree()
	if root.Kind != "understudy" || len(root.Children) != 1 || root.Children[0].Children[0].Path != messages.PathAdmin {
		t.Fatalf("tree %+v", root)
	}
	leaf := root.Children[0].Children[0]
	if leaf.LastCrash == nil || leaf.LastCrash.Reason != "boom" || leaf.Children == nil || leaf.Started == nil {
		t.Errorf("leaf %+v", leaf)
	}
	found := false
	for _, r := range sys.Records() {
		if r.Path == messages.PathAdmin {
			found = r.LastCrash != nil && r.Restarts == 1 && r.Kind == "admin"
		}
	}
	if !found {
		t.Errorf("records %+v", sys.Records())
	}
	if err := sys.Kill(messages.Kill{Path: messages.PathAdmin}); !errors.Is(err, supervisors.ErrProtected) {
		t.Errorf("kill admin: %v", err)
	}
	if _, err := sys.Ask("/nowhere", time.Second, &messages.Garp{}); !errors.Is(err, supervisors.ErrUnknownPath) {
		t.Errorf("ask nobody: %v", err)
	}
}
