package address

import (
	"errors"

	"github.com/understudy-ha/understudy/actors/address/plan"
)

// apply commits a decision, then orders what it needs.
func (a *Actor) apply(book plan.Book, orders []plan.Order) {
	a.mem.book = book
	a.commit()
	for _, o := range orders {
		a.submit(o)
	}
}

// submit hands an order to the writer.
func (a *Actor) submit(o plan.Order) { a.hand(a.job(o, nil), &flight{}) }

func (a *Actor) hand(j Job, f *flight) {
	f.owner, f.dels = j.Owner, len(j.Dels) > 0
	a.fly(j.ID, f)
	if !a.writer.Prepare(j)() {
		a.refused(j, nil)
	}
}

func (a *Actor) fly(job uint64, f *flight) {
	a.flights[job] = f
	a.busy[f.owner]++
	if f.dels {
		a.removing++
		a.removals++
	}
}

// errQueue is what the writer's full queue looks like to an owner.
var errQueue = errors.New("the queue of the address writer is full")

// refused ends a job that the writer did not take.
func (a *Actor) refused(j Job, x *armed) {
	r := Result{Failed: map[int]error{}, DelFailed: map[int]error{}, Unsure: true}
	for i := range j.Adds {
		r.Failed[i] = errQueue
	}
	for i := range j.Dels {
		r.DelFailed[i] = errQueue
	}
	a.child.Tell(a.child.Path, &done{j.ID, j.Owner, x, j.Adds, j.Dels, r})
}

// job dresses an order with its announcements.
func (a *Actor) job(o plan.Order, x *armed) Job {
	j := Job{ID: o.Job, Owner: o.Owner, Cancel: o.Cancel, Dels: o.Dels, Repeat: o.Announce, Quiet: o.Quiet}
	j.Adds = make([]Add, len(o.Adds))
	for i, add := range o.Adds {
		j.Adds[i] = Add{Form: add.Form, Held: add.Held, Frame: a.frame(add.Form)}
	}
	mem := a.mem
	adds, dels := j.Adds, j.Dels
	j.Done = func(r Result) { mem.tell(&done{o.Job, o.Owner, x, adds, dels, r}) }
	return j
}

// done takes the outcome of a job.
func (a *Actor) done(d *done) {
	if d.armed != nil {
		a.absorb(d.armed)
	}
	a.report(d)
	f := a.flights[d.job]
	owner := d.owner
	if f != nil {
		owner = f.owner // it may have been renamed
	}
	book, doubtful := a.mem.book.Done(owner, d.job, a.turn, d.outcome())
	a.apply(book.Restore(d.result.Collateral, a.env()))
	a.land(d.job)
	if f != nil && f.then != nil {
		f.then(d)
	}
	if doubtful || d.result.Unsure {
		a.suspect()
	} else if a.verify.wanted {
		a.dump()
	}
}

// outcome answers what became of an addition.
func (d *done) outcome() func(plan.Form) (existed bool, err string) {
	at := make(map[plan.Form]int, len(d.adds))
	for i, add := range d.adds {
		at[add.Form] = i
	}
	return func(f plan.Form) (bool, string) {
		i, ok := at[f]
		if !ok {
			return false, ""
		}
		if err := d.result.Failed[i]; err != nil {
			return false, err.Error()
		}
		return d.result.Existed[i], ""
	}
}
