package messages

import (
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// Since selects the events after Seq or, if At is set, those at At and later.
// The zero value selects all.
type Since struct {
	Seq uint64
	At  time.Time
}

// EventsSince asks inspect for the timeline. Answered by Events.
type EventsSince struct{ Since Since }

// Events is a part of the timeline, oldest first.
type Events struct {
	Events []Event
	Last   uint64 // sequence number of the newest event there is; 0 = none yet
	Lost   bool   // some of what was asked for has left the ring
	Error  string // of FollowEvents: not followed
}

// FollowEvents is EventsSince, and hands every later event to Follower.
// Answered by Events. UnfollowEvents ends it.
type (
	FollowEvents struct {
		Since    Since
		Follower *Follower
	}
	UnfollowEvents struct{ Follower *Follower }
)

// Follower is the bounded queue between the timeline and one reader of it.
type Follower struct {
	mu     sync.Mutex
	events chan Event
	closed bool
	reason string
}

// NewFollower makes a queue of at most limit events (at least 1).
func NewFollower(limit int) *Follower {
	return &Follower{events: make(chan Event, max(limit, 1))}
}

// Events delivers the events in order. It is closed when the follower was cut off.
func (f *Follower) Events() <-chan Event { return f.events }

// Offer queues an event without blocking. It reports false when the follower
// is cut off; a full queue cuts it off.
func (f *Follower) Offer(e Event) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	select {
	case f.events <- e:
		return true
	default:
		f.cut("too slow: the queue of events is full")
		return false
	}
}

// Cut ends the follower. Its reader still gets what is queued.
func (f *Follower) Cut(reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut(reason)
}

func (f *Follower) cut(reason string) {
	if !f.closed {
		f.closed, f.reason = true, reason
		close(f.events)
	}
}

// Reason tells why the follower was cut off; empty while it is not.
func (f *Follower) Reason() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reason
}

// HealthAsked asks inspect for a verdict on the whole daemon. Answered by Health.
type HealthAsked struct{}

// Health is that verdict.
type Health struct {
	Verdict string   // ok degraded failed
	Reasons []string // one phrase each, worst first; empty when ok
}

// ConfigStatus is what reload publishes to the registry.
type ConfigStatus struct {
	File       string    `json:"file"`
	Hash       string    `json:"hash"`
	Loaded     time.Time `json:"loaded"`
	Generation uint64    `json:"generation"` // committed configurations since the start
	LastError  string    `json:"last_error"` // of the last reload; empty: it succeeded
	OK         uint64    `json:"-"`          // reloads that were committed
	Failed     uint64    `json:"-"`          // reloads that were refused
}

// DaemonStatus is GET /v1/status.
type DaemonStatus struct {
	Version string       `json:"version"`
	PID     int          `json:"pid"`
	Started time.Time    `json:"started"`
	Config  ConfigStatus `json:"config"`
	Health  string       `json:"health"` // ok degraded failed
	Reasons []string     `json:"reasons"`
}

// ActorRecord is what the registry knows of one actor.
type ActorRecord struct {
	Path      string
	Kind      string
	State     string    // running restarting quarantined stopped
	Started   time.Time // of this incarnation; zero: not yet
	Restarts  uint64
	Mailbox   int    // waiting messages
	LastCrash *Crash // nil: none
	Snapshot  any    // what the actor publishes, e.g. a StatusReader
}

// Crash is the post-mortem of an incarnation.
type Crash struct {
	At         time.Time `json:"at"`
	Reason     string    `json:"reason"`
	Message    string    `json:"message"` // type of the message it was handling; that one is lost
	Stack      string    `json:"stack"`
	State      string    `json:"state_before"` // the memory cell, as text
	Generation uint64    `json:"generation"`
	Injected   bool      `json:"injected"` // on purpose
}

// ActorNode is GET /v1/tree: one actor with what stands below it.
type ActorNode struct {
	Path      string       `json:"path"`
	Kind      string       `json:"kind"`
	State     string       `json:"state"`
	Started   *time.Time   `json:"started"` // nil: not yet
	Restarts  uint64       `json:"restarts"`
	Mailbox   int          `json:"mailbox"`
	LastCrash *Crash       `json:"last_crash"`
	Children  []*ActorNode `json:"children"` // in start order
}

// Explanation is GET /v1/explain/{name}. Exactly one of Instance and Actor is set.
type Explanation struct {
	Name     string
	Kind     string // vrrp, actor
	State    string
	Cause    string // one phrase
	Text     string // plain words, several lines
	Instance *InstanceStatus
	Actor    *ActorNode
}

// MarshalJSON writes {name, kind, state, cause, text, …the object}.
func (e Explanation) MarshalJSON() ([]byte, error) {
	type head struct {
		Name  string `json:"name"`
		Kind  string `json:"kind"`
		State string `json:"state"`
		Cause string `json:"cause"`
		Text  string `json:"text"`
	}
	h := head{e.Name, e.Kind, e.State, e.Cause, e.Text}
	// The objects are embedded one level deeper than the head, so where both
	// have a field the head's is written.
	type instance struct{ InstanceStatus }
	type actor struct{ ActorNode }
	switch {
	case e.Instance != nil:
		return json.Marshal(struct {
			head
			instance
		}{h, instance{*e.Instance}})
	case e.Actor != nil:
		return json.Marshal(struct {
			head
			actor
		}{h, actor{*e.Actor}})
	}
	return json.Marshal(h)
}

// Object names one thing that the API can be asked about.
type Object struct {
	Kind string // vrrp; actor for what has no other kind
	Name string // for an actor its path
	Path string // tree path
}

// Kill orders an actor to misbehave, for tests of the supervision.
type Kill struct {
	Path  string
	Mode  string // panic hang slow
	Count bool   // it counts towards budget and back-off
	Times int    // how often, at least 1
	Every time.Duration
}

// The kinds of refusal of the admin API. An error that wraps none of them is
// an internal one.
var (
	ErrUnknown   = errors.New("unknown object")
	ErrConflict  = errors.New("not possible now")
	ErrForbidden = errors.New("switched off")
)

// Refusal is an error of one of these kinds with a text of its own.
type Refusal struct {
	Kind error
	Text string
}

func (r *Refusal) Error() string { return r.Text }
func (r *Refusal) Unwrap() error { return r.Kind }

// StopAdmin makes admin give up its listener, and with it the lock of the
// daemon. Answered by Done once the socket is closed.
type StopAdmin struct{}
