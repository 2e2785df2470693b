package config

import (
	"net/netip"
	"time"
)

type rawVRRP struct {
	startupDelay, delayAfterBoot   val[time.Duration]
	logUnknownVRIDs, releaseOnStop val[bool]
	defaults                       val[rawDefaults]
	interfaces                     val[rawInterfaces]
	instances                      val[rest[rawInstance]]
}

type rawInterfaces struct{ dynamic, changes val[bool] }

// rawInherited are the options that an instance takes over from the defaults.
type rawInherited struct {
	version, downTimer     val[int]
	toLower, toHigher      val[bool]
	ownerIgnore            val[bool]
	checksum               val[ChecksumMode]
	checkAddresses, strict val[bool]
	reannounce             val[bool]
	garp                   val[rawGARP]
}

type rawDefaults struct {
	rawInherited
	group4, group6 val[netip.Addr]
	unicast        val[rawUnicastDefaults]
}

type rawUnicastDefaults struct{ checkSource val[bool] }

type rawGARP struct {
	masterDelay, masterRefresh, lowerDelay   val[time.Duration]
	masterRepeat, refreshRepeat, lowerRepeat val[int]
	minimal                                  val[bool] // of the defaults only
}

// delay is a start delay: off, or a millisecond and more.
var delay = duration(span{low: time.Millisecond, high: 4294 * time.Second, step: time.Microsecond, zero: true})

// checksumKind takes true and false as words beside auto.
var checksumKind = word([]string{"auto", "true", "false"}, []ChecksumMode{ChecksumAuto, ChecksumAsV2, ChecksumAsV3})

// garpFields declares the options of GARP; own holds the defaults of each, by name.
func garpFields(own func(name string) detail) []field[rawGARP] {
	return []field[rawGARP]{
		key("master_delay", seconds(0, 4294), func(r *rawGARP) *val[time.Duration] { return &r.masterDelay }, own("5s")),
		key("master_repeat", integer(1, 4294967295), func(r *rawGARP) *val[int] { return &r.masterRepeat }, own("5")),
		key("master_refresh", seconds(0, 4294967295), func(r *rawGARP) *val[time.Duration] { return &r.masterRefresh }, own("0s")),
		key("master_refresh_repeat", integer(1, 4294967295), func(r *rawGARP) *val[int] { return &r.refreshRepeat }, own("1")),
		key("lower_priority_delay", seconds(0, 4294), func(r *rawGARP) *val[time.Duration] { return &r.lowerDelay }, own("master_delay")),
		key("lower_priority_repeat", integer(0, 2147483647), func(r *rawGARP) *val[int] { return &r.lowerRepeat }, own("master_repeat")),
	}
}

func inherit(string) detail { return says("inherit") }

// inherited declares the options that defaults and instances share. at finds
// them in T; own gives the detail of each default.
func inherited[T any](at func(*T) *rawInherited, own func(string) detail) []field[T] {
	return []field[T]{
		key("version", integer(2, 3), func(r *T) *val[int] { return &at(r).version }, own("2")),
		key("down_timer_adverts", integer(1, 100), func(r *T) *val[int] { return &at(r).downTimer }, own("3")),
		key("advert_to_lower_priority", boolKind, func(r *T) *val[bool] { return &at(r).toLower }, own("true")),
		key("advert_to_higher_priority", boolKind, func(r *T) *val[bool] { return &at(r).toHigher }, own("false")),
		key("owner_ignore_adverts", boolKind, func(r *T) *val[bool] { return &at(r).ownerIgnore }, own("false, strict: true")),
		key("v3_checksum_as_v2", checksumKind, func(r *T) *val[ChecksumMode] { return &at(r).checksum }, own("auto")),
		key("check_advert_addresses", boolKind, func(r *T) *val[bool] { return &at(r).checkAddresses }, own("true")),
		key("strict", boolKind, func(r *T) *val[bool] { return &at(r).strict }, own("false")),
		key("reannounce_after_conflict", boolKind, func(r *T) *val[bool] { return &at(r).reannounce }, own("true")),
	}
}

// computed are the defaults that depend on other keys.
func computed(text string) detail {
	switch text {
	case "master_delay", "master_repeat", "false, strict: true":
		return says(text)
	}
	return def(text)
}

var (
	defaultsKind = object(append(
		inherited(func(r *rawDefaults) *rawInherited { return &r.rawInherited }, computed),
		key("mcast_group_ipv4", groupKind(IPv4), func(r *rawDefaults) *val[netip.Addr] { return &r.group4 }, def("224.0.0.18"), class(Identity)),
		key("mcast_group_ipv6", groupKind(IPv6), func(r *rawDefaults) *val[netip.Addr] { return &r.group6 }, def(`"ff02::12"`), class(Identity)),
		// Words here, no values: minimal changes them.
		key("garp", object(append(garpFields(says),
			key("minimal", boolKind, func(r *rawGARP) *val[bool] { return &r.minimal }, def("false")),
		)), func(r *rawDefaults) *val[rawGARP] { return &r.garp }),
		key("unicast", object([]field[rawUnicastDefaults]{
			key("check_source", boolKind, func(r *rawUnicastDefaults) *val[bool] { return &r.checkSource }, def("false")),
		}), func(r *rawDefaults) *val[rawUnicastDefaults] { return &r.unicast }),
	))

	vrrpKind = object([]field[rawVRRP]{
		key("startup_delay", delay, func(r *rawVRRP) *val[time.Duration] { return &r.startupDelay }, def("0s")),
		key("delay_after_boot", delay, func(r *rawVRRP) *val[time.Duration] { return &r.delayAfterBoot }, def("0s"), class(Start)),
		key("log_unknown_vrids", boolKind, func(r *rawVRRP) *val[bool] { return &r.logUnknownVRIDs }, def("false")),
		key("release_on_stop", boolKind, func(r *rawVRRP) *val[bool] { return &r.releaseOnStop }, def("true")),
		key("defaults", defaultsKind, func(r *rawVRRP) *val[rawDefaults] { return &r.defaults }),
		key("interfaces", object([]field[rawInterfaces]{
			key("dynamic", boolKind, func(r *rawInterfaces) *val[bool] { return &r.dynamic }, def("false")),
			key("dynamic_allow_changes", boolKind, func(r *rawInterfaces) *val[bool] { return &r.changes }, def("false")),
		}), func(r *rawVRRP) *val[rawInterfaces] { return &r.interfaces }),
		key("instances", restOf(instanceKind), func(r *rawVRRP) *val[rest[rawInstance]] { return &r.instances }, says("[]")),
	})
)
