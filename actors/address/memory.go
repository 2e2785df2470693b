package address

import (
	"sync/atomic"

	"github.com/understudy-ha/understudy/actors/address/plan"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// memory outlives an incarnation. The book and the arms are values; the
// pointers are shared by all incarnations.
type memory struct {
	book plan.Book
	arms plan.Map[string, *armed] // by owner
	jobs *atomic.Uint64           // numbers given out
	wire *atomic.Pointer[func(any)]
}

// tell sends to the incarnation alive now, from any thread.
func (m *memory) tell(msg any) {
	if f := m.wire.Load(); f != nil {
		(*f)(msg)
	}
}

// commit puts the memory into the cell and shows it.
func (a *Actor) commit() {
	m := a.mem
	supervisors.Remember(a.child.Cell, &m)
	a.view.mem.Store(&m)
}

// View is what the actor publishes: it is read at any time.
type View struct{ mem atomic.Pointer[memory] }

// Status counts what is wished.
type Status struct {
	Owners  []OwnerStatus
	Armed   int // claims prepared for backups
	Held    int // confirmed by the kernel
	Waiting int // for their interface
	Refused int
	Gone    int // removed by others
}

// OwnerStatus is one owner's part.
type OwnerStatus struct {
	Owner                              string
	Held, Busy, Waiting, Refused, Gone int
}

// Status reads the newest state.
func (v *View) Status() Status {
	m := v.mem.Load()
	if m == nil {
		return Status{}
	}
	s := Status{Armed: m.arms.Len()}
	for _, o := range m.book.Owners() {
		p := OwnerStatus{
			Owner: o.Path, Held: o.Count(plan.Held), Busy: o.Count(plan.Busy),
			Waiting: o.Count(plan.Waiting), Refused: o.Count(plan.Refused), Gone: o.Count(plan.Gone),
		}
		s.Held, s.Waiting, s.Refused, s.Gone = s.Held+p.Held, s.Waiting+p.Waiting, s.Refused+p.Refused, s.Gone+p.Gone
		s.Owners = append(s.Owners, p)
	}
	return s
}

// wait for an answer that is due once the owner's jobs are done.
type answer struct{ claimed bool }

// flight is a job that the writer has.
type flight struct {
	owner string
	dels  bool
	then  func(*done) // nil: nothing
}

func (a *Actor) land(job uint64) {
	f, ok := a.flights[job]
	if !ok {
		return
	}
	delete(a.flights, job)
	if f.dels {
		a.removing--
	}
	if a.busy[f.owner]--; a.busy[f.owner] == 0 {
		delete(a.busy, f.owner)
		a.answer(f.owner)
	}
}

// answer tells an owner what became of its last order, once nothing of it is under way.
func (a *Actor) answer(owner string) {
	due, ok := a.answers[owner]
	if !ok || a.busy[owner] > 0 {
		return
	}
	o, has := a.mem.book.Owner(owner)
	if has && due.claimed && a.unknown(o.Wishes) {
		return // link has not answered yet
	}
	delete(a.answers, owner)
	msg := &messages.AddressesApplied{Claimed: due.claimed}
	if has && due.claimed {
		msg.Count = o.Count(plan.Held)
		for i := range o.Wishes {
			switch w := &o.Wishes[i]; w.Status {
			case plan.Refused:
				msg.Failed = append(msg.Failed, messages.AddressFailure{Prefix: w.Form.Prefix, Error: w.Error})
			case plan.Waiting:
				msg.Failed = append(msg.Failed, messages.AddressFailure{Prefix: w.Form.Prefix, Error: "interface " + w.Interface + " is not there"})
			case plan.Busy, plan.Held, plan.Gone:
			}
		}
	}
	a.child.Tell(owner, msg)
}
