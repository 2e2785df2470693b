package supervisors

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

func TestRestartResumesAtEveryMessage(t *testing.T) {
	for at := range 6 {
		t.Run(fmt.Sprintf("crash before message %d", at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := run(t, Options{}, Node{Name: "a", New: counter})
				for i := range 5 {
					if i == at {
						s.Tell("/a", &boom{})
					}
					s.Tell("/a", &add{})
				}
				synctest.Wait()
				wantSum(t, s, "/a", 5)
				r := record(t, s, "/a")
				if crashed := at < 5; crashed != (r.Restarts == 1) || crashed != (r.Dropped == 1) {
					t.Errorf("restarts %d, dropped %d", r.Restarts, r.Dropped)
				}
			})
		})
	}
}

func TestResumedAndGenerationTellTheIncarnation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen trace
		s := run(t, Options{}, Node{Name: "a", New: func(c Child) actor.Actor {
			seen.add(fmt.Sprintf("%d:%v", c.Generation, c.Resumed))
			return counter(c)
		}})
		s.Tell("/a", &boom{})
		s.Tell("/a", &add{})
		s.Tell("/a", &boom{})
		time.Sleep(time.Second)
		synctest.Wait()
		if got := seen.String(); got != "1:false 2:false 3:true" {
			t.Error(got)
		}
	})
}

func TestPostMortem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		tell(s, "/a", 3)
		for range crashesKept + 2 {
			s.Tell("/a", &boom{})
			time.Sleep(time.Minute) // none quarantines
		}
		r := record(t, s, "/a")
		if len(r.Crashes) != crashesKept || r.LastCrash == nil {
			t.Fatalf("kept %d", len(r.Crashes))
		}
		c := *r.LastCrash
		if c.Message != "*supervisors.boom" || c.Reason != "boom" || c.State != "{N:3}" ||
			c.Generation != crashesKept+2 || c.Injected {
			t.Errorf("%+v", c)
		}
		if !strings.Contains(c.Stack, "helpers_test.go") {
			t.Errorf("stack does not show the shell:\n%s", c.Stack)
		}
	})
}

func TestBackoffSchedule(t *testing.T) {
	ms := time.Millisecond
	tests := []struct {
		name  string
		lease time.Duration
		want  []time.Duration
	}{
		{"first at once, then growing to a second", 0, []time.Duration{0, 5 * ms, 20 * ms, 80 * ms, 320 * ms, time.Second, time.Second, time.Second}},
		{"at most a quarter of the lease", 100 * ms, []time.Duration{0, 5 * ms, 20 * ms, 25 * ms, 25 * ms, 25 * ms, 25 * ms}},
		{"a lease longer than all changes nothing", time.Hour, []time.Duration{0, 5 * ms, 20 * ms, 80 * ms, 320 * ms, time.Second}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i, want := range tt.want {
				if got := backoff(i+1, tt.lease); got != want {
					t.Errorf("failure %d: %v, want %v", i+1, got, want)
				}
			}
		})
	}
}

// crasher dies in Started while broken, and notes when it was started.
func crasher(at *[]time.Duration, since time.Time) Constructor {
	return shell(func(_ Child, ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Started); ok {
			*at = append(*at, time.Since(since))
			panic("broken")
		}
	})
}

func TestCrashLoopEndsInQuarantineAndIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		var quarantined []string
		var log diary
		s := run(t, Options{OnEvent: log.note},
			Node{Name: "bad", New: crasher(&at, time.Now()), OnQuarantine: func(p string) { quarantined = append(quarantined, p) }},
			Node{Name: "good", New: counter})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		ms := time.Millisecond
		want := []time.Duration{0, 0, 5 * ms, 25 * ms, 105 * ms, 425 * ms, 1425 * ms, 2425 * ms}
		if fmt.Sprint(at) != fmt.Sprint(want) {
			t.Fatalf("started at %v, want %v", at, want)
		}
		wantState(t, s, "/bad", Quarantined)
		if len(quarantined) != 1 || quarantined[0] != "/bad" || len(log.of(EventQuarantine)) != 1 {
			t.Errorf("hook %v, events %v", quarantined, log.of(EventQuarantine))
		}
		if r := record(t, s, "/good"); r.Restarts != 0 || r.State != Running {
			t.Errorf("sibling: %+v", r)
		}
		if _, err := s.Ask("/bad", 0, &get{}); err == nil {
			t.Error("a quarantined actor answered")
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if len(at) != 16 || at[8] != 2425*ms+quarantineRetry {
			t.Errorf("retried at %v", at[8:])
		}
		if len(quarantined) != 2 {
			t.Errorf("quarantined %d times", len(quarantined))
		}
	})
}

func TestQuarantineRetryStartsCold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		tell(s, "/a", 4)
		for range failureLimit {
			s.Tell("/a", &add{}) // gets past resuming
			s.Tell("/a", &boom{})
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		wantState(t, s, "/a", Quarantined)
		lost := record(t, s, "/a").Dropped
		tell(s, "/a", 3) // lost
		time.Sleep(quarantineRetry)
		synctest.Wait()
		wantState(t, s, "/a", Running)
		wantSum(t, s, "/a", 0)
		if got := record(t, s, "/a").Dropped - lost; got != 3 {
			t.Errorf("%d messages lost in quarantine, want 3", got)
		}
	})
}

func TestSoleWriterIsNeverGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		s := run(t, Options{}, Node{Name: "w", New: crasher(&at, time.Now()), NeverQuarantine: true})
		time.Sleep(10*time.Minute + time.Millisecond)
		synctest.Wait()
		wantState(t, s, "/w", Restarting)
		n := len(at)
		if n < 600 {
			t.Fatalf("%d starts in ten minutes", n)
		}
		if d := at[n-1] - at[n-2]; d != time.Second {
			t.Errorf("last pause %v", d)
		}
		e, _ := s.find("/w")
		if len(e.failures) > failureLimit || len(e.crashes) > crashesKept {
			t.Errorf("statistics grow: %d failures, %d crashes", len(e.failures), len(e.crashes))
		}
	})
}

// spy is a strategy that shows the runtime's statistics of each failure.
type spy struct {
	strategy
	failures *int
	entries  *int
}

func (y spy) HandleFailure(as *actor.ActorSystem, sup actor.Supervisor, pid *actor.PID, rs *actor.RestartStatistics, reason, msg any) {
	y.strategy.HandleFailure(as, sup, pid, rs, reason, msg)
	*y.failures++
	*y.entries = rs.FailureCount()
}

func TestProtoactorStatisticsStayEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		var failures, entries int
		// The root's process again, now with the spy, over the same entries.
		props := s.props(s.root, "spied").Configure(actor.WithSupervisor(spy{strategy{s}, &failures, &entries}))
		if err := s.Stop("/a", time.Second); err != nil {
			t.Fatal(err)
		}
		a := newEntry(s, s.root, Node{Name: "b", New: counter}, true)
		s.paths.Store("/b", a)
		s.root.children = []*entry{a}
		if _, err := actor.DefaultSpawner(s.sys, "spied", props, rootContext{s.sys.Root, s.guard.pid}); err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			if err := s.Kill("/b", KillSpec{}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if failures != 1000 || entries != 0 {
			t.Errorf("%d failures left %d entries", failures, entries)
		}
		s.sys.Root.Stop(s.sys.NewLocalPID("spied"))
		synctest.Wait()
	})
}

func TestPoisonedCellIsDiscardedAfterTwoResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cold []string
		s := run(t, Options{}, Node{
			Name:        "a",
			OnColdStart: func(p string) { cold = append(cold, p) },
			New: func(c Child) actor.Actor {
				v, _ := Recall[sum](c.Cell)
				if v.N >= 3 {
					panic("cannot live with three")
				}
				return counter(c)
			},
		})
		tell(s, "/a", 3)
		s.Tell("/a", &boom{})
		time.Sleep(time.Second)
		synctest.Wait()
		wantSum(t, s, "/a", 0)
		if r := record(t, s, "/a"); r.Restarts != 3 {
			t.Errorf("%d restarts, want crash, two failed resumes, cold start", r.Restarts)
		}
		if len(cold) != 1 || cold[0] != "/a" {
			t.Errorf("cold starts: %v", cold)
		}
	})
}

func TestCrashAfterAnOrdinaryMessageKeepsTheCell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		for range 5 {
			s.Tell("/a", &add{})
			s.Tell("/a", &boom{})
		}
		time.Sleep(time.Second)
		synctest.Wait()
		wantSum(t, s, "/a", 5)
	})
}

func TestConstructorPanicHitsOnlyItsActor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{},
			Node{Name: "bad", New: func(Child) actor.Actor { panic("no") }},
			Node{Name: "nil", New: func(Child) actor.Actor { return nil }},
			Node{Name: "good", New: counter})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		wantState(t, s, "/bad", Quarantined)
		wantState(t, s, "/nil", Quarantined)
		wantState(t, s, "/good", Running)
		if r := record(t, s, "/"); r.Restarts != 0 {
			t.Errorf("the supervisor restarted %d times", r.Restarts)
		}
	})
}

func TestMailWaitsDuringBackoffUpToTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log diary
		s := run(t, Options{Mailbox: 10, OnEvent: log.note}, Node{Name: "a", New: counter})
		for range 6 { // the sixth failure backs off a second
			s.Tell("/a", &add{})
			s.Tell("/a", &boom{})
			time.Sleep(400 * time.Millisecond)
			synctest.Wait()
		}
		wantState(t, s, "/a", Restarting)
		tell(s, "/a", 15)
		if r := record(t, s, "/a"); r.Mailbox != 10 || r.Dropped != 6+5 {
			t.Errorf("mailbox %d, dropped %d", r.Mailbox, r.Dropped)
		}
		if n := s.Registry().DeadLetters(); n != 5 {
			t.Errorf("%d dead letters", n)
		}
		time.Sleep(time.Second) // also: a mailbox that dropped must not spin, or time would stand still
		wantSum(t, s, "/a", 16)
	})
}

func TestStartedEventsCarryCauseAndStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log diary
		s := run(t, Options{OnEvent: log.note}, Node{Name: "a", New: counter})
		s.Tell("/a", &boom{})
		synctest.Wait()
		got := log.of(EventRestart)
		if len(got) != 1 || got[0].Path != "/a" || got[0].Cause != "boom" || !strings.Contains(got[0].Stack, "helpers_test.go") {
			t.Errorf("%+v", got)
		}
	})
}
