package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/statefile"
	"github.com/understudy-ha/understudy/supervisors"
)

// state is what one run of the daemon leaves to the next, in the state file.
type state struct {
	log    *slog.Logger
	now    func() int64
	file   *statefile.File // nil: none can be written
	keeper *statefile.Keeper

	last     []messages.InstanceState // of the run before
	header   statefile.Header
	thisBoot bool // it ran on this boot, in this network namespace

	mu     sync.Mutex
	handed map[string]messages.InstanceState // by instances that stopped for a hand-over, by path
}

// openState reads what the last run left. Without a usable file the daemon
// runs all the same, and says so once. collect reads the states of all
// instances at any time.
func openState(c *config.Config, log *slog.Logger, now func() int64, collect func() []messages.InstanceState) *state {
	s := &state{log: log, now: now, handed: map[string]messages.InstanceState{}}
	file, err := statefile.Open(c.Global.StateDir, config.Escape(c.Global.Instance))
	if err != nil {
		log.Warn("no state is kept: the next start will be a cold one", "err", err)
		return s
	}
	s.file = file
	s.keeper = statefile.Keep(
		func() error { return s.file.Write(false, now(), collect()) },
		func(err error) {
			log.Warn("state not written: after a crash the next start will be a cold one", "err", err)
		},
	)
	s.header, err = file.Read(&s.last)
	switch {
	case err == nil:
		s.thisBoot = true
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, statefile.ErrElsewhere):
		log.Info("roles and addresses of the last run are void", "cause", err.Error())
	default:
		s.last = nil
		log.Warn("state of the last run not used, cold start", "err", err)
	}
	return s
}

// inherit divides what the last run left among the instances of c.
func (s *state) inherit(c *config.Config) inheritance {
	now := s.now()
	in := inherit(c, s.last, now, s.thisBoot)
	if s.thisBoot {
		age := time.Duration(now - s.header.Written).Round(time.Millisecond)
		s.log.Info("state of the last run read", "handover", s.header.Handover, "age", age,
			"masters", in.masters, "too_late", in.stale, "not_configured", in.gone)
	}
	s.last = nil
	return in
}

// note tells that the file no longer says what is.
func (s *state) note() {
	if s.keeper != nil {
		s.keeper.Note()
	}
}

// freeze ends the writing in the background, before the last write.
func (s *state) freeze() {
	if s.keeper != nil {
		s.keeper.Stop()
	}
}

// hand keeps what an instance was when it stopped for a hand-over.
func (s *state) hand(path string, was *messages.InstanceState) {
	if was == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handed[path] = *was
}

// finish is the last write. Without hand-over nobody resumes a role: what is
// learned and the addresses that stay are kept.
func (s *state) finish(handover bool, states []messages.InstanceState) error {
	if s.file == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range states {
		if was, ok := s.handed[messages.InstancePath(states[i].Name)]; ok && handover {
			states[i] = was
		}
		if !handover {
			states[i].Role, states[i].LastSent = "init", 0
		}
	}
	return s.file.Write(handover, s.now(), states)
}

// close gives the file up to the next process.
func (s *state) close() error {
	s.freeze()
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// states reads what is known of every instance now.
func (d *daemon) states() []messages.InstanceState {
	out := []messages.InstanceState{}
	system := d.system.Load()
	if system == nil {
		return out
	}
	for _, r := range system.Registry().Records() {
		if v, ok := r.Snapshot.(messages.StateReader); ok && r.State != supervisors.Quarantined {
			out = append(out, v.InstanceState())
		}
	}
	return out
}
