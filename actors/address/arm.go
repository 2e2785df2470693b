package address

import (
	"sync/atomic"

	"github.com/understudy-ha/understudy/actors/address/plan"
	"github.com/understudy-ha/understudy/messages"
)

// States of an armed claim.
const (
	armReady int32 = iota
	armFired
	armVoid
)

// armed is the prepared claim of a backup. Fire runs on the pacer's thread;
// the rest belongs to the actor.
type armed struct {
	owner    string
	wishes   []plan.Wish // as asked for
	announce int
	state    atomic.Int32
	shot     atomic.Pointer[shot] // nil: not all interfaces are known yet
	told     bool                 // the owner has its trigger
	absorbed bool
}

// shot is what Fire does. It is replaced when an interface changes.
type shot struct {
	job    uint64
	wishes []plan.Wish // with the interface each goes to
	submit func() bool
	refuse func()
}

// fired tells the actor that a claim was performed.
type fired struct{ armed *armed }

// fire performs the claim one time, from any thread.
func (x *armed) fire(tell func(any)) {
	s := x.shot.Load()
	if s == nil || !x.state.CompareAndSwap(armReady, armFired) {
		return
	}
	taken := s.submit()
	tell(&fired{x})
	if !taken {
		s.refuse()
	}
}

// arm prepares a claim. The one before stays good until the owner has the new trigger.
func (a *Actor) arm(m *messages.ArmClaim) {
	if old, ok := a.mem.arms.Get(m.Owner); ok && old.state.Load() == armFired {
		a.absorb(old)
	}
	x := &armed{owner: m.Owner, wishes: wishesOf(m.Addresses), announce: m.Announce}
	a.mem.arms = a.mem.arms.Set(m.Owner, x)
	a.commit()
	a.askFor(x.wishes)
	a.load(x)
}

// load prepares the shot, once link has told of every interface, and gives the
// owner its trigger.
func (a *Actor) load(x *armed) {
	if a.unknown(x.wishes) {
		return
	}
	s := &shot{job: a.nextJob()}
	o := plan.Order{Owner: x.owner, Job: s.job, Announce: max(1, x.announce)}
	for _, w := range x.wishes {
		if holder, taken := a.mem.book.Holder(w.Key()); !taken || holder == x.owner {
			w.Form.Index = a.index(w.Interface)
		}
		s.wishes = append(s.wishes, w)
		if w.Form.Index != 0 {
			o.Adds = append(o.Adds, plan.Add{Form: w.Form})
		}
	}
	j := a.job(o, x)
	s.submit = a.writer.Prepare(j)
	s.refuse = func() { a.refused(j, x) }
	x.shot.Store(s)
	if x.told {
		return
	}
	x.told = true
	mem := a.mem
	a.child.Tell(x.owner, &messages.ClaimArmed{Fire: func() { x.fire(mem.tell) }})
}

// reload prepares anew the claims that concern an interface.
func (a *Actor) reload(name string) {
	for _, x := range a.mem.arms.All() {
		if x.state.Load() == armReady && concerns(x.wishes, name) {
			a.load(x)
		}
	}
}

func concerns(wishes []plan.Wish, name string) bool {
	for i := range wishes {
		if wishes[i].Interface == name {
			return true
		}
	}
	return false
}

// absorb makes a performed claim part of the desired state.
func (a *Actor) absorb(x *armed) {
	if x.absorbed {
		return
	}
	s := x.shot.Load()
	a.mem.book = a.mem.book.Fire(x.owner, s.wishes, x.announce, s.job)
	if now, ok := a.mem.arms.Get(x.owner); ok && now == x {
		a.mem.arms = a.mem.arms.Delete(x.owner)
	}
	a.commit()
	x.absorbed = true
	a.fly(s.job, &flight{owner: x.owner})
}

// disarm withdraws the claim. One that was performed while the owner withdrew
// it is taken back: the owner is no backup that takes over any more.
func (a *Actor) disarm(owner string) {
	x, ok := a.mem.arms.Get(owner)
	if ok && x.state.CompareAndSwap(armReady, armVoid) {
		a.mem.arms = a.mem.arms.Delete(owner)
		a.commit()
	} else if ok {
		a.absorb(x)
	}
	if o, ok := a.mem.book.Owner(owner); ok && o.Fired {
		a.release(owner, false)
	}
}
