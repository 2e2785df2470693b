package supervisors

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

func TestHungActorIsReplacedAndItsLateWritesAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log diary
		s := run(t, Options{OnEvent: log.note}, Node{Name: "a", New: counter}, Node{Name: "late", New: counter})
		tell(s, "/a", 3)
		block := &wait{c: make(chan any)}
		s.Tell("/a", block)
		tell(s, "/a", 2) // wait behind it for the successor
		time.Sleep(1900 * time.Millisecond)
		synctest.Wait()
		if r := record(t, s, "/a"); r.Restarts != 0 || r.Mailbox != 2 || r.Busy < 1900*time.Millisecond || r.LastMessage != "*supervisors.wait" {
			t.Fatalf("%+v", r)
		}
		time.Sleep(time.Second)
		wantSum(t, s, "/a", 5)
		r := record(t, s, "/a")
		if r.Hangs != 1 || r.Restarts != 1 || r.State != Running {
			t.Errorf("%+v", r)
		}
		hangs := log.of(EventHang)
		if len(hangs) != 1 || hangs[0].Path != "/a" || !strings.Contains(hangs[0].Cause, "busy with *supervisors.wait for 2") {
			t.Fatalf("%+v", hangs)
		}
		if !strings.Contains(hangs[0].Stack, "helpers_test.go") {
			t.Errorf("the stack does not show where it hangs:\n%s", hangs[0].Stack)
		}
		e, _ := s.find("/a")
		if !strings.HasSuffix(e.pid.Id, "a~2") {
			t.Errorf("process %s", e.pid.Id)
		}
		if n := s.abandoned.Load(); n != 1 {
			t.Errorf("%d turns left behind", n)
		}

		close(block.c) // the old turn wakes up, remembers, publishes and tells
		synctest.Wait()
		wantSum(t, s, "/a", 5)
		if r := record(t, s, "/a"); r.Snapshot != 5 || r.Restarts != 1 {
			t.Errorf("snapshot %v, %d restarts", r.Snapshot, r.Restarts)
		}
		s.Tell("/a", &boom{})
		synctest.Wait()
		wantSum(t, s, "/a", 5) // from the cell
		wantSum(t, s, "/late", 0)
		if n := s.abandoned.Load(); n != 0 {
			t.Errorf("%d turns left behind", n)
		}
		if err := s.Stop("/a", time.Second); err != nil {
			t.Error(err)
		}
	})
}

func TestLateMessagesThroughTheContextAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := make(chan any)
		s := run(t, Options{}, Node{Name: "a", New: shell(func(_ Child, ctx actor.Context) {
			if _, ok := ctx.Message().(*get); ok {
				<-c
				ctx.Respond("late")
			}
		})})
		answer := make(chan error)
		go func() {
			_, err := s.Ask("/a", 10*time.Second, &get{})
			answer <- err
		}()
		time.Sleep(3 * time.Second)
		close(c)
		if err := <-answer; !errors.Is(err, ErrTimeout) {
			t.Error(err)
		}
	})
}

func TestHangsGoOnToQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := make(chan any)
		defer close(c)
		s := run(t, Options{}, Node{Name: "a", New: func(Child) actor.Actor {
			<-c
			return counter(Child{})
		}}, Node{Name: "b", New: counter})
		time.Sleep(25 * time.Second)
		synctest.Wait()
		wantState(t, s, "/a", Quarantined)
		if r := record(t, s, "/a"); r.Hangs != failureLimit {
			t.Errorf("%d hangs", r.Hangs)
		}
		wantState(t, s, "/b", Running) // start order waits for a hanging start, but not for ever
		time.Sleep(10 * time.Minute)
		select {
		case err := <-s.Done():
			if !strings.Contains(err.Error(), "left behind") {
				t.Error(err)
			}
		default:
			t.Errorf("%d turns left behind and nobody minds", s.abandoned.Load())
		}
	})
}

func TestHungChildHoldsUpNoSupervisor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "v", Children: []Node{{Name: "a", New: counter}, {Name: "b", New: counter}}})
		tell(s, "/v/b", 1)
		block := &wait{c: make(chan any)}
		defer close(block.c)
		s.Tell("/v/a", block)
		synctest.Wait()
		if err := s.Kill("/v", KillSpec{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		wantSum(t, s, "/v/a", 0)
		wantSum(t, s, "/v/b", 1)
	})
}

func TestReportedHangIsJudgedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		s.ReportHang("/a") // idle: alive
		s.ReportHang("/nobody")
		synctest.Wait()
		block := &wait{c: make(chan any)}
		defer close(block.c)
		s.Tell("/a", block)
		s.ReportHang("/a") // busy since just now: alive
		time.Sleep(49 * time.Millisecond)
		synctest.Wait()
		if r := record(t, s, "/a"); r.Hangs != 0 {
			t.Fatalf("%+v", r)
		}
		time.Sleep(time.Millisecond)
		s.ReportHang("/a")
		synctest.Wait()
		if r := record(t, s, "/a"); r.Hangs != 1 || r.State != Running {
			t.Errorf("%+v", r)
		}
	})
}

func TestStallOfTheProcessBlamesNobody(t *testing.T) {
	// The watchdog is driven by hand: lateness cannot be had in a bubble.
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{Hang: time.Hour}, Node{Name: "a", New: counter})
		w := newWatchdog(s)
		block := &wait{c: make(chan any)}
		defer close(block.c)
		s.Tell("/a", block)
		synctest.Wait()
		for range 50 {
			w.round(watchLateness)
		}
		for range watchRounds {
			w.round(watchLateness)
		}
		for range watchRounds - 1 {
			w.round(watchLateness - 1)
		}
		if r := record(t, s, "/a"); r.Hangs != 0 {
			t.Fatal("blamed for the stall")
		}
		w.round(0)
		if r := record(t, s, "/a"); r.Hangs != 1 {
			t.Error("not found in rounds that came on time")
		}
		synctest.Wait()
	})
}

func TestDeafActorIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		e, _ := s.find("/a")
		box := e.box.Load()
		box.running.Store(true) // as if its wake-up were lost
		tell(s, "/a", 3)
		time.Sleep(3 * time.Second)
		wantSum(t, s, "/a", 3)
		if r := record(t, s, "/a"); r.Hangs != 1 {
			t.Errorf("%+v", r)
		}
		box.running.Store(false)
	})
}

func TestFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "v", Children: []Node{{Name: "a", New: counter}}})
		tell(s, "/v/a", 2)
		synctest.Wait()
		if err := s.Fence("/v/a"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantSum(t, s, "/v/a", 2)
		if r := record(t, s, "/v/a"); r.Restarts != 1 || s.abandoned.Load() != 0 {
			t.Errorf("%+v", r)
		}
		if err := s.Fence("/v"); err == nil {
			t.Error("a supervisor was fenced")
		}
		if err := s.Fence("/nobody"); !errors.Is(err, ErrUnknownPath) {
			t.Error(err)
		}
	})
}

func TestHungSupervisorEndsTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := make(chan any)
		s := run(t, Options{}, Node{Name: "v", Children: []Node{{Name: "a", New: counter, Lease: func() time.Duration {
			<-c // a hook that blocks, against the rules
			return 0
		}}}})
		s.Tell("/v/a", &boom{})
		time.Sleep(3 * time.Second)
		select {
		case err := <-s.Done():
			if !strings.Contains(err.Error(), "/v hangs") {
				t.Error(err)
			}
		default:
			t.Error("nobody noticed")
		}
		close(c)
		synctest.Wait()
	})
}

func TestHangsSpendTheBudgetToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log diary
		c := make(chan any)
		defer close(c)
		s := runTree(t, Options{OnEvent: log.note}, Node{Name: "top", Children: []Node{
			{Name: "net", Budget: Budget{Restarts: 2, Within: time.Minute}, Children: []Node{
				{Name: "a", New: shell(func(_ Child, ctx actor.Context) {
					if _, ok := ctx.Message().(*boom); ok {
						<-c
					}
				})}, {Name: "b", New: counter},
			}},
		}})
		tell(s, "/net/b", 2)
		for range 3 {
			s.Tell("/net/a", &boom{})
			time.Sleep(3 * time.Second)
		}
		synctest.Wait()
		if got := log.of(EventEscalate); len(got) != 1 || got[0].Path != "/net" {
			t.Errorf("%+v", got)
		}
		wantState(t, s, "/net/a", Running)
		wantSum(t, s, "/net/b", 2)
		if r := record(t, s, "/net"); r.Restarts != 1 {
			t.Errorf("net restarted %d times", r.Restarts)
		}
	})
}
