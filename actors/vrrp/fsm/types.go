package fsm

import (
	"net/netip"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// Instant is a point of CLOCK_MONOTONIC in nanoseconds. 0 means never.
type Instant = int64

// Role is the state of an instance (RFC 9568 section 6.4).
type Role uint8

// The roles, numbered as users of keepalived know them.
const (
	Init Role = iota
	Backup
	Master
	Fault
)

func (r Role) String() string { return [...]string{"init", "backup", "master", "fault"}[r] }

// Config is what the machine needs to know of an instance.
type Config struct {
	Version          uint8 // 2 or 3
	Priority         uint8 // 255 = address owner
	StartMaster      bool  // an owner that starts as master
	Interval         time.Duration
	Preempt          bool
	PreemptDelay     time.Duration
	DownTimerAdverts int
	AdvertToLower    bool
	AdvertToHigher   bool
	TimerExpired     int // timer_expired_backup: assumed priority, 0 = off
	Reannounce       bool
	StartupUntil     Instant // 0 = no start-up delay
	SourceRequired   bool    // false: adverts may go without an own address (never for multicast)
	Unicast          bool

	GARPDelay         time.Duration
	GARPRepeat        int
	GARPRefresh       time.Duration
	GARPRefreshRepeat int
	LowerGARPDelay    time.Duration
	LowerGARPRepeat   int
}

// Cause is one reason for FAULT, with the object it concerns.
type Cause struct {
	Kind   string // interface_down tracker no_source_address duplicate_vrid config crashed group
	Object string // interface, tracker or address; may be empty
	Since  Instant
}

// Timer names one deadline of the machine, other than the watch and the
// advert schedule, which belong to the pacer.
type Timer uint8

// The timers.
const (
	PreemptDelay Timer = iota
	GARPSecond         // second burst after becoming master
	GARPRefresh        // periodic burst
	GARPLower          // second burst after a lower advert
	OwnerWait          // two owners: the other should step back within it
	StartupDelay
	ConflictOver // another master has been silent for a down interval
	YieldOver    // switchover: nobody took over within a down interval
	Timers       // how many there are
)

func (t Timer) String() string {
	return [...]string{"preempt-delay", "garp-second", "garp-refresh", "garp-lower", "owner-wait", "startup-delay", "conflict-over", "yield-over"}[t]
}

// State is everything an instance must not forget. It is a value: slices are
// sorted, small and copied on write. It is what the memory cell keeps.
type State struct {
	Role      Role
	Since     Instant
	Effective uint8 // effective priority: base and contributions, or the one an owner dropped to
	Dropped   bool  // an owner that fell to 254 before another owner
	Source    netip.Addr
	Faults    []Cause
	Ready     bool // start-up delay over

	// What is known of the master.
	MasterAddr     netip.Addr
	MasterPriority uint8
	MasterInterval time.Duration       // learned (version 3), else own
	LastHeard      Instant             // last accepted advert of the master
	DownAt         Instant             // backup: when the down timer fires, 0 = no watch
	Form           packet.ChecksumForm // of the last valid advert heard from this virtual router

	LowerAddr     netip.Addr // backup: a master of lower priority that is ignored: takeover follows
	LowerPriority uint8

	Preempting PreemptPhase
	Deadline   [Timers]Instant // 0 = not armed

	Yielding    bool       // master after an ordered switchover: silent, its addresses kept until another is heard
	Held        bool       // after switchover: takes over only from silence
	ReturnAfter Instant    // VIP lost: down timer is skew
	OwnerRival  netip.Addr // another owner heard
	Conflict    Conflict
}

// PreemptPhase is the progress of the preempt delay.
type PreemptPhase uint8

// The phases.
const (
	PreemptIdle    PreemptPhase = iota // no lower advert seen yet
	PreemptWaiting                     // delay runs, lower adverts are accepted
	PreemptOver                        // lower adverts are ignored: takeover follows
)

// Conflict is what a master knows of another master of its virtual router.
type Conflict struct {
	With  netip.Addr // zero: none
	Since Instant
	Last  Instant // last advert of the other
}

// Event is what may happen to an instance.
//
//sumtype:decl
type Event interface{ event() }

// The events.
type (
	// Started is the start, with what is known of the source and faults, and
	// what an earlier run left; nil: nothing.
	Started struct {
		Source netip.Addr
		Faults []Cause
		Saved  *Saved
	}
	// Stopped is the ordered stop.
	Stopped struct{ Release bool } // false: keep addresses, send no priority 0
	// AdvertHeard is a valid advert that the watch did not absorb.
	AdvertHeard struct{ packet.VRRPHeard }
	// AdvertsAbsorbed tells when the watch last absorbed an advert. While BACKUP
	// the caller gives it before every event other than AdvertHeard and
	// WatchExpired, unless nothing was absorbed since; the machine then knows the
	// running deadline. No action follows from it.
	AdvertsAbsorbed struct{ Last Instant }
	// WatchExpired tells that the down timer fired. Armed says that the first
	// advert already went out and the addresses are being claimed.
	WatchExpired struct {
		LastHeard Instant // last advert the watch absorbed, 0 = none
		Armed     bool
	}
	// TimerFired tells that an armed Timer is due.
	TimerFired struct{ Timer Timer }
	// Stalled tells a master that its schedule was not served in time: its last advert left at LastSent.
	Stalled struct{ LastSent Instant }
	// FaultRaised and FaultCleared change the set of causes.
	FaultRaised  struct{ Cause Cause }
	FaultCleared struct{ Kind, Object string }
	// SourceChanged gives the address adverts are sent from; invalid = none left.
	// With Config.SourceRequired its absence is a fault, else the old one stays.
	SourceChanged struct{ Source netip.Addr }
	// PriorityChanged gives the new sum of base priority and contributions.
	PriorityChanged struct{ Effective uint8 }
	// Reconfigured swaps the configuration; the machine already has the new one as cfg.
	Reconfigured struct {
		Old            Config
		AddressesAdded bool
	}
	// AddressLost tells that others removed a tracked virtual address.
	AddressLost struct{ Address netip.Addr }
	// SwitchoverOrdered and SwitchbackOrdered are the operator's. Without Force
	// the master keeps its addresses until another router advertises, and goes
	// on as master if none does within a down interval.
	SwitchoverOrdered struct{ Force bool }
	SwitchbackOrdered struct{}
	// AnnounceOrdered is the operator's: one message per address.
	AnnounceOrdered struct{}
)

func (Started) event()           {}
func (Stopped) event()           {}
func (AdvertHeard) event()       {}
func (AdvertsAbsorbed) event()   {}
func (WatchExpired) event()      {}
func (TimerFired) event()        {}
func (Stalled) event()           {}
func (FaultRaised) event()       {}
func (FaultCleared) event()      {}
func (SourceChanged) event()     {}
func (PriorityChanged) event()   {}
func (Reconfigured) event()      {}
func (AddressLost) event()       {}
func (SwitchoverOrdered) event() {}
func (SwitchbackOrdered) event() {}
func (AnnounceOrdered) event()   {}

// Action is what the caller must do, in the order given.
//
//sumtype:decl
type Action interface{ action() }

// The actions.
type (
	// Changed reports a role change; the caller notes it, counts it and notifies.
	Changed struct {
		From, To Role
		Cause    string // one clear phrase, lower case: "no advert for 3.609s", "higher priority 150 from 192.0.2.1"
	}
	// SendAdvert sends one advert now. While a schedule runs, the next one is due an interval later.
	SendAdvert struct{ Priority uint8 }
	// StartAdverts starts the periodic schedule: the next is due at First, 0 =
	// one interval after the advert just sent.
	StartAdverts struct {
		Interval time.Duration
		Priority uint8
		First    Instant
	}
	// UpdateAdverts changes what the running schedule sends; the schedule goes on.
	UpdateAdverts struct {
		Interval time.Duration
		Priority uint8
	}
	// StopAdverts ends the schedule.
	StopAdverts struct{}
	// StartWatch (re)arms the down timer; it replaces the one before.
	StartWatch struct{ Watch packet.Watch }
	// StopWatch disarms it.
	StopWatch struct{}
	// SetTimer arms a timer; it replaces the one before.
	SetTimer struct {
		Timer Timer
		At    Instant
	}
	// StopTimer disarms it.
	StopTimer struct{ Timer Timer }
	// ClaimAddresses adds the virtual addresses and announces each as soon as it is there, Repeat times.
	ClaimAddresses struct{ Repeat int }
	// ReleaseAddresses removes them.
	ReleaseAddresses struct{}
	// Announce sends a burst for every address.
	Announce struct{ Repeat int }
	// AnnounceSource announces the own source once (leaving FAULT in unicast).
	AnnounceSource struct{}
	// Listen opens or closes the ear: closed in INIT, FAULT and before the start-up delay ended.
	Listen struct{ Open bool }
	// Notice is something an operator should see; Key makes it once until the role changes.
	Notice struct {
		Key  string // constant lower-case phrase
		From netip.Addr
		Text string
	}
	// HeardLower is the event MASTER_RX_LOWER_PRI.
	HeardLower struct {
		From     netip.Addr
		Priority uint8
	}
)

func (Changed) action()          {}
func (SendAdvert) action()       {}
func (StartAdverts) action()     {}
func (UpdateAdverts) action()    {}
func (StopAdverts) action()      {}
func (StartWatch) action()       {}
func (StopWatch) action()        {}
func (SetTimer) action()         {}
func (StopTimer) action()        {}
func (ClaimAddresses) action()   {}
func (ReleaseAddresses) action() {}
func (Announce) action()         {}
func (AnnounceSource) action()   {}
func (Listen) action()           {}
func (Notice) action()           {}
func (HeardLower) action()       {}
