package reload

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

func TestTheFirstConfigurationIsCommitted(t *testing.T) {
	virtual(t, nil, func(s *site) {
		s.want("commits", s.done(), "a +1 -0")
		s.want("status", s.status(), `a generation 1, 0 ok, 0 failed, ""`)
		s.want("events", strings.Join(s.events, "; "), "applied: generation 1 of a")
		if s.cleaned != 1 {
			t.Errorf("cleaned %d times", s.cleaned)
		}
	})
}

func TestReload(t *testing.T) {
	virtual(t, nil, func(s *site) {
		d := s.settled(messages.Reload{File: "b", DryRun: true})
		if !d.OK || !slices.Equal(d.Plan.Start, []string{"/vrrp/instance/two"}) || d.Plan.Unchanged != 1 {
			t.Errorf("dry run: %+v", d)
		}
		s.want("commits of a dry run", s.done(), "a +1 -0")
		s.want("status after it", s.status(), `a generation 1, 0 ok, 0 failed, ""`)

		d = s.settled(messages.Reload{File: "b"})
		if !d.OK || d.Error != "" || !slices.Equal(d.Plan.Start, []string{"/vrrp/instance/two"}) || len(d.Plan.Stop) != 0 {
			t.Errorf("reload: %+v", d)
		}
		s.want("commits", s.done(), "a +1 -0, b +1 -0")
		s.want("status", s.status(), `b generation 2, 1 ok, 0 failed, ""`)

		d = s.settled(messages.Reload{File: "missing"})
		if d.OK || d.Error != "configuration missing is refused" || len(d.Findings) != 2 {
			t.Errorf("refused: %+v", d)
		}
		s.want("status", s.status(), `b generation 2, 1 ok, 1 failed, "missing:3:7: wrong"`)

		d = s.settled(messages.Reload{}) // the file in force
		if !d.OK || d.Plan.Unchanged != 2 || len(d.Plan.Start)+len(d.Plan.Stop)+len(d.Plan.Change) != 0 {
			t.Errorf("the same again: %+v", d)
		}
		s.want("status", s.status(), `b generation 3, 2 ok, 1 failed, ""`)
		s.want("last event", s.events[len(s.events)-1], "applied: generation 3 of b")
	})
}

func TestRenamesAndRefusedChanges(t *testing.T) {
	virtual(t, nil, func(s *site) {
		s.files["d"] = conf("d", "uno")
		d := s.settled(messages.Reload{File: "d", DryRun: true})
		if !d.OK || len(d.Plan.Change) != 1 || d.Plan.Change[0].Path != "/vrrp/instance/one" || d.Plan.Change[0].Keys[0] != "name" {
			t.Errorf("rename: %+v", d.Plan)
		}
		s.files["e"] = conf("e", "one")
		s.files["e"].Global.StateDir = "/elsewhere"
		if d = s.settled(messages.Reload{File: "e"}); d.OK || d.Error != "a changed value needs a restart" || len(d.Findings) != 1 {
			t.Errorf("refused: %+v", d)
		}
		s.want("commits", s.done(), "a +1 -0")
	})
}

func TestAFailureChangesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(s *site)
		says  string
	}{
		"of the commit":      {func(s *site) { s.fail = errors.New("spawn: no room") }, "spawn: no room"},
		"a panic in loading": {func(s *site) { s.crash = "load" }, "reload crashed: out of load"},
		"a panic committing": {func(s *site) { s.crash = "commit" }, "reload crashed: out of commit"},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, nil, func(s *site) {
				s.with(func() { c.spoil(s) })
				if d := s.settled(messages.Reload{File: "b"}); d.OK || d.Error != c.says {
					t.Errorf("answer %+v", d)
				}
				s.want("status", s.status(), fmt.Sprintf("a generation 1, 0 ok, 1 failed, %q", c.says))
				s.with(func() { s.fail, s.crash = nil, "" })
				if d := s.settled(messages.Reload{File: "c"}); !d.OK {
					t.Errorf("answer %+v", d)
				}
				s.want("commits", s.done(), "a +1 -0, c +1 -1")
				if r, _ := s.sys.Registry().Record(messages.PathReload); r.Restarts != 0 {
					t.Errorf("%d restarts", r.Restarts)
				}
			})
		})
	}
}

func TestWithoutAFirstConfigurationTheActorTriesAgain(t *testing.T) {
	virtual(t, func(s *site) { s.fail, s.takes = errors.New("not yet"), second }, func(s *site) {
		answer := make(chan bool, 1)
		go func() { answer <- s.order(messages.Reload{File: "b"}).OK }() // it waits for the first
		after(5 * second / 2)
		s.with(func() { s.fail = nil })
		if !<-answer {
			t.Error("the reload that waited failed")
		}
		after(0)
		s.want("commits", s.done(), "a +1 -0, b +1 -0")
		if r, _ := s.sys.Registry().Record(messages.PathReload); r.LastCrash == nil || r.LastCrash.Reason != "first configuration not committed: not yet" {
			t.Errorf("crash %+v", r.LastCrash)
		}
	})
}

func TestOneReloadRunsAndOneWaits(t *testing.T) {
	virtual(t, nil, func(s *site) {
		s.with(func() { s.takes = second })
		answers := make(chan string, 3)
		for _, file := range []string{"b", "c", "a"} {
			go func() {
				d := s.order(messages.Reload{File: file})
				answers <- fmt.Sprintf("%s %v %s", file, d.OK, d.Error)
			}()
			after(0)
		}
		for _, want := range []string{"a false two reloads are already under way", "b true ", "c true "} {
			s.want("answer", <-answers, want)
		}
		after(0)
		s.want("commits", s.done(), "a +1 -0, b +1 -0, c +1 -2")
	})
}

// What is under way when the actor dies goes on, alone, and is answered by the
// next incarnation; what waits is not forgotten.
func TestACrashDuringAReloadLosesNothing(t *testing.T) {
	for mode, times := range map[string]int{supervisors.KillPanic: 1, supervisors.KillHang: 2} {
		t.Run(mode, func(t *testing.T) {
			virtual(t, nil, func(s *site) {
				s.with(func() { s.takes = 2 * second })
				answers := make(chan string, 2)
				for _, file := range []string{"b", "c"} {
					go func() {
						d := s.order(messages.Reload{File: file})
						answers <- fmt.Sprintf("%s %v", file, d.OK)
					}()
					after(0)
				}
				if err := s.sys.Kill(messages.PathReload, supervisors.KillSpec{Mode: mode, Times: times}); err != nil {
					t.Fatal(err)
				}
				s.want("answer", <-answers, "b true")
				if _, err := s.sys.Ask(messages.PathReload, second, &messages.Reload{DryRun: true}); !errors.Is(err, supervisors.ErrTimeout) {
					t.Errorf("answered at once: %v", err)
				}
				s.want("answer", <-answers, "c true")
				after(30 * second)
				s.want("commits", s.done(), "a +1 -0, b +1 -0, c +1 -2")
				s.want("status", s.status(), `c generation 3, 2 ok, 0 failed, ""`)
			})
		})
	}
}

// A panic at each message and call: whoever asks is answered, each commit
// happens once, and what is in force is what is shown.
func TestACrashAnywhere(t *testing.T) {
	for at := beforeMessage; at <= afterCall; at++ {
		for n, more := 1, true; more; n++ {
			virtual(t, func(s *site) { s.at, s.n = at, n }, func(s *site) {
				s.insist()
				more = s.hit != ""
			})
		}
	}
}

// insist reloads several times, again where the actor crashes on it.
func (s *site) insist() {
	after(second) // the first configuration
	for _, file := range []string{"b", "missing", "c"} {
		v, err := s.sys.Ask(messages.PathReload, 20*second, &messages.Reload{File: file})
		for ; errors.Is(err, supervisors.ErrCrashed); v, err = s.sys.Ask(messages.PathReload, 20*second, &messages.Reload{File: file}) {
			after(second)
		}
		if err != nil {
			s.t.Fatalf("%s: %s: %v", s.hit, file, err)
		}
		if d := v.(*messages.ReloadDone); d.OK != (file != "missing") {
			s.t.Errorf("%s: %s: %+v", s.hit, file, d)
		}
	}
	after(second)
	if s.live != "c" || !strings.HasPrefix(s.status(), "c generation ") {
		s.t.Errorf("%s: in force is %s, shown %s", s.hit, s.live, s.status())
	}
	r, _ := s.sys.Registry().Record(messages.PathReload)
	if g := r.Snapshot.(messages.ConfigStatus).Generation; int(g) != len(s.commits) {
		s.t.Errorf("%s: generation %d after %s", s.hit, g, s.done())
	}
	if strings.Count(s.done(), "a +") != 1 || s.cleaned != 1 {
		s.t.Errorf("%s: commits %s", s.hit, s.done())
	}
}

func TestFindingsKeepTheirPlace(t *testing.T) {
	f := Finding(config.Finding{File: "f", Line: 1, Column: 2, Key: "k", Text: "t", Host: true})
	if f.File != "f" || f.Line != 1 || f.Column != 2 || f.Key != "k" || f.Text != "t" || !f.Host || f.Severity == "" {
		t.Errorf("got %+v", f)
	}
}
