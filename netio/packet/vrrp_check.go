package packet

import (
	"bytes"
	"crypto/subtle"
	"slices"
)

// passed stands for "no reason to drop" in this file.
const passed = VRRPCounters

const (
	vrrpTTL       = 255  // RFC 9568 section 5.1.1.3: proves that no router forwarded it
	vrrpReserved  = 0xf0 // of byte 4, version 3
	authSimple    = 1    // RFC 2338 section 5.3.6
	authAH        = 2
	etherMinBytes = 46 // shorter packets are padded by Ethernet
)

// vrrpNotes are the possible Verdict.Notes, by bits of noteInterval,
// noteReserved and noteAddrList. They are shared and must not be changed.
var vrrpNotes = [...][]VRRPCounter{
	nil,
	{VRRPIntervalDiffers},
	{VRRPReservedBits},
	{VRRPIntervalDiffers, VRRPReservedBits},
	{VRRPAddrListErr},
	{VRRPIntervalDiffers, VRRPAddrListErr},
	{VRRPReservedBits, VRRPAddrListErr},
	{VRRPIntervalDiffers, VRRPReservedBits, VRRPAddrListErr},
}

const (
	noteInterval = 1 << iota
	noteReserved
	noteAddrList
)

// CheckVRRP decides whether the virtual router e accepts the datagram d, by
// RFC 9568 section 7.1 and RFC 3768 section 7.1 in the order of keepalived.
// The first check that fails drops the packet:
//
//	 1 at least the 8 bytes of the header
//	 2 the VRID, family and multicast group of e
//	 3 (the caller: somebody is listening)
//	 4 IPv6: multicast if and only if e is
//	 5 an authentication header if and only if agreed
//	 6 the length its version and address count demand; Ethernet padding allowed
//	 7 multicast: TTL or hop limit 255
//	 8 the version of e
//	 9 (the authentication trailer: a packet that has one fails check 6)
//	10 version 2: known kind of authentication, the agreed one, the password
//	11 version 2: the interval of e; version 3: an interval above 0
//	12 type 1
//	13 IPv4: total length as received; Ethernet padding allowed
//	14 version 3: interval of e, reserved bits 0; else noted only
//	15 IPv4: checksum of an accepted form (IPv6: the kernel's matter)
//	16 IPv4: multicast if and only if e is
//	17 e does not ignore adverts as an owner
//	18 counted as received
//	19 the address list of e in any order, if it is to be compared; else noted only
//	20 unicast, if the source is to be checked: a peer, TTL in its range
//	21 priority 0 counted
//
// A dropped packet counts its reason in st and no note; an accepted one each
// of its notes.
//
// It does not allocate, does not panic whatever the bytes, and reads e, d and
// st only during the call. e and st must not be nil. VRRPHeard is zero when
// the packet is dropped; its Src has no zone.
func CheckVRRP(e *VRRPEntry, d VRRPDatagram, st *VRRPStats) (VRRPHeard, Verdict) {
	msg, reason := checkEnvelope(e, &d)
	if reason == passed {
		reason = checkFields(e, &d, msg)
	}
	form := ChecksumUnknown
	if reason == passed {
		form, reason = checkSum(e, &d, msg)
	}
	switch {
	case reason != passed:
	case d.Dst.IsMulticast() == e.Unicast: // over IPv6 judged before
		reason = VRRPDestinationErr
	case e.OwnerIgnores:
		reason = VRRPOwnerIgnored
	default:
		st[VRRPAdvertRcvd].Add(1)
		reason = checkSource(e, &d)
	}
	if reason != passed {
		st[reason].Add(1)
		return VRRPHeard{}, Verdict{Drop: true, Reason: reason}
	}
	heard := VRRPHeard{
		Src:      d.Src.WithZone(""),
		Version:  msg[0] >> 4,
		Priority: msg[2],
		Interval: vrrpInterval(msg),
		Form:     form,
		At:       d.At,
	}
	notes := vrrpNotes[noteBits(e, msg)]
	for _, n := range notes {
		st[n].Add(1)
	}
	if heard.Priority == 0 {
		st[VRRPPriZeroRcvd].Add(1)
	}
	return heard, Verdict{Notes: notes}
}

// Matches reports whether h only repeats what w expects: the master speaks
// with the priority, interval and checksum form it had. A resignation
// (priority 0) never matches.
func (h VRRPHeard) Matches(w Watch) bool {
	return h.Priority != 0 && h.Priority == w.Priority && h.Src == w.Master &&
		h.Interval == w.Interval && h.Form == w.Form
}

// checkEnvelope judges what does not need the meaning of the message: size,
// belonging, lengths, TTL, version. It returns the message without padding.
func checkEnvelope(e *VRRPEntry, d *VRRPDatagram) ([]byte, VRRPCounter) {
	if len(d.Payload) < VRRPHeaderSize {
		return nil, VRRPTooShort
	}
	if !belongs(e, d) {
		return nil, VRRPIgnored
	}
	multicast := d.Dst.IsMulticast()
	if e.IPv6 && multicast == e.Unicast {
		return nil, VRRPNotMulticast
	}
	if d.AH != (e.AuthType == authAH) {
		return nil, VRRPAuthtypeMismatch
	}
	// The packet's own version decides on its length, so that a router of the
	// other version is reported as that and not as a length error.
	n := VRRPLength(d.Payload, e.IPv6)
	if !exactOrPadded(n, d, e.IPv6) {
		return nil, VRRPPacketLenErr
	}
	if !e.Unicast && d.TTL != vrrpTTL {
		return nil, VRRPTTLErr
	}
	if d.Payload[0]>>4 != e.Version {
		return nil, VRRPVersErr
	}
	return d.Payload[:n], passed
}

// belongs repeats what the lookup by key has found, and tells apart two
// virtual routers of one VRID in different groups, which have one key.
func belongs(e *VRRPEntry, d *VRRPDatagram) bool {
	if d.Payload[1] != e.VRID || d.Src.Is6() != e.IPv6 || !sameFamily(d.Src, d.Dst) {
		return false
	}
	otherGroup := !e.Unicast && e.Group.IsValid() && d.Dst.IsMulticast() &&
		d.Dst.WithZone("") != e.Group.WithZone("")
	return !otherGroup
}

// exactOrPadded reports whether n bytes may arrive as the payload of d:
// exactly, or over IPv4 filled up to the 46 bytes Ethernet demands, which a
// packet with an authentication header exceeds anyway. All that a packet holds
// comes in words of 4 bytes, so padding leaves a remainder of 2.
func exactOrPadded(n int, d *VRRPDatagram, ipv6 bool) bool {
	padding := len(d.Payload) - n
	if padding == 0 {
		return true
	}
	return padding > 0 && !ipv6 && !d.AH && IPv4HeaderSize+len(d.Payload) <= etherMinBytes && padding%4 == 2
}

// checkFields judges authentication, interval, type and the IPv4 length.
func checkFields(e *VRRPEntry, d *VRRPDatagram, msg []byte) VRRPCounter {
	if e.Version == 2 {
		if reason := checkAuth(e, msg); reason != passed {
			return reason
		}
		if vrrpInterval(msg) != e.Interval {
			return VRRPAdvertIntervalErr
		}
	} else if vrrpInterval(msg) == 0 { // would make us master within the skew time
		return VRRPAdvertIntervalErr
	}
	if msg[0]&0xf != vrrpTypeAdvert {
		return VRRPInvalidTypeRcvd
	}
	if !e.IPv6 && (d.IPLength < len(msg) || !exactOrPadded(d.IPLength, d, false)) {
		return VRRPPacketLenErr
	}
	return passed
}

// checkAuth judges the authentication of version 2.
func checkAuth(e *VRRPEntry, msg []byte) VRRPCounter {
	switch {
	case msg[4] > authAH:
		return VRRPInvalidAuthtype
	case msg[4] != e.AuthType:
		return VRRPAuthtypeMismatch
	case e.AuthType == 0:
		return passed
	case e.AuthType == authSimple && !e.IPv6 &&
		subtle.ConstantTimeCompare(msg[len(msg)-VRRPAuthDataSize:], e.AuthData[:]) == 1:
		return passed
	}
	return VRRPAuthFailure // nothing here verifies another kind, so nothing accepts it
}

// checkSum judges the checksum and says which form fitted.
func checkSum(e *VRRPEntry, d *VRRPDatagram, msg []byte) (ChecksumForm, VRRPCounter) {
	if e.IPv6 {
		return ChecksumKernel, passed
	}
	if form := MatchForm(msg, d.Src, d.Dst, e.Group, e.Forms); form != ChecksumUnknown {
		return form, passed
	}
	return ChecksumUnknown, VRRPChecksumErr
}

// checkSource demands of a unicast packet that a peer sent it from near enough.
func checkSource(e *VRRPEntry, d *VRRPDatagram) VRRPCounter {
	if !e.Unicast || !e.CheckSource {
		return passed
	}
	src := d.Src.WithZone("")
	for i := range e.Peers {
		p := &e.Peers[i]
		if p.Addr.WithZone("") != src {
			continue
		}
		if d.TTL < int(p.MinTTL) || d.TTL > int(p.MaxTTL) {
			return VRRPTTLErr
		}
		return passed
	}
	return VRRPSourceErr
}

// noteBits says what is odd about an accepted message.
func noteBits(e *VRRPEntry, msg []byte) int {
	bits := 0
	if e.Version == 3 {
		if vrrpInterval(msg) != e.Interval {
			bits |= noteInterval
		}
		if msg[4]&vrrpReserved != 0 {
			bits |= noteReserved
		}
	}
	size := addrSize(e.IPv6)
	if e.CheckList && !sameList(msg[VRRPHeaderSize:VRRPHeaderSize+int(msg[3])*size], e.Addrs, size) {
		bits |= noteAddrList
	}
	return bits
}

// sameList reports whether a and b hold the same addresses of size bytes, in
// any order. Equal order, the normal case, is one comparison.
func sameList(a, b []byte, size int) bool {
	return len(a) == len(b) && (bytes.Equal(a, b) || sameSorted(a, b, size))
}

// sameSorted compares two lists of equal length, at most 255 addresses, as
// sets. It sorts copies on the stack: a flood of long shuffled lists must not
// hold up the thread that sends the adverts.
func sameSorted(a, b []byte, size int) bool {
	var sa, sb [vrrpMaxAddrs][16]byte
	n := len(a) / size
	for i := range n {
		copy(sa[i][:], a[i*size:][:size])
		copy(sb[i][:], b[i*size:][:size])
	}
	order := func(x, y [16]byte) int { return bytes.Compare(x[:], y[:]) }
	slices.SortFunc(sa[:n], order)
	slices.SortFunc(sb[:n], order)
	return slices.Equal(sa[:n], sb[:n])
}
