package vrrp

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"github.com/understudy-ha/understudy/actors/vrrp/fsm"
	"github.com/understudy-ha/understudy/actors/vrrp/plan"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
)

// subscribe asks link for every interface the instance depends on, and inbox
// for its group.
func (a *Actor) subscribe() {
	a.owed.links = interfaces(a.mem.Instance)
	for _, name := range a.owed.links {
		a.child.Tell(messages.PathLink, &messages.SubscribeLink{Subscriber: a.child.Path, Name: name})
	}
	if len(interfaces(a.mem.Instance)) == 0 {
		a.survey()
	}
	a.join()
}

// join keeps the membership of the instance's group on its interface.
func (a *Actor) join() {
	i := a.mem.Instance
	order := &messages.JoinGroup{Owner: a.child.Path, Ifindex: a.mem.Ground.Index, Group: i.McastGroup}
	if i.Unicast != nil || order.Ifindex == 0 {
		order.Group = netip.Addr{}
	}
	a.child.Tell(messages.InboxPath(i.Family == config.IPv6), order)
	a.owed.group = true
	a.declared()
}

// interfaces are the names the instance depends on, its own first.
func interfaces(i *config.Instance) []string {
	var names []string
	if i.Interface != "" {
		names = append(names, i.Interface)
	}
	for _, a := range addresses(i) {
		if a.Tracked && a.Interface != "" && !slices.Contains(names, a.Interface) {
			names = append(names, a.Interface)
		}
	}
	return names
}

// linkChanged takes the newest state of one interface and judges the ground
// anew; at a cold start not before link has told of every interface.
func (a *Actor) linkChanged(m *messages.LinkChanged) {
	a.owed.links = slices.DeleteFunc(slices.Clone(a.owed.links), func(name string) bool { return name == m.Interface.Name })
	a.settled()
	a.mem = a.mem.withInterface(m)
	a.commit(nil)
	for _, name := range interfaces(a.mem.Instance) {
		if a.mem.State.Since == 0 && a.mem.told(name) == nil {
			return
		}
	}
	a.survey()
}

// survey compares the ground with what the core knows and tells it the differences.
func (a *Actor) survey() {
	old := a.mem.Ground
	g := plan.Survey(want(a.mem.Instance), a.surveyed())
	a.mem.Ground = g
	if g.Index != old.Index {
		a.join()
		if a.mem.Hearing {
			a.listen()
		}
	}
	if a.mem.State.Since == 0 {
		a.begin(&g)
		return
	}
	for _, f := range g.Faults {
		if !slices.ContainsFunc(a.mem.State.Faults, func(c fsm.Cause) bool { return same(f, c) }) {
			a.log.Warn("fault raised", "instance", a.mem.Instance.Name, "cause", f.Kind, "object", f.Object)
			a.step(fsm.FaultRaised{Cause: fsm.Cause{Kind: f.Kind, Object: f.Object, Since: a.env.Now()}})
		}
	}
	if g.Source.IsValid() && g.Source != a.mem.State.Source {
		a.step(fsm.SourceChanged{Source: g.Source})
		if a.mem.Hearing {
			a.listen() // a unicast key holds the source
		}
	}
	for _, c := range a.mem.State.Faults { // each step makes another list
		if ofGround(c) && !slices.ContainsFunc(g.Faults, func(f plan.Fault) bool { return same(f, c) }) {
			a.log.Info("fault cleared", "instance", a.mem.Instance.Name, "cause", c.Kind, "object", c.Object)
			a.step(fsm.FaultCleared{Kind: c.Kind, Object: c.Object})
		}
	}
	if g.Index != old.Index && g.Index != 0 && a.mem.State.Role == fsm.Master {
		a.line.UpdateAdvert(a.frame(fsm.AdvertPriority(a.cfg, a.mem.State)), a.mem.Instance.AdvertInterval)
	}
	a.commit(nil)
	a.publish()
}

// same reports whether the core knows a fault of the ground as this cause. It
// has at most one missing source, whatever the object.
func same(f plan.Fault, c fsm.Cause) bool {
	return f.Kind == c.Kind && (f.Object == c.Object || f.Kind == plan.NoSourceAddress)
}

func ofGround(c fsm.Cause) bool {
	return c.Kind == plan.InterfaceDown || c.Kind == plan.NoSourceAddress || c.Kind == plan.ConfigFault
}

// surveyed is what is known of the interfaces, in the core's words.
func (a *Actor) surveyed() map[string]plan.Interface {
	out := make(map[string]plan.Interface, len(a.mem.Interfaces))
	for _, l := range a.mem.Interfaces {
		if !l.Exists {
			continue
		}
		i := &l.Interface
		p := plan.Interface{Exists: true, Index: i.Index, Up: i.Up, Multicast: i.Multicast}
		for _, ad := range i.Addresses {
			p.Addresses = append(p.Addresses, plan.Address{Addr: ad.Prefix.Addr(), Ours: ad.Protocol == messages.ProtocolOurs})
		}
		out[i.Name] = p
	}
	return out
}

// want is what the instance needs of the host.
func want(i *config.Instance) plan.Want {
	w := plan.Want{
		IPv6: i.Family == config.IPv6, Interface: i.Interface, Source: i.SourceIP, TrackSource: i.TrackSourceIP,
		TrackPrimary: i.TrackPrimary, Unicast: i.Unicast != nil,
	}
	if u := i.Unicast; u != nil {
		w.NoPeers = len(u.Peers) == 0
	}
	for _, v := range addresses(i) {
		w.Virtual = append(w.Virtual, v.Prefix)
	}
	for _, name := range interfaces(i) {
		if name != i.Interface {
			w.Others = append(w.Others, name)
		}
	}
	return w
}

func causes(faults []plan.Fault, now int64) []fsm.Cause {
	var out []fsm.Cause
	for _, f := range faults {
		out = append(out, fsm.Cause{Kind: f.Kind, Object: f.Object, Since: now})
	}
	return out
}

// reconfigure takes over a changed configuration; the role stays.
func (a *Actor) reconfigure(i *config.Instance) {
	if reflect.DeepEqual(i, a.mem.Instance) {
		return
	}
	old, oldCfg := a.mem.Instance, a.cfg
	a.mem.Instance = i
	a.cfg = machine(i, a.env.StartupUntil)
	added := false
	for _, v := range addresses(i) {
		if !slices.Contains(addresses(old), v) {
			added = true
		}
	}
	if !slices.Equal(interfaces(old), interfaces(i)) {
		a.child.Tell(messages.PathLink, &messages.UnsubscribeLink{Subscriber: a.child.Path})
		a.subscribe()
	}
	a.step(fsm.Reconfigured{Old: oldCfg, AddressesAdded: added})
	if a.mem.Hearing {
		a.listen()
	}
	if a.mem.State.Role == fsm.Master {
		f := fsm.AdvertPriority(a.cfg, a.mem.State)
		a.line.UpdateAdvert(a.frame(f), i.AdvertInterval)
		if !added {
			a.order(a.claim(0))
		}
	}
	a.survey()
	a.env.changed()
	a.event("reconfigured", "", "", fmt.Sprintf("configuration of %s changed", i.Name))
}
