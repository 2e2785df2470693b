package packet

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"
)

// ChecksumForm is one way to sum a VRRP message: RFC 3768 section 5.3.8, RFC 5798
// section 5.2.8 and RFC 9568 section 5.2.8 differ in the pseudo header.
type ChecksumForm uint8

// The forms.
const (
	ChecksumUnknown ChecksumForm = iota
	ChecksumPlain                // the message alone: version 2, and version 3 as RFC 9568 reads
	ChecksumPseudo               // with the pseudo header of source and real destination
	ChecksumGroup                // with the pseudo header of source and multicast group: old unicast
	ChecksumKernel               // IPv6: judged by the kernel
)

func (f ChecksumForm) String() string {
	names := [...]string{"unknown", "plain", "pseudo", "group", "kernel"}
	if int(f) < len(names) {
		return names[f]
	}
	return fmt.Sprintf("form(%d)", uint8(f))
}

// Forms is a set of checksum forms.
type Forms uint8

// Has reports whether f is in the set.
func (s Forms) Has(f ChecksumForm) bool { return s&(1<<f) != 0 }

// FormSet returns the set of the given forms.
func FormSet(fs ...ChecksumForm) Forms {
	var s Forms
	for _, f := range fs {
		s |= 1 << f
	}
	return s
}

// VRRPEntry is what one virtual router expects of an advert. It is never
// changed after it was published; a change makes a new one.
type VRRPEntry struct {
	VRID     uint8
	IPv6     bool
	Version  uint8
	Interval time.Duration // own advert interval: version 2 demands equality, version 3 notes a difference
	AuthType uint8         // version 2: 0 none, 1 simple password
	AuthData [8]byte       // version 2: the password, zero padded

	Unicast      bool
	Group        netip.Addr // multicast group; also the pseudo-header address of ChecksumGroup
	Forms        Forms      // accepted checksum forms of version 3 over IPv4
	CheckSource  bool       // unicast: the source must be a peer and its TTL in range
	Peers        []VRRPPeer
	OwnerIgnores bool   // owner_ignore_adverts
	Addrs        []byte // the own address list in wire form
	CheckList    bool   // check_advert_addresses: compare the list of every advert
}

// VRRPPeer is one unicast peer.
type VRRPPeer struct {
	Addr           netip.Addr
	MinTTL, MaxTTL uint8
}

// VRRPDatagram is one received datagram with its control data.
type VRRPDatagram struct {
	Src, Dst netip.Addr
	TTL      int // -1 unknown
	Ifindex  int
	IPLength int    // IPv4: total length field less header length (less the AH); -1 for IPv6
	AH       bool   // an authentication header (protocol 51) stood before Payload
	Payload  []byte // from the VRRP header on, Ethernet padding included
	At       int64  // receive time, CLOCK_MONOTONIC nanoseconds
}

// VRRPHeard is what an accepted advert said.
type VRRPHeard struct {
	Src      netip.Addr
	Version  uint8
	Priority uint8
	Interval time.Duration
	Form     ChecksumForm
	At       int64 // receive time, CLOCK_MONOTONIC nanoseconds
}

// VRRPCounter names one counter of an instance.
type VRRPCounter uint8

// The counters: those of keepalived's statistics, and one for each further
// check of CheckVRRP, which the numbers refer to. The order is that of the
// checks.
const (
	VRRPAdvertRcvd        VRRPCounter = iota // advert_rcvd
	VRRPAdvertSent                           // advert_sent
	VRRPBecomeMaster                         // become_master
	VRRPReleaseMaster                        // release_master
	VRRPTooShort                             // too_short: check 1
	VRRPIgnored                              // ignored: checks 2 and 3, not listening
	VRRPNotMulticast                         // multicast_mismatch: check 4
	VRRPAuthtypeMismatch                     // authtype_mismatch: checks 5 and 10
	VRRPPacketLenErr                         // packet_len_err: checks 6 and 13
	VRRPTTLErr                               // ip_ttl_err: checks 7 and 20
	VRRPVersErr                              // vers_err: check 8
	VRRPInvalidAuthtype                      // invalid_authtype: check 10
	VRRPAuthFailure                          // auth_failure: check 10
	VRRPAdvertIntervalErr                    // advert_interval_err: check 11
	VRRPInvalidTypeRcvd                      // invalid_type_rcvd: check 12
	VRRPIntervalDiffers                      // advert_interval_differs: check 14, accepted
	VRRPReservedBits                         // reserved_bits: check 14, accepted
	VRRPChecksumErr                          // chk_err: check 15
	VRRPDestinationErr                       // destination_err: check 16
	VRRPOwnerIgnored                         // owner_ignored: check 17
	VRRPAddrListErr                          // addr_list_err: check 19, accepted
	VRRPSourceErr                            // unicast_src_err: check 20
	VRRPPriZeroRcvd                          // pri_zero_rcvd: check 21
	VRRPPriZeroSent                          // pri_zero_sent
	VRRPSendErr                              // send_err: an advert the kernel refused
	VRRPCounters                             // how many there are
)

// VRRPStats counts for one instance. It survives its actor and is shared
// between the pacer's thread and readers.
type VRRPStats [VRRPCounters]atomic.Uint64

// Verdict is the outcome of the receive checks.
type Verdict struct {
	Drop   bool
	Reason VRRPCounter   // of the drop
	Notes  []VRRPCounter // nil or a shared constant slice: counted, logged once, accepted
}

// Watch is what a backup expects of its master. An advert that matches it
// and whose notes are empty is a store and a counter on the pacer; anything else becomes a message.
type Watch struct {
	Master   netip.Addr
	Priority uint8
	Interval time.Duration
	Form     ChecksumForm
	Timeout  time.Duration // counted from the last matching advert
	Deadline int64         // when it ends if none comes; CLOCK_MONOTONIC nanoseconds
}

// VRRPKey says which received adverts belong to a virtual router.
type VRRPKey struct {
	IPv6    bool
	VRID    uint8
	Ifindex int        // 0: any, with Local
	Local   netip.Addr // unicast: the destination; invalid for multicast
}

// Frame is one prebuilt advert, addressed. It is never changed after it was
// handed over.
type Frame struct {
	IPv6     bool
	Ifindex  int          // outgoing interface; 0: by route
	Src      netip.Addr   // source; invalid: the kernel's choice
	Dsts     []netip.Addr // one multicast group, or the unicast peers
	TTL      int          // TTL or hop limit; 0: the socket's (255)
	Payload  []byte       // the VRRP message, checksum included (IPv6: filled by the kernel)
	Payloads [][]byte     // one for each of Dsts where the checksum differs by destination; nil: Payload for all
	Priority uint8        // of the advert, for counting
}
