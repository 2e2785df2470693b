package supervisors

import (
	"errors"
	"testing"
	"time"
)

func TestPostKnowsWhetherAnActorIsIdle(t *testing.T) {
	s := run(t, Options{}, Node{Name: "a", New: counter})
	p, err := s.Post("/a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Post("/nobody"); !errors.Is(err, ErrUnknownPath) {
		t.Errorf("post to nobody: %v", err)
	}
	reach := func(what string, idle bool) {
		t.Helper()
		for end := time.Now().Add(5 * time.Second); p.Idle() != idle; {
			if time.Now().After(end) {
				t.Fatalf("%s: idle %v", what, !idle)
			}
		}
	}
	reach("nothing to do", true)
	gate := make(chan any)
	p.Tell(&wait{gate})
	reach("in a turn", false)
	p.Tell(&add{})
	close(gate)
	reach("all done", true)
	p.Tell(&boom{})
	p.Tell(&add{})
	reach("restarted", true)
	if n, err := s.Ask("/a", time.Second, &get{}); err != nil || n != 3 {
		t.Errorf("counted %v, %v: want 3 over the crash", n, err)
	}
}
