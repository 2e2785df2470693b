package vrrp

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
)

// The stand-ins for the actors around the instances. None of them crashes.

func (w *world) link(msg any) {
	switch m := msg.(type) {
	case *messages.SubscribeLink:
		r := w.of(m.Subscriber)
		r.mu.Lock()
		if !slices.Contains(r.subs[m.Name], m.Subscriber) {
			r.subs[m.Name] = append(r.subs[m.Name], m.Subscriber)
		}
		l := r.links[m.Name]
		l.Interface.Name = m.Name
		r.mu.Unlock()
		r.sys.Tell(m.Subscriber, &l)
	case *messages.UnsubscribeLink:
		r := w.of(m.Subscriber)
		r.with(func() {
			for name, list := range r.subs {
				r.subs[name] = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == m.Subscriber })
			}
		})
	}
}

func (w *world) inbox(msg any) {
	switch m := msg.(type) {
	case *messages.JoinGroup:
		r := w.of(m.Owner)
		r.with(func() { r.groups[m.Owner] = *m })
	case *messages.LeaveGroup:
		r := w.of(m.Owner)
		r.with(func() { delete(r.groups, m.Owner) })
	}
}

func (w *world) inspect(msg any) {
	if m, ok := msg.(*messages.Event); ok {
		r := w.of(m.Object)
		r.with(func() { r.events = append(r.events, *m) })
	}
}

func (w *world) address(msg any) {
	switch m := msg.(type) {
	case *messages.ClaimAddresses:
		r := w.of(m.Owner)
		r.claim(m.Owner, m.Addresses, false)
		r.mu.Lock()
		answer := &messages.AddressesApplied{Claimed: true, Count: len(m.Addresses), Failed: slices.Clone(r.refuse)}
		r.claims++
		mute := r.mute
		r.mu.Unlock()
		if !mute {
			w.sys.Tell(m.Owner, answer)
		}
	case *messages.ReleaseAddresses:
		r := w.of(m.Owner)
		if m.Keep {
			r.with(func() { r.owner(m.Owner).kept = true })
		} else {
			r.release(m.Owner)
		}
		w.sys.Tell(m.Owner, &messages.AddressesApplied{})
	case *messages.ReleaseOwner:
		w.of(m.Owner).disarm(m.Owner)
		w.of(m.Owner).release(m.Owner)
	case *messages.ArmClaim:
		w.of(m.Owner).arm(m)
	case *messages.DisarmClaim:
		w.of(m.Owner).disarm(m.Owner)
	case *messages.RenameOwner:
		r := w.of(m.From)
		r.with(func() {
			if o, ok := r.owners[m.From]; ok {
				r.owners[m.To] = o
				delete(r.owners, m.From)
			}
		})
	default:
		w.hear(msg)
	}
}

// hear notes orders to the address writer that change no wish.
func (w *world) hear(msg any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch m := msg.(type) {
	case *messages.AnnounceAddresses:
		w.said = append(w.said, fmt.Sprintf("%s x%d", m.Owner, m.Repeat))
	case *messages.AnnounceSource:
		w.said = append(w.said, m.Address.String())
	case *messages.CleanAddresses:
		for _, a := range m.Addresses {
			w.clean = append(w.clean, a.Prefix.String())
		}
	}
}

// account runs f and notes when holding began or ended.
func (r *router) account(f func()) {
	r.with(func() {
		before := r.held()
		f()
		switch now := r.now(); {
		case r.held() && !before:
			r.lets = append(r.lets, span{from: now})
		case !r.held() && before:
			r.lets[len(r.lets)-1].to = now
		}
	})
}

func (r *router) owner(path string) *wish {
	if r.owners[path] == nil {
		r.owners[path] = &wish{}
	}
	return r.owners[path]
}

func (r *router) claim(owner string, list []config.Address, fired bool) {
	r.account(func() {
		o := r.owner(owner)
		o.held, o.kept, o.list, o.fired = true, false, list, fired
		if !fired {
			o.arm = nil
		}
	})
}

func (r *router) release(owner string) {
	r.account(func() {
		if o := r.owner(owner); !o.kept {
			o.held, o.fired, o.list = false, false, nil
		}
	})
}

func (r *router) arm(m *messages.ArmClaim) {
	ready := &atomic.Bool{}
	ready.Store(true)
	r.with(func() {
		if old := r.owner(m.Owner).arm; old != nil {
			old.Store(false)
		}
		r.owner(m.Owner).arm = ready
	})
	answer := &messages.ClaimArmed{Fire: func() {
		if ready.Swap(false) {
			r.claim(m.Owner, m.Addresses, true)
			r.with(func() { r.shots++ })
		}
	}}
	r.mu.Lock()
	busy := r.busy
	if busy {
		r.late = append(r.late, answer)
	}
	r.mu.Unlock()
	if !busy {
		r.sys.Tell(m.Owner, answer)
	}
}

func (r *router) disarm(owner string) {
	r.account(func() {
		o := r.owner(owner)
		if o.arm != nil {
			o.arm.Store(false)
			o.arm = nil
		}
		if o.fired {
			o.held, o.fired, o.list = false, false, nil
		}
	})
}
