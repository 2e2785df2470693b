// Package reload turns a file into what runs: load, validate whole, compare by
// object, prepare, commit. Any failure before the commit changes nothing.
package reload

import (
	"fmt"
	"log/slog"
	"runtime/debug"
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
}

// finished ends the job under way.
type finished struct {
	job    uint64
	next   *config.Config // in force now; nil: nothing changed
	answer *messages.ReloadDone
	reply  *actor.PID
	dry    bool
}

// Actor handles one reload at a time.
type Actor struct {
	load    Load
	fleet   Fleet
	initial *config.Config
	child   supervisors.Child
	log     *slog.Logger
	mem     memory
	job     uint64 // of the job under way, 0 = none
	jobs    uint64
	queued  *queued // at most one more
}

type queued struct {
	order *messages.Reload
	reply *actor.PID
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
		if m, ok := supervisors.Recall[*memory](a.child.Cell); ok {
			a.mem = *m
		}
		a.child.Publish(a.mem.status)
		if a.mem.config == nil {
			a.begin(ctx, nil, func() *finished { return a.first() })
		}
	case *messages.Reload:
		a.reload(ctx, msg, ctx.Sender())
	case *finished:
		a.finish(ctx, msg)
	}
}

func (a *Actor) reload(ctx actor.Context, m *messages.Reload, reply *actor.PID) {
	if a.job != 0 {
		if a.queued != nil {
			a.answer(ctx, reply, &messages.ReloadDone{Error: "two reloads are already under way"})
			return
		}
		a.queued = &queued{m, reply}
		return
	}
	old := a.mem.config
	a.begin(ctx, reply, func() *finished { return a.next(old, m) })
}

// begin runs a job on a goroutine of its own: reading files and stopping
// actors block. A panic in it is this actor's.
func (a *Actor) begin(ctx actor.Context, reply *actor.PID, job func() *finished) {
	a.jobs++
	a.job = a.jobs
	n, root, self := a.job, ctx.ActorSystem().Root, ctx.Self()
	a.child.Go(func() {
		f := &finished{answer: &messages.ReloadDone{Error: "reload crashed"}}
		defer func() {
			if p := recover(); p != nil {
				f.answer.Error = fmt.Sprintf("reload crashed: %v", p)
				a.log.Error("reload crashed", "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
			f.job, f.reply = n, reply
			root.Send(self, f)
		}()
		f = job()
	})
}

// first commits the configuration the daemon was started with.
func (a *Actor) first() *finished {
	if err := a.fleet.Clean(a.initial); err != nil {
		a.log.Warn("left-overs not removed", "err", err)
	}
	d := config.Compare(nil, a.initial)
	if err := a.fleet.Commit(nil, a.initial, d); err != nil {
		return &finished{answer: &messages.ReloadDone{Error: err.Error()}}
	}
	return &finished{next: a.initial, answer: &messages.ReloadDone{OK: true}}
}

func (a *Actor) next(old *config.Config, m *messages.Reload) *finished {
	path := m.File
	if path == "" {
		path = old.File
	}
	done := &messages.ReloadDone{}
	f := &finished{answer: done, dry: m.DryRun}
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

func (a *Actor) finish(ctx actor.Context, f *finished) {
	if f.job != a.job {
		return // of an incarnation that crashed meanwhile
	}
	a.job = 0
	if !f.dry {
		a.note(f)
	}
	if a.mem.config == nil {
		// Without any configuration there is nothing to stay with: crash and try again.
		panic("first configuration not committed: " + f.answer.Error)
	}
	a.answer(ctx, f.reply, f.answer)
	if q := a.queued; q != nil {
		a.queued = nil
		a.reload(ctx, q.order, q.reply)
	}
}

// note keeps and reports the outcome.
func (a *Actor) note(f *finished) {
	s := &a.mem.status
	if f.answer.OK {
		a.mem.config = f.next
		s.File, s.Hash, s.Loaded, s.LastError = f.next.File, f.next.Hash, time.Now(), ""
		s.Generation++
		if s.Generation > 1 {
			s.OK++
		}
		a.log.Info("configuration in force", "file", s.File, "generation", s.Generation)
		a.event("applied", fmt.Sprintf("generation %d of %s", s.Generation, s.File))
	} else {
		s.Failed++
		s.LastError = firstError(f.answer)
		a.log.Error("configuration refused, the running one stays", "err", s.LastError)
		a.event("refused", s.LastError)
	}
	m := a.mem
	supervisors.Remember(a.child.Cell, &m)
	a.child.Publish(m.status)
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
