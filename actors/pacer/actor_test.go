package pacer

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// thread runs until Stop or die; a second Run waits for the first.
type thread struct {
	running chan struct{} // holds one while a Run is in it; a mutex would hold up virtual time

	mu    sync.Mutex
	stops int
	runs  int
	alive int
	ends  chan error // of the Run that is alive
	late  time.Duration
}

func (f *thread) Run() error {
	f.mu.Lock()
	mine := f.stops
	f.mu.Unlock()
	f.running <- struct{}{}
	defer func() { <-f.running }()
	f.mu.Lock()
	if f.stops != mine {
		f.mu.Unlock()
		return nil
	}
	ends := make(chan error, 1)
	f.ends = ends
	f.runs++
	f.alive++
	f.mu.Unlock()
	err := <-ends
	f.mu.Lock()
	f.alive--
	late := f.late
	f.late = 0
	f.mu.Unlock()
	time.Sleep(late)
	return err
}

func (f *thread) Stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stops++
	f.end(nil)
}

func (f *thread) end(err error) {
	if f.ends != nil {
		f.ends <- err
		f.ends = nil
	}
}

// PacerMetrics implements messages.PacerReader.
func (f *thread) PacerMetrics() messages.PacerMetrics { return messages.PacerMetrics{} }

// die ends the thread by a panic.
func (f *thread) die() {
	f.mu.Lock()
	f.end(errors.New("panic: index out of range"))
	f.mu.Unlock()
	synctest.Wait()
}

func (f *thread) state() (runs, alive int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.runs, f.alive
}

// virtual runs f with the actor; it crashes at its nth message, before or after.
func virtual(t *testing.T, n int, before bool, f func(s *supervisors.System, th *thread)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		th, count := &thread{running: make(chan struct{}, 1)}, 0
		shell := func(c supervisors.Child) actor.Actor {
			a := New(th, th)(c)
			return actor.ReceiveFunc(func(ctx actor.Context) {
				if _, ok := ctx.Message().(*actor.Restarting); ok {
					a.Receive(ctx)
					return
				}
				count++
				now := count == n
				if now && before {
					panic("before")
				}
				a.Receive(ctx)
				if now {
					panic("after")
				}
			})
		}
		s, err := supervisors.Start(supervisors.Node{Name: "understudy", Children: []supervisors.Node{
			{Name: "net", Children: []supervisors.Node{{Name: "pacer", New: shell}}},
		}}, supervisors.Options{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f(s, th)
		if err := s.Close(time.Second); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if _, alive := th.state(); alive != 0 {
			t.Errorf("after the end %d threads run", alive)
		}
	})
}

func want(t *testing.T, th *thread, runs, alive int) {
	t.Helper()
	if r, a := th.state(); r != runs || a != alive {
		t.Errorf("%d threads so far and %d alive, want %d and %d", r, a, runs, alive)
	}
}

func record(t *testing.T, s *supervisors.System) supervisors.Record {
	t.Helper()
	r, ok := s.Registry().Record(messages.PathPacer)
	if !ok {
		t.Fatal("no record")
	}
	return r
}

func TestAThreadThatDiesIsFollowedByAnother(t *testing.T) {
	virtual(t, 0, false, func(s *supervisors.System, th *thread) {
		want(t, th, 1, 1)
		if m, ok := record(t, s).Snapshot.(messages.PacerReader); !ok || m != messages.PacerReader(th) {
			t.Error("its metrics are not published")
		}
		for n := range 3 {
			th.die()
			time.Sleep(time.Second)
			want(t, th, n+2, 1)
		}
		if r := record(t, s); r.Restarts != 3 || r.LastCrash.Reason != "pacer thread ended: panic: index out of range" {
			t.Errorf("record %+v", r)
		}
	})
}

func TestAKilledOrHungActorLeavesOneThread(t *testing.T) {
	for _, mode := range []string{supervisors.KillPanic, supervisors.KillHang} {
		virtual(t, 0, false, func(s *supervisors.System, th *thread) {
			for range 3 {
				if err := s.Kill(messages.PathPacer, supervisors.KillSpec{Mode: mode}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if _, alive := th.state(); alive != 1 {
					t.Errorf("%s: %d threads run", mode, alive)
				}
			}
			th.die()
			time.Sleep(time.Second)
			if _, alive := th.state(); alive != 1 {
				t.Errorf("%s: after a death %d threads run", mode, alive)
			}
		})
	}
}

// The end of the thread before reaches the next incarnation: it is no crash of that.
func TestALateEndIsNobodysCrash(t *testing.T) {
	virtual(t, 0, false, func(s *supervisors.System, th *thread) {
		th.mu.Lock()
		th.late = 100 * time.Millisecond
		th.mu.Unlock()
		if err := s.Kill(messages.PathPacer, supervisors.KillSpec{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want(t, th, 1, 0) // the old one is still on its way out
		time.Sleep(5 * time.Second)
		want(t, th, 2, 1)
		if r := record(t, s); r.Restarts != 1 {
			t.Errorf("%d restarts", r.Restarts)
		}
	})
}

func TestACrashAtEachMessage(t *testing.T) {
	for _, before := range []bool{true, false} {
		for n := 1; n <= 3; n++ {
			virtual(t, n, before, func(s *supervisors.System, th *thread) {
				time.Sleep(time.Second)
				if _, alive := th.state(); alive != 1 {
					t.Errorf("message %d: %d threads run", n, alive)
				}
				th.die()
				time.Sleep(time.Second)
				if n == 2 && before { // the end itself was swallowed: the restart brings the next
					if r := record(t, s); r.Restarts != 1 {
						t.Errorf("%d restarts", r.Restarts)
					}
				}
				if _, alive := th.state(); alive != 1 {
					t.Errorf("message %d, before %v: after a death %d threads run", n, before, alive)
				}
			})
		}
	}
}
