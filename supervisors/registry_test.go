package supervisors

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

func TestRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "b", New: counter}, Node{Name: "a/x", New: counter})
		block := &wait{c: make(chan any)}
		s.Tell("/b", block)
		synctest.Wait()
		tell(s, "/b", 7)
		var paths []string
		for _, r := range s.Registry().Records() {
			paths = append(paths, r.Path)
		}
		if got := fmt.Sprint(paths); got != "[/ /a/x /b]" {
			t.Error(got)
		}
		if r := record(t, s, "/b"); r.Mailbox != 7 || r.Handled != 0 {
			t.Errorf("%+v", r)
		}
		time.Sleep(30 * time.Millisecond)
		close(block.c)
		synctest.Wait()
		r := record(t, s, "/b")
		if r.Mailbox != 0 || r.Handled != 8 || r.Snapshot != 8 || r.LastMessage != "*supervisors.add" ||
			r.MaxTurn != 30*time.Millisecond || r.Busy != 0 || r.Generation != 1 || r.Restarts != 0 || r.LastCrash != nil || r.Started.IsZero() {
			t.Errorf("%+v", r)
		}
		if r := record(t, s, "/"); !r.Supervisor || r.Kind != "test" || r.Parent != "" {
			t.Errorf("%+v", r)
		}
	})
}

func TestTreeJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "net", Children: []Node{{Name: "link", New: counter}}}, Node{Name: "vrrp", Dynamic: true})
		for _, n := range []string{"instance/b", "instance/a"} {
			if err := s.Spawn("/vrrp", Node{Name: n, Kind: "vrrp", New: counter}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Kill("/net/link", KillSpec{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		tree := s.Registry().Tree()
		tree.Children[0].Children[0].LastCrash.Stack = "…"
		got, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		const at = `"started":"2000-01-01T00:00:00Z"`
		want := `{"path":"/","kind":"test","state":"running",` + at + `,"restarts":0,"mailbox":0,"last_crash":null,"children":[` +
			`{"path":"/net","kind":"net","state":"running",` + at + `,"restarts":0,"mailbox":0,"last_crash":null,"children":[` +
			`{"path":"/net/link","kind":"link","state":"running",` + at + `,"restarts":1,"mailbox":0,"last_crash":` +
			`{"at":"2000-01-01T00:00:00Z","reason":"killed by order: panic","message":"*supervisors.nudge","stack":"…","state_before":"","generation":1,"injected":true},"children":[]}]},` +
			`{"path":"/vrrp","kind":"vrrp","state":"running",` + at + `,"restarts":0,"mailbox":0,"last_crash":null,"children":[` +
			`{"path":"/vrrp/instance/a","kind":"vrrp","state":"running",` + at + `,"restarts":0,"mailbox":0,"last_crash":null,"children":[]},` +
			`{"path":"/vrrp/instance/b","kind":"vrrp","state":"running",` + at + `,"restarts":0,"mailbox":0,"last_crash":null,"children":[]}]}]}`
		if string(got) != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestDeadLettersAreCountedAndThinnedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log diary
		s := run(t, Options{OnEvent: log.note}, Node{Name: "a", New: counter})
		tell(s, "/nobody", 1000)
		time.Sleep(time.Second)
		s.Tell("/nobody", &boom{})
		if n := s.Registry().DeadLetters(); n != 1001 {
			t.Errorf("counted %d", n)
		}
		got := log.of(EventDeadLetter)
		if len(got) != lettersPerSecond+1 {
			t.Fatalf("%d events", len(got))
		}
		if got[0].Path != "/nobody" || got[0].Cause != "*supervisors.add: no such actor" {
			t.Errorf("%+v", got[0])
		}
		if last := got[lettersPerSecond].Cause; last != "*supervisors.boom: no such actor (and 995 more not shown)" {
			t.Error(last)
		}
	})
}

func TestSendToAGonePIDIsADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter})
		s.sys.Root.Send(s.sys.NewLocalPID("test/b"), &add{})
		if n := s.Registry().DeadLetters(); n != 1 {
			t.Errorf("counted %d", n)
		}
	})
}

func TestAskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, Options{}, Node{Name: "a", New: counter}, Node{Name: "gone", New: counter})
		if err := s.Stop("/gone", time.Second); err != nil {
			t.Fatal(err)
		}
		tests := []struct {
			name  string
			path  string
			msg   any
			limit time.Duration
			want  error
			after time.Duration
		}{
			{"unknown path", "/b", &get{}, 0, ErrUnknownPath, 0},
			{"stopped", "/gone", &get{}, 0, ErrNotRunning, 0},
			{"crash on the request", "/a", &boom{}, 0, ErrCrashed, 0},
			{"no answer, default limit", "/a", &add{}, 0, ErrTimeout, 2 * time.Second},
			{"no answer, own limit", "/a", &add{}, time.Minute, ErrTimeout, time.Minute},
		}
		for _, tt := range tests {
			before := time.Now()
			_, err := s.Ask(tt.path, tt.limit, tt.msg)
			if !errors.Is(err, tt.want) || time.Since(before) != tt.after {
				t.Errorf("%s: %v after %v", tt.name, err, time.Since(before))
			}
		}
		e, _ := s.find("/a")
		ids := 0
		for _, bucket := range s.sys.ProcessRegistry.LocalPIDs.LocalPIDs {
			for _, id := range bucket.Keys() {
				if strings.HasPrefix(id, askPrefix+"$") {
					ids++
				}
			}
		}
		if ids != 0 || e.queue.len() != 0 {
			t.Errorf("%d reply addresses are left", ids)
		}
	})
}

func TestCellKeepsTheNewestGeneration(t *testing.T) {
	var m memory
	old, fresh := &Cell{shared: &m, gen: 1}, &Cell{shared: &m, gen: 2}
	if _, ok := Recall[sum](old); ok {
		t.Error("a new cell is not empty")
	}
	Remember(old, sum{1})
	m.fence(2)
	Remember(old, sum{2})
	if v, ok := Recall[sum](fresh); !ok || v.N != 1 {
		t.Errorf("%v %v", v, ok)
	}
	Remember(fresh, sum{3})
	if v, _ := Recall[sum](fresh); v.N != 3 {
		t.Error(v)
	}
	if _, ok := Recall[int](fresh); ok {
		t.Error("recalled another type")
	}
	m.discard(3)
	Remember(fresh, sum{4})
	if m.filled() {
		t.Error("filled by a fenced generation after the discard")
	}
	var own Cell
	Remember(&own, 5)
	if v, _ := Recall[int](&own); v != 5 {
		t.Error(v)
	}
}

func TestCellFenceAgainstWriters(t *testing.T) {
	for range 200 {
		var m memory
		var wg sync.WaitGroup
		c := &Cell{shared: &m, gen: 1}
		for i := range 4 {
			wg.Go(func() {
				for n := range 50 {
					Remember(c, i*1000+n)
				}
			})
		}
		m.fence(2)
		fenced := m.load()
		wg.Wait()
		if m.load() != fenced {
			t.Fatalf("written after the fence: %v, then %v", fenced, m.load())
		}
	}
}

// Real goroutines: tells from everywhere while the actor and its supervisor
// are killed; nothing is lost but what the kills themselves took.
func TestStressLosesNothing(t *testing.T) {
	s := run(t, Options{}, Node{Name: "v", Children: []Node{{Name: "a", New: counter}}})
	const senders, each = 4, 500
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() { tell(s, "/v/a", each) })
	}
	for i := range 50 {
		path := "/v/a"
		if i%5 == 0 {
			path = "/v"
		}
		if err := s.Kill(path, KillSpec{}); err != nil {
			t.Error(err)
		}
		s.Registry().Tree()
	}
	wg.Wait()
	deadline := time.Now().Add(10 * time.Second)
	for {
		got, err := s.Ask("/v/a", time.Second, &get{})
		r := record(t, s, "/v/a")
		if n, ok := got.(int); ok && n+int(r.Dropped) >= senders*each {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("sum %v, %v; dropped %d", got, err, r.Dropped)
		}
	}
}

func TestTreeMatchesItsPictures(t *testing.T) {
	parts := Parts{
		Pacer: counter, Link: counter, Address: counter, InboxVRRP4: counter, InboxVRRP6: counter,
		Inspect: counter, Reload: counter, Admin: counter, Chaos: counter,
	}
	got := Print(Tree(parts))
	golden, err := os.ReadFile("testdata/tree.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(golden) {
		t.Errorf("testdata/tree.txt differs from\n%s", got)
	}
	doc, err := os.ReadFile("../docs/ARCHITECTURE.md")
	if err != nil {
		t.Skip("docs/ARCHITECTURE.md is not there")
	}
	_, rest, ok := strings.Cut(string(doc), "<!-- tree -->")
	block, _, ok2 := strings.Cut(rest, "<!-- /tree -->")
	if !ok || !ok2 {
		t.Fatal("docs/ARCHITECTURE.md: no block between <!-- tree --> and <!-- /tree -->")
	}
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(block)) {
		if !strings.HasPrefix(line, "```") {
			lines = append(lines, line)
		}
	}
	if strings.Join(lines, "") != got {
		t.Errorf("docs/ARCHITECTURE.md differs from\n%s", got)
	}
}

func TestTreeStartsAndChaosIsOptional(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parts := Parts{
			Pacer: counter, Link: counter, Address: counter, InboxVRRP4: counter, InboxVRRP6: counter,
			Inspect: counter, Reload: counter, Admin: counter,
		}
		s := runTree(t, Options{}, Tree(parts))
		if _, ok := s.Registry().Record("/edge/chaos"); ok {
			t.Error("chaos is there without being enabled")
		}
		for _, path := range []string{"/net/pacer", "/net/link", "/net/address", "/net/inbox/vrrp4", "/net/inbox/vrrp6", "/vrrp", "/edge/inspect", "/edge/reload", "/edge/admin"} {
			wantState(t, s, path, Running)
		}
		if r := record(t, s, "/net/inbox/vrrp6"); r.Kind != "inbox" || r.Parent != "/net" {
			t.Errorf("%+v", r)
		}
	})
	if _, err := Start(Tree(Parts{Pacer: counter}), Options{}); err == nil {
		t.Error("a tree with missing parts started")
	}
}

func BenchmarkTell(b *testing.B) {
	s, err := Start(Node{Name: "top", Children: []Node{{Name: "a", New: shell(func(Child, actor.Context) {})}}}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close(time.Second) }()
	msg := &add{}
	b.ReportAllocs()
	for b.Loop() {
		s.Tell("/a", msg)
	}
}
