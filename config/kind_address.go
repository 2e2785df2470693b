package config

import (
	"net/netip"
	"slices"
	"strings"
)

// addressKind is the IP address of one host.
var addressKind = scalarKind("the IP address of a host", func(n *node) (netip.Addr, bool) {
	if n.kind != stringNode {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(n.text)
	return a, err == nil && usable(a) && !a.IsUnspecified() && !a.IsMulticast()
})

// usable refuses notations that mean something else on the wire.
func usable(a netip.Addr) bool { return a.Zone() == "" && !a.Is4In6() }

// prefixKind is an address with its length; without one it is a host's.
var prefixKind = scalarKind("the IP address of a host, with or without prefix length", func(n *node) (netip.Prefix, bool) {
	if n.kind != stringNode {
		return netip.Prefix{}, false
	}
	var p netip.Prefix
	var err error
	if strings.Contains(n.text, "/") {
		p, err = netip.ParsePrefix(n.text)
	} else {
		var host netip.Addr
		host, err = netip.ParseAddr(n.text)
		p = netip.PrefixFrom(host, host.BitLen())
	}
	a := p.Addr()
	return p, err == nil && usable(a) && !a.IsUnspecified() && !a.IsMulticast()
})

// groupKind is a multicast group; family 0: either. IPv6 groups have
// link-local scope (ffx2::, RFC 4291 section 2.7).
func groupKind(family Family) kind[netip.Addr] {
	want := map[Family]string{
		0: "a multicast address, IPv6 of the form ffx2::", IPv4: "an IPv4 multicast address", IPv6: "an IPv6 multicast address of the form ffx2::",
	}[family]
	return scalarKind(want, func(n *node) (netip.Addr, bool) {
		a, err := netip.ParseAddr(n.text)
		if err != nil || n.kind != stringNode || !usable(a) || !a.IsMulticast() {
			return a, false
		}
		if a.Is4() {
			return a, family != IPv6
		}
		return a, family != IPv4 && a.As16()[1]&0x0f == 2
	})
}

// scopeKind is a scope of rtnetlink: the words of ip-address(8) or a number.
var scopeKind = scalarKind("site | link | host | nowhere | global or an integer 0..255", func(n *node) (int, bool) {
	switch n.kind {
	case intNode:
		v, ok := n.integer()
		return int(v), ok && v >= 0 && v <= 255
	case stringNode:
		i := slices.Index([]string{"global", "site", "link", "host", "nowhere"}, n.text)
		if i >= 0 {
			return []int{0, 200, 253, 254, 255}[i], true
		}
	}
	return 0, false
})

// broadcastKind is an IPv4 address, + or -, as written.
var broadcastKind = scalarKind(`an IPv4 address, "+" or "-"`, func(n *node) (string, bool) {
	if n.kind != stringNode {
		return "", false
	}
	if n.text == "+" || n.text == "-" {
		return n.text, true
	}
	a, err := netip.ParseAddr(n.text)
	return n.text, err == nil && a.Is4()
})
