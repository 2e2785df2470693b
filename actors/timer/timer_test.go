package timer

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inbox stands for the owner's mailbox.
type inbox struct {
	mu   sync.Mutex
	msgs []*Fired[string]
}

func (b *inbox) tell(msg any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.msgs = append(b.msgs, msg.(*Fired[string]))
}

// after waits and returns what has arrived.
func (b *inbox) after(d time.Duration) []*Fired[string] {
	time.Sleep(d)
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.msgs
	b.msgs = nil
	return got
}

func TestFiresOnceAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in inbox
		s := New[string](in.tell)
		s.Arm("a", time.Second)
		if got := in.after(time.Second - 1); len(got) != 0 || !s.Armed("a") {
			t.Fatalf("too early: %v", got)
		}
		got := in.after(1)
		if len(got) != 1 || got[0].ID != "a" {
			t.Fatalf("got %v", got)
		}
		if !s.Take(got[0]) {
			t.Error("not taken")
		}
		if s.Take(got[0]) || s.Armed("a") {
			t.Error("taken twice")
		}
		if got := in.after(time.Hour); len(got) != 0 {
			t.Errorf("fired again: %v", got)
		}
	})
}

func TestStaleTimersNeverMatch(t *testing.T) {
	tests := []struct {
		name  string
		since func(s *Set[string]) // after the timer is in the mailbox
	}{
		{"stopped", func(s *Set[string]) { s.Stop("a") }},
		{"all stopped", func(s *Set[string]) { s.StopAll() }},
		{"armed anew", func(s *Set[string]) { s.Arm("a", time.Second) }},
		{"stopped and armed anew", func(s *Set[string]) { s.Stop("a"); s.Arm("a", time.Second) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var in inbox
				s := New[string](in.tell)
				s.Arm("a", time.Second)
				got := in.after(time.Second)
				if len(got) != 1 {
					t.Fatalf("got %v", got)
				}
				tt.since(s)
				was := s.Armed("a")
				if s.Take(got[0]) {
					t.Error("a stale timer matched")
				}
				if s.Armed("a") != was {
					t.Error("a stale timer disarmed the new one")
				}
				s.StopAll()
			})
		})
	}
}

func TestAnotherIncarnationsTimerDoesNotMatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in inbox
		New[string](in.tell).Arm("a", time.Second) // the incarnation that crashed
		s := New[string](in.tell)
		s.Arm("a", time.Second)
		got := in.after(time.Second)
		if len(got) != 2 {
			t.Fatalf("got %v", got)
		}
		taken := 0
		for _, f := range got {
			if s.Take(f) {
				taken++
			}
		}
		if taken != 1 {
			t.Errorf("%d matched", taken)
		}
	})
}

func TestRearmMovesTheTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in inbox
		s := New[string](in.tell)
		s.Arm("a", time.Second)
		s.Arm("b", 3*time.Second)
		in.after(500 * time.Millisecond)
		s.Arm("a", time.Second)
		if got := in.after(time.Second - 1); len(got) != 0 {
			t.Fatalf("the old deadline fired: %v", got)
		}
		if got := in.after(1); len(got) != 1 || !s.Take(got[0]) {
			t.Errorf("got %v", got)
		}
		s.StopAll()
		if got := in.after(time.Hour); len(got) != 0 || s.Armed("b") {
			t.Errorf("stopped timers fired: %v", got)
		}
	})
}

func TestDueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in inbox
		s := New[string](in.tell)
		s.Arm("now", 0)
		s.Arm("past", -time.Hour)
		got := in.after(0)
		if len(got) != 2 || !s.Take(got[0]) || !s.Take(got[1]) {
			t.Errorf("got %v", got)
		}
		if s.Take(nil) {
			t.Error("took nothing")
		}
	})
}
