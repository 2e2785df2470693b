package messages

import (
	"net/netip"
	"time"
)

// InstanceState is what the state file keeps of one instance for the process
// that follows. Instants are CLOCK_MONOTONIC in nanoseconds, 0 = never, and
// mean nothing after a reboot; durations are nanoseconds.
type InstanceState struct {
	Identity string `json:"identity"` // config.Spec: whose state it is, whatever the name
	Name     string `json:"name"`
	Role     string `json:"role"` // init backup master fault
	Since    int64  `json:"since,omitempty"`

	BasePriority uint8      `json:"base_priority"`
	Priority     uint8      `json:"priority,omitempty"` // effective
	Dropped      bool       `json:"dropped,omitempty"`  // an owner that fell behind another owner
	OwnerRival   netip.Addr `json:"owner_rival,omitzero"`

	LastSent  int64            `json:"last_sent,omitempty"` // last advert that left
	Yielding  bool             `json:"yielding,omitempty"`  // a switchover is under way
	Held      bool             `json:"held,omitempty"`      // after a switchover
	Ready     bool             `json:"ready,omitempty"`     // start-up delay over
	DownAt    int64            `json:"down_at,omitempty"`   // backup: when its down timer ends
	Preempt   string           `json:"preempt,omitempty"`   // waiting over: progress of the preempt delay
	Deadlines map[string]int64 `json:"deadlines,omitempty"` // of timers, by name

	Form            string        `json:"form,omitempty"`             // checksum form last heard
	LearnedInterval time.Duration `json:"learned_interval,omitempty"` // of the last master
	Master          netip.Addr    `json:"master,omitzero"`
	MasterPriority  uint8         `json:"master_priority,omitempty"`
	LastHeard       int64         `json:"last_heard,omitempty"` // last advert of the master
	Lower           netip.Addr    `json:"lower,omitzero"`       // a master of lower priority that is ignored
	LowerPriority   uint8         `json:"lower_priority,omitempty"`

	Addresses []HeldAddress `json:"addresses,omitempty"` // in the kernel, or about to be
	Last      *Transition   `json:"last,omitempty"`      // the latest
}

// HeldAddress is one address on an interface.
type HeldAddress struct {
	Interface string       `json:"interface"`
	Prefix    netip.Prefix `json:"prefix"`
	Peer      netip.Prefix `json:"peer,omitzero"`
}

// StateReader is implemented beside StatusReader by what an instance publishes
// to the registry. Any reader may call it at any time.
type StateReader interface{ InstanceState() InstanceState }
