package vrrp

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
)

// The stand-ins for the actors around the instances. None of them crashes.

func (r *router) linkActor(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *messages.SubscribeLink:
		r.mu.Lock()
		if !slices.Contains(r.subs[m.Name], m.Subscriber) {
			r.subs[m.Name] = append(r.subs[m.Name], m.Subscriber)
		}
		l := r.link[m.Name]
		l.Interface.Name = m.Name
		r.mu.Unlock()
		r.sys.Tell(m.Subscriber, &l)
	case *messages.UnsubscribeLink:
		r.with(func() {
			for name, list := range r.subs {
				r.subs[name] = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == m.Subscriber })
			}
		})
	}
}

func (r *router) inboxActor(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *messages.JoinGroup:
		r.with(func() { r.groups[m.Owner] = *m })
	case *messages.LeaveGroup:
		r.with(func() { delete(r.groups, m.Owner) })
	}
}

func (r *router) inspectActor(ctx actor.Context) {
	if m, ok := ctx.Message().(*messages.Event); ok {
		r.with(func() { r.events = append(r.events, *m) })
	}
}

func (r *router) addressActor(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *messages.ClaimAddresses:
		r.claim(m.Owner, m.Addresses, false)
		r.mu.Lock()
		answer := &messages.AddressesApplied{Claimed: true, Count: len(m.Addresses), Failed: slices.Clone(r.refuse)}
		r.mu.Unlock()
		r.sys.Tell(m.Owner, answer)
	case *messages.ReleaseAddresses:
		if !m.Keep {
			r.release(m.Owner)
		}
		r.sys.Tell(m.Owner, &messages.AddressesApplied{})
	case *messages.ReleaseOwner:
		r.disarm(m.Owner)
		r.release(m.Owner)
	case *messages.AnnounceAddresses:
		r.with(func() { r.said = append(r.said, fmt.Sprintf("%s x%d", m.Owner, m.Repeat)) })
	case *messages.AnnounceSource:
		r.with(func() { r.said = append(r.said, m.Address.String()) })
	case *messages.ArmClaim:
		r.arm(m)
	case *messages.DisarmClaim:
		r.disarm(m.Owner)
	case *messages.CleanAddresses:
		r.with(func() {
			for _, a := range m.Addresses {
				r.clean = append(r.clean, a.Prefix)
			}
		})
	case *messages.RenameOwner:
		r.with(func() {
			if o, ok := r.owners[m.From]; ok {
				r.owners[m.To] = o
				delete(r.owners, m.From)
			}
		})
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
		o.held, o.list, o.fired = true, list, fired
		if !fired {
			o.arm = nil
		}
	})
}

func (r *router) release(owner string) {
	r.account(func() {
		o := r.owner(owner)
		o.held, o.fired, o.list = false, false, nil
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
	r.sys.Tell(m.Owner, &messages.ClaimArmed{Fire: func() {
		if ready.Swap(false) {
			r.claim(m.Owner, m.Addresses, true)
		}
	}})
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
