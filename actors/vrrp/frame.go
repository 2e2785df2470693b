package vrrp

import (
	"fmt"
	"net/netip"

	"github.com/understudy-ha/understudy/actors/vrrp/fsm"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/netio/packet"
)

// machine translates the options of an instance for the core.
func machine(i *config.Instance, startupUntil int64) fsm.Config {
	return fsm.Config{
		Version:           i.Version,
		Priority:          i.Priority,
		StartMaster:       i.StartMaster,
		Interval:          i.AdvertInterval,
		Preempt:           i.Preempt,
		PreemptDelay:      i.PreemptDelay,
		DownTimerAdverts:  i.DownTimerAdverts,
		AdvertToLower:     i.AdvertToLowerPriority,
		AdvertToHigher:    i.AdvertToHigherPriority,
		TimerExpired:      i.TimerExpiredBackup,
		Reannounce:        i.ReannounceAfterConflict,
		StartupUntil:      startupUntil,
		SourceRequired:    true,
		Unicast:           i.Unicast != nil,
		GARPDelay:         i.GARP.MasterDelay,
		GARPRepeat:        i.GARP.MasterRepeat,
		GARPRefresh:       i.GARP.MasterRefresh,
		GARPRefreshRepeat: i.GARP.MasterRefreshRepeat,
		LowerGARPDelay:    i.GARP.LowerDelay,
		LowerGARPRepeat:   i.GARP.LowerRepeat,
	}
}

// entry is what the instance expects of an advert.
func entry(i *config.Instance) *packet.VRRPEntry {
	e := &packet.VRRPEntry{
		VRID:         i.VRID,
		IPv6:         i.Family == config.IPv6,
		Version:      i.Version,
		Interval:     i.AdvertInterval,
		Unicast:      i.Unicast != nil,
		Group:        i.McastGroup,
		Forms:        forms(i),
		OwnerIgnores: i.OwnerIgnoreAdverts,
		CheckList:    i.CheckAdvertAddresses,
	}
	for _, a := range i.VirtualIPs {
		e.Addrs = append(e.Addrs, a.Prefix.Addr().AsSlice()...)
	}
	if u := i.Unicast; u != nil {
		e.CheckSource = u.CheckSource
		for _, p := range u.Peers {
			e.Peers = append(e.Peers, packet.VRRPPeer{Addr: p.Address, MinTTL: p.MinTTL, MaxTTL: p.MaxTTL})
		}
	}
	return e
}

// forms are the checksum forms the instance accepts.
func forms(i *config.Instance) packet.Forms {
	if i.Family == config.IPv6 {
		return packet.FormSet(packet.ChecksumKernel)
	}
	if i.Version == 2 {
		return packet.FormSet(packet.ChecksumPlain)
	}
	var s packet.Forms
	switch i.Checksum {
	case config.ChecksumAuto:
		s = packet.FormSet(packet.ChecksumPlain, packet.ChecksumPseudo)
	case config.ChecksumAsV2:
		s = packet.FormSet(packet.ChecksumPlain)
	case config.ChecksumAsV3:
		s = packet.FormSet(packet.ChecksumPseudo)
	}
	if u := i.Unicast; u != nil && i.Checksum != config.ChecksumAsV2 {
		switch u.OldChecksum {
		case config.OldAuto:
			s |= packet.FormSet(packet.ChecksumGroup)
		case config.OldAlways:
			s = packet.FormSet(packet.ChecksumGroup)
		case config.OldNever:
		}
	}
	return s
}

// form is the checksum form the instance sends, given the one last heard.
func form(i *config.Instance, heard packet.ChecksumForm) packet.ChecksumForm {
	switch accepted := forms(i); {
	case accepted.Has(packet.ChecksumKernel):
		return packet.ChecksumKernel
	case heard != packet.ChecksumUnknown && accepted.Has(heard):
		return heard
	case accepted.Has(packet.ChecksumPseudo):
		return packet.ChecksumPseudo
	case accepted.Has(packet.ChecksumPlain):
		return packet.ChecksumPlain
	}
	return packet.ChecksumGroup
}

// keys say which received adverts are the instance's.
func keys(i *config.Instance, ifindex int, source netip.Addr) []packet.VRRPKey {
	k := packet.VRRPKey{IPv6: i.Family == config.IPv6, VRID: i.VRID, Ifindex: ifindex}
	if i.Unicast != nil {
		k.Local = source
		if i.Interface == "" {
			k.Ifindex = 0
		}
	}
	return []packet.VRRPKey{k}
}

// frame builds the advert of the instance with the given priority.
func frame(i *config.Instance, ifindex int, s *fsm.State, priority uint8) (*packet.Frame, error) {
	a := packet.VRRPAdvert{Version: i.Version, VRID: i.VRID, Priority: priority, Interval: i.AdvertInterval}
	for _, v := range i.VirtualIPs {
		a.Addrs = append(a.Addrs, v.Prefix.Addr())
	}
	f := &packet.Frame{IPv6: i.Family == config.IPv6, Ifindex: ifindex, Src: s.Source, Priority: priority}
	fm := form(i, s.Form)
	if i.Unicast == nil {
		f.Dsts = []netip.Addr{i.McastGroup}
	} else {
		f.TTL = i.Unicast.TTL
		for _, p := range i.Unicast.Peers {
			f.Dsts = append(f.Dsts, p.Address)
		}
	}
	build := func(dst netip.Addr) ([]byte, error) {
		b, err := a.AppendBinary(nil, s.Source, dst, fm)
		if err != nil {
			return nil, fmt.Errorf("build advert of %s: %w", i.Name, err)
		}
		return b, nil
	}
	var err error
	switch {
	case fm == packet.ChecksumGroup:
		f.Payload, err = build(i.McastGroup)
	case fm == packet.ChecksumPseudo && len(f.Dsts) > 1:
		for _, d := range f.Dsts {
			p, e := build(d)
			if e != nil {
				return nil, e
			}
			f.Payloads = append(f.Payloads, p)
		}
	case len(f.Dsts) > 0:
		f.Payload, err = build(f.Dsts[0])
	}
	return f, err
}
