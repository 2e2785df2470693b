package supervisors

import (
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

// Record is what is known of one actor path. It is kept over restarts.
type Record struct {
	Path        string
	Kind        string
	Parent      string // "" for the root
	Supervisor  bool
	State       State
	Generation  uint64
	Restarts    uint64 // incarnations after the first
	Hangs       uint64
	Started     time.Time     // of this incarnation; zero: not yet
	Handled     uint64        // ordinary messages, all incarnations
	Dropped     uint64        // messages lost to crashes, stops and full mailboxes
	LastMessage string        // type
	Busy        time.Duration // in the current turn; 0: idle
	MaxTurn     time.Duration
	Mailbox     int              // waiting messages
	LastCrash   *messages.Crash  // nil: none
	Crashes     []messages.Crash // the last 8, oldest first
	Snapshot    any              // as published last
}

// Registry reads the records of a System. All methods may be called at any
// time from any goroutine; none waits for an actor.
type Registry struct{ s *System }

// Registry returns the registry.
func (s *System) Registry() *Registry { return &Registry{s: s} }

// Records returns all records, sorted by path.
func (r *Registry) Records() []Record {
	var out []Record
	r.s.paths.Range(func(_, e any) bool {
		out = append(out, e.(*entry).record())
		return true
	})
	sort.Slice(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out
}

// Record returns one record.
func (r *Registry) Record(path string) (Record, bool) {
	e, err := r.s.find(path)
	if err != nil {
		return Record{}, false
	}
	return e.record(), true
}

// DeadLetters counts the messages that reached nobody.
func (r *Registry) DeadLetters() uint64 { return r.s.letters.count.Load() }

func (e *entry) record() Record {
	r := Record{
		Path: e.path, Kind: e.kind, Supervisor: e.node.isSupervisor(), State: *e.state.Load(),
		Generation: e.generation.Load(), Hangs: e.hangs.Load(), Handled: e.handled.Load(),
		Dropped: e.dropped.Load(), MaxTurn: time.Duration(e.maxTurn.Load()), Mailbox: e.queue.len(),
	}
	if r.Generation > 1 {
		r.Restarts = r.Generation - 1
	}
	if e.parent != nil {
		r.Parent = e.parent.path
	}
	if at := e.started.Load(); at != nil {
		r.Started = *at
	}
	if t := e.lastType.Load(); t != nil {
		r.LastMessage = (*t).String()
	}
	if i := e.inc.Load(); i != nil {
		if since := i.busy.Load(); since != 0 {
			r.Busy = time.Duration(e.sys.now() - since)
		}
	}
	if v := e.snapshot.Load(); v != nil {
		r.Snapshot = *v
	}
	e.mu.Lock()
	r.Crashes = slices.Clone(e.crashes)
	e.mu.Unlock()
	if n := len(r.Crashes); n > 0 {
		r.LastCrash = &r.Crashes[n-1]
	}
	return r
}

func (e *entry) lastStack() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.crashes) == 0 {
		return ""
	}
	return e.crashes[len(e.crashes)-1].Stack
}

// Tree returns the actors as they supervise each other, in start order; below
// a dynamic supervisor by path.
func (r *Registry) Tree() *messages.ActorNode { return r.s.root.treeNode() }

func (e *entry) treeNode() *messages.ActorNode {
	rec := e.record()
	n := &messages.ActorNode{
		Path: rec.Path, Kind: rec.Kind, State: string(rec.State), Restarts: rec.Restarts,
		Mailbox: rec.Mailbox, LastCrash: rec.LastCrash, Children: []*messages.ActorNode{},
	}
	if !rec.Started.IsZero() {
		at := rec.Started.UTC()
		n.Started = &at
	}
	children := e.childList()
	if e.node.Dynamic {
		sort.SliceStable(children, func(i, j int) bool { return strings.Compare(children[i].path, children[j].path) < 0 })
	}
	for _, c := range children {
		n.Children = append(n.Children, c.treeNode())
	}
	return n
}
