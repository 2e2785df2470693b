package messages

import "time"

// Event is one entry of the timeline, GET /v1/events. Seq is filled in by inspect.
type Event struct {
	Seq    uint64         `json:"seq"`
	At     time.Time      `json:"at"`
	Kind   string         `json:"kind"`   // transition, fault, restart, reload, conflict, notice …
	Object string         `json:"object"` // tree path
	From   string         `json:"from,omitempty"`
	To     string         `json:"to,omitempty"`
	Cause  string         `json:"cause"`
	Data   map[string]any `json:"data,omitempty"`
}

// Contribution, Fault, Transition, Peer and the rest are parts of InstanceStatus.
type (
	Contribution struct {
		Source string `json:"source"`
		Value  int    `json:"value"`
		Up     bool   `json:"up"`
	}
	Fault struct {
		Cause  string    `json:"cause"`
		Object string    `json:"object"`
		Since  time.Time `json:"since"`
	}
	Transition struct {
		At    time.Time `json:"at"`
		From  string    `json:"from"`
		To    string    `json:"to"`
		Cause string    `json:"cause"`
	}
	Peer struct {
		Address   string    `json:"address"`
		Priority  int       `json:"priority"`
		Interval  float64   `json:"interval"`
		Version   int       `json:"version"`
		Checksum  string    `json:"checksum"`
		LastHeard time.Time `json:"last_heard"`
	}
	Priority struct {
		Base          int            `json:"base"`
		Effective     int            `json:"effective"`
		Contributions []Contribution `json:"contributions"`
	}
	MasterOf struct {
		Address  string `json:"address"`
		Priority int    `json:"priority"`
	}
	Margin struct {
		WorstGap     float64    `json:"worst_gap"`
		DownInterval float64    `json:"down_interval"`
		At           *time.Time `json:"at"`
	}
	Conflict struct {
		Active       bool       `json:"active"`
		Since        *time.Time `json:"since"`
		TotalSeconds float64    `json:"total_seconds"`
		With         []string   `json:"with"`
		Reasons      []string   `json:"reasons"`
	}
)

// InstanceStatus is GET /v1/vrrp/{name}.
type InstanceStatus struct {
	Name           string            `json:"name"`
	State          string            `json:"state"` // init backup master fault
	Since          time.Time         `json:"since"`
	VRID           int               `json:"vrid"`
	Version        int               `json:"version"`
	Family         string            `json:"family"`
	Interface      string            `json:"interface"`
	Source         string            `json:"source"`
	Priority       Priority          `json:"priority"`
	Master         *MasterOf         `json:"master"`
	AdvertInterval float64           `json:"advert_interval"`
	MasterInterval float64           `json:"master_interval"`
	DownInterval   float64           `json:"down_interval"`
	Preempt        bool              `json:"preempt"`
	Held           bool              `json:"held"` // after switchover
	Addresses      []string          `json:"addresses"`
	Excluded       []string          `json:"excluded_addresses"`
	AddressesHeld  bool              `json:"addresses_held"`              // claimed in the kernel now
	Refused        []Refused         `json:"refused_addresses,omitempty"` // of those claimed
	StartupUntil   *time.Time        `json:"startup_until,omitempty"`     // end of the start-up delay; nil: over
	Faults         []Fault           `json:"faults"`
	Counters       map[string]uint64 `json:"counters"`
	Peers          []Peer            `json:"peers"`
	Margin         Margin            `json:"margin"`
	Conflict       Conflict          `json:"conflict"`
	Transitions    []Transition      `json:"transitions"` // the last 16, oldest first
}

// Refused is an address of a master that the kernel would not take.
type Refused struct {
	Address string `json:"address"`
	Error   string `json:"error"`
}

// StatusReader is what an instance publishes to the registry: it is called by
// any reader at any time and answers with live counters.
type StatusReader interface{ InstanceStatus() InstanceStatus }

// Finding is one remark on a configuration, as check and reload give it.
type Finding struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Severity string `json:"severity"` // error warning note
	Key      string `json:"key"`
	Text     string `json:"text"`
	Host     bool   `json:"host,omitempty"`
}

// Reload asks for a new configuration; File empty means the running one's
// path. Answered by ReloadDone. DryRun answers the plan and changes nothing.
type Reload struct {
	File   string
	DryRun bool
}

// ReloadDone answers Reload.
type ReloadDone struct {
	OK       bool
	Error    string // of the operation, not of the text
	Findings []Finding
	Plan     Plan
}

// Plan is what a reload starts, stops and changes.
type Plan struct {
	Start     []string     `json:"start"`
	Stop      []string     `json:"stop"`
	Change    []PlanChange `json:"change"`
	Unchanged int          `json:"unchanged"`
}

// PlanChange is one changed object with its changed keys.
type PlanChange struct {
	Path string   `json:"path"`
	Keys []string `json:"keys"`
}
