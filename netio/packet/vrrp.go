package packet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// Sizes of a VRRP message and of what may surround it, in bytes.
const (
	VRRPHeaderSize   = 8  // before the addresses
	VRRPAuthDataSize = 8  // after the addresses of version 2
	AHSize           = 24 // authentication header before a version 2 message, RFC 2338 section 5.3.6.3
	HMACTrailerSize  = 28 // authentication trailer after a message
)

const (
	vrrpTypeAdvert = 1
	vrrpIntervalV3 = 10 * time.Millisecond // unit of the version 3 interval
	vrrpMaxV3      = 0xfff                 // 12 bits of those units
	vrrpMaxAddrs   = 255
)

// VRRPAdvert is an advertisement: version 2 as in RFC 3768 section 5.1,
// version 3 as in RFC 9568 section 5.1.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|Version| Type=1|     VRID      |   Priority    |     Count     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|   Auth Type   |  Interval, s  |           Checksum            |  version 2
//	|  Rsvd |     Interval, 10 ms   |           Checksum            |  version 3
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|              Count addresses of 4 or 16 bytes                 |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|              Authentication data, 8 bytes                     |  version 2
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type VRRPAdvert struct {
	Version  uint8         // 2 (IPv4 only) or 3
	VRID     uint8         // 1 to 255
	Priority uint8         // 0 resigns, 255 owns the addresses
	Interval time.Duration // version 2: 1 to 255 whole seconds; version 3: 10 ms to 40.95 s in steps of 10 ms
	AuthType uint8         // version 2: 0 none, 1 simple password, 2 AH; not sent in version 3
	AuthData [8]byte       // version 2: the password, zero padded; not sent in version 3
	Addrs    []netip.Addr  // at most 255, all of the family of the packet; zones are not sent
}

// AppendBinary appends the message to b. The checksum is of the given form.
// Version 2 knows one form and ignores it. In version 3 over IPv4, form is
// ChecksumPlain, ChecksumPseudo (dst is the real destination) or ChecksumGroup
// (dst is the multicast group although the packet goes elsewhere). Over IPv6,
// ChecksumKernel leaves zero for the kernel to fill in and every other form
// sums with the pseudo header. Src and dst may be invalid where the form does
// not need them. The returned error wraps ErrVersion, ErrVRID, ErrInterval,
// ErrCount, ErrAddress or ErrForm; b is then returned as it came.
func (a VRRPAdvert) AppendBinary(b []byte, src, dst netip.Addr, form ChecksumForm) ([]byte, error) {
	ipv6, err := a.family(src, dst)
	if err != nil {
		return b, err
	}
	word, err := a.intervalWord(ipv6)
	if err != nil {
		return b, err
	}
	if a.VRID == 0 {
		return b, fmt.Errorf("vrrp advert: %w", ErrVRID)
	}
	pseudoHeader, err := a.wantsPseudo(ipv6, form)
	if err != nil {
		return b, err
	}
	if pseudoHeader && !(src.IsValid() && dst.IsValid()) {
		return b, fmt.Errorf("vrrp advert: checksum of form %v without source and destination: %w", form, ErrAddress)
	}
	start := len(b)
	b = append(b, a.Version<<4|vrrpTypeAdvert, a.VRID, a.Priority, uint8(len(a.Addrs)))
	b = binary.BigEndian.AppendUint16(b, word)
	b = append(b, 0, 0) // the checksum, filled in below
	for _, addr := range a.Addrs {
		b = appendAddr(b, addr)
	}
	if a.Version == 2 {
		b = append(b, a.AuthData[:]...)
	}
	if ipv6 && form == ChecksumKernel {
		return b, nil
	}
	acc := sum(0, b[start:])
	if pseudoHeader {
		acc += pseudo(src, dst, ProtocolVRRP, len(b)-start)
	}
	binary.BigEndian.PutUint16(b[start+6:], ^fold(acc))
	return b, nil
}

// family finds the one family of all addresses given.
func (a VRRPAdvert) family(src, dst netip.Addr) (ipv6 bool, err error) {
	if len(a.Addrs) > vrrpMaxAddrs {
		return false, fmt.Errorf("vrrp advert: %d addresses: %w", len(a.Addrs), ErrCount)
	}
	first := dst
	if !first.IsValid() {
		first = src
	}
	if !first.IsValid() && len(a.Addrs) > 0 {
		first = a.Addrs[0]
	}
	if !first.IsValid() || (src.IsValid() && !sameFamily(first, src)) {
		return false, fmt.Errorf("vrrp advert: from %v to %v: %w", src, dst, ErrAddress)
	}
	for _, addr := range a.Addrs {
		if !sameFamily(first, addr) {
			return false, fmt.Errorf("vrrp advert: %v in a packet to %v: %w", addr, first, ErrAddress)
		}
	}
	return first.Is6(), nil
}

// intervalWord encodes bytes 4 and 5.
func (a VRRPAdvert) intervalWord(ipv6 bool) (uint16, error) {
	switch {
	case a.Version == 2 && !ipv6:
		s := a.Interval / time.Second
		if a.Interval%time.Second != 0 || s < 1 || s > 255 {
			return 0, fmt.Errorf("vrrp advert: %v is not 1..255 whole seconds: %w", a.Interval, ErrInterval)
		}
		return uint16(a.AuthType)<<8 | uint16(s), nil
	case a.Version == 3:
		n := a.Interval / vrrpIntervalV3
		if a.Interval%vrrpIntervalV3 != 0 || n < 1 || n > vrrpMaxV3 {
			return 0, fmt.Errorf("vrrp advert: %v is not 10ms..40.95s in steps of 10ms: %w", a.Interval, ErrInterval)
		}
		return uint16(n), nil
	}
	return 0, fmt.Errorf("vrrp advert: version %d, ipv6 %t: %w", a.Version, ipv6, ErrVersion)
}

// wantsPseudo says whether form sums a pseudo header in this packet.
func (a VRRPAdvert) wantsPseudo(ipv6 bool, form ChecksumForm) (bool, error) {
	switch {
	case a.Version == 2:
		return false, nil
	case ipv6:
		return form != ChecksumKernel, nil
	case form == ChecksumPlain:
		return false, nil
	case form == ChecksumPseudo || form == ChecksumGroup:
		return true, nil
	}
	return false, fmt.Errorf("vrrp advert: form %d over ipv4: %w", form, ErrForm)
}

// ParseVRRP reads the message b, which must hold nothing behind it (cut
// padding and trailers at VRRPLength). It accepts a checksum of any form in
// forms, dst being the group for ChecksumGroup; version 2 is always summed
// plainly, and ChecksumKernel stands for an IPv6 packet the kernel has judged.
// Reserved bits are ignored. It keeps nothing of b. The error wraps
// ErrTruncated, ErrAddress, ErrVersion, ErrType, ErrLength, ErrChecksum,
// ErrVRID or ErrInterval.
func ParseVRRP(b []byte, src, dst netip.Addr, forms Forms) (VRRPAdvert, error) {
	if !sameFamily(src, dst) {
		return VRRPAdvert{}, fmt.Errorf("vrrp advert: from %v to %v: %w", src, dst, ErrAddress)
	}
	if len(b) < VRRPHeaderSize {
		return VRRPAdvert{}, fmt.Errorf("vrrp advert: %d of at least %d bytes: %w", len(b), VRRPHeaderSize, ErrTruncated)
	}
	ipv6 := dst.Is6()
	version, kind := b[0]>>4, b[0]&0xf
	if version != 3 && (version != 2 || ipv6) {
		return VRRPAdvert{}, fmt.Errorf("vrrp advert: version %d, ipv6 %t: %w", version, ipv6, ErrVersion)
	}
	if kind != vrrpTypeAdvert {
		return VRRPAdvert{}, fmt.Errorf("vrrp advert: type %d: %w", kind, ErrType)
	}
	switch n := VRRPLength(b, ipv6); {
	case len(b) < n:
		return VRRPAdvert{}, fmt.Errorf("vrrp advert: %d of %d bytes: %w", len(b), n, ErrTruncated)
	case len(b) > n:
		return VRRPAdvert{}, fmt.Errorf("vrrp advert: %d bytes behind the message: %w", len(b)-n, ErrLength)
	}
	if MatchForm(b, src, dst, dst, forms) == ChecksumUnknown {
		return VRRPAdvert{}, fmt.Errorf("vrrp advert: from %v to %v: %w", src, dst, ErrChecksum)
	}
	a := VRRPAdvert{Version: version, VRID: b[1], Priority: b[2], Interval: vrrpInterval(b)}
	if a.VRID == 0 {
		return VRRPAdvert{}, fmt.Errorf("vrrp advert: %w", ErrVRID)
	}
	if a.Interval == 0 {
		return VRRPAdvert{}, fmt.Errorf("vrrp advert: interval 0: %w", ErrInterval)
	}
	if version == 2 {
		a.AuthType = b[4]
		a.AuthData = [8]byte(b[len(b)-VRRPAuthDataSize:])
	}
	size := addrSize(ipv6)
	for i := range int(b[3]) {
		addr, _ := netip.AddrFromSlice(b[VRRPHeaderSize+i*size:][:size]) // 4 or 16 bytes are always an address
		a.Addrs = append(a.Addrs, addr)
	}
	return a, nil
}

// VRRPLength is how long the message at the start of b is by its own version
// and address count, without padding and trailer. It may exceed len(b). It is
// 0 if b is shorter than VRRPHeaderSize.
func VRRPLength(b []byte, ipv6 bool) int {
	if len(b) < VRRPHeaderSize {
		return 0
	}
	n := VRRPHeaderSize + int(b[3])*addrSize(ipv6)
	if b[0]>>4 == 2 && !ipv6 {
		n += VRRPAuthDataSize
	}
	return n
}

// MatchForm says which of forms the checksum of the whole message b is of:
// ChecksumPseudo before ChecksumPlain before ChecksumGroup, or ChecksumUnknown
// if none fits. Version 2 can only be plain. ChecksumKernel in forms takes an
// IPv6 message as judged already. Group is the destination that ChecksumGroup
// sums; src, dst and group that do not fit each other fit no form that needs
// them.
func MatchForm(b []byte, src, dst, group netip.Addr, forms Forms) ChecksumForm {
	if len(b) < VRRPHeaderSize {
		return ChecksumUnknown
	}
	ipv6 := dst.Is6()
	if ipv6 && forms.Has(ChecksumKernel) {
		return ChecksumKernel
	}
	acc := sum(0, b)
	if b[0]>>4 == 2 {
		if fold(acc) == 0xffff {
			return ChecksumPlain
		}
		return ChecksumUnknown
	}
	sumsWith := func(to netip.Addr) bool {
		return sameFamily(src, to) && fold(acc+pseudo(src, to, ProtocolVRRP, len(b))) == 0xffff
	}
	switch {
	case forms.Has(ChecksumPseudo) && sumsWith(dst):
		return ChecksumPseudo
	case forms.Has(ChecksumPlain) && !ipv6 && fold(acc) == 0xffff:
		return ChecksumPlain
	case forms.Has(ChecksumGroup) && sumsWith(group):
		return ChecksumGroup
	}
	return ChecksumUnknown
}

// MaxAddresses is how many addresses one advert can carry on an interface
// with the given MTU: the smaller of 255 and what is left after 14 bytes of
// Ethernet (which the MTU does not hold; keepalived reckons so, and peers must
// agree), the IP header, the message and authSize bytes of further
// authentication (0, AHSize or HMACTrailerSize).
func MaxAddresses(mtu int, ipv6 bool, version uint8, authSize int) int {
	room := mtu - EthernetHeaderSize - VRRPHeaderSize - authSize
	if ipv6 {
		room -= IPv6HeaderSize
	} else {
		room -= IPv4HeaderSize
	}
	if version == 2 {
		room -= VRRPAuthDataSize
	}
	return max(0, min(vrrpMaxAddrs, room/addrSize(ipv6)))
}

// vrrpInterval decodes bytes 4 and 5 by the version of the message.
func vrrpInterval(b []byte) time.Duration {
	if b[0]>>4 == 2 {
		return time.Duration(b[5]) * time.Second
	}
	return time.Duration(binary.BigEndian.Uint16(b[4:])&vrrpMaxV3) * vrrpIntervalV3
}

// addrSize is the length of one address in bytes.
func addrSize(ipv6 bool) int {
	if ipv6 {
		return 16
	}
	return 4
}

// appendAddr appends the bytes of a valid address.
func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		v := a.As4()
		return append(b, v[:]...)
	}
	v := a.As16()
	return append(b, v[:]...)
}
