package main

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/understudy-ha/understudy/actors/vrrp"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/web"
	"github.com/understudy-ha/understudy/supervisors"
)

// How long the fleet waits for what it ordered.
const (
	stopLimit  = 2 * time.Second // one instance to let go
	cleanLimit = 5 * time.Second // left-overs to be removed
)

// fleet makes a configuration real: it spawns, changes and stops the actors
// of the instances. It implements reload.Fleet.
type fleet struct {
	log    *slog.Logger
	system *supervisors.System // set by begin
	ready  chan struct{}       // closed by begin
	env    vrrp.Env
	lines  lines
	server *web.Server
	state  *state
	left   inheritance // set by Clean for the first Commit

	options  atomic.Pointer[vrrp.Options]
	released atomic.Bool // vrrp.release_on_stop
	mu       sync.Mutex
	specs    map[string]*atomic.Pointer[config.Instance] // by path: what a cold start reads
}

func newFleet(log *slog.Logger) *fleet {
	f := &fleet{log: log, ready: make(chan struct{}), specs: map[string]*atomic.Pointer[config.Instance]{}}
	f.options.Store(&vrrp.Options{})
	return f
}

// prepare gives the fleet what the instances share.
func (f *fleet) prepare(d *daemon) {
	f.server, f.state, f.lines = d.server, d.state, d.world.lines
	f.env = vrrp.Env{
		Pacer: d.world.lines, Now: d.world.now, StartupUntil: startupUntil(d.config, d.world.now()),
		Options: func() vrrp.Options { return *f.options.Load() },
		Changed: d.state.note,
	}
}

// begin lets commits through: the reload actor starts before the system is known here.
func (f *fleet) begin(s *supervisors.System) {
	f.system = s
	close(f.ready)
}

// startupUntil is the end of the start-up delay: the later of the two.
func startupUntil(c *config.Config, now int64) int64 {
	var until int64
	if d := c.VRRP.StartupDelay; d > 0 {
		until = now + int64(d)
	}
	// CLOCK_MONOTONIC counts from boot.
	return max(until, int64(c.VRRP.DelayAfterBoot))
}

func (f *fleet) releases() bool { return f.released.Load() }

// Clean implements reload.Fleet. What masters that resume hold stays.
func (f *fleet) Clean(c *config.Config) error {
	<-f.ready
	f.left = f.state.inherit(c)
	order := &messages.CleanAddresses{Addresses: f.left.clean}
	if len(order.Addresses) == 0 {
		return nil
	}
	if _, err := f.system.Ask(messages.PathAddress, cleanLimit, order); err != nil {
		return fmt.Errorf("remove left-over addresses: %w", err)
	}
	return nil
}

// Commit implements reload.Fleet: stops first, so that an address or a VRID
// that moves to another instance is free, then changes, then starts.
func (f *fleet) Commit(old, next *config.Config, d config.Diff) error {
	<-f.ready
	if old == nil {
		defer settleRuntime()
	}
	f.released.Store(next.VRRP.ReleaseOnStop)
	f.server.Switch(switches(next))
	f.options.Store(&vrrp.Options{LogUnknownVRIDs: next.VRRP.LogUnknownVRIDs})
	f.lines.HearUnknown(next.VRRP.LogUnknownVRIDs)
	byPath := map[string]*config.Instance{}
	for i := range next.VRRP.Instances {
		byPath[messages.InstancePath(next.VRRP.Instances[i].Name)] = &next.VRRP.Instances[i]
	}
	for _, path := range d.Stopped {
		f.stop(path, &messages.StopInstance{Release: next.VRRP.ReleaseOnStop, Deleted: true})
	}
	for _, c := range d.Changed {
		f.change(c.Path, byPath[c.Path])
	}
	for _, r := range d.Renamed {
		if err := f.rename(r, byPath[r.To]); err != nil {
			return err
		}
	}
	for _, path := range d.Started {
		if err := f.start(path, byPath[path], f.left.seeds[path]); err != nil {
			return err
		}
	}
	f.left = inheritance{}
	f.state.note() // who stopped left without a word
	return nil
}

func (f *fleet) start(path string, i *config.Instance, seed *vrrp.Seed) error {
	spec := &atomic.Pointer[config.Instance]{}
	spec.Store(i)
	f.mu.Lock()
	f.specs[path] = spec
	f.mu.Unlock()
	err := f.system.Spawn(messages.PathVRRP, supervisors.Node{
		Name:         "instance/" + messages.Escape(i.Name),
		Kind:         "instance",
		New:          vrrp.New(f.env, spec.Load, seed),
		Lease:        func() time.Duration { return vrrp.LeaseFor(spec.Load().AdvertInterval) },
		OnQuarantine: func(path string) { f.abandon(path) },
		OnColdStart:  func(path string) { f.abandon(path) },
	})
	if errors.Is(err, supervisors.ErrExists) { // by a commit that crashed halfway
		f.change(path, i)
		return nil
	}
	if err != nil {
		return fmt.Errorf("start instance %s: %w", i.Name, err)
	}
	return nil
}

// abandon lets go of what an instance held that cannot do it itself.
func (f *fleet) abandon(path string) {
	f.env.Pacer.Abandon(path)
	f.state.note()
	f.system.Tell(messages.PathAddress, &messages.ReleaseOwner{Owner: path})
}

func (f *fleet) change(path string, i *config.Instance) {
	f.mu.Lock()
	spec := f.specs[path]
	f.mu.Unlock()
	if spec == nil {
		return
	}
	spec.Store(i)
	f.system.Tell(path, &messages.ReconfigureInstance{Instance: *i})
}

// rename lets an instance go on under another name: same role, schedule and
// addresses.
func (f *fleet) rename(r config.Rename, i *config.Instance) error {
	answer, err := f.system.Ask(r.From, stopLimit, &messages.LeaveName{})
	if err != nil {
		return fmt.Errorf("rename instance %s: %w", r.From, err)
	}
	left, ok := answer.(*messages.NameLeft)
	if !ok {
		return fmt.Errorf("rename instance %s: answered by %T", r.From, answer)
	}
	seed, ok := left.Memory.(*vrrp.Seed)
	if !ok {
		return fmt.Errorf("rename instance %s: memory is %T", r.From, left.Memory)
	}
	if err := f.system.Stop(r.From, stopLimit); err != nil {
		return fmt.Errorf("rename instance %s: %w", r.From, err)
	}
	f.env.Pacer.Rename(r.From, r.To)
	f.system.Tell(messages.PathAddress, &messages.RenameOwner{From: r.From, To: r.To})
	f.mu.Lock()
	delete(f.specs, r.From)
	f.mu.Unlock()
	if err := f.start(r.To, i, seed); err != nil {
		return err
	}
	f.system.Tell(messages.InboxPath(i.Family == config.IPv6), &messages.LeaveGroup{Owner: r.From})
	f.change(r.To, i)
	return nil
}

// stop ends one instance in order; an actor that does not answer is abandoned.
func (f *fleet) stop(path string, order *messages.StopInstance) {
	_, unordered := f.system.Ask(path, stopLimit, order)
	if unordered != nil {
		f.log.Warn("instance did not stop in order", "path", path, "err", unordered)
	}
	if err := f.system.Stop(path, stopLimit); err != nil {
		f.log.Warn("actor not stopped", "path", path, "err", err)
	}
	if unordered != nil && order.Release {
		f.abandon(path) // not before: one that crashed on the order has a successor that claims again
	}
	f.env.Pacer.Close(path)
	f.mu.Lock()
	delete(f.specs, path)
	f.mu.Unlock()
}

// paths lists the instances that exist.
func (f *fleet) paths() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]string, 0, len(f.specs))
	for p := range f.specs {
		out = append(out, p)
	}
	return out
}
