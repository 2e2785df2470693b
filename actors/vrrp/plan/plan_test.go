package plan

import (
	"net/netip"
	"reflect"
	"testing"
)

func TestSurvey(t *testing.T) {
	a := netip.MustParseAddr
	up := func(addrs ...Address) Interface {
		return Interface{Exists: true, Index: 3, Up: true, Multicast: true, Addresses: addrs}
	}
	base := Want{Interface: "eth0", TrackPrimary: true}
	with := func(f func(*Want)) Want { w := base; f(&w); return w }
	tests := []struct {
		name string
		want Want
		ifs  map[string]Interface
		out  Ground
	}{
		{
			"the first address is the source", base,
			map[string]Interface{"eth0": up(Address{Addr: a("192.0.2.1")}, Address{Addr: a("192.0.2.2")})},
			Ground{Index: 3, Source: a("192.0.2.1")},
		},
		{
			"an address of ours is never the source", base,
			map[string]Interface{"eth0": up(Address{a("192.0.2.1"), true}, Address{Addr: a("192.0.2.2")})},
			Ground{Index: 3, Source: a("192.0.2.2")},
		},
		{
			"a virtual address is never the source", with(func(w *Want) { w.Virtual = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")} }),
			map[string]Interface{"eth0": up(Address{Addr: a("192.0.2.1")})},
			Ground{Index: 3, Faults: []Fault{{NoSourceAddress, "eth0"}}},
		},
		{
			"IPv6 takes link-local only", with(func(w *Want) { w.IPv6 = true }),
			map[string]Interface{"eth0": up(Address{Addr: a("192.0.2.1")}, Address{Addr: a("2001:db8::1")}, Address{Addr: a("fe80::1")})},
			Ground{Index: 3, Source: a("fe80::1")},
		},
		{
			"a missing interface is down and has no source", base, nil,
			Ground{Faults: []Fault{{InterfaceDown, "eth0"}, {NoSourceAddress, "eth0"}}},
		},
		{
			"a link that is down is no fault without track_primary", with(func(w *Want) { w.TrackPrimary = false }),
			map[string]Interface{"eth0": {Exists: true, Index: 3, Multicast: true, Addresses: []Address{{Addr: a("192.0.2.1")}}}},
			Ground{Index: 3, Source: a("192.0.2.1")},
		},
		{
			"the interface of a tracked address counts", with(func(w *Want) { w.Others = []string{"eth1"} }),
			map[string]Interface{"eth0": up(Address{Addr: a("192.0.2.1")})},
			Ground{Index: 3, Source: a("192.0.2.1"), Faults: []Fault{{InterfaceDown, "eth1"}}},
		},
		{
			"a configured source need not exist", with(func(w *Want) { w.Source = a("192.0.2.9") }),
			map[string]Interface{"eth0": up()},
			Ground{Index: 3, Source: a("192.0.2.9")},
		},
		{
			"a tracked source must", with(func(w *Want) { w.Source = a("192.0.2.9"); w.TrackSource = true }),
			map[string]Interface{"eth0": up()},
			Ground{Index: 3, Faults: []Fault{{NoSourceAddress, "eth0"}}},
		},
		{
			"multicast needs an interface that can", base,
			map[string]Interface{"eth0": {Exists: true, Index: 3, Up: true, Addresses: []Address{{Addr: a("192.0.2.1")}}}},
			Ground{Index: 3, Source: a("192.0.2.1"), Faults: []Fault{{ConfigFault, "eth0 cannot multicast"}}},
		},
		{
			"unicast without peers is a config fault when asked for",
			Want{Source: a("192.0.2.1"), Unicast: true, NoPeers: true},
			nil,
			Ground{Source: a("192.0.2.1"), Faults: []Fault{{ConfigFault, "unicast without peers"}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Survey(tt.want, tt.ifs); !reflect.DeepEqual(got, tt.out) {
				t.Errorf("got  %+v\nwant %+v", got, tt.out)
			}
		})
	}
}
