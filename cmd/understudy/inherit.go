package main

import (
	"net/netip"

	"github.com/understudy-ha/understudy/actors/vrrp"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
)

// inheritance is what the last run of the daemon left to this one.
type inheritance struct {
	seeds map[string]*vrrp.Seed // by path of the instance
	clean []config.Address      // to be removed where they are
	// How many instances resume as master, were master too long ago, and are
	// not configured any more.
	masters, stale, gone int
}

// inherit divides what the last run left among the instances of c at now.
// Addresses stay for masters that resume; all others that are configured or
// were held on this boot are to be removed.
func inherit(c *config.Config, last []messages.InstanceState, now int64, thisBoot bool) inheritance {
	in := inheritance{seeds: map[string]*vrrp.Seed{}}
	byIdentity := map[string][]*messages.InstanceState{}
	for i := range last {
		byIdentity[last[i].Identity] = append(byIdentity[last[i].Identity], &last[i])
	}
	found := 0
	keep := map[place]bool{}
	for i := range c.VRRP.Instances {
		n := &c.VRRP.Instances[i]
		was := heir(byIdentity[n.Identity()], n.Name)
		if was == nil {
			continue
		}
		found++
		seed := vrrp.SeedOf(n, was, now, thisBoot)
		in.seeds[messages.InstancePath(n.Name)] = seed
		switch {
		case seed.Adopts():
			in.masters++
			for _, a := range configured(n) {
				keep[placeOf(a.Interface, a.Prefix, a.Peer)] = true
			}
		case was.Role == "master":
			in.stale++
		}
	}
	in.gone = len(last) - found
	add := func(a config.Address) {
		if p := placeOf(a.Interface, a.Prefix, a.Peer); !keep[p] {
			keep[p] = true // once is enough
			in.clean = append(in.clean, a)
		}
	}
	for i := range c.VRRP.Instances {
		for _, a := range configured(&c.VRRP.Instances[i]) {
			add(a)
		}
	}
	if thisBoot {
		for i := range last {
			for _, h := range last[i].Addresses {
				add(config.Address{Interface: h.Interface, Prefix: h.Prefix, Peer: h.Peer})
			}
		}
	}
	return in
}

// heir is the state of the same name, or the first of the same identity.
func heir(states []*messages.InstanceState, name string) *messages.InstanceState {
	for _, s := range states {
		if s.Name == name {
			return s
		}
	}
	if len(states) > 0 {
		return states[0]
	}
	return nil
}

func configured(n *config.Instance) []config.Address {
	all := make([]config.Address, 0, len(n.VirtualIPs)+len(n.VirtualIPsExcluded))
	return append(append(all, n.VirtualIPs...), n.VirtualIPsExcluded...)
}

// place is what the kernel tells addresses of an interface apart by.
type place struct {
	iface        string
	prefix, peer netip.Prefix
}

func placeOf(iface string, prefix, peer netip.Prefix) place {
	if a := prefix.Addr(); a.Is6() {
		prefix = netip.PrefixFrom(a, a.BitLen())
	}
	return place{iface, prefix, peer}
}
