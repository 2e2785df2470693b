// Package inbox owns the receive socket of one family: it opens it, lends it
// to the pacer's thread and keeps the group memberships the instances wish.
package inbox

import (
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/actors/timer"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// Socket is an open receive socket that the pacer reads.
type Socket interface {
	Join(ifindex int, group netip.Addr) error
	Leave(ifindex int, group netip.Addr) error
}

// Open opens the socket and lends it to the pacer. The socket outlives the actor.
type Open func() (Socket, error)

// retryAfter is the pause between tries of what the kernel refused.
const retryAfter = time.Second

type membership struct {
	ifindex int
	group   netip.Addr
}

// memory outlives an incarnation.
type memory struct {
	socket Socket
	wishes map[string]membership // by owner
	joined map[membership]bool
}

// Status is what the actor publishes.
type Status struct {
	Open        bool
	Memberships int
	Refused     int
	LastError   string
}

type retry struct{}

// Actor is the reader of one family.
type Actor struct {
	open   Open
	child  supervisors.Child
	log    *slog.Logger
	mem    memory
	timers *timer.Set[retry]
}

// New returns the constructor of a reader.
func New(open Open) func(supervisors.Child) actor.Actor {
	return func(c supervisors.Child) actor.Actor { return &Actor{open: open, child: c, log: c.Log} }
}

// Receive implements actor.Actor.
func (a *Actor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		root, self := ctx.ActorSystem().Root, ctx.Self()
		a.timers = timer.New[retry](func(m any) { root.Send(self, m) })
		if m, ok := supervisors.Recall[*memory](a.child.Cell); ok {
			a.mem = *m
			a.settle()
		}
	case *actor.Restarting, *actor.Stopping:
		a.timers.StopAll()
	case *messages.JoinGroup:
		a.wish(msg.Owner, &membership{msg.Ifindex, msg.Group})
	case *messages.LeaveGroup:
		a.wish(msg.Owner, nil)
	case *timer.Fired[retry]:
		if a.timers.Take(msg) {
			a.settle()
		}
	}
}

// wish replaces what one owner wants, nil for nothing.
func (a *Actor) wish(owner string, m *membership) {
	wishes := maps.Clone(a.mem.wishes)
	if wishes == nil {
		wishes = map[string]membership{}
	}
	if m == nil {
		delete(wishes, owner)
	} else {
		wishes[owner] = *m
	}
	a.mem.wishes = wishes
	a.settle()
}

// settle makes the socket's memberships those that are wished. What is
// refused is tried again each second.
func (a *Actor) settle() {
	st := Status{}
	if a.mem.socket == nil && len(a.mem.wishes) > 0 {
		s, err := a.open()
		if err != nil {
			a.log.Error("receive socket refused", "err", err)
			st.LastError = err.Error()
			a.finish(st, true)
			return
		}
		a.mem.socket = s
	}
	wanted := map[membership]bool{}
	for _, m := range a.mem.wishes {
		if m.group.IsValid() && m.ifindex != 0 {
			wanted[m] = true
		}
	}
	joined := map[membership]bool{}
	for m := range a.mem.joined {
		if wanted[m] {
			joined[m] = true
		} else if err := a.mem.socket.Leave(m.ifindex, m.group); err != nil {
			a.log.Debug("group not left", "err", err) // the interface is gone, and its memberships with it
		}
	}
	for _, m := range slices.Collect(maps.Keys(wanted)) {
		if joined[m] {
			continue
		}
		if err := a.mem.socket.Join(m.ifindex, m.group); err != nil {
			a.log.Warn("group not joined", "ifindex", m.ifindex, "group", m.group.String(), "err", err)
			st.LastError = err.Error()
			st.Refused++
			continue
		}
		joined[m] = true
	}
	a.mem.joined = joined
	a.finish(st, st.Refused > 0)
}

func (a *Actor) finish(st Status, again bool) {
	m := a.mem
	supervisors.Remember(a.child.Cell, &m)
	st.Open, st.Memberships = m.socket != nil, len(m.joined)
	a.child.Publish(st)
	if again {
		a.timers.Arm(retry{}, retryAfter)
	} else {
		a.timers.Stop(retry{})
	}
}
