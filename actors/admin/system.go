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
			Mailbox: x.Mailbox, LastCrash: crashOf(x.LastCrash), Snapshot: x.Snapshot,
		}
	}
	return out
}

func (r running) Tree() *messages.ActorNode { return nodeOf(r.s.Registry().Tree()) }

func (r running) Kill(k messages.Kill) error {
	return r.s.Kill(k.Path, supervisors.KillSpec{Mode: k.Mode, Times: k.Times, Every: k.Every, Count: k.Count})
}

func nodeOf(n *supervisors.TreeNode) *messages.ActorNode {
	out := &messages.ActorNode{
		Path: n.Path, Kind: n.Kind, State: string(n.State), Started: n.Started, Restarts: n.Restarts,
		Mailbox: n.Mailbox, LastCrash: crashOf(n.LastCrash), Children: make([]*messages.ActorNode, len(n.Children)),
	}
	for i, c := range n.Children {
		out.Children[i] = nodeOf(c)
	}
	return out
}

func crashOf(c *supervisors.Crash) *messages.Crash {
	if c == nil {
		return nil
	}
	return &messages.Crash{
		At: c.At.UTC(), Reason: c.Reason, Message: c.Message, Stack: c.Stack,
		State: c.State, Generation: c.Generation, Injected: c.Injected,
	}
}
