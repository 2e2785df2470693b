package reload

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"

	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const second = time.Second

// site stands for the files and for what runs.
type site struct {
	t   *testing.T
	sys *supervisors.System

	mu      sync.Mutex
	files   map[string]*config.Config
	live    string // file of the last commit
	commits []string
	cleaned int
	busy    int           // commits and loads at the same moment
	takes   time.Duration // each of them
	fail    error         // of a commit
	crash   string        // what panics: load commit
	events  []string

	// One panic of the actor, at its nth message or call.
	at       where
	n        int
	messages int
	calls    int
	hit      string
}

type where uint8

const (
	nowhere where = iota
	beforeMessage
	afterMessage
	beforeCall
	afterCall
)

// conf is a configuration with instances of these names.
func conf(file string, names ...string) *config.Config {
	c := &config.Config{File: file, Hash: "hash of " + file}
	vrids := map[string]uint8{"one": 1, "uno": 1, "two": 2, "three": 3}
	for _, n := range names {
		c.VRRP.Instances = append(c.VRRP.Instances, config.Instance{
			Name: n, Interface: "eth0", VRID: vrids[n], Family: config.IPv4, Version: 3, Priority: 100,
			AdvertInterval: second, VirtualIPs: []config.Address{{Prefix: netip.MustParsePrefix("192.0.2.1/24"), Interface: "eth0"}},
		})
	}
	return c
}

func (s *site) load(path string) (*config.Config, []messages.Finding) {
	defer s.work("load")()
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.files[path]; c != nil {
		return c, nil
	}
	return nil, []messages.Finding{
		{File: path, Line: 2, Column: 1, Severity: "warning", Text: "odd"}, {File: path, Line: 3, Column: 7, Severity: "error", Text: "wrong"},
	}
}

// Clean implements Fleet.
func (s *site) Clean(*config.Config) error {
	s.with(func() { s.cleaned++ })
	return errors.New("nothing to clean with") // does not matter
}

// Commit implements Fleet.
func (s *site) Commit(old, next *config.Config, d config.Diff) error {
	defer s.work("commit")()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	from := ""
	if old != nil {
		from = old.File
	}
	if from != s.live {
		s.t.Errorf("a commit from %q to %q where %q is in force", from, next.File, s.live)
	}
	s.live = next.File
	s.commits = append(s.commits, fmt.Sprintf("%s +%d -%d", next.File, len(d.Started), len(d.Stopped)))
	return nil
}

// work takes its time; two at once are one too many.
func (s *site) work(what string) func() {
	s.mu.Lock()
	s.busy++
	if s.busy > 1 {
		s.t.Error("two jobs at the same time")
	}
	takes, crash := s.takes, s.crash == what
	s.mu.Unlock()
	time.Sleep(takes)
	done := func() { s.with(func() { s.busy-- }) }
	if crash {
		done()
		panic("out of " + what)
	}
	return done
}

func (s *site) with(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *site) spring(at where, n int, what string) {
	s.mu.Lock()
	due := at == s.at && n == s.n && s.hit == ""
	if due {
		s.hit = fmt.Sprintf("%d %d, %s", at, n, what)
	}
	s.mu.Unlock()
	if due {
		panic(what)
	}
}

func (s *site) around(what string, count *int, at where, do func()) {
	s.mu.Lock()
	*count++
	n := *count
	s.mu.Unlock()
	s.spring(at, n, what)
	do()
	s.spring(at+1, n, what)
}

// mortal is the actor as it crashes.
func (s *site) mortal(c supervisors.Child) actor.Actor {
	tell, publish := c.Tell, c.Publish
	c.Tell = func(path string, msg any) {
		if path == c.Path { // by the job
			tell(path, msg)
			return
		}
		s.around(fmt.Sprintf("tell %T", msg), &s.calls, beforeCall, func() { tell(path, msg) })
	}
	c.Publish = func(v any) { s.around("publish", &s.calls, beforeCall, func() { publish(v) }) }
	inner := New(s.load, s, s.files["a"])(c)
	return actor.ReceiveFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Restarting); ok {
			return
		}
		s.around(fmt.Sprintf("%T", ctx.Message()), &s.messages, beforeMessage, func() { inner.Receive(ctx) })
	})
}

// virtual runs f in virtual time with the actor started from a.
func virtual(t *testing.T, prepare, f func(s *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &site{t: t, files: map[string]*config.Config{
			"a": conf("a", "one"), "b": conf("b", "one", "two"), "c": conf("c", "three"),
		}}
		if prepare != nil {
			prepare(s)
		}
		inspect := func(supervisors.Child) actor.Actor {
			return actor.ReceiveFunc(func(ctx actor.Context) {
				if e, ok := ctx.Message().(*messages.Event); ok {
					s.with(func() { s.events = append(s.events, e.To+": "+e.Cause) })
				}
			})
		}
		sys, err := supervisors.Start(supervisors.Node{Name: "understudy", Children: []supervisors.Node{
			{Name: "edge", Children: []supervisors.Node{{Name: "inspect", New: inspect}, {Name: "reload", New: s.mortal}}},
		}}, supervisors.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.sys = sys
		t.Cleanup(func() { _ = sys.Close(second); synctest.Wait() })
		after(0)
		f(s)
	})
}

func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// order is a reload that must be answered.
func (s *site) order(m messages.Reload) *messages.ReloadDone {
	s.t.Helper()
	v, err := s.sys.Ask(messages.PathReload, 60*second, &m)
	if err != nil {
		s.t.Errorf("%+v: %v", m, err)
		return &messages.ReloadDone{}
	}
	return v.(*messages.ReloadDone)
}

// settled is order, from the test's own goroutine, and lets all come to rest.
func (s *site) settled(m messages.Reload) *messages.ReloadDone {
	s.t.Helper()
	d := s.order(m)
	after(0)
	return d
}

// status is what is published, short.
func (s *site) status() string {
	r, _ := s.sys.Registry().Record(messages.PathReload)
	c, _ := r.Snapshot.(messages.ConfigStatus)
	return fmt.Sprintf("%s generation %d, %d ok, %d failed, %q", c.File, c.Generation, c.OK, c.Failed, c.LastError)
}

func (s *site) want(what, got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func (s *site) done() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.commits, ", ")
}
