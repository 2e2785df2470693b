package supervisors

import (
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// panicky panics in the life cycle messages named and notes all of them.
func panicky(log *trace, in ...string) Constructor {
	return shell(func(_ Child, ctx actor.Context) {
		var name string
		switch ctx.Message().(type) {
		case *actor.Started:
			name = "started"
		case *actor.Restarting:
			name = "restarting"
		case *actor.Stopping:
			name = "stopping"
		case *actor.Stopped:
			name = "stopped"
		case *boom:
			panic("boom")
		default:
			return
		}
		log.add(name)
		for _, bad := range in {
			if bad == name {
				panic("in " + name)
			}
		}
	})
}

func TestPanicWhileStoppingNeitherResurrectsNorHangs(t *testing.T) {
	for _, in := range [][]string{{"stopping"}, {"stopped"}, {"stopping", "stopped"}} {
		t.Run(strings.Join(in, "+"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log trace
				s := run(t, Options{}, Node{Name: "v", Dynamic: true})
				if err := s.Spawn("/v", Node{Name: "a", New: panicky(&log, in...)}); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				before := time.Now()
				if err := s.Stop("/v/a", time.Second); err != nil {
					t.Fatal(err)
				}
				if d := time.Since(before); d != 0 {
					t.Errorf("stopped after %v", d)
				}
				if got := log.String(); got != "started stopping stopped" {
					t.Error(got)
				}
				// The name is free again.
				if err := s.Spawn("/v", Node{Name: "a", New: counter}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestPanicInRestartingStillRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log trace
		s := run(t, Options{}, Node{Name: "a", New: panicky(&log, "restarting")})
		s.Tell("/a", &boom{})
		synctest.Wait()
		if got := log.String(); got != "started restarting started" {
			t.Error(got)
		}
		if r := record(t, s, "/a"); len(r.Crashes) != 2 || r.State != Running || r.Restarts != 1 {
			t.Errorf("%d crashes, %d restarts, %s", len(r.Crashes), r.Restarts, r.State)
		}
	})
}

func TestRestartingSupervisorSurvivesPanicsOfItsStoppingChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log trace
		s := run(t, Options{}, Node{Name: "v", Children: []Node{
			{Name: "a", New: panicky(&log, "stopping")},
			{Name: "b", New: panicky(&log, "stopped")},
		}})
		if err := s.Kill("/v", KillSpec{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		wantState(t, s, "/v/a", Running)
		wantState(t, s, "/v/b", Running)
		if n := log.count("started"); n != 4 {
			t.Errorf("%d starts", n)
		}
	})
}

func TestGoexitIsACrashLikeAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type leave struct{}
		s := run(t, Options{}, Node{Name: "a", New: func(c Child) actor.Actor {
			inner := counter(c)
			return actor.ReceiveFunc(func(ctx actor.Context) {
				if _, ok := ctx.Message().(*leave); ok {
					runtime.Goexit()
				}
				inner.Receive(ctx)
			})
		}})
		tell(s, "/a", 2)
		s.Tell("/a", &leave{})
		tell(s, "/a", 2)
		synctest.Wait()
		wantSum(t, s, "/a", 4)
		if r := record(t, s, "/a"); r.Restarts != 1 || r.LastCrash.Reason != errGoexit.Error() {
			t.Errorf("%+v", r)
		}
	})
}

func TestGoexitWhileStoppingIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: shell(func(_ Child, ctx actor.Context) {
			if _, ok := ctx.Message().(*actor.Stopping); ok {
				runtime.Goexit()
			}
		})})
		before := time.Now()
		if err := s.Stop("/a", time.Second); err != nil || time.Since(before) != 0 {
			t.Errorf("%v after %v", err, time.Since(before))
		}
		wantState(t, s, "/a", Stopped)
	})
}

func TestTasksCrashTheirActorNotTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type work struct{}
		s := run(t, Options{}, Node{Name: "a", New: shell(func(c Child, ctx actor.Context) {
			if _, ok := ctx.Message().(*work); ok {
				c.Go(func() { panic("task") })
			}
		})})
		s.Tell("/a", &work{})
		synctest.Wait()
		r := record(t, s, "/a")
		if r.Restarts != 1 || r.LastCrash.Reason != "task" || !strings.Contains(r.LastCrash.Stack, "traps_test.go") {
			t.Errorf("%+v", r)
		}
	})
}

func TestAnswerWithoutAskerIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		s.Tell("/a", &get{})
		synctest.Wait()
		if n := s.Registry().DeadLetters(); n != 0 {
			t.Errorf("%d dead letters", n)
		}
	})
}

func TestMailBehindAStopIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		block := &wait{c: make(chan any)}
		s.Tell("/a", block)
		tell(s, "/a", 10)
		synctest.Wait()
		stopped := make(chan error)
		go func() { stopped <- s.Stop("/a", time.Minute) }()
		synctest.Wait()
		close(block.c)
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
		// The runtime would have thrown them away unseen; one more tells itself to /late.
		if n := s.Registry().DeadLetters(); n != 11 {
			t.Errorf("%d dead letters, want 11", n)
		}
	})
}

func TestSupervisorRestartLosesNoMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "v", Children: []Node{{Name: "a", New: counter}}})
		block := &wait{c: make(chan any)}
		s.Tell("/v/a", block)
		tell(s, "/v/a", 100)
		synctest.Wait()
		if err := s.Kill("/v", KillSpec{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		close(block.c)
		synctest.Wait()
		wantSum(t, s, "/v/a", 101)
	})
}

func TestRootPanicsDoNotEndTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		tell(s, "/a", 2)
		synctest.Wait()
		for range 20 { // protoactor's default strategy would lose the root at the eleventh
			if err := s.Kill("/", KillSpec{}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		wantSum(t, s, "/a", 2)
		if r := record(t, s, "/"); r.Restarts != 20 || r.State != Running {
			t.Errorf("%+v", r)
		}
	})
}

func TestOnlyTheActorPackageIsLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/asynkron/protoactor-go/"
	seen := false
	for dep := range strings.FieldsSeq(string(out)) {
		rest, ours := strings.CutPrefix(dep, module)
		if !ours {
			continue
		}
		top, _, _ := strings.Cut(rest, "/")
		switch top {
		case "actor":
			seen = true
		case "cluster", "remote", "persistence", "plugin", "router", "scheduler":
			t.Errorf("%s is linked", dep)
		}
	}
	if !seen {
		t.Error("the list of dependencies is not what it should be")
	}
}

func TestRestartAfterStopDoesNotResurrect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log trace
		s := run(t, Options{}, Node{Name: "a", New: panicky(&log)})
		e, _ := s.find("/a")
		box := e.box.Load()
		box.PostSystemMessage(&actor.Stop{})
		box.PostSystemMessage(&actor.Restart{}) // as a back-off that ends late would
		synctest.Wait()
		box.PostSystemMessage(&actor.Restart{})
		synctest.Wait()
		if got := log.String(); got != "started stopping stopped" {
			t.Error(got)
		}
	})
}

func TestBackoffOverlappingASupervisorsRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "v", Children: []Node{{Name: "a", New: counter}, {Name: "b", New: counter}}})
		block := &wait{c: make(chan any)}
		s.Tell("/v/b", block) // holds up the restart of v for a while
		s.Tell("/v/a", &boom{})
		synctest.Wait()
		s.Tell("/v/a", &add{})
		s.Tell("/v/a", &boom{}) // backs off 5 ms
		synctest.Wait()
		if err := s.Kill("/v", KillSpec{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		close(block.c)
		time.Sleep(time.Second)
		wantSum(t, s, "/v/a", 1)
		wantSum(t, s, "/v/b", 1)
		if r := record(t, s, "/v/a"); r.Restarts != 2 {
			t.Errorf("%d restarts", r.Restarts)
		}
	})
}

func TestLeaseCapsTheBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		s := run(t, Options{}, Node{Name: "a", New: crasher(&at, time.Now()), Lease: func() time.Duration { return 100 * time.Millisecond }})
		time.Sleep(time.Second)
		synctest.Wait()
		ms := time.Millisecond
		want := []time.Duration{0, 0, 5 * ms, 25 * ms, 50 * ms, 75 * ms, 100 * ms, 125 * ms}
		if !slices.Equal(at, want) {
			t.Errorf("started at %v, want %v", at, want)
		}
		wantState(t, s, "/a", Quarantined)
	})
}

func TestPanicsOfHooksAndHandlersAreKeptOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		s := run(t, Options{OnEvent: func(Event) { panic("handler") }}, Node{Name: "v", Children: []Node{{
			Name: "a", New: crasher(&at, time.Now()),
			Lease:        func() time.Duration { panic("lease") },
			OnQuarantine: func(string) { panic("hook") },
		}}})
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(at) < 2*failureLimit {
			t.Errorf("%d starts", len(at))
		}
		if r := record(t, s, "/v"); r.Restarts != 0 {
			t.Errorf("the supervisor restarted %d times", r.Restarts)
		}
	})
}

func TestQueueKeepsOrderAtAnyLoad(t *testing.T) {
	q := queue{limit: 5000}
	next, want := 0, 0
	for round := range 50 {
		for range round * 7 {
			if q.push(next) == pushedOK {
				next++
			}
		}
		for range round * 5 {
			if got := q.pop(); got != want {
				t.Fatalf("got %v, want %d", got, want)
			}
			want++
		}
	}
	for q.push(next) == pushedOK {
		next++
	}
	if q.len() != 5000 {
		t.Errorf("%d messages", q.len())
	}
	rest := q.close()
	if len(rest) != 5000 || rest[0] != want || rest[4999] != next-1 {
		t.Errorf("closed with %d messages", len(rest))
	}
	if q.push(1) != pushedClosed || q.pop() != nil {
		t.Error("open after close")
	}
}

func TestAnswersFindTheSuccessorOfTheAsker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type ask struct{ to *actor.PID }
		s := run(t, Options{}, Node{Name: "a", New: counter}, Node{Name: "b", New: func(c Child) actor.Actor {
			inner := counter(c)
			return actor.ReceiveFunc(func(ctx actor.Context) {
				switch m := ctx.Message().(type) {
				case *ask:
					ctx.Request(m.to, &get{})
				case int: // the answer
					inner.Receive(ctx)
					c.Publish(m)
				default:
					inner.Receive(ctx)
				}
			})
		}})
		a, _ := s.find("/a")
		b, _ := s.find("/b")
		tell(s, "/a", 3)
		block := &wait{c: make(chan any)}
		s.Tell("/a", block)
		s.Tell("/b", &ask{to: a.pid})
		synctest.Wait()
		asker := b.box.Load() // what the answer is addressed to
		if err := s.Fence("/b"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		asker.PostUserMessage(7)
		close(block.c)
		synctest.Wait()
		if r := record(t, s, "/b"); r.Snapshot != 7 || r.Generation != 2 {
			t.Errorf("%v in generation %d", r.Snapshot, r.Generation)
		}
	})
}
