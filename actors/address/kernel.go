package address

import (
	"time"

	"github.com/understudy-ha/understudy/actors/address/plan"
)

// Writer does jobs on a thread of its own, in the order they are submitted:
// removals, then additions, each announced as soon as it is there.
type Writer interface {
	// Prepare builds what the job needs; submit hands it over from any thread,
	// at once and without blocking. False: it was not taken.
	Prepare(j Job) (submit func() bool)
	// Run is the thread. It returns nil after Stop or when a later Run takes
	// over; jobs that wait are kept.
	Run() error
	// Stop does what waits, then ends Run; false: not within limit.
	Stop(limit time.Duration) bool
}

// Reader knows what the kernel has.
type Reader interface {
	// Addresses dumps all addresses of all interfaces.
	Addresses() ([]plan.Form, error)
	// Forwarding reports whether an interface forwards IPv6; it is asked once an announcement.
	Forwarding(ifindex int) bool
}

// Job is one order to the Writer.
type Job struct {
	ID     uint64
	Owner  string
	Cancel bool // repeats of the owner that still wait are void
	Dels   []plan.Form
	Adds   []Add
	Repeat int  // messages per address; those after the first wait for everything urgent
	Quiet  bool // an addition that is there already is not announced
	// Done is called on the writer's thread after all but the repeats.
	Done func(Result)
}

// Add is one address to add and announce.
type Add struct {
	Form  plan.Form
	Held  bool   // it is there: announce only
	Frame []byte // the announcement; nil: none
}

// Result is the outcome of a job. An addition that was there already and a
// removal that was not are no failures.
type Result struct {
	Failed     map[int]error // by place in Job.Adds
	DelFailed  map[int]error // by place in Job.Dels
	Existed    map[int]bool  // by place in Job.Adds: perhaps with other options
	Collateral []plan.Form   // what the kernel removed along with Dels
	Unsure     bool          // only a dump can tell
	Unsent     int           // announcements
	SendErr    error         // why, of the first
}
