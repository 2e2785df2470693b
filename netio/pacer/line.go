package pacer

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// Hint tells an owner that its line has something for it. A hint carries no
// data: the owner takes that from its Session.
type Hint uint8

// The hints.
const (
	HintPacket  Hint = iota // Take or TakeNotices has something
	HintExpired             // the watch ended: see Expired
	HintRenew               // the lease wants Renew; any answer will do
	HintStalled             // the schedule was served too late: see Stalled, answer with Renew
)

func (h Hint) String() string {
	return [...]string{"packet", "expired", "renew", "stalled"}[h]
}

// slotSize is how many state changes wait for an owner that is busy.
const slotSize = 8

// routerSlots is how many other routers a line remembers.
const routerSlots = 16

// line is what the pacer does for one owner. It outlives the owner.
type line struct {
	e    *Engine
	path atomic.Pointer[string]

	gen    atomic.Uint64
	hint   atomic.Pointer[func(Hint)]
	orders []order // guarded by Engine.mu
	queued bool    // in Engine.dirty; guarded by Engine.mu

	// Written by the owner, read by the pacer.
	lease    atomic.Int64
	leaseFor atomic.Int64                // what the last Renew gave
	vouch    atomic.Pointer[func() bool] // nil: ask the owner itself
	answered atomic.Bool                 // Renew was called since the last ask

	// Written by the pacer, read by anybody.
	ended     atomic.Bool // the lease ended; until Reopen nothing is sent
	holding   atomic.Bool // a send waits for Renew, which then wakes the pacer
	lastHeard atomic.Int64
	lastSent  atomic.Int64
	worstGap  atomic.Int64
	worstAt   atomic.Int64
	next      atomic.Int64 // due time of the next advert, 0 = no schedule
	stats     packet.VRRPStats
	lateness  Lateness
	routers   [routerSlots]atomic.Pointer[router]

	// Handed from the pacer to the owner.
	dirty   atomic.Bool // HintPacket was posted and Take not called since
	slot    atomic.Pointer[slot]
	notices atomic.Pointer[[]Notice]
	noticed atomic.Uint64 // reasons since the last ResetNotices, a bit each
	expiry  atomic.Pointer[expiry]
	stall   atomic.Pointer[Stall]

	// The rest belongs to the pacer's thread.
	pos    [heapKinds]int
	entry  *packet.VRRPEntry
	keys   []packet.VRRPKey
	deaf   bool
	closed bool

	watch     packet.Watch
	watching  bool
	watchRx   int64 // last advert that matched this watch
	detecting int   // the family whose heap it stands in

	armed *packet.Frame
	then  func()

	frame      *packet.Frame
	resign     *packet.Frame
	interval   time.Duration // of the schedule, or the one the armed frame would begin
	due        int64
	trial      int64 // after an armed send: nothing leaves past this until Advertise; 0 = not on trial
	stallLimit time.Duration

	askedAt  int64
	keepFrom int64 // earliest instant at which keep has something to do
	stallAt  int64 // the engine's last stall that an ask has followed
	firstAsk int64 // that ask
	reported bool  // the owner was, for the last ask
	vouched  int   // asks in a row that vouch answered
	misses   int   // asks in a row without answer
	excused  int   // stalls in a row that kept the lease from being judged
}

// slot keeps what an owner has not taken yet.
type slot struct {
	n     int
	heard [slotSize]packet.VRRPHeard
}

type expiry struct {
	armed     bool
	lastHeard int64
}

// Stall tells how a schedule was interrupted.
type Stall struct {
	LastSent int64 // the last advert before
	Missed   int   // periods without an advert
	Held     bool  // nothing is sent until Renew
}

// Notice is a dropped or odd packet, or an advert the kernel refused
// (packet.VRRPSendErr): the first of its kind since ResetNotices.
type Notice struct {
	Reason packet.VRRPCounter
	From   netip.Addr // its source; of a refused advert, the destination
	At     int64
}

// router is another router of the segment; heard is as of its last change.
type router struct {
	heard packet.VRRPHeard
	at    atomic.Int64
}

// sending says that a schedule runs.
func (l *line) sending() bool { return l.pos[heapSend] != 0 }

// family indexes what exists once for IPv4 and once for IPv6.
func family(ipv6 bool) int {
	if ipv6 {
		return 1
	}
	return 0
}

func (l *line) family() int { return family(l.entry != nil && l.entry.IPv6) }
