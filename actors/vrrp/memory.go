package vrrp

import (
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/actors/vrrp/fsm"
	"github.com/understudy-ha/understudy/actors/vrrp/plan"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/packet"
	"github.com/understudy-ha/understudy/supervisors"
)

// memory is what outlives an incarnation. It is replaced as a whole, once a
// step; only performed grows in place, by the one actor that owns it.
type memory struct {
	Instance    *config.Instance // never changed; a reload brings another
	Saved       *saved           // by an earlier process, until the start; nil: nothing
	SentBefore  int64            // last advert of the master in that process; 0: none
	State       fsm.State
	Hearing     bool               // the ear is open
	Holding     bool               // addresses are claimed
	Unheard     []packet.VRRPHeard // taken from the line, and not judged yet
	Asker       *actor.PID         // waits for the outcome of a switchover; nil: nobody
	Pending     []fsm.Action
	performed   int                     // of Pending
	Interfaces  []*messages.LinkChanged // what link told last of each name
	Ground      plan.Ground
	Transitions []messages.Transition // the last keptTransitions, oldest first
	Entered     [4]uint64             // transitions into each role
	Conflict    conflict
	Noticed     map[string]bool    // notices of this role
	Refused     []messages.Refused // addresses of the present claim; never changed
}

// String is the state before a crash, for its post-mortem.
func (m *memory) String() string {
	s := &m.State
	return fmt.Sprintf("%s, priority %d, source %s, master %s, holding addresses %t, faults %d, actions left %d",
		s.Role, s.Effective, s.Source, s.MasterAddr, m.Holding, len(s.Faults), len(m.Pending)-m.performed)
}

// keptTransitions is how many transitions status shows.
const keptTransitions = 16

// conflict is what is remembered of other masters heard while master.
type conflict struct {
	Now   fsm.Conflict  // as noted last
	Total time.Duration // of those that ended
	With  []string
}

// commit puts the memory into the cell, with all that the actions make of it:
// a panic before leaves the state before the event, and one after it leaves
// nothing but the rest of the actions to do.
func (a *Actor) commit(actions []fsm.Action) {
	a.mem.Pending, a.mem.performed = actions, 0
	var changed *fsm.Changed
	for _, act := range actions {
		switch act := act.(type) {
		case fsm.ClaimAddresses:
			a.mem.Holding = true
		case fsm.ReleaseAddresses:
			a.mem.Holding, a.mem.Refused = false, nil
		case fsm.Listen:
			a.mem.Hearing = act.Open
		case fsm.Changed:
			changed = &act
			a.enter(time.Now(), act)
		case fsm.SendAdvert, fsm.StartAdverts, fsm.UpdateAdverts, fsm.StopAdverts, fsm.StartWatch, fsm.StopWatch,
			fsm.SetTimer, fsm.StopTimer, fsm.Announce, fsm.AnnounceSource, fsm.Notice, fsm.HeardLower:
			// Of the line, or in the core's own state.
		}
	}
	a.keep()
	if changed != nil {
		st := a.line.Stats()
		if changed.To == fsm.Master {
			st[packet.VRRPBecomeMaster].Add(1)
		}
		if changed.From == fsm.Master {
			st[packet.VRRPReleaseMaster].Add(1)
		}
	}
}

// enter remembers a role change.
func (a *Actor) enter(at time.Time, c fsm.Changed) {
	a.mem = a.mem.withTransition(messages.Transition{At: at, From: c.From.String(), To: c.To.String(), Cause: c.Cause})
	a.mem.Entered[c.To]++
}

// keep puts the memory as it is into the cell; readers see the same copy.
func (a *Actor) keep() {
	m := a.mem
	a.kept, a.noted = &m, false
	supervisors.Remember(a.child.Cell, a.kept)
}

// withInterface returns a copy that knows one interface anew.
func (m memory) withInterface(l *messages.LinkChanged) memory {
	i := slices.IndexFunc(m.Interfaces, func(o *messages.LinkChanged) bool { return o.Interface.Name == l.Interface.Name })
	m.Interfaces = slices.Clone(m.Interfaces)
	if i < 0 {
		m.Interfaces = append(m.Interfaces, l)
	} else {
		m.Interfaces[i] = l
	}
	return m
}

// told is what link told last of an interface, nil: nothing yet.
func (m *memory) told(name string) *messages.LinkChanged {
	for _, l := range m.Interfaces {
		if l.Interface.Name == name {
			return l
		}
	}
	return nil
}

// withTransition returns a copy with one more transition.
func (m memory) withTransition(t messages.Transition) memory {
	keep := m.Transitions
	if len(keep) == keptTransitions {
		keep = keep[1:]
	}
	m.Transitions = append(slices.Clip(keep), t)
	return m
}
