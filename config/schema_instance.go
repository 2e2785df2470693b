package config

import (
	"net/netip"
	"time"
)

type rawInstance struct {
	rawInherited
	name, iface        val[string]
	vrid, priority     val[int]
	interval           val[time.Duration]
	family             val[Family]
	master             val[bool] // state
	preempt            val[bool]
	preemptDelay       val[time.Duration]
	sourceIP           val[netip.Addr]
	trackSource        val[bool]
	group              val[netip.Addr]
	trackPrimary       val[bool]
	receiveBuffer      val[int]
	allowNone          val[bool]
	expired            val[int]
	unicast            val[rawUnicast]
	virtuals, excluded val[[]val[rawAddress]]
}

type rawUnicast struct {
	peers       val[[]val[rawPeer]]
	ttl         val[int]
	checkSource val[bool]
	oldChecksum val[OldChecksum]
	faultless   val[bool] // fault_without_peers
}

type rawPeer struct {
	address        val[netip.Addr]
	minTTL, maxTTL val[int]
}

type rawAddress struct {
	address                    val[netip.Prefix]
	iface, label               val[string]
	scope                      val[int]
	broadcast                  val[string]
	peer                       val[netip.Prefix]
	tracked, dad               val[bool]
	lifetime                   val[time.Duration]
	home, mngTmpAddr, autoJoin val[bool]
	prefixRoute                val[bool]
}

// flag declares a boolean of T.
func flag[T any](name, fallback string, at func(*T) *val[bool], details ...detail) field[T] {
	return key(name, boolKind, at, append(details, def(fallback))...)
}

var (
	addressFields = []field[rawAddress]{
		key("address", prefixKind, func(r *rawAddress) *val[netip.Prefix] { return &r.address }, required),
		key("interface", interfaceKind, func(r *rawAddress) *val[string] { return &r.iface }, says("the instance's")),
		key("scope", scopeKind, func(r *rawAddress) *val[int] { return &r.scope }, def("global")),
		key("broadcast", broadcastKind, func(r *rawAddress) *val[string] { return &r.broadcast }, says("unset")),
		key("label", text(1, 15), func(r *rawAddress) *val[string] { return &r.label }, says("unset")),
		flag("tracked", "true", func(r *rawAddress) *val[bool] { return &r.tracked }),
		flag("dad", "false", func(r *rawAddress) *val[bool] { return &r.dad }),
		key("preferred_lifetime", lifetimeKind, func(r *rawAddress) *val[time.Duration] { return &r.lifetime }, says("forever, /128: 0s")),
		flag("home", "false", func(r *rawAddress) *val[bool] { return &r.home }),
		flag("mngtmpaddr", "false", func(r *rawAddress) *val[bool] { return &r.mngTmpAddr }),
		flag("autojoin", "false", func(r *rawAddress) *val[bool] { return &r.autoJoin }),
		flag("prefix_route", "true", func(r *rawAddress) *val[bool] { return &r.prefixRoute }),
		key("peer", prefixKind, func(r *rawAddress) *val[netip.Prefix] { return &r.peer }, says("unset")),
	}

	virtualKind = list(shorthand("address", object(addressFields)))

	peerKind = shorthand("address", object([]field[rawPeer]{
		key("address", addressKind, func(r *rawPeer) *val[netip.Addr] { return &r.address }, required),
		key("min_ttl", integer(0, 255), func(r *rawPeer) *val[int] { return &r.minTTL }, def("0")),
		key("max_ttl", integer(0, 255), func(r *rawPeer) *val[int] { return &r.maxTTL }, def("255")),
	}))

	unicastKind = object([]field[rawUnicast]{
		key("peers", list(peerKind), func(r *rawUnicast) *val[[]val[rawPeer]] { return &r.peers }, says("required unless fault_without_peers")),
		key("ttl", integer(1, 255), func(r *rawUnicast) *val[int] { return &r.ttl }, says("255, IPv6: kernel's")),
		key("check_source", boolKind, func(r *rawUnicast) *val[bool] { return &r.checkSource }, says("inherit")),
		key("old_checksum", word([]string{"auto", "always", "never"}, []OldChecksum{OldAuto, OldAlways, OldNever}),
			func(r *rawUnicast) *val[OldChecksum] { return &r.oldChecksum }, def("auto")),
		flag("fault_without_peers", "false", func(r *rawUnicast) *val[bool] { return &r.faultless }),
	})

	instanceKind = object(append(
		[]field[rawInstance]{
			key("name", nameKind, func(r *rawInstance) *val[string] { return &r.name }, required),
			key("interface", interfaceKind, func(r *rawInstance) *val[string] { return &r.iface }, says("required unless unicast with source_ip"), class(Identity)),
			key("vrid", integer(1, 255), func(r *rawInstance) *val[int] { return &r.vrid }, required, class(Identity)),
			key("priority", integer(1, 255), func(r *rawInstance) *val[int] { return &r.priority }, def("100")),
			key("advert_interval", duration(span{low: 10 * time.Millisecond, high: 255 * time.Second, step: 10 * time.Millisecond}),
				func(r *rawInstance) *val[time.Duration] { return &r.interval }, def("1s")),
			key("family", word([]string{"ipv4", "ipv6"}, []Family{IPv4, IPv6}), func(r *rawInstance) *val[Family] { return &r.family },
				says("of virtual_ips, else ipv4"), class(Identity)),
			key("state", word([]string{"backup", "master"}, []bool{false, true}), func(r *rawInstance) *val[bool] { return &r.master },
				says("backup; priority 255: master"), class(Start)),
			flag("preempt", "true", func(r *rawInstance) *val[bool] { return &r.preempt }),
			key("preempt_delay", seconds32(1000), func(r *rawInstance) *val[time.Duration] { return &r.preemptDelay }, def("0s")),
			key("source_ip", addressKind, func(r *rawInstance) *val[netip.Addr] { return &r.sourceIP },
				says("first address of the interface"), class(Identity)),
			flag("track_source_ip", "false", func(r *rawInstance) *val[bool] { return &r.trackSource }),
			key("mcast_group", groupKind(0), func(r *rawInstance) *val[netip.Addr] { return &r.group }, says("inherit"), class(Identity)),
			flag("track_primary", "true", func(r *rawInstance) *val[bool] { return &r.trackPrimary }),
			key("receive_buffer", integer(0, 4294967295), func(r *rawInstance) *val[int] { return &r.receiveBuffer }, def("0")),
			flag("allow_no_virtual_ips", "false", func(r *rawInstance) *val[bool] { return &r.allowNone }),
			key("timer_expired_backup", integer(0, 254), func(r *rawInstance) *val[int] { return &r.expired }, def("0")),
			key("unicast", unicastKind, func(r *rawInstance) *val[rawUnicast] { return &r.unicast }, class(Identity)),
			key("virtual_ips", virtualKind, func(r *rawInstance) *val[[]val[rawAddress]] { return &r.virtuals },
				says("required unless allow_no_virtual_ips")),
			key("virtual_ips_excluded", virtualKind, func(r *rawInstance) *val[[]val[rawAddress]] { return &r.excluded }, says("[]")),
			key("garp", object(garpFields(inherit)), func(r *rawInstance) *val[rawGARP] { return &r.garp }),
		},
		inherited(func(r *rawInstance) *rawInherited { return &r.rawInherited }, inherit)...,
	))
)
