// Package inbox owns the receive socket of one family: it opens it, lends it
// to the pacer's thread and keeps the group memberships the instances wish.
package inbox

import (
	"log/slog"
	"maps"
	"net/netip"
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

// memory outlives an incarnation, which works on maps of its own: it changes
// them in place, each by one assignment, so a crash in between leaves a state
// that settle puts right.
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
	mem    *memory
	users  map[membership]int // how many wish it
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
		a.start()
	case *actor.Restarting, *actor.Stopping:
		if a.timers != nil {
			a.timers.StopAll()
		}
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

// start resumes with what is wished and joined, or with nothing.
func (a *Actor) start() {
	m := &memory{wishes: map[string]membership{}, joined: map[membership]bool{}}
	if old, ok := supervisors.Recall[*memory](a.child.Cell); ok {
		// Not the maps themselves: one that hung may still change them.
		m.socket = old.socket
		maps.Copy(m.wishes, old.wishes)
		maps.Copy(m.joined, old.joined)
	}
	supervisors.Remember(a.child.Cell, m)
	a.mem, a.users = m, map[membership]int{}
	for _, w := range m.wishes {
		a.users[w]++
	}
	a.settle()
}

// wish replaces what one owner wants, nil for nothing.
func (a *Actor) wish(owner string, m *membership) {
	old, had := a.mem.wishes[owner]
	if m != nil && had && old == *m {
		return
	}
	if had {
		a.users[old]--
	}
	if m == nil {
		delete(a.mem.wishes, owner)
	} else {
		a.mem.wishes[owner] = *m
		a.users[*m]++
	}
	if m != nil && a.mem.socket != nil && (!m.wanted() || a.mem.joined[*m]) && (!had || a.users[old] > 0 || !old.wanted()) {
		return // nothing to join or leave
	}
	a.settle()
}

// wanted says that the kernel must know of it.
func (m membership) wanted() bool { return m.group.IsValid() && m.ifindex != 0 }

// settle makes the socket's memberships those that are wished. What is
// refused is tried again each second.
func (a *Actor) settle() {
	var st Status
	if err := a.ensureOpen(); err != nil {
		a.log.Error("receive socket refused", "err", err)
		st.LastError = err.Error()
		a.finish(st, true)
		return
	}
	for m := range a.mem.joined {
		if a.users[m] > 0 {
			continue
		}
		if err := a.mem.socket.Leave(m.ifindex, m.group); err != nil {
			a.log.Debug("group not left", "err", err) // the interface is gone, and its memberships with it
		}
		delete(a.mem.joined, m)
	}
	for m, n := range a.users {
		if n == 0 {
			delete(a.users, m)
			continue
		}
		if !m.wanted() || a.mem.joined[m] {
			continue
		}
		if err := a.mem.socket.Join(m.ifindex, m.group); err != nil {
			a.log.Warn("group not joined", "ifindex", m.ifindex, "group", m.group.String(), "err", err)
			st.LastError = err.Error()
			st.Refused++
			continue
		}
		a.mem.joined[m] = true
	}
	a.finish(st, st.Refused > 0)
}

// ensureOpen opens the socket when it is first wanted.
func (a *Actor) ensureOpen() error {
	if a.mem.socket != nil || len(a.mem.wishes) == 0 {
		return nil
	}
	s, err := a.open()
	if err == nil {
		a.mem.socket = s
	}
	return err
}

func (a *Actor) finish(st Status, again bool) {
	st.Open, st.Memberships = a.mem.socket != nil, len(a.mem.joined)
	a.child.Publish(st)
	if again {
		a.timers.Arm(retry{}, retryAfter)
	} else {
		a.timers.Stop(retry{})
	}
}
