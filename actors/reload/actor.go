// Package reload turns a file into what runs: load, validate whole, compare by
// object, prepare, commit. Any failure before the commit changes nothing.
package reload

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// Load reads and judges a configuration. A nil Config means that it is refused.
type Load func(path string) (*config.Config, []messages.Finding)

// Fleet is what a commit acts on.
type Fleet interface {
	// Clean removes what an earlier run of the daemon left behind.
	Clean(*config.Config) error
	// Commit makes the difference real. It may block.
	Commit(old, next *config.Config, d config.Diff) error
}

// memory outlives an incarnation.
type memory struct {
	config *config.Config // in force; nil before the first commit
	status messages.ConfigStatus
	job    *job    // under way, or done and not answered yet; nil: none
	noted  bool    // its outcome is in config and status
	queued *queued // at most one more
}

// job is one reload. A commit that has begun goes on when the actor crashes,
// so the next incarnation takes the job over.
type job struct {
	work  func() *outcome
	reply *actor.PID
	begun atomic.Bool
	done  atomic.Pointer[outcome]
	tell  atomic.Pointer[func()] // the actor alive now
}

// outcome is what became of a job.
type outcome struct {
	next   *config.Config // in force now; nil: nothing changed
	answer *messages.ReloadDone
	dry    bool
}

// ended tells that a job is done.
type ended struct{ job *job }

type queued struct {
	order *messages.Reload
	reply *actor.PID
}

// Actor handles one reload at a time.
type Actor struct {
	load    Load
	fleet   Fleet
	initial *config.Config
	child   supervisors.Child
	log     *slog.Logger
	mem     memory
}

// New returns the constructor. initial is committed at the first start.
func New(load Load, fleet Fleet, initial *config.Config) func(supervisors.Child) actor.Actor {
	return func(c supervisors.Child) actor.Actor {
		return &Actor{load: load, fleet: fleet, initial: initial, child: c, log: c.Log}
	}
}

// Receive implements actor.Actor.
func (a *Actor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		a.start(ctx)
	case *messages.Reload:
		a.reload(ctx, msg, ctx.Sender())
	case *ended:
		if msg.job == a.mem.job { // else it was taken over at the start
			a.finish(ctx)
		}
	}
}

func (a *Actor) start(ctx actor.Context) {
	if m, ok := supervisors.Recall[*memory](a.child.Cell); ok {
		a.mem = *m
	}
	a.child.Publish(a.mem.status)
	switch {
	case a.mem.job != nil:
		a.follow(ctx)
	case a.mem.config == nil:
		a.begin(ctx, nil, a.first)
	default:
		a.next(ctx)
	}
}

func (a *Actor) reload(ctx actor.Context, m *messages.Reload, reply *actor.PID) {
	if a.mem.job != nil && a.mem.queued != nil {
		a.answer(ctx, reply, &messages.ReloadDone{Error: "two reloads are already under way"})
		return
	}
	a.mem.queued = &queued{m, reply}
	a.keep()
	if a.mem.job == nil {
		a.next(ctx)
	}
}

// next begins what waits.
func (a *Actor) next(ctx actor.Context) {
	q, old := a.mem.queued, a.mem.config
	if q == nil {
		return
	}
	a.mem.queued = nil
	a.begin(ctx, q.reply, func() *outcome { return a.another(old, q.order) })
}

// begin runs a job on a goroutine of its own: reading files and stopping
// actors block.
func (a *Actor) begin(ctx actor.Context, reply *actor.PID, work func() *outcome) {
	a.mem.job, a.mem.noted = &job{work: work, reply: reply}, false
	a.keep()
	a.follow(ctx)
}

// follow sees to it that the job runs, and waits for its end.
func (a *Actor) follow(ctx actor.Context) {
	j := a.mem.job
	tell := func() { a.child.Tell(a.child.Path, &ended{j}) }
	j.tell.Store(&tell)
	if j.done.Load() != nil {
		a.finish(ctx)
		return
	}
	a.child.Go(func() { j.run(a.log) })
}

// run does the work, once. A panic in it is its outcome.
func (j *job) run(log *slog.Logger) {
	if j.begun.Swap(true) {
		return
	}
	o := &outcome{answer: &messages.ReloadDone{}}
	defer func() {
		if p := recover(); p != nil {
			o.answer.Error = fmt.Sprintf("reload crashed: %v", p)
			log.Error("reload crashed", "err", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
		j.done.Store(o) // first: who starts now looks for it
		(*j.tell.Load())()
	}()
	o = j.work()
}

// first commits the configuration the daemon was started with.
func (a *Actor) first() *outcome {
	if err := a.fleet.Clean(a.initial); err != nil {
		a.log.Warn("left-overs not removed", "err", err)
	}
	d := config.Compare(nil, a.initial)
	if err := a.fleet.Commit(nil, a.initial, d); err != nil {
		return &outcome{answer: &messages.ReloadDone{Error: err.Error()}}
	}
	return &outcome{next: a.initial, answer: &messages.ReloadDone{OK: true}}
}

// another loads, judges and commits a configuration.
func (a *Actor) another(old *config.Config, m *messages.Reload) *outcome {
	path := m.File
	if path == "" {
		path = old.File
	}
	done := &messages.ReloadDone{}
	f := &outcome{answer: done, dry: m.DryRun}
	next, findings := a.load(path)
	done.Findings = findings
	if next == nil {
		done.Error = fmt.Sprintf("configuration %s is refused", path)
		return f
	}
	d := config.Compare(old, next)
	if len(d.Refused) > 0 {
		for _, r := range d.Refused {
			done.Findings = append(done.Findings, Finding(r))
		}
		done.Error = "a changed value needs a restart"
		return f
	}
	for _, n := range d.Notes {
		done.Findings = append(done.Findings, Finding(n))
	}
	done.Plan = planOf(d)
	if m.DryRun {
		done.OK = true
		return f
	}
	if err := a.fleet.Commit(old, next, d); err != nil {
		done.Error = err.Error()
		return f
	}
	done.OK, f.next = true, next
	return f
}

// finish takes over the outcome of the job, answers and goes on. The job is
// forgotten last: a crash in between takes the rest up again.
func (a *Actor) finish(ctx actor.Context) {
	j := a.mem.job
	o := j.done.Load()
	if !o.dry && !a.mem.noted {
		a.note(o)
	}
	a.answer(ctx, j.reply, o.answer)
	a.mem.job = nil
	a.keep()
	if a.mem.config == nil {
		// Without any configuration there is nothing to stay with: crash and try again.
		panic("first configuration not committed: " + o.answer.Error)
	}
	a.next(ctx)
}

// note keeps and reports the outcome.
func (a *Actor) note(o *outcome) {
	s := &a.mem.status
	if o.answer.OK {
		a.mem.config = o.next
		s.File, s.Hash, s.Loaded, s.LastError = o.next.File, o.next.Hash, time.Now(), ""
		s.Generation++
		if s.Generation > 1 {
			s.OK++
		}
		a.log.Info("configuration in force", "file", s.File, "generation", s.Generation)
		a.event("applied", fmt.Sprintf("generation %d of %s", s.Generation, s.File))
	} else {
		s.Failed++
		s.LastError = firstError(o.answer)
		a.log.Error("configuration refused, the running one stays", "err", s.LastError)
		a.event("refused", s.LastError)
	}
	a.mem.noted = true
	a.keep()
	a.child.Publish(a.mem.status)
}

func (a *Actor) keep() {
	m := a.mem
	supervisors.Remember(a.child.Cell, &m)
}

func (a *Actor) event(to, cause string) {
	a.child.Tell(messages.PathInspect, &messages.Event{At: time.Now(), Kind: "reload", Object: a.child.Path, To: to, Cause: cause})
}

func (a *Actor) answer(ctx actor.Context, to *actor.PID, d *messages.ReloadDone) {
	if to != nil {
		ctx.Send(to, d)
	}
}

// firstError is the line that says most: the first error found, else the operation's.
func firstError(d *messages.ReloadDone) string {
	for _, f := range d.Findings {
		if f.Severity == "error" {
			return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Text)
		}
	}
	return d.Error
}

func planOf(d config.Diff) messages.Plan {
	p := messages.Plan{Start: []string{}, Stop: []string{}, Change: []messages.PlanChange{}, Unchanged: d.Unchanged}
	p.Start = append(p.Start, d.Started...)
	p.Stop = append(p.Stop, d.Stopped...)
	for _, c := range d.Changed {
		p.Change = append(p.Change, messages.PlanChange{Path: c.Path, Keys: c.Keys})
	}
	for _, r := range d.Renamed {
		p.Change = append(p.Change, messages.PlanChange{Path: r.From, Keys: append([]string{"name"}, r.Keys...)})
	}
	return p
}

// Finding translates a finding of config for the API.
func Finding(f config.Finding) messages.Finding {
	return messages.Finding{
		File: f.File, Line: f.Line, Column: f.Column, Severity: f.Severity.String(), Key: f.Key, Text: f.Text, Host: f.Host,
	}
}
