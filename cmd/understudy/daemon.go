package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/understudy-ha/understudy/actors/admin"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/web"
	"github.com/understudy-ha/understudy/supervisors"
)

// daemon is the running program: the parts that outlive their actors, and the
// tree of actors around them.
type daemon struct {
	config  *config.Config // at the start
	flags   *runFlags
	log     *slog.Logger
	started time.Time
	socket  *web.Socket
	server  *web.Server
	backend *admin.Backend
	system  atomic.Pointer[supervisors.System] // set once, before anything asks
	world   *world
	fleet   *fleet
	state   *state
	stops   chan bool // an ordered stop; true: hand over
}

// newDaemon takes the lock, opens what may fail, and starts the actors.
func newDaemon(c *config.Config, f *runFlags, log *slog.Logger) (*daemon, error) {
	d := &daemon{config: c, flags: f, log: log, started: time.Now(), stops: make(chan bool, 1), fleet: newFleet(log)}
	var err error
	d.socket, err = web.Open(web.SocketOptions{
		Path: c.Admin.SocketPath, Mode: os.FileMode(c.Admin.SocketMode), User: c.Admin.SocketUser, Group: c.Admin.SocketGroup, PIDFile: f.pidFile,
	})
	if err != nil {
		return nil, err
	}
	if err := d.start(); err != nil {
		return nil, errors.Join(err, d.socket.Close())
	}
	return d, nil
}

func (d *daemon) start() error {
	w, err := openWorld(d)
	if err != nil {
		return err
	}
	d.world = w
	d.state = openState(d.config, d.log, w.now, d.states)
	d.backend = admin.NewBackend(readBuild().version, d.started, d.orderStop)
	d.server = web.NewServer(d.socket, d.backend, switches(d.config), d.log)
	d.fleet.prepare(d)
	system, err := supervisors.Start(supervisors.Tree(d.parts()), supervisors.Options{Log: d.log, OnEvent: d.supervised})
	if err != nil {
		return errors.Join(err, w.close(), d.state.close())
	}
	d.system.Store(system)
	d.backend.Attach(admin.Running(system))
	d.fleet.begin(system)
	return nil
}

func switches(c *config.Config) web.Switches {
	return web.Switches{Metrics: c.Admin.Metrics, Pprof: c.Admin.Pprof, Chaos: c.Admin.Chaos}
}

// tell reaches an actor from outside of the tree.
func (d *daemon) tell(path string, msg any) {
	if s := d.system.Load(); s != nil {
		s.Tell(path, msg)
	}
}

func (d *daemon) post(path string) (*supervisors.Post, error) {
	return d.system.Load().Post(path) // instances are spawned when the system is known
}

// supervised puts what the supervisors did onto the timeline.
func (d *daemon) supervised(e supervisors.Event) {
	if e.Kind == supervisors.EventDeadLetter {
		return // counted in the registry; the timeline is for people
	}
	ev := &messages.Event{At: e.At, Kind: e.Kind, Object: e.Path, Cause: e.Cause}
	if e.Stack != "" {
		ev.Data = map[string]any{"stack": e.Stack}
	}
	d.tell(messages.PathInspect, ev)
}

// leaseEnded releases what a dead or hung instance held. It is called on the
// pacer's thread, in the same turn in which the priority-0 frame leaves.
func (d *daemon) leaseEnded(path string) {
	d.tell(messages.PathAddress, &messages.ReleaseOwner{Owner: path})
	d.tell(messages.PathInspect, &messages.Event{At: time.Now(), Kind: "lease", Object: path, To: "ended", Cause: "no sign of life from the actor: priority 0 sent, addresses released"})
}

func (d *daemon) orderStop(handover bool) error {
	if handover && d.state.file == nil {
		return &messages.Refusal{Kind: messages.ErrConflict, Text: "no hand-over: the daemon could not open its state file when it started"}
	}
	select {
	case d.stops <- handover:
	default: // one is under way
	}
	return nil
}

// run serves until an ordered stop ends it. The error is for the exit code.
func (d *daemon) run(signals <-chan os.Signal) error {
	d.log.Info("started", "version", readBuild().version, "config", d.config.File, "socket", d.socket.Path(), "instances", len(d.config.VRRP.Instances))
	system := d.system.Load()
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGHUP {
				d.tell(messages.PathReload, &messages.Reload{})
				continue
			}
			d.log.Info("stopping", "cause", "signal "+s.String())
			return d.drain(signals, false)
		case handover := <-d.stops:
			d.log.Info("stopping", "cause", "ordered by the admin API", "handover", handover)
			return d.drain(signals, handover)
		case err := <-system.Done():
			d.log.Error("the root supervisor gave up", "err", err)
			d.state.freeze() // the next process goes on with the roles
			return errors.Join(fmt.Errorf("actors failed for good: %w", err), d.state.finish(true, d.states()), d.close())
		}
	}
}

// drain is the ordered stop; a second TERM skips what only waits. A hand-over
// leaves roles and addresses to the next process.
func (d *daemon) drain(signals <-chan os.Signal, handover bool) error {
	d.backend.Leave()
	d.state.freeze()
	system := d.system.Load()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case s := <-signals:
				if s != syscall.SIGHUP {
					system.Skip()
				}
			case <-ended:
				return
			}
		}
	}()
	total := d.config.Global.StopTimeout
	err := system.Drain([]supervisors.Stage{
		{Name: "vrrp", Deadline: total * 6 / 10, Do: func(ctx context.Context) error { return d.drainVRRP(ctx, handover) }},
		{Name: "state", Deadline: total / 10, Do: func(context.Context) error { return d.state.finish(handover, d.states()) }},
		{Name: "addresses", Deadline: total * 3 / 10, Do: d.drainAddresses},
	})
	return errors.Join(err, d.close())
}

// drainVRRP stops every instance side by side: priority 0, addresses released,
// or at a hand-over neither.
func (d *daemon) drainVRRP(ctx context.Context, handover bool) error {
	order := &messages.StopInstance{Release: d.fleet.releases() && !handover}
	system := d.system.Load()
	paths := d.fleet.paths()
	if ctx.Err() != nil { // nobody waits: the orders are given all the same
		for _, p := range paths {
			system.Tell(p, order)
		}
		return nil
	}
	limit := stopLimit
	if at, ok := ctx.Deadline(); ok {
		limit = time.Until(at)
	}
	var wg sync.WaitGroup
	var failed atomic.Int64
	slots := make(chan struct{}, 64)
	for _, p := range paths {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			answer, err := system.Ask(p, limit, order)
			if stopped, ok := answer.(*messages.InstanceStopped); ok {
				d.state.hand(p, stopped.State)
			}
			if err != nil {
				failed.Add(1)
				if order.Release {
					d.fleet.abandon(p)
				}
			}
		})
	}
	wg.Wait()
	if n := failed.Load(); n > 0 {
		what := "their addresses were released for them"
		if !order.Release {
			what = "their addresses stay"
		}
		return fmt.Errorf("%d instances did not stop in order, %s", n, what)
	}
	return nil
}

// drainAddresses waits until the writer has done what was ordered.
func (d *daemon) drainAddresses(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	limit := stopLimit
	if at, ok := ctx.Deadline(); ok {
		limit = time.Until(at)
	}
	if _, err := d.system.Load().Ask(messages.PathAddress, limit, &messages.AwaitAddresses{}); err != nil {
		return fmt.Errorf("wait for the release of addresses: %w", err)
	}
	return nil
}

// close ends the actors and then what they used; the lock goes last.
func (d *daemon) close() error {
	d.system.Load().Close(time.Second)
	err := errors.Join(d.world.close(), d.state.close())
	d.log.Info("stopped")
	return errors.Join(err, d.server.Close())
}
