package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Forever is the lifetime of an address that does not expire.
const Forever uint32 = 1<<32 - 1

// ProtocolOurs is the IFA_PROTO of addresses of VRRP daemons. Kernels before
// 5.18 do not keep it and report 0.
const ProtocolOurs = 18

// Attributes and flags of RTM_NEWADDR that x/sys/unix lacks or types oddly.
const (
	ifaProto   = 11
	maxLabel   = unix.IFNAMSIZ - 1
	headerSize = unix.SizeofNlMsghdr
	ifaSize    = unix.SizeofIfAddrmsg
)

// Address is an address of an interface with its options, as written and as read.
type Address struct {
	Index     int          // of the interface
	Prefix    netip.Prefix // local address, not masked; with a Peer the length is the peer's
	Peer      netip.Addr   // other end of a point-to-point address; invalid: none
	Broadcast netip.Addr   // IPv4; invalid: none
	Label     string       // IPv4, at most 15 bytes; read: the interface's name if none was set
	Scope     uint8        // RT_SCOPE_*; for IPv6 the kernel decides
	Protocol  uint8        // IFA_PROTO

	NoDAD         bool // IPv6: no duplicate address detection
	Home          bool
	ManageTemp    bool
	AutoJoin      bool
	NoPrefixRoute bool

	Preferred uint32 // seconds, Forever; 0 = deprecated. IPv6
	Valid     uint32 // seconds, Forever
}

// state is what only the kernel says of an address.
type state struct{ tentative, failed, secondary bool }

var errAddress = errors.New("not an address the kernel can hold")

// appendAdd appends the RTM_NEWADDR message that adds a. Its sequence number is 0.
func appendAdd(b []byte, a Address) ([]byte, error) {
	if !a.Prefix.IsValid() || a.Index <= 0 || len(a.Label) > maxLabel {
		return b, fmt.Errorf("add address %v to interface %d: %w", a.Prefix, a.Index, errAddress)
	}
	start := len(b)
	v6 := a.Prefix.Addr().Is6()
	b = appendHeader(b, unix.RTM_NEWADDR, unix.NLM_F_REQUEST|unix.NLM_F_CREATE|unix.NLM_F_EXCL, a, a.Scope)
	b = appendEnds(b, a)
	if !v6 && a.Label != "" {
		b = appendAttr(b, unix.IFA_LABEL, append([]byte(a.Label), 0))
	}
	if !v6 && a.Broadcast.Is4() {
		b = appendAttr(b, unix.IFA_BROADCAST, a.Broadcast.AsSlice())
	}
	b = appendAttr(b, unix.IFA_FLAGS, binary.NativeEndian.AppendUint32(nil, a.flags()))
	if a.Protocol != 0 {
		b = appendAttr(b, ifaProto, []byte{a.Protocol})
	}
	if v6 && (a.Preferred != Forever || a.Valid != Forever) {
		info := binary.NativeEndian.AppendUint32(nil, a.Preferred)
		info = binary.NativeEndian.AppendUint32(info, a.Valid)
		b = appendAttr(b, unix.IFA_CACHEINFO, append(info, make([]byte, 8)...))
	}
	finish(b[start:])
	return b, nil
}

// appendDelete appends the RTM_DELADDR message that removes a. The kernel is
// asked to echo what it removed: taking an IPv4 address may take others along.
func appendDelete(b []byte, a Address) ([]byte, error) {
	if !a.Prefix.IsValid() || a.Index <= 0 {
		return b, fmt.Errorf("remove address %v from interface %d: %w", a.Prefix, a.Index, errAddress)
	}
	start := len(b)
	b = appendHeader(b, unix.RTM_DELADDR, unix.NLM_F_REQUEST|unix.NLM_F_ECHO, a, 0)
	b = appendEnds(b, a)
	finish(b[start:])
	return b, nil
}

func appendHeader(b []byte, kind, flags uint16, a Address, scope uint8) []byte {
	family := uint8(unix.AF_INET)
	if a.Prefix.Addr().Is6() {
		family, scope = unix.AF_INET6, 0
	}
	b = appendMessage(b, kind, flags)
	b = append(b, family, uint8(a.Prefix.Bits()), 0, scope)
	return binary.NativeEndian.AppendUint32(b, uint32(a.Index))
}

// appendEnds names both ends of the address; without a peer they are the same.
func appendEnds(b []byte, a Address) []byte {
	local := a.Prefix.Addr().AsSlice()
	far := local
	if a.Peer.IsValid() {
		far = a.Peer.AsSlice()
	}
	b = appendAttr(b, unix.IFA_LOCAL, local)
	return appendAttr(b, unix.IFA_ADDRESS, far)
}

func (a *Address) flags() uint32 {
	var f uint32
	for _, o := range [...]struct {
		set bool
		bit uint32
	}{
		{a.NoDAD, unix.IFA_F_NODAD},
		{a.Home, unix.IFA_F_HOMEADDRESS},
		{a.ManageTemp, unix.IFA_F_MANAGETEMPADDR},
		{a.AutoJoin, unix.IFA_F_MCAUTOJOIN},
		{a.NoPrefixRoute, unix.IFA_F_NOPREFIXROUTE},
	} {
		if o.set {
			f |= o.bit
		}
	}
	return f
}

// parseAddress reads the body of RTM_NEWADDR or RTM_DELADDR; false: not IPv4 or IPv6, or malformed.
func parseAddress(b []byte) (Address, state, bool) {
	if len(b) < ifaSize {
		return Address{}, state{}, false
	}
	family, bits, flags := b[0], int(b[1]), uint32(b[2])
	a := Address{Scope: b[3], Index: int(binary.NativeEndian.Uint32(b[4:])), Preferred: Forever, Valid: Forever}
	var local, far netip.Addr
	for kind, v := range attributes(b[ifaSize:]) {
		switch kind {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(v)
		case unix.IFA_ADDRESS:
			far, _ = netip.AddrFromSlice(v)
		case unix.IFA_BROADCAST:
			a.Broadcast, _ = netip.AddrFromSlice(v)
		case unix.IFA_LABEL:
			a.Label = text(v)
		case unix.IFA_FLAGS:
			if len(v) >= 4 {
				flags = binary.NativeEndian.Uint32(v)
			}
		case ifaProto:
			if len(v) >= 1 {
				a.Protocol = v[0]
			}
		case unix.IFA_CACHEINFO:
			if len(v) >= 8 {
				a.Preferred, a.Valid = binary.NativeEndian.Uint32(v), binary.NativeEndian.Uint32(v[4:])
			}
		}
	}
	if !local.IsValid() { // IPv6 without a peer
		local = far
	}
	if far.IsValid() && far != local {
		a.Peer = far
	}
	a.Prefix = netip.PrefixFrom(local, bits)
	want := uint8(unix.AF_INET)
	if local.Is6() {
		want = unix.AF_INET6
	}
	if !a.Prefix.IsValid() || family != want {
		return Address{}, state{}, false
	}
	a.NoDAD = flags&unix.IFA_F_NODAD != 0
	a.Home = flags&unix.IFA_F_HOMEADDRESS != 0
	a.ManageTemp = flags&unix.IFA_F_MANAGETEMPADDR != 0
	a.AutoJoin = flags&unix.IFA_F_MCAUTOJOIN != 0
	a.NoPrefixRoute = flags&unix.IFA_F_NOPREFIXROUTE != 0
	return a, state{
		tentative: flags&unix.IFA_F_TENTATIVE != 0,
		failed:    flags&unix.IFA_F_DADFAILED != 0,
		secondary: flags&unix.IFA_F_SECONDARY != 0 && local.Is4(),
	}, true
}
