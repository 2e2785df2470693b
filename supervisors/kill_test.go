package supervisors

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

func TestKillHappensNowAndCountsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cold int
		s := run(t, Options{}, Node{Name: "a", New: counter, OnColdStart: func(string) { cold++ }})
		tell(s, "/a", 2)
		synctest.Wait()
		before := time.Now()
		for range 100 {
			if err := s.Kill("/a", KillSpec{}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if d := time.Since(before); d != 0 {
			t.Errorf("backed off %v", d)
		}
		wantSum(t, s, "/a", 2)
		r := record(t, s, "/a")
		if r.Restarts != 100 || cold != 0 || !r.LastCrash.Injected || r.Dropped != 0 {
			t.Errorf("%d restarts, %d cold starts, %+v", r.Restarts, cold, r.LastCrash)
		}
	})
}

func TestKillThatCountsIsACrashLikeAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		if err := s.Kill("/a", KillSpec{Times: failureLimit, Count: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		wantState(t, s, "/a", Quarantined)
		if err := s.Kill("/a", KillSpec{}); !errors.Is(err, ErrNotRunning) {
			t.Error(err)
		}
	})
}

func TestKillTakesTheMessageThatComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		block := &wait{c: make(chan any)}
		s.Tell("/a", block)
		synctest.Wait()
		tell(s, "/a", 3)
		if err := s.Kill("/a", KillSpec{}); err != nil {
			t.Fatal(err)
		}
		close(block.c)
		synctest.Wait()
		wantSum(t, s, "/a", 3) // the first of the three died with the kill
		if r := record(t, s, "/a"); r.Dropped != 1 || r.LastCrash.Message != "*supervisors.add" {
			t.Errorf("%+v", r)
		}
	})
}

func TestKillTimesAndEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		if err := s.Kill("/a", KillSpec{Times: 4, Every: time.Minute}); err != nil {
			t.Fatal(err)
		}
		for want := range uint64(6) {
			synctest.Wait()
			if r := record(t, s, "/a"); r.Restarts != min(want+1, 4) {
				t.Errorf("minute %d: %d restarts", want, r.Restarts)
			}
			time.Sleep(time.Minute)
		}
		if len(s.kills.timers) != 0 {
			t.Error("timers are left")
		}
	})
}

func TestKillHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		tell(s, "/a", 2)
		synctest.Wait()
		for range 20 { // more than a budget
			if err := s.Kill("/a", KillSpec{Mode: KillHang}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if r := record(t, s, "/a"); r.Busy != time.Second {
				t.Fatal("does not hang")
			}
			time.Sleep(3 * time.Second)
			wantSum(t, s, "/a", 2)
		}
		synctest.Wait()
		if r := record(t, s, "/a"); r.Hangs != 20 || r.State != Running || s.abandoned.Load() != 0 {
			t.Errorf("%+v, %d left behind", r, s.abandoned.Load())
		}
	})
}

func TestKillHangEndsByItselfWhenNobodyFences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{Hang: time.Hour}, Node{Name: "a", New: counter})
		if err := s.Kill("/a", KillSpec{Mode: KillHang}); err != nil {
			t.Fatal(err)
		}
		tell(s, "/a", 1)
		time.Sleep(hangLimit)
		wantSum(t, s, "/a", 1)
		if r := record(t, s, "/a"); r.Restarts != 0 || r.MaxTurn != hangLimit {
			t.Errorf("%+v", r)
		}
	})
}

func TestKillHangOfASupervisorRestartsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "v", Children: []Node{{Name: "a", New: counter}}})
		tell(s, "/v/a", 2)
		if err := s.Kill("/v", KillSpec{Mode: KillHang}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		wantSum(t, s, "/v/a", 2)
		if r := record(t, s, "/v"); r.Hangs != 1 || r.Restarts != 1 || r.State != Running {
			t.Errorf("%+v", r)
		}
		select {
		case err := <-s.Done():
			t.Error(err)
		default:
		}
	})
}

func TestKillSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		if err := s.Kill("/a", KillSpec{Mode: KillSlow}); err != nil {
			t.Fatal(err)
		}
		tell(s, "/a", slowMessages+50)
		before := time.Now()
		if _, err := s.Ask("/a", time.Minute, &get{}); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(before); d != slowMessages*slowness {
			t.Errorf("took %v", d)
		}
		if r := record(t, s, "/a"); r.Restarts != 0 || r.Hangs != 0 {
			t.Errorf("%+v", r)
		}
	})
}

func TestKillRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "edge", Children: []Node{
			{Name: "admin", New: counter}, {Name: "chaos", New: counter}, {Name: "a", New: counter},
		}})
		tests := []struct {
			name string
			path string
			spec KillSpec
			want error
		}{
			{"admin", "/edge/admin", KillSpec{}, ErrProtected},
			{"chaos", "/edge/chaos", KillSpec{}, ErrProtected},
			{"unknown path", "/edge/b", KillSpec{}, ErrUnknownPath},
			{"unknown mode", "/edge/a", KillSpec{Mode: "maim"}, nil},
			{"too many", "/edge/a", KillSpec{Times: killsWaiting + 1}, nil},
			{"backwards", "/edge/a", KillSpec{Every: -1}, nil},
		}
		for _, tt := range tests {
			if err := s.Kill(tt.path, tt.spec); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if err := s.Kill("/edge/a", KillSpec{Times: killsWaiting}); err != nil {
			t.Errorf("at the limit: %v", err)
		}
		synctest.Wait()
		if r := record(t, s, "/edge/a"); r.Restarts != killsWaiting {
			t.Errorf("%d restarts", r.Restarts)
		}
	})
}

func TestKilledWhileStartingResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "v", Dynamic: true})
		hold := make(chan any)
		if err := s.Spawn("/v", Node{Name: "a", New: func(c Child) actor.Actor {
			<-hold
			return counter(c)
		}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Kill("/v/a", KillSpec{}); err != nil {
			t.Fatal(err)
		}
		tell(s, "/v/a", 2)
		close(hold)
		synctest.Wait()
		wantSum(t, s, "/v/a", 2)
	})
}
