package plan

import "slices"

// Loss is an address that others removed.
type Loss struct {
	Owner string
	Form  Form
}

// Done notes the outcome of an owner's job at a turn. doubtful: an address
// existed already, so a dump must tell whether its options are right.
func (b Book) Done(owner string, job, turn uint64, outcome func(Form) (existed bool, err string)) (next Book, doubtful bool) {
	if _, ok := b.Owner(owner); !ok {
		return b, false
	}
	c := b.change(Env{})
	o := c.owner(owner)
	o.Leaving = slices.DeleteFunc(o.Leaving, func(l Leaving) bool { return l.Job == job })
	for i := range o.Wishes {
		w := &o.Wishes[i]
		if w.Status != Busy || w.Job != job {
			continue
		}
		existed, err := outcome(w.Form)
		if err != "" {
			w.Status, w.Error = Refused, err
			continue
		}
		w.Status, w.Since, w.Unchecked, w.Error = Held, turn, existed, ""
		doubtful = doubtful || existed
	}
	c.put(o)
	next, _ = c.book()
	return next, doubtful
}

// Judge compares what is held with a dump. Only what was confirmed up to the
// turn at which the dump began can be judged by it. What is missing was
// removed by others; what was there before us with other options is replaced.
func (b Book) Judge(seen Observed, turn uint64, env Env) (Book, []Order, []Loss) {
	c := b.change(env)
	var lost []Loss
	for _, was := range b.Owners() {
		var o *Owner
		order := Order{Owner: was.Path, Announce: was.Announce}
		for i := range was.Wishes {
			w := &was.Wishes[i]
			if w.Status != Held || w.Since > turn {
				continue
			}
			got, present := seen[w.Form.spot()]
			if present && !w.Unchecked {
				continue
			}
			if o == nil {
				o = c.owner(was.Path)
			}
			n := &o.Wishes[i]
			n.Unchecked = false
			switch {
			case !present:
				n.Status = Gone
				if w.Tracked {
					lost = append(lost, Loss{was.Path, w.Form})
				}
			case !w.serves(got):
				c.replace(n, got, &order)
			}
		}
		if o != nil {
			c.finish(o, order)
		}
	}
	next, orders := c.book()
	return next, orders, lost
}

// replace removes what is there and adds what is wished.
func (c *change) replace(w *Wish, got Form, order *Order) {
	if order.Job == 0 {
		order.Job = c.env.Job()
	}
	order.Dels = append(order.Dels, got)
	order.Adds = append(order.Adds, Add{Form: w.Form})
	w.Status, w.Job = Busy, order.Job
}

// Resume brings a book that was left in the middle of things in line with a
// dump that began after all earlier jobs were done: what was confirmed and is
// missing was removed by others; what was under way is finished; what was
// leaving leaves.
func (b Book) Resume(seen Observed, turn uint64, env Env) (Book, []Order, []Loss) {
	c := b.change(env)
	wished := b.wished()
	var lost []Loss
	for _, was := range b.Owners() {
		o := c.owner(was.Path)
		order := Order{Owner: o.Path, Job: env.Job(), Announce: max(1, o.Announce)}
		for _, l := range o.Leaving {
			if _, there := seen[l.Form.spot()]; there && !wished[l.Form.spot()] {
				order.Dels = append(order.Dels, l.Form)
			}
		}
		o.Leaving = nil
		for i := range o.Wishes {
			w := &o.Wishes[i]
			got, present := seen[w.Form.spot()]
			switch {
			case w.Status == Held && !present:
				w.Status = Gone
				if w.Tracked {
					lost = append(lost, Loss{o.Path, w.Form})
				}
			case w.Status == Held && !w.Unchecked:
				w.Since = turn // turns are counted anew by each incarnation
			case w.Status != Held && w.Status != Busy:
			case !present:
				order.Adds = append(order.Adds, Add{Form: w.Form})
				w.Job = order.Job
			case w.serves(got):
				if w.Status == Busy {
					order.Adds = append(order.Adds, Add{w.Form, true})
				}
				w.Status, w.Since, w.Unchecked = Held, turn, false
			default:
				c.replace(w, got, &order)
			}
		}
		c.finish(o, order)
	}
	next, orders := c.book()
	return next, orders, lost
}

// wished are the places in the kernel that the book accounts for.
func (b Book) wished() map[spot]bool {
	m := map[spot]bool{}
	for _, o := range b.owners.All() {
		for i := range o.Wishes {
			if o.Wishes[i].in() {
				m[o.Wishes[i].Form.spot()] = true
			}
		}
	}
	return m
}

// Moved tells that an interface is there under an index, or gone (index 0).
// What waited for it, or was on one of the same name before, is put on it;
// what is still on the old one (it was renamed) is removed there.
func (b Book) Moved(name string, index int, env Env) (Book, []Order) {
	c := b.change(env)
	for _, was := range b.Owners() {
		if !slices.ContainsFunc(was.Wishes, func(w Wish) bool { return w.affected(name, index) }) {
			continue
		}
		o := c.owner(was.Path)
		order := Order{Owner: o.Path, Job: env.Job(), Announce: max(1, o.Announce), Quiet: o.Quiet}
		for i := range o.Wishes {
			w := &o.Wishes[i]
			if !w.affected(name, index) {
				continue
			}
			if w.in() {
				order.Dels = append(order.Dels, w.Form)
			}
			c.place(w, &order)
		}
		slices.Reverse(order.Dels)
		c.finish(o, order)
	}
	return c.book()
}

func (w *Wish) affected(name string, index int) bool {
	return w.Interface == name && w.Form.Index != index && (w.Status != Refused || w.Form.Index != 0)
}

// Restore puts back what the kernel took along when it removed others' or our
// own addresses of the same subnet.
func (b Book) Restore(collateral []Form, env Env) (Book, []Order) {
	if len(collateral) == 0 {
		return b, nil
	}
	taken := Observe(collateral)
	c := b.change(env)
	for _, was := range b.Owners() {
		order := Order{Owner: was.Path, Announce: was.Announce}
		var o *Owner
		for i := range was.Wishes {
			w := &was.Wishes[i]
			if _, hit := taken[w.Form.spot()]; !hit || w.Status != Held {
				continue
			}
			if o == nil {
				o, order.Job = c.owner(was.Path), env.Job()
			}
			c.place(&o.Wishes[i], &order)
		}
		if o != nil {
			c.finish(o, order)
		}
	}
	return c.book()
}

// Suspects says whether an address that was removed is one that is held: only
// a dump tells whether it is gone.
func (b Book) Suspects(k Key) bool {
	owner, ok := b.Holder(k)
	if !ok {
		return false
	}
	o, ok := b.Owner(owner)
	if !ok {
		return false
	}
	at := find(o.Wishes, k)
	return at >= 0 && o.Wishes[at].Status == Held
}

// Leftovers are the addresses to remove after a run that did not end in order:
// those of the list, where they are; never what is wished now, nor what is only
// marked as ours: another daemon of this host may hold that.
func (b Book) Leftovers(list []Wish, dump []Form, env Env) []Form {
	listed, wished := map[spot]bool{}, b.wished()
	for _, w := range list {
		w.Form.Index = env.Index(w.Interface)
		listed[w.Form.spot()] = true
	}
	var left []Form
	for _, f := range slices.Backward(dump) {
		if listed[f.spot()] && !wished[f.spot()] {
			left = append(left, f)
		}
	}
	return left
}
