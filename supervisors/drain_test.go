package supervisors

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestDrainKeepsOrderAndDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log trace
		s := run(t, Options{}, Node{Name: "a", New: counter})
		before := time.Now()
		bad := errors.New("bad")
		forever := make(chan any)
		defer close(forever)
		err := s.Drain([]Stage{
			{"one", time.Second, func(context.Context) error { log.add("one"); return nil }},
			{"two", time.Second, func(ctx context.Context) error { log.add("two"); <-ctx.Done(); return ctx.Err() }},
			{"three", time.Second, func(context.Context) error { log.add("three"); return bad }},
			{"four", time.Second, func(context.Context) error { log.add("four"); panic("in a stage") }},
			{"five", time.Second, func(context.Context) error { log.add("five"); <-forever; return nil }},
			{"six", time.Second, func(context.Context) error { log.add("six"); return nil }},
		})
		if got := log.String(); got != "one two three four five six" {
			t.Error(got)
		}
		if d := time.Since(before); d != 2*time.Second+drainGrace {
			t.Errorf("took %v", d)
		}
		if !errors.Is(err, bad) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "drain four: panic: in a stage") ||
			!strings.Contains(err.Error(), "drain five: left behind") {
			t.Error(err)
		}
	})
}

func TestSkipWaitsForNothingButGivesEveryOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log trace
		s := run(t, Options{}, Node{Name: "a", New: counter})
		order := func(name string) func(context.Context) error {
			return func(ctx context.Context) error {
				log.add(name)
				<-ctx.Done()
				return nil
			}
		}
		before := time.Now()
		time.AfterFunc(time.Second, s.Skip)
		if err := s.Drain([]Stage{
			{"notify", time.Hour, order("notify")},
			{"release", time.Hour, order("release")},
			{"net", time.Hour, order("net")},
		}); err != nil {
			t.Error(err)
		}
		if d := time.Since(before); d != time.Second {
			t.Errorf("took %v", d)
		}
		if got := log.String(); got != "notify release net" {
			t.Error(got)
		}
	})
}

func TestWhileDrainingACrashStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		s := run(t, Options{}, Node{Name: "v", Children: []Node{
			{Name: "a", New: counter},
			{Name: "hangs", New: counter},
			{Name: "writer", New: counter, NeverQuarantine: true},
			{Name: "loop", New: crasher(&at, time.Now())},
		}}, Node{Name: "dyn", Dynamic: true})
		time.Sleep(10 * time.Second) // loop is in quarantine
		tell(s, "/v/writer", 2)
		block := &wait{c: make(chan any)}
		defer close(block.c)
		starts := 0
		err := s.Drain([]Stage{{"check", time.Hour, func(context.Context) error {
			s.Tell("/v/a", &boom{})
			s.Tell("/v/writer", &boom{})
			s.Tell("/v/hangs", block)
			if err := s.Kill("/v", KillSpec{}); err != nil { // a supervisor just goes on
				t.Error(err)
			}
			starts = len(at)
			time.Sleep(time.Minute)
			if err := s.Spawn("/dyn", Node{Name: "x", New: counter}); !errors.Is(err, ErrClosed) {
				t.Errorf("spawned: %v", err)
			}
			return nil
		}}})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantState(t, s, "/v/a", Stopped)
		wantState(t, s, "/v/hangs", Stopped)
		wantSum(t, s, "/v/writer", 2) // it owes its releases
		if r := record(t, s, "/v"); r.State != Running || r.Restarts != 0 || len(r.Crashes) != 1 {
			t.Errorf("%+v", r)
		}
		if len(at) != starts {
			t.Error("a quarantined actor was retried")
		}
	})
}

func TestCloseIsOrderedAndLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log trace
		s := run(t, Options{},
			Node{Name: "a", New: panicky(&log, "stopping", "stopped")},
			Node{Name: "v", Dynamic: true})
		if err := s.Spawn("/v", Node{Name: "x", New: counter}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(time.Second); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(time.Second); err != nil {
			t.Error(err)
		}
		for _, r := range s.Registry().Records() {
			if r.State != Stopped {
				t.Errorf("%s is %s", r.Path, r.State)
			}
		}
		select {
		case err := <-s.Done():
			t.Errorf("an ordered end is no failure: %v", err)
		default:
		}
	}) // the bubble fails if a goroutine is left
}
