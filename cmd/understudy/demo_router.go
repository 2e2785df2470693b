package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
	"github.com/understudy-ha/understudy/messages"
)

const (
	demoInstance  = "web"
	demoRedraw    = 100 * time.Millisecond // also how often the daemons are asked
	demoMaxLines  = 1000                   // of the timeline; the oldest go first
	demoAdminWait = 10 * time.Second       // from a daemon's start to its first answer
)

// demoRouter is one router of the demo: a host, the service on it, and the
// daemon while one runs.
type demoRouter struct {
	name     string
	addr     netip.Addr
	host     *lab.Host
	service  *demoService
	instance lab.Instance
	timeline *demoTimeline
	dir      string // of the demo's files

	polling sync.Mutex // one poll at a time
	mu      sync.Mutex
	daemon  *lab.Daemon // nil: not started yet
	status  messages.InstanceStatus
	up      bool   // status is of now
	seq     uint64 // of the last event of this daemon
}

// start starts the daemon, also again after its death, and waits for its first answer.
func (r *demoRouter) start(ctx context.Context, binary string) (*lab.Daemon, error) {
	d, err := r.host.StartRouter(lab.Router{Kind: lab.Understudy, Binary: binary, Instances: []lab.Instance{r.instance}})
	if err != nil {
		return nil, fmt.Errorf("start router %s: %w", r.name, err)
	}
	r.mu.Lock()
	r.daemon, r.seq = d, 0
	r.mu.Unlock()
	r.timeline.add(d.Started, r.name, "the daemon is started")
	err = demoUntil(ctx, demoAdminWait, func() bool { return !d.Alive() || d.Admin.Get("/v1/status", nil) == nil })
	if err == nil && !d.Alive() {
		err = fmt.Errorf("it ended with exit code %d", d.ExitCode())
	}
	if err != nil {
		return nil, fmt.Errorf("wait for the daemon of router %s: %w", r.name, err)
	}
	r.service.silent.Store(false)
	return d, nil
}

// die is the death of the router: kill -9, and nobody answers on it any more.
// The kernel alone would keep the virtual address and the service going.
func (r *demoRouter) die() (time.Time, error) {
	r.poll() // the last chance to read its timeline
	d := r.running()
	r.service.silent.Store(true)
	at := time.Now()
	if err := d.Signal(syscall.SIGKILL); err != nil {
		return at, err
	}
	r.timeline.add(at, r.name, "kill -9")
	<-d.Done()
	r.poll()
	return at, nil
}

// watch asks the daemon again and again until the context ends.
func (r *demoRouter) watch(ctx context.Context) {
	tick := time.NewTicker(demoRedraw)
	defer tick.Stop()
	for {
		r.poll()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// poll reads state and timeline of the daemon.
func (r *demoRouter) poll() {
	r.polling.Lock()
	defer r.polling.Unlock()
	r.mu.Lock()
	d, seq := r.daemon, r.seq
	r.mu.Unlock()
	if d == nil {
		return
	}
	status, err := d.Admin.Instance(demoInstance)
	var events []messages.Event
	if err == nil {
		events, err = d.Admin.Events(seq)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.daemon != d { // another one was started meanwhile
		return
	}
	r.up = err == nil && d.Alive()
	if !r.up {
		return
	}
	r.status = status
	for _, e := range events {
		r.seq = max(r.seq, e.Seq)
		r.timeline.add(e.At, r.name, demoEventText(e, r.dir))
	}
}

// now is the newest status; ok is false while there is none.
func (r *demoRouter) now() (status messages.InstanceStatus, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status, r.up
}

// running is the daemon started last.
func (r *demoRouter) running() *lab.Daemon {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.daemon
}

// ask reads the status of this moment.
func (r *demoRouter) ask() (messages.InstanceStatus, bool) {
	r.poll()
	return r.now()
}

// restarts reads how often the actor of the instance was restarted.
func (r *demoRouter) restarts() (uint64, error) {
	root, err := r.running().Admin.Tree()
	if err != nil {
		return 0, fmt.Errorf("read the tree of router %s: %w", r.name, err)
	}
	path := messages.InstancePath(demoInstance)
	for todo := []*messages.ActorNode{root}; len(todo) > 0; todo = todo[1:] {
		if todo[0].Path == path {
			return todo[0].Restarts, nil
		}
		todo = append(todo, todo[0].Children...)
	}
	return 0, fmt.Errorf("no actor %s in the tree of router %s", path, r.name)
}

// demoLine is one line of the merged timeline.
type demoLine struct {
	at        time.Time
	who, text string
}

// demoTimeline merges what the daemons tell with what the demo does.
type demoTimeline struct {
	mu    sync.Mutex
	lines []demoLine // by time
}

func (t *demoTimeline) add(at time.Time, who, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := len(t.lines)
	for i > 0 && t.lines[i-1].at.After(at) {
		i--
	}
	t.lines = slices.Insert(t.lines, i, demoLine{at: at, who: who, text: text})
	if len(t.lines) > demoMaxLines {
		t.lines = slices.Delete(t.lines, 0, 1)
	}
}

// since lists the lines from an instant on, oldest first.
func (t *demoTimeline) since(from time.Time) []demoLine {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.lines, func(l demoLine) bool { return !l.at.Before(from) })
	if i < 0 {
		return nil
	}
	return slices.Clone(t.lines[i:])
}

// demoEventText is an event in few words: without its object where that is the
// one virtual router of the demo, and without the folder of the demo's files.
func demoEventText(e messages.Event, dir string) string {
	var words []string
	if e.Object != messages.InstancePath(demoInstance) {
		words = append(words, e.Object)
	}
	switch {
	case e.From != "" && e.To != "":
		words = append(words, strings.ToUpper(e.From)+" → "+strings.ToUpper(e.To))
	case e.To != "":
		words = append(words, e.Kind, e.To)
	default:
		words = append(words, e.Kind)
	}
	text := strings.Join(words, " ")
	if e.Cause != "" {
		text += ": " + e.Cause
	}
	return strings.ReplaceAll(text, dir+"/", "")
}

// demoUntil asks cond every 5 ms until it holds. It fails at the limit and when
// the context ends.
func demoUntil(ctx context.Context, limit time.Duration, cond func() bool) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return fmt.Errorf("not within %v", limit)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
