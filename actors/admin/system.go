package admin

import (
	"time"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// Running makes the running actors a System.
func Running(s *supervisors.System) System { return running{s} }

type running struct{ s *supervisors.System }

func (r running) Ask(path string, limit time.Duration, msg any) (any, error) {
	return r.s.Ask(path, limit, msg)
}

func (r running) Tell(path string, msg any) { r.s.Tell(path, msg) }

func (r running) Records() []messages.ActorRecord {
	records := r.s.Registry().Records()
	out := make([]messages.ActorRecord, len(records))
	for i, x := range records {
		out[i] = messages.ActorRecord{
			Path: x.Path, Kind: x.Kind, State: string(x.State), Started: x.Started, Restarts: x.Restarts,
			Mailbox: x.Mailbox, LastCrash: x.LastCrash, Snapshot: x.Snapshot,
		}
	}
	return out
}

func (r running) Tree() *messages.ActorNode { return r.s.Registry().Tree() }

func (r running) Kill(k messages.Kill) error {
	return r.s.Kill(k.Path, supervisors.KillSpec{Mode: k.Mode, Times: k.Times, Every: k.Every, Count: k.Count})
}
