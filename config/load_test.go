package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestEveryDefaultIsFilled(t *testing.T) {
	c := load(t, `
version: 1
vrrp:
  instances:
    - {name: web, interface: eth0, vrid: 51, virtual_ips: [192.0.2.1]}
`)
	want := &Config{
		File: "u.yaml", Files: []string{"u.yaml"}, Hash: c.Hash, places: c.places,
		Global: Global{
			RouterID: "testhost", RunDir: "/run/understudy", StateDir: "/var/lib/understudy", StopTimeout: 5 * time.Second,
			Umask: 0o177, Pacer: Thread{Name: "vrrp"},
		},
		Admin: Admin{
			SocketPath: "/run/understudy/admin.sock", SocketMode: 0o660, SocketUser: "root", SocketGroup: "root", Metrics: true,
		},
		VRRP: VRRP{ReleaseOnStop: true, Instances: []Instance{{
			Name: "web", Interface: "eth0", VRID: 51, Family: IPv4, Version: 2,
			Priority: 100, AdvertInterval: time.Second, Preempt: true, DownTimerAdverts: 3,
			AdvertToLowerPriority: true, CheckAdvertAddresses: true, ReannounceAfterConflict: true, TrackPrimary: true,
			McastGroup: netip.MustParseAddr("224.0.0.18"),
			GARP: GARP{
				MasterDelay: 5 * time.Second, MasterRepeat: 5, MasterRefreshRepeat: 1, LowerDelay: 5 * time.Second, LowerRepeat: 5,
			},
			VirtualIPs: []Address{{
				Prefix: netip.MustParsePrefix("192.0.2.1/32"), Interface: "eth0", Tracked: true, PreferredLifetime: Forever, PrefixRoute: true,
			}},
		}}},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if len(c.Hash) != 64 {
		t.Errorf("hash %q", c.Hash)
	}
}

// Defaults of instances come from vrrp.defaults, wherever that stands.
func TestInstancesInherit(t *testing.T) {
	c := load(t, `
version: 1
vrrp:
  instances:
    - {name: a, interface: eth0, vrid: 1, virtual_ips: [192.0.2.1]}
    - {name: b, interface: eth0, vrid: 2, virtual_ips: ["fe80::1"], advert_to_lower_priority: true, down_timer_adverts: 3,
       check_advert_addresses: true, v3_checksum_as_v2: auto, reannounce_after_conflict: true, garp: {master_delay: 1s, lower_priority_repeat: 7}}
    - {name: o, interface: eth1, vrid: 3, priority: 255, virtual_ips: [192.0.2.3]}
    - {name: u, interface: eth1, vrid: 4, unicast: {peers: [192.0.2.9]}, virtual_ips: [192.0.2.4]}
  defaults:
    version: 3
    mcast_group_ipv4: 224.0.0.19
    mcast_group_ipv6: "ff02::19"
    down_timer_adverts: 5
    advert_to_lower_priority: false
    advert_to_higher_priority: true
    owner_ignore_adverts: true
    v3_checksum_as_v2: true
    check_advert_addresses: false
    reannounce_after_conflict: false
    unicast: {check_source: true}
    garp: {master_delay: 2s, master_repeat: 3, master_refresh: 60s, master_refresh_repeat: 2}
`)
	a, b, o, u := &c.VRRP.Instances[0], &c.VRRP.Instances[1], &c.VRRP.Instances[2], &c.VRRP.Instances[3]
	if a.Version != 3 || a.DownTimerAdverts != 5 || a.AdvertToLowerPriority || !a.AdvertToHigherPriority || a.OwnerIgnoreAdverts ||
		a.Checksum != ChecksumAsV2 || a.CheckAdvertAddresses || a.ReannounceAfterConflict || a.McastGroup.String() != "224.0.0.19" {
		t.Errorf("a: %+v", a)
	}
	if want := (GARP{2 * time.Second, 3, time.Minute, 2, 2 * time.Second, 3}); a.GARP != want {
		t.Errorf("a: garp %+v, want %+v", a.GARP, want)
	}
	if b.Version != 3 || b.DownTimerAdverts != 3 || !b.AdvertToLowerPriority || b.Checksum != ChecksumAuto ||
		!b.CheckAdvertAddresses || !b.ReannounceAfterConflict || b.McastGroup.String() != "ff02::19" {
		t.Errorf("b: %+v", b)
	}
	if want := (GARP{time.Second, 3, time.Minute, 2, 2 * time.Second, 7}); b.GARP != want {
		t.Errorf("b: garp %+v, want %+v", b.GARP, want)
	}
	if !o.OwnerIgnoreAdverts || !o.StartMaster || !u.Unicast.CheckSource {
		t.Errorf("o: %+v, u: %+v", o, u.Unicast)
	}
}

func TestDefaultsThatDepend(t *testing.T) {
	base := "{name: a, interface: eth0, vrid: 1, virtual_ips: ['fe80::1', '2001:db8::1/64', '2001:db8::2/128']"
	tests := []struct {
		name, defaults, keys string
		ok                   func(n *Instance) bool
	}{
		{"IPv6 is version 3", "{}", "", func(n *Instance) bool { return n.Version == 3 && n.Family == IPv6 }},
		{"an owner starts as master", "{}", "priority: 255", func(n *Instance) bool { return n.StartMaster && !n.OwnerIgnoreAdverts }},
		{"an owner may start as backup", "{}", "priority: 255, state: backup", func(n *Instance) bool { return !n.StartMaster }},
		{"a strict owner ignores adverts", "{}", "priority: 255, strict: true", func(n *Instance) bool { return n.OwnerIgnoreAdverts }},
		{
			"unless told not to", "{}", "priority: 255, strict: true, owner_ignore_adverts: false",
			func(n *Instance) bool { return !n.OwnerIgnoreAdverts },
		},
		{
			"strict answers a lower advert without a burst", "{strict: true, garp: {lower_priority_repeat: 4}}", "",
			func(n *Instance) bool {
				return n.GARP.LowerRepeat == 0 && n.GARP.LowerDelay == 0 && n.GARP.MasterRepeat == 5
			},
		},
		{"unless asked to", "{strict: true}", "garp: {lower_priority_repeat: 4}", func(n *Instance) bool { return n.GARP.LowerRepeat == 4 }},
		{"minimal is one burst of one", "{garp: {minimal: true}}", "", func(n *Instance) bool {
			return n.GARP == GARP{MasterRepeat: 1, MasterRefreshRepeat: 1, LowerRepeat: 1}
		}},
		{"minimal before other values", "{garp: {minimal: true, master_repeat: 4, master_refresh: 9s}}", "", func(n *Instance) bool {
			return n.GARP == GARP{MasterRepeat: 4, MasterRefresh: 9 * time.Second, MasterRefreshRepeat: 1, LowerRepeat: 4}
		}},
		{"minimal after other values", "{garp: {master_repeat: 4, master_refresh: 9s, minimal: true}}", "", func(n *Instance) bool {
			return n.GARP == GARP{MasterRepeat: 4, MasterRefresh: 9 * time.Second, MasterRefreshRepeat: 1, LowerRepeat: 4}
		}},
		{"a /128 is deprecated, others are not", "{}", "", func(n *Instance) bool {
			v := n.VirtualIPs
			return v[0].PreferredLifetime == 0 && v[1].PreferredLifetime == Forever && v[2].PreferredLifetime == 0
		}},
		{"unicast over IPv6 sends the socket's hop limit", "{}", "unicast: {peers: ['fe80::9']}", func(n *Instance) bool { return n.Unicast.TTL == 0 }},
		{"any TTL limit checks the source", "{}", "unicast: {peers: [{address: 'fe80::9', max_ttl: 255}]}", func(n *Instance) bool {
			return n.Unicast.CheckSource && n.Unicast.Peers[0] == Peer{netip.MustParseAddr("fe80::9"), 0, 255}
		}},
		{"no limit leaves the source unchecked", "{}", "unicast: {peers: ['fe80::9']}", func(n *Instance) bool { return !n.Unicast.CheckSource }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys := tt.keys
			if keys != "" {
				keys = ", " + keys
			}
			c := load(t, fmt.Sprintf("version: 1\nvrrp:\n  defaults: %s\n  instances:\n    - %s%s}\n", tt.defaults, base, keys))
			if n := &c.VRRP.Instances[0]; !tt.ok(n) {
				t.Errorf("got %+v %+v", *n, n.Unicast)
			}
		})
	}
}

func TestAddressOptions(t *testing.T) {
	c := load(t, `
version: 1
vrrp:
  instances:
    - name: a
      interface: eth0
      vrid: 1
      virtual_ips:
        - {address: 192.0.2.100/24, interface: eth1, scope: site, broadcast: "+", label: "eth1:v", tracked: false}
        - {address: 192.0.2.5/30, broadcast: "-", scope: 7, prefix_route: false}
        - {address: 192.0.2.9, peer: 192.0.2.10/31}
        - {address: 10.1.2.3/8, broadcast: 10.9.9.9}
      virtual_ips_excluded:
        - {address: "2001:db8::1/64", dad: true, preferred_lifetime: 1m, home: true, mngtmpaddr: true, autojoin: true}
`)
	n := &c.VRRP.Instances[0]
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	want := []Address{
		{
			Prefix: prefix("192.0.2.100/24"), Interface: "eth1", Scope: 200, Broadcast: addr("192.0.2.255"), Label: "eth1:v",
			PreferredLifetime: Forever, PrefixRoute: true,
		},
		{
			Prefix: prefix("192.0.2.5/30"), Interface: "eth0", Scope: 7, Broadcast: addr("192.0.2.4"), Tracked: true, PreferredLifetime: Forever,
		},
		{
			Prefix: prefix("192.0.2.9/32"), Interface: "eth0", Peer: prefix("192.0.2.10/31"), Tracked: true,
			PreferredLifetime: Forever, PrefixRoute: true,
		},
		{
			Prefix: prefix("10.1.2.3/8"), Interface: "eth0", Broadcast: addr("10.9.9.9"), Tracked: true,
			PreferredLifetime: Forever, PrefixRoute: true,
		},
	}
	if !slices.Equal(n.VirtualIPs, want) {
		t.Errorf("got  %+v\nwant %+v", n.VirtualIPs, want)
	}
	six := []Address{{
		Prefix: prefix("2001:db8::1/64"), Interface: "eth0", Tracked: true, DAD: true, PreferredLifetime: time.Minute,
		Home: true, MngTmpAddr: true, AutoJoin: true, PrefixRoute: true,
	}}
	if !slices.Equal(n.VirtualIPsExcluded, six) {
		t.Errorf("got  %+v\nwant %+v", n.VirtualIPsExcluded, six)
	}
	for word, scope := range map[string]uint8{"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255, "255": 255, "0": 0} {
		c := load(t, "version: 1\nvrrp: {instances: [{name: a, interface: eth0, vrid: 1, virtual_ips: [{address: 192.0.2.1, scope: "+word+"}]}]}\n")
		if got := c.VRRP.Instances[0].VirtualIPs[0].Scope; got != scope {
			t.Errorf("scope %s is %d, want %d", word, got, scope)
		}
	}
}
