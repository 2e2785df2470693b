package supervisors

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Messages to a counter.
type (
	add  struct{}
	get  struct{}             // answered by the sum
	boom struct{}             // panics
	wait struct{ c chan any } // blocks until c is closed, then counts and writes
)

// sum is what a counter keeps in its cell.
type sum struct{ N int }

// counter adds up in its cell and publishes.
func counter(c Child) actor.Actor {
	s, _ := Recall[sum](c.Cell)
	step := func() {
		s.N++
		Remember(c.Cell, s)
		c.Publish(s.N)
	}
	return actor.ReceiveFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *add:
			step()
		case *get:
			ctx.Respond(s.N)
		case *boom:
			panic("boom")
		case *wait:
			<-m.c
			step()
			c.Tell("/late", &add{})
		}
	})
}

// shell runs fn for each message but system ones.
func shell(fn func(Child, actor.Context)) Constructor {
	return func(c Child) actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) { fn(c, ctx) })
	}
}

// diary collects events.
type diary struct {
	mu     sync.Mutex
	events []Event
}

func (d *diary) note(e Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

func (d *diary) of(kind string) []Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Event
	for _, e := range d.events {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

// trace collects words from any goroutine.
type trace struct {
	mu    sync.Mutex
	words []string
}

func (t *trace) add(w string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.words = append(t.words, w)
}

func (t *trace) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.words, " ")
}

func (t *trace) count(w string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, x := range t.words {
		if x == w {
			n++
		}
	}
	return n
}

// run starts a tree whose root supervises nodes.
func run(t *testing.T, o Options, nodes ...Node) *System {
	t.Helper()
	return runTree(t, o, Node{Name: "test", Children: nodes})
}

func runTree(t *testing.T, o Options, root Node) *System {
	t.Helper()
	s, err := Start(root, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(time.Second) })
	return s
}

func tell(s *System, path string, n int) {
	for range n {
		s.Tell(path, &add{})
	}
}

func wantSum(t *testing.T, s *System, path string, want int) {
	t.Helper()
	got, err := s.Ask(path, time.Second, &get{})
	if err != nil || got != want {
		t.Fatalf("%s: got %v, %v; want %d", path, got, err, want)
	}
}

func record(t *testing.T, s *System, path string) Record {
	t.Helper()
	r, ok := s.Registry().Record(path)
	if !ok {
		t.Fatalf("%s: no record", path)
	}
	return r
}

func wantState(t *testing.T, s *System, path string, want State) {
	t.Helper()
	if r := record(t, s, path); r.State != want {
		t.Fatalf("%s is %s, want %s", path, r.State, want)
	}
}
