package supervisors

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

func TestKilledSupervisorRestartsAndItsChildrenResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{},
			Node{Name: "vrrp", Dynamic: true},
			Node{Name: "other", Children: []Node{{Name: "a", New: counter}}})
		for _, n := range []string{"instance/web", "instance/db"} {
			if err := s.Spawn("/vrrp", Node{Name: n, New: counter}); err != nil {
				t.Fatal(err)
			}
		}
		tell(s, "/vrrp/instance/web", 3)
		tell(s, "/vrrp/instance/db", 5)
		synctest.Wait()
		for range 10 { // injected: no budget
			if err := s.Kill("/vrrp", KillSpec{}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		wantSum(t, s, "/vrrp/instance/web", 3)
		wantSum(t, s, "/vrrp/instance/db", 5)
		if r := record(t, s, "/vrrp/instance/web"); r.Restarts != 10 || r.Parent != "/vrrp" || r.Kind != "instance" {
			t.Errorf("%+v", r)
		}
		if r := record(t, s, "/other/a"); r.Restarts != 0 {
			t.Error("another supervisor's child restarted")
		}
		if err := s.Spawn("/vrrp", Node{Name: "instance/late", New: counter}); err != nil {
			t.Error(err)
		}
		wantSum(t, s, "/vrrp/instance/late", 0)
	})
}

func TestEscalationUpToDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log diary
		var at []time.Duration
		s := runTree(t, Options{OnEvent: log.note}, Node{
			Name: "top", Budget: Budget{Restarts: 1, Within: time.Minute},
			Children: []Node{
				{Name: "net", Budget: Budget{Restarts: 2, Within: time.Minute}, Children: []Node{
					{Name: "bad", New: crasher(&at, time.Now())},
					{Name: "beside", New: counter},
				}},
				{Name: "edge", Children: []Node{{Name: "a", New: counter}}},
			},
		})
		var err error
		select {
		case err = <-s.Done():
		case <-time.After(time.Minute):
			t.Fatal("the root did not give up")
		}
		synctest.Wait()
		if !strings.Contains(err.Error(), "top gave up: /net") {
			t.Error(err)
		}
		// Three starts, escalation; three more, escalation beyond the root's budget.
		if len(at) != 6 {
			t.Errorf("%d starts", len(at))
		}
		var paths []string
		for _, e := range log.of(EventEscalate) {
			paths = append(paths, e.Path)
		}
		if got := fmt.Sprint(paths); got != "[/net /net /]" {
			t.Error(got)
		}
		if r := record(t, s, "/edge/a"); r.Restarts != 0 {
			t.Error("the other supervisor's child was restarted")
		}
		if r := record(t, s, "/net/beside"); r.Restarts != 1 {
			t.Errorf("sibling restarted %d times, want once with net", r.Restarts)
		}
	})
}

func TestBudgetIsPerWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := runTree(t, Options{}, Node{
			Name: "top", Budget: Budget{Restarts: 3, Within: time.Minute},
			Children: []Node{{Name: "v", Children: []Node{{Name: "a", New: counter}}}},
		})
		for range 40 { // three a minute
			if err := s.Kill("/v", KillSpec{Count: true}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Second)
		}
		select {
		case err := <-s.Done():
			t.Fatal(err)
		default:
		}
		for range 4 {
			if err := s.Kill("/v", KillSpec{Count: true}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if err := <-s.Done(); err == nil {
			t.Error("no error")
		}
	})
}

func TestWritersDoNotSpendTheirSupervisorsBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		s := runTree(t, Options{}, Node{Name: "top", Budget: Budget{Restarts: 3, Within: time.Minute}, Children: []Node{
			{Name: "net", Budget: Budget{Restarts: 7, Within: 30 * time.Second}, Children: []Node{
				{Name: "w", New: crasher(&at, time.Now()), NeverQuarantine: true},
			}},
		}})
		time.Sleep(time.Minute)
		synctest.Wait()
		if r := record(t, s, "/net"); r.Restarts != 0 {
			t.Errorf("net restarted %d times", r.Restarts)
		}
	})
}

func TestStartOrderIsTopToBottom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log trace
		slow := shell(func(c Child, ctx actor.Context) {
			if _, ok := ctx.Message().(*actor.Started); ok {
				time.Sleep(100 * time.Millisecond)
				log.add(c.Path)
			}
		})
		bad := func(c Child) actor.Actor {
			log.add(c.Path)
			panic("no")
		}
		s, err := Start(Node{Name: "top", Children: []Node{
			{Name: "a", Children: []Node{{Name: "1", New: slow}, {Name: "2", New: slow}}},
			{Name: "b", New: bad, NeverQuarantine: true},
			{Name: "v", Dynamic: true},
			{Name: "c", New: slow},
		}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close(time.Second) }()
		got := log.String()
		for strings.Contains(got, "/b /b") { // it goes on failing meanwhile
			got = strings.ReplaceAll(got, "/b /b", "/b")
		}
		if got != "/a/1 /a/2 /b /c" {
			t.Error(got)
		}
	})
}

func TestStartRefusesBadTrees(t *testing.T) {
	leaf := Node{Name: "a", New: counter}
	tests := []struct {
		name string
		root Node
		want error
	}{
		{"no name", Node{Children: []Node{leaf}}, nil},
		{"tilde", Node{Name: "a~2", New: counter}, nil},
		{"empty segment", Node{Name: "x", Children: []Node{{Name: "a//b", New: counter}}}, nil},
		{"supervisor of nothing", Node{Name: "x", Children: []Node{{Name: "y"}}}, nil},
		{"leaf with children", Node{Name: "x", New: counter, Children: []Node{leaf}}, nil},
		{"twice the same path", Node{Name: "x", Children: []Node{leaf, leaf}}, ErrExists},
		{"the same path by another way", Node{Name: "x", Children: []Node{
			{Name: "a/b", New: counter}, {Name: "a", Children: []Node{{Name: "b", New: counter}}},
		}}, ErrExists},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Start(tt.root, Options{})
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestSpawnAndStopByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "vrrp", Dynamic: true}, Node{Name: "fixed", Children: []Node{{Name: "a", New: counter}}})
		web := Node{Name: "instance/web", Kind: "vrrp", New: counter}
		if err := s.Spawn("/vrrp", web); err != nil {
			t.Fatal(err)
		}
		tell(s, "/vrrp/instance/web", 2)
		wantSum(t, s, "/vrrp/instance/web", 2)
		if r := record(t, s, "/vrrp/instance/web"); r.Kind != "vrrp" {
			t.Errorf("kind %q", r.Kind)
		}
		if err := s.Spawn("/vrrp", web); !errors.Is(err, ErrExists) {
			t.Errorf("duplicate: %v", err)
		}
		if err := s.Spawn("/nowhere", web); !errors.Is(err, ErrUnknownPath) {
			t.Errorf("unknown parent: %v", err)
		}
		if err := s.Spawn("/fixed", web); err == nil {
			t.Error("spawned below a static supervisor")
		}
		if err := s.Stop("/vrrp/instance/web", time.Second); err != nil {
			t.Fatal(err)
		}
		if _, ok := s.Registry().Record("/vrrp/instance/web"); ok {
			t.Error("the record of a removed child is still there")
		}
		if err := s.Stop("/vrrp/instance/web", time.Second); !errors.Is(err, ErrUnknownPath) {
			t.Errorf("second stop: %v", err)
		}
		if err := s.Spawn("/vrrp", web); err != nil {
			t.Fatal(err)
		}
		wantSum(t, s, "/vrrp/instance/web", 0) // a new path begins with an empty cell
	})
}

func TestStopOfAHungActorLeavesItBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "v", Dynamic: true})
		for range 2 {
			if err := s.Spawn("/v", Node{Name: "a", New: counter}); err != nil {
				t.Fatal(err)
			}
			block := &wait{c: make(chan any)}
			defer close(block.c)
			s.Tell("/v/a", block)
			synctest.Wait()
			before := time.Now()
			if err := s.Stop("/v/a", 500*time.Millisecond); err == nil {
				t.Error("no error for an actor left behind")
			}
			if d := time.Since(before); d != 500*time.Millisecond {
				t.Errorf("took %v", d)
			}
		}
		if n := s.abandoned.Load(); n != 2 {
			t.Errorf("%d turns left behind", n)
		}
	})
}

func TestStopOfABackingOffOrQuarantinedActor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		s := run(t, Options{}, Node{Name: "v", Dynamic: true})
		for _, after := range []time.Duration{2 * time.Second, 10 * time.Second} {
			if err := s.Spawn("/v", Node{Name: "a", New: crasher(&at, time.Now())}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(after)
			if err := s.Stop("/v/a", time.Second); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			starts := len(at)
			time.Sleep(time.Minute)
			synctest.Wait()
			if len(at) != starts {
				t.Error("a stopped actor came back")
			}
		}
	})
}

func TestStopOfASupervisorGoesBackwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log trace
		note := shell(func(c Child, ctx actor.Context) {
			if _, ok := ctx.Message().(*actor.Stopping); ok {
				log.add(c.Path)
			}
		})
		s := run(t, Options{}, Node{Name: "v", Children: []Node{{Name: "a", New: note}, {Name: "b", New: note}, {Name: "c", New: note}}})
		if err := s.Stop("/v", time.Second); err != nil {
			t.Fatal(err)
		}
		if got := log.String(); got != "/v/c /v/b /v/a" {
			t.Error(got)
		}
		wantState(t, s, "/v", Stopped)
		wantState(t, s, "/v/a", Stopped)
	})
}

func TestAnActorThatStopsItselfStaysStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log diary
		s := run(t, Options{OnEvent: log.note}, Node{Name: "a", New: shell(func(_ Child, ctx actor.Context) {
			if _, ok := ctx.Message().(*boom); ok {
				ctx.Stop(ctx.Self())
			}
		})})
		s.Tell("/a", &boom{})
		synctest.Wait()
		wantState(t, s, "/a", Stopped)
		if got := log.of(EventStop); len(got) != 1 {
			t.Errorf("%+v", got)
		}
	})
}
