package plan

import (
	"fmt"
	"slices"
)

// Claim makes wishes the whole wish of an owner. What it no longer wishes is
// removed, last put first; what is missing is added, in order. With announce
// above 0 what is there already is announced too, unless an armed claim did
// that a moment ago; with 0 that holds for what an earlier process put there. What others removed stays away until it was released.
func (b Book) Claim(owner string, wishes []Wish, announce int, env Env) (Book, []Order) {
	c := b.change(env)
	o := c.owner(owner)
	order := Order{Owner: owner, Job: env.Job(), Announce: max(1, announce), Quiet: announce == 0}
	old := index(o.Wishes)
	next, kept := make([]Wish, 0, len(wishes)), make(map[Key]bool, len(wishes)) // kept false: named, but new or changed
	for _, w := range wishes {
		k := w.Key()
		if _, twice := kept[k]; twice {
			continue
		}
		at, ok := old[k]
		if kept[k] = ok && o.Wishes[at].sameWish(&w); kept[k] {
			was := o.Wishes[at]
			was.Tracked = w.Tracked
			w = was
		}
		next = append(next, w)
	}
	c.leave(o, &order, kept)
	for i := range next {
		w := &next[i]
		switch {
		case !kept[w.Key()]:
			if !c.take(owner, w) {
				continue
			}
			c.place(w, &order)
		case w.Status == Held && announce > 0 && !o.Fired:
			order.Adds = append(order.Adds, Add{w.Form, true})
		case w.Status == Refused && c.take(owner, w), w.Status == Waiting:
			c.place(w, &order)
		}
	}
	o.Wishes, o.Fired, o.Announce, o.Quiet = next, false, order.Announce, order.Quiet
	c.finish(o, order)
	return c.book()
}

// Fire notes that an armed claim was handed to the writer as job. wishes carry
// the interface each is put on.
func (b Book) Fire(owner string, wishes []Wish, announce int, job uint64) Book {
	c := b.change(Env{})
	o := c.owner(owner)
	for _, w := range wishes {
		at := find(o.Wishes, w.Key())
		if at >= 0 && o.Wishes[at].in() {
			continue
		}
		if !c.take(owner, &w) {
			w.Form.Index = 0
		} else if w.Form.Index != 0 {
			w.Status, w.Job = Busy, job
		}
		if at >= 0 {
			o.Wishes[at] = w
		} else {
			o.Wishes = append(o.Wishes, w)
		}
	}
	o.Fired, o.Announce, o.Quiet = true, max(1, announce), false
	c.put(o)
	next, _ := c.book()
	return next
}

// Release forgets all wishes of an owner and, unless keep, removes them.
func (b Book) Release(owner string, keep bool, env Env) (Book, []Order) {
	c := b.change(env)
	o := c.owner(owner)
	order := Order{Owner: owner, Job: env.Job(), Cancel: true}
	c.leave(o, &order, nil)
	if keep {
		order.Dels, o.Leaving = nil, nil
	}
	o.Wishes, o.Fired = nil, false
	c.finish(o, order)
	return c.book()
}

// Rename gives the wishes of an owner to another path that has none.
func (b Book) Rename(from, to string) Book {
	if _, ok := b.Owner(from); !ok || from == to {
		return b
	}
	c := b.change(Env{})
	o := c.owner(from)
	o.Path = to
	for i := range o.Wishes {
		k := o.Wishes[i].Key()
		if holder, _ := c.holders.get(k); holder == from {
			c.holders.set(k, to)
		}
		if list, _ := c.contested.get(k); slices.Contains(list, from) {
			list = slices.Clone(list)
			list[slices.Index(list, from)] = to
			c.contested.set(k, list)
		}
	}
	c.owners.delete(from)
	c.put(o)
	next, _ := c.book()
	return next
}

// Announce is a burst for all that an owner holds.
func (b Book) Announce(owner string, repeat int, env Env) (Order, bool) {
	o, ok := b.Owner(owner)
	if !ok {
		return Order{}, false
	}
	order := Order{Owner: owner, Job: env.Job(), Announce: max(1, repeat)}
	for i := range o.Wishes {
		if o.Wishes[i].Status == Held {
			order.Adds = append(order.Adds, Add{o.Wishes[i].Form, true})
		}
	}
	return order, len(order.Adds) > 0
}

func index(wishes []Wish) map[Key]int {
	m := make(map[Key]int, len(wishes))
	for i := range wishes {
		m[wishes[i].Key()] = i
	}
	return m
}

// finish stores the owner and its order.
func (c *change) finish(o *Owner, order Order) {
	for _, f := range order.Dels {
		o.Leaving = append(o.Leaving, Leaving{f, order.Job})
	}
	c.put(o)
	c.orders = append(c.orders, order)
}

// take makes owner the holder of w's address; false: it has another, and w is refused.
func (c *change) take(owner string, w *Wish) bool {
	k := w.Key()
	if holder, ok := c.holders.get(k); ok && holder != owner {
		w.Status, w.Error = Refused, fmt.Sprintf("address is held by %s", holder)
		if list, _ := c.contested.get(k); !slices.Contains(list, owner) {
			c.contested.set(k, append(slices.Clone(list), owner))
		}
		return false
	}
	c.holders.set(k, owner)
	w.Status, w.Error = Waiting, ""
	return true
}

// place puts w on its interface, if that is there.
func (c *change) place(w *Wish, order *Order) {
	w.Form.Index = c.env.Index(w.Interface)
	w.Unchecked = false
	if w.Form.Index == 0 {
		w.Status = Waiting
		return
	}
	w.Status, w.Job = Busy, order.Job
	order.Adds = append(order.Adds, Add{Form: w.Form})
}

// leave gives up the wishes of o but those kept (false: named again, changed):
// last put, first removed, so that secondaries of a subnet go before its primary.
func (c *change) leave(o *Owner, order *Order, kept map[Key]bool) {
	for i := len(o.Wishes) - 1; i >= 0; i-- {
		w := &o.Wishes[i]
		k := w.Key()
		stays, named := kept[k]
		if stays {
			continue
		}
		if holder, _ := c.holders.get(k); holder != o.Path {
			c.withdraw(k, o.Path)
			continue
		}
		if named {
			if w.in() {
				order.Dels = append(order.Dels, w.Form)
			}
			continue
		}
		c.holders.delete(k)
		if !c.inherit(w) && w.in() {
			order.Dels = append(order.Dels, w.Form)
		}
	}
}

// withdraw ends the wait of an owner for an address.
func (c *change) withdraw(k Key, owner string) {
	list, _ := c.contested.get(k)
	list = slices.DeleteFunc(slices.Clone(list), func(o string) bool { return o == owner })
	if len(list) == 0 {
		c.contested.delete(k)
	} else {
		c.contested.set(k, list)
	}
}

// inherit gives an address to the owner that was refused it first; true: it
// stays in the kernel.
func (c *change) inherit(left *Wish) bool {
	k := left.Key()
	list, _ := c.contested.get(k)
	if len(list) == 0 {
		return false
	}
	heir := c.owner(list[0])
	c.withdraw(k, heir.Path)
	at := find(heir.Wishes, k)
	if at < 0 {
		return false
	}
	w := &heir.Wishes[at]
	c.take(heir.Path, w)
	order := Order{Owner: heir.Path, Job: c.env.Job(), Announce: heir.Announce}
	stays := left.Status == Held && left.sameWish(w)
	if stays {
		w.Form.Index, w.Status, w.Since = left.Form.Index, Held, left.Since
		order.Adds = []Add{{w.Form, true}}
	} else {
		c.place(w, &order)
	}
	c.put(heir)
	c.heirs = append(c.heirs, order)
	return stays
}
