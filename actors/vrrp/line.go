package vrrp

import (
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// Pacer opens the line of an instance. The line outlives the actor: a new
// incarnation finds its schedule, watch and counters as they were.
type Pacer interface {
	Open(path string) Line
	Close(path string)
	Rename(from, to string) // the line goes on under another path
	// Abandon ends what the line of a dead actor still does: the priority-0 frame, then silence.
	Abandon(path string)
}

// Line is one instance's share of the pacer's thread. Its methods may be
// called from the actor at any time; none blocks. Orders take effect in the
// order given, at the thread's next turn.
type Line interface {
	Listen(e *packet.VRRPEntry, keys []packet.VRRPKey)
	Deafen()

	Watch(w packet.Watch)
	Unwatch()
	// Expired takes the outcome of the watch, once. Armed: the armed frame
	// was sent. lastHeard: the last advert the watch absorbed, 0 = none.
	Expired() (expired, armed bool, lastHeard int64)
	// Arm lets the pacer send f at the end of the watch, then call then.
	Arm(f *packet.Frame, then func())
	Disarm()

	// Advertise sends f each interval, from first on, while the lease lasts.
	Advertise(f *packet.Frame, interval time.Duration, first int64)
	UpdateAdvert(f *packet.Frame, interval time.Duration)
	Silence()
	// SetResign keeps the frame that ends the schedule when the lease ends.
	SetResign(f *packet.Frame)
	// Send sends f now; restart: the schedule's next is one interval later.
	Send(f *packet.Frame, restart bool)
	// SetStallPolicy: how long after its last advert a schedule that was served
	// late goes on by itself; beyond, it waits for Renew. 0: always.
	SetStallPolicy(limit time.Duration)
	// Stalled takes the outcome of a late schedule, once.
	Stalled() (lastSent int64, stalled bool)
	// Renew prolongs the lease. False: it had ended; what it covered is gone.
	Renew(until int64) bool
	// Reopen ends the state after an ended lease.
	Reopen()

	Take() []packet.VRRPHeard
	Notices() []Notice
	ForgetNotices()
	Stats() *packet.VRRPStats
	LastHeard() int64 // last advert the watch absorbed, 0 = none
	LastSent() int64  // last advert sent, 0 = none
	Readings() Readings
}

// Notice is a dropped or odd packet, once a kind.
type Notice struct {
	Reason packet.VRRPCounter
	From   string
}

// Readings is what the line measured, for status and metrics.
type Readings struct {
	WorstGap   time.Duration
	WorstGapAt int64
	Routers    []Router
	Lateness   Lateness
}

// Router is another router heard on the segment.
type Router struct {
	Heard packet.VRRPHeard
}

// Lateness is the histogram of how late adverts left.
type Lateness struct {
	Bounds []float64 // seconds, upper
	Counts []uint64  // of each bound, not cumulative; one more for the rest
	Sum    float64   // seconds
	Count  uint64
}
