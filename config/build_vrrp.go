package config

import (
	"net/netip"
	"time"
)

// longDelay is where a start delay is more likely a mistake than a wish.
const longDelay = 60 * time.Second

func (b *builder) vrrp(out *VRRP) {
	r := &b.raw.vrrp.v
	*out = VRRP{
		StartupDelay: r.startupDelay.v, DelayAfterBoot: r.delayAfterBoot.v,
		LogUnknownVRIDs: r.logUnknownVRIDs.v, ReleaseOnStop: r.releaseOnStop.v,
		DynamicInterfaces: r.interfaces.v.dynamic.v, DynamicChanges: r.interfaces.v.changes.v,
	}
	for _, d := range []*val[time.Duration]{&r.startupDelay, &r.delayAfterBoot} {
		if d.set && d.v >= longDelay {
			b.warnf(d.at, "found %s: nobody takes over for that long", brief(d.v))
		}
	}
	common := b.garpDefaults(&r.defaults.v.garp.v)
	count := len(r.instances.v.items)
	names, claims := make(map[string]place, count), make(claims, count)
	if count > 0 {
		out.Instances = make([]Instance, 0, count)
	}
	r.instances.v.each(&decoder{b.report}, func(i int, raw *rawInstance) {
		if name := raw.name; name.set {
			if first, ok := names[name.v]; ok {
				b.errorf(name.at, "the name %q is given twice; first at %s", name.v, first)
			} else {
				names[name.v] = name.at
			}
		}
		out.Instances = append(out.Instances, Instance{})
		n := instanceBuilder{builder: b, raw: raw, defaults: &r.defaults.v, out: &out.Instances[len(out.Instances)-1]}
		n.build(common)
		claims.add(&n, i)
	})
}

// garpDefaults fills the defaults of GARP. minimal changes only values that
// the file does not give, wherever it stands.
func (b *builder) garpDefaults(r *rawGARP) GARP {
	g := GARP{MasterDelay: 5 * time.Second, MasterRepeat: 5, MasterRefreshRepeat: 1}
	if r.minimal.v {
		g.MasterDelay, g.MasterRepeat = 0, 1
	}
	g.MasterDelay = r.masterDelay.or(g.MasterDelay)
	g.MasterRepeat = r.masterRepeat.or(g.MasterRepeat)
	g.MasterRefresh = r.masterRefresh.or(0)
	g.MasterRefreshRepeat = r.refreshRepeat.or(g.MasterRefreshRepeat)
	g.LowerDelay = r.lowerDelay.or(g.MasterDelay)
	g.LowerRepeat = r.lowerRepeat.or(g.MasterRepeat)
	return g
}

// garp fills what the instance does not say. Strict instances answer lower
// adverts without a burst unless they ask for one themselves.
func garp(r *rawGARP, common GARP, strict bool) GARP {
	if strict {
		common.LowerDelay, common.LowerRepeat = 0, 0
	}
	return GARP{
		MasterDelay:         r.masterDelay.or(common.MasterDelay),
		MasterRepeat:        r.masterRepeat.or(common.MasterRepeat),
		MasterRefresh:       r.masterRefresh.or(common.MasterRefresh),
		MasterRefreshRepeat: r.refreshRepeat.or(common.MasterRefreshRepeat),
		LowerDelay:          r.lowerDelay.or(common.LowerDelay),
		LowerRepeat:         r.lowerRepeat.or(common.LowerRepeat),
	}
}

// from is the value in force: the instance's own, else the default with its place.
func from[V any](own, inherited val[V]) val[V] {
	if own.set || own.bad {
		return own
	}
	if !inherited.set {
		inherited.at = own.at
	}
	return inherited
}

// familyOf is the family of an address.
func familyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}
