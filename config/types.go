package config

import (
	"net/netip"
	"time"
)

// Config is a validated configuration: every default is filled in, every
// reference resolved, so nobody downstream asks "is it set?".
type Config struct {
	File  string   // the path as given
	Files []string // File and what it includes, in reading order
	Hash  string   // SHA-256 over the bytes of Files, hexadecimal

	Global Global
	Admin  Admin
	VRRP   VRRP

	places map[string]position // of the keys that Compare may have to name
}

// Global holds the process-wide options.
type Global struct {
	RouterID    string
	Instance    string
	RunDir      string
	StateDir    string
	StopTimeout time.Duration
	Umask       uint32
	LockMemory  bool
	Pacer       Thread // process.vrrp: the pacer's thread
}

// Thread holds the scheduling of one thread.
type Thread struct {
	Name       string
	Nice       int
	RTPriority int   // 0 = ordinary scheduling
	CPUs       []int // empty = all
}

// Admin holds the options of the admin API.
type Admin struct {
	SocketPath  string // absolute
	SocketMode  uint32
	SocketUser  string
	SocketGroup string
	Metrics     bool
	Pprof       bool
	Chaos       bool
}

// VRRP holds the options of all virtual routers.
type VRRP struct {
	StartupDelay      time.Duration
	DelayAfterBoot    time.Duration
	LogUnknownVRIDs   bool
	ReleaseOnStop     bool
	DynamicInterfaces bool
	DynamicChanges    bool // an interface may come back with another type or base
	Instances         []Instance
}

// Family is the address family of an instance.
type Family uint8

// The two families.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

func (f Family) String() string {
	if f == IPv6 {
		return "ipv6"
	}
	return "ipv4"
}

// ChecksumMode says how VRRPv3 over IPv4 is checksummed: RFC 5798 and RFC 9568,
// section 5.2.8 of both, are read in two ways.
type ChecksumMode uint8

// The modes of v3_checksum_as_v2.
const (
	ChecksumAuto ChecksumMode = iota // both accepted, sent as last heard
	ChecksumAsV2                     // without pseudo header
	ChecksumAsV3                     // with pseudo header
)

// OldChecksum says whether unicast VRRPv3 sums over the multicast group.
type OldChecksum uint8

// The modes of unicast.old_checksum.
const (
	OldAuto OldChecksum = iota
	OldAlways
	OldNever
)

// Instance is one virtual router.
type Instance struct {
	Name      string
	Interface string // empty: unicast by source address alone
	VRID      uint8
	Family    Family
	Version   uint8 // 2 or 3

	Priority       uint8
	StartMaster    bool // state: master, owners only
	AdvertInterval time.Duration
	Strict         bool
	Preempt        bool
	PreemptDelay   time.Duration

	DownTimerAdverts        int
	AdvertToLowerPriority   bool
	AdvertToHigherPriority  bool
	OwnerIgnoreAdverts      bool
	CheckAdvertAddresses    bool
	ReannounceAfterConflict bool
	Checksum                ChecksumMode
	TimerExpiredBackup      int // 0 = off
	TrackPrimary            bool
	SourceIP                netip.Addr // invalid: the interface's first
	TrackSourceIP           bool
	McastGroup              netip.Addr
	ReceiveBuffer           int
	Unicast                 *Unicast // nil: multicast
	GARP                    GARP
	VirtualIPs              []Address // advertised
	VirtualIPsExcluded      []Address // configured, not advertised
}

// Unicast holds the peers of an instance that does not use multicast.
type Unicast struct {
	Peers             []Peer
	TTL               int // 0 = the socket's own
	CheckSource       bool
	OldChecksum       OldChecksum
	FaultWithoutPeers bool
}

// Peer is one unicast peer and the TTL range accepted from it.
type Peer struct {
	Address        netip.Addr
	MinTTL, MaxTTL uint8
}

// GARP is the schedule of gratuitous ARP and unsolicited neighbour
// advertisement messages (RFC 9568 sections 6.4.1 and 6.4.2).
type GARP struct {
	MasterDelay         time.Duration // second burst after becoming master; 0 = none
	MasterRepeat        int           // messages per address and burst
	MasterRefresh       time.Duration // 0 = off
	MasterRefreshRepeat int
	LowerDelay          time.Duration
	LowerRepeat         int // 0 = none
}

// Forever is the preferred lifetime of an address that does not expire.
const Forever = time.Duration(-1)

// Address is one address to configure on an interface, with its options as in
// config/reference.yaml.
type Address struct {
	Prefix            netip.Prefix // address with its length, not masked
	Interface         string       // resolved: never empty
	Scope             uint8        // IPv4; RT_SCOPE_*
	Broadcast         netip.Addr   // invalid = none
	Label             string
	Peer              netip.Prefix // invalid = none
	Tracked           bool
	DAD               bool
	PreferredLifetime time.Duration // Forever or whole seconds
	Home              bool
	MngTmpAddr        bool
	AutoJoin          bool
	PrefixRoute       bool
}
