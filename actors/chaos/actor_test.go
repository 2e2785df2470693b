package chaos

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

const path = messages.PathChaos

// victims notes the kills and when they came.
type victims struct {
	mu    sync.Mutex
	since time.Time
	notes []string
	err   error
}

func (v *victims) Kill(path string, k supervisors.KillSpec) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.notes = append(v.notes, fmt.Sprintf("%v %s %s %d %v", time.Since(v.since), path, k.Mode, k.Times, k.Count))
	return v.err
}

func (v *victims) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err = err
}

// want compares and forgets.
func (v *victims) want(t *testing.T, lines ...string) {
	t.Helper()
	synctest.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	if got, want := strings.Join(v.notes, "\n"), strings.Join(lines, "\n"); got != want {
		t.Errorf("kills:\n%s\nwant:\n%s", got, want)
	}
	v.notes = nil
}

func start(t *testing.T) (*supervisors.System, *victims) {
	v := &victims{since: time.Now()}
	root := supervisors.Node{Name: "top", Children: []supervisors.Node{{Name: "edge", Children: []supervisors.Node{
		{Name: "chaos", New: func(c supervisors.Child) actor.Actor { return New(c, v) }},
	}}}}
	s, err := supervisors.Start(root, supervisors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(time.Second) })
	return s, v
}

func send(t *testing.T, s *supervisors.System, k messages.ChaosKill) messages.Done {
	t.Helper()
	got, err := s.Ask(path, 0, &k)
	if err != nil {
		t.Fatal(err)
	}
	return *got.(*messages.Done)
}

func TestOneKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v := start(t)
		if done := send(t, s, messages.ChaosKill{Path: "/a", Mode: "hang", Count: true}); done != (messages.Done{}) {
			t.Errorf("%+v", done)
		}
		v.want(t, "0s /a hang 1 true")
		send(t, s, messages.ChaosKill{Path: "/a", Times: 5}) // no interval: the supervisors do it
		v.want(t, "0s /a  5 false")
		send(t, s, messages.ChaosKill{Path: "/a", Times: 1, Every: time.Second})
		time.Sleep(time.Minute)
		v.want(t, "0s /a  1 false")
	})
}

func TestRepeatedKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v := start(t)
		send(t, s, messages.ChaosKill{Path: "/a", Mode: "panic", Times: 3, Every: time.Second})
		send(t, s, messages.ChaosKill{Path: "/b", Mode: "slow", Times: 2, Every: 1500 * time.Millisecond, Count: true})
		time.Sleep(time.Hour)
		v.want(t,
			"0s /a panic 1 false",
			"0s /b slow 1 true",
			"1s /a panic 1 false",
			"1.5s /b slow 1 true",
			"2s /a panic 1 false")
	})
}

func TestOrdersSurviveARestartOfTheSupervisor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v := start(t)
		send(t, s, messages.ChaosKill{Path: "/a", Times: 4, Every: time.Second})
		for range 3 {
			time.Sleep(500 * time.Millisecond)
			if err := s.Kill("/edge", supervisors.KillSpec{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		v.want(t, "0s /a  1 false", "1s /a  1 false", "2s /a  1 false", "3s /a  1 false")
	})
}

func TestOrderEndsWhenItsActorIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v := start(t)
		send(t, s, messages.ChaosKill{Path: "/a", Times: 1000, Every: time.Second})
		time.Sleep(1500 * time.Millisecond)
		v.fail(supervisors.ErrUnknownPath)
		time.Sleep(time.Hour)
		v.want(t, "0s /a  1 false", "1s /a  1 false", "2s /a  1 false")
	})
}

func TestRefusedOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, v := start(t)
		tests := []struct {
			name     string
			kill     messages.ChaosKill
			err      error
			text     string
			conflict bool
		}{
			{"too many", messages.ChaosKill{Path: "/a", Times: mostTimes + 1}, nil, "more than 1000", false},
			{"backwards", messages.ChaosKill{Path: "/a", Every: -1}, nil, "negative", false},
			{"unknown", messages.ChaosKill{Path: "/a"}, supervisors.ErrUnknownPath, "no such actor", false},
			{"protected", messages.ChaosKill{Path: "/a"}, supervisors.ErrProtected, "cannot be killed", true},
			{"not running", messages.ChaosKill{Path: "/a", Times: 2, Every: 1}, supervisors.ErrNotRunning, "not running", true},
		}
		for _, tt := range tests {
			v.fail(tt.err)
			if done := send(t, s, tt.kill); !strings.Contains(done.Error, tt.text) || done.Conflict != tt.conflict {
				t.Errorf("%s: %+v", tt.name, done)
			}
		}
		v.fail(nil)
		for range mostOrders {
			if done := send(t, s, messages.ChaosKill{Path: "/a", Times: 2, Every: time.Hour}); done.Error != "" {
				t.Fatalf("%+v", done)
			}
		}
		if done := send(t, s, messages.ChaosKill{Path: "/a", Times: 2, Every: time.Hour}); !done.Conflict {
			t.Errorf("beyond the limit: %+v", done)
		}
		time.Sleep(2 * time.Hour)
		if done := send(t, s, messages.ChaosKill{Path: "/a", Times: 2, Every: time.Hour}); done.Error != "" {
			t.Errorf("after they ended: %+v", done)
		}
	})
}
