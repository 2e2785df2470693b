package vrrp

import (
	"time"

	"github.com/understudy-ha/understudy/actors/vrrp/fsm"
	"github.com/understudy-ha/understudy/actors/vrrp/plan"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/packet"
)

// Seed is an instance on its way to another name, or to another process.
type Seed struct {
	memory *memory
	saved  *saved
}

// saved is what an earlier process left of an instance.
type saved struct {
	fsm.Saved
	Last   *messages.Transition
	Adopts bool // its addresses were left in the kernel for a master that resumes
}

// SeedOf returns the start of i in a process that follows another: s is what
// that one left, in this boot or, thisBoot false, in another.
func SeedOf(i *config.Instance, s *messages.InstanceState, now int64, thisBoot bool) *Seed {
	v := &saved{Saved: savedOf(s), Last: s.Last}
	if !thisBoot {
		v.State = fsm.State{Form: v.State.Form, MasterInterval: v.State.MasterInterval}
	}
	v.Adopts = v.State.Role == fsm.Master && fsm.Resumes(machine(i, 0), &v.Saved, now)
	return &Seed{saved: v}
}

// Adopts reports whether the instance is expected to resume as master: its
// addresses must stay where they are.
func (s *Seed) Adopts() bool { return s.saved != nil && s.saved.Adopts }

// begin is the first step, once the ground is known: on with the saved role,
// or cold.
func (a *Actor) begin(g *plan.Ground) {
	start := fsm.Started{Source: g.Source, Faults: causes(g.Faults, a.env.Now())}
	if v := a.mem.Saved; v != nil {
		start.Saved = &v.Saved
	}
	a.step(start)
	a.begun()
}

// begun follows the first step: what the last process left has been judged.
func (a *Actor) begun() {
	v := a.mem.Saved
	if v == nil || a.mem.State.Since == 0 {
		return
	}
	role := a.mem.State.Role
	if v.Adopts && role != fsm.Master {
		a.child.Tell(messages.PathAddress, &messages.CleanAddresses{Addresses: addresses(a.mem.Instance)})
	}
	a.mem.Saved, a.noted = nil, true
	if len(a.mem.Transitions) > 0 { // a cold start
		a.publish()
		return
	}
	if role == fsm.Master {
		a.mem.SentBefore = v.LastSent
	}
	if v.Last != nil {
		a.mem = a.mem.withTransition(*v.Last)
	}
	a.publish()
	a.env.changed()
	a.log.Info("role resumed", "instance", a.mem.Instance.Name, "to", role.String(), "cause", "handed over by the last process")
	a.event("resumed", role.String(), role.String(), "handed over by the last process")
}

// InstanceState implements messages.StateReader.
func (v *view) InstanceState() messages.InstanceState {
	return stateOf(v.mem.Load(), *v.cfg.Load(), v.line)
}

// stateOf is what is kept of an instance for the process that follows.
func stateOf(m *memory, cfg fsm.Config, line Line) messages.InstanceState {
	s, i := m.State, m.Instance
	last := line.LastHeard()
	if w := fsm.WatchOf(cfg, s, last); s.DownAt != 0 && w.Deadline > s.DownAt { // absorbed since the last step
		s.DownAt, s.LastHeard = w.Deadline, last
	}
	out := messages.InstanceState{
		Identity: i.Identity(), Name: i.Name, Role: s.Role.String(), Since: s.Since,
		BasePriority: i.Priority, Priority: s.Effective, Dropped: s.Dropped, OwnerRival: s.OwnerRival,
		Yielding: s.Yielding, Held: s.Held, Ready: s.Ready, DownAt: s.DownAt, Form: s.Form.String(),
		Master: s.MasterAddr, MasterPriority: s.MasterPriority, LastHeard: s.LastHeard,
		Lower: s.LowerAddr, LowerPriority: s.LowerPriority,
	}
	if s.Role == fsm.Master {
		out.LastSent = max(line.LastSent(), m.SentBefore)
	}
	if s.MasterInterval != i.AdvertInterval {
		out.LearnedInterval = s.MasterInterval
	}
	if s.Preempting != fsm.PreemptIdle {
		out.Preempt = phases[s.Preempting]
	}
	for t, at := range s.Deadline {
		if at == 0 {
			continue
		}
		if out.Deadlines == nil {
			out.Deadlines = map[string]int64{}
		}
		out.Deadlines[fsm.Timer(t).String()] = at
	}
	if m.Holding {
		for _, a := range addresses(i) {
			out.Addresses = append(out.Addresses, messages.HeldAddress{Interface: a.Interface, Prefix: a.Prefix, Peer: a.Peer})
		}
	}
	if n := len(m.Transitions); n > 0 {
		t := m.Transitions[n-1]
		out.Last = &t
	}
	return out
}

// phases are the words for the progress of the preempt delay.
var phases = [...]string{fsm.PreemptIdle: "", fsm.PreemptWaiting: "waiting", fsm.PreemptOver: "over"}

// savedOf is the way back. A word that is not known, or a value out of range,
// counts as nothing said.
func savedOf(o *messages.InstanceState) fsm.Saved {
	s := fsm.State{
		Since: o.Since, Effective: o.Priority, Dropped: o.Dropped, OwnerRival: o.OwnerRival,
		Ready: o.Ready, Held: o.Held, Yielding: o.Yielding, DownAt: o.DownAt,
		MasterAddr: o.Master, MasterPriority: o.MasterPriority, LastHeard: o.LastHeard,
		LowerAddr: o.Lower, LowerPriority: o.LowerPriority,
	}
	for r := fsm.Init; r <= fsm.Fault; r++ {
		if r.String() == o.Role {
			s.Role = r
		}
	}
	for f := packet.ChecksumPlain; f <= packet.ChecksumKernel; f++ {
		if f.String() == o.Form {
			s.Form = f
		}
	}
	for p := range phases {
		if phases[p] == o.Preempt {
			s.Preempting = fsm.PreemptPhase(p)
		}
	}
	for t := range fsm.Timers {
		s.Deadline[t] = max(0, o.Deadlines[t.String()])
	}
	if o.LearnedInterval > 0 && o.LearnedInterval <= longestInterval {
		s.MasterInterval = o.LearnedInterval
	}
	return fsm.Saved{State: s, Priority: o.BasePriority, LastSent: o.LastSent}
}

// longestInterval is the longest that version 2 can say; version 3 ends at 40.95 s.
const longestInterval = 255 * time.Second
