package address

import (
	"net/netip"
	"slices"

	"github.com/understudy-ha/understudy/actors/address/plan"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/packet"
)

// frame announces an address on its interface; nil: the interface has no
// hardware address to announce, or the address is none that is resolved.
func (a *Actor) frame(f plan.Form) []byte {
	i := a.byIndex[f.Index]
	if i == nil || !i.HasMAC || f.Prefix.Addr().IsMulticast() {
		return nil
	}
	var b []byte
	var err error
	if addr := f.Prefix.Addr(); addr.Is4() {
		b, err = packet.AppendGratuitousARP(nil, i.MAC, addr)
	} else {
		b, err = packet.AppendUnsolicitedNA(nil, i.MAC, addr, a.reader.Forwarding(f.Index))
	}
	if err != nil {
		a.log.Error("announcement not built", "address", f.Prefix.String(), "interface", i.Name, "err", err)
		return nil
	}
	return b
}

// announceSource announces an address that is not ours to set.
func (a *Actor) announceSource(m *messages.AnnounceSource) {
	told, known := a.ifaces[m.Interface]
	if !known {
		if list := a.sources[m.Interface]; len(list) < sourcesKept && !slices.Contains(list, m.Address) {
			a.sources[m.Interface] = append(list, m.Address)
		}
		a.ask(m.Interface)
		return
	}
	if !told.Exists || !m.Address.IsValid() {
		return
	}
	f := plan.Form{Index: told.Interface.Index, Prefix: netip.PrefixFrom(m.Address, m.Address.BitLen())}
	a.submit(plan.Order{Owner: a.child.Path, Job: a.nextJob(), Adds: []plan.Add{{Form: f, Held: true}}, Announce: 1})
}

// wishesOf puts configured addresses into the kernel's terms.
func wishesOf(addresses []config.Address) []plan.Wish {
	wishes := make([]plan.Wish, len(addresses))
	for i := range addresses {
		c := &addresses[i]
		f := plan.Form{
			Prefix: c.Prefix, Broadcast: c.Broadcast, Label: c.Label, Scope: c.Scope, Protocol: plan.ProtocolOurs,
			Home: c.Home, ManageTemp: c.MngTmpAddr, AutoJoin: c.AutoJoin, NoPrefixRoute: !c.PrefixRoute,
			Preferred: plan.Forever, Valid: plan.Forever,
		}
		if c.Peer.IsValid() {
			f.Prefix, f.Peer = netip.PrefixFrom(c.Prefix.Addr(), c.Peer.Bits()), c.Peer.Addr()
		}
		if c.Prefix.Addr().Is6() {
			f.NoDAD, f.Scope = !c.DAD, 0
			if c.PreferredLifetime >= 0 {
				f.Preferred = uint32(min(c.PreferredLifetime.Seconds(), float64(plan.Forever)))
			}
		}
		wishes[i] = plan.Wish{Interface: c.Interface, Form: f, Tracked: c.Tracked}
	}
	return wishes
}
