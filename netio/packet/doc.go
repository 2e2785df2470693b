// Package packet holds the wire formats of Understudy and the checks a
// received VRRP packet must pass: VRRP adverts, IPv4 and IPv6 headers, ARP,
// neighbour advertisements, Ethernet. It is pure: bytes and values in, bytes
// and values out, no socket, clock or log. The pacer, the kernel writer and
// the VRRP actors call it. Append functions append to a slice the caller
// owns; parsers copy what they return unless their doc says that it aliases
// the input, and no input makes them panic.
package packet
