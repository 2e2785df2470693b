package messages

// Histogram is a distribution with fixed bounds.
type Histogram struct {
	Bounds []float64 // upper bounds, inclusive, ascending
	Counts []uint64  // per bucket, not cumulative: Counts[i] is above Bounds[i-1] and up to Bounds[i]; what is above the last bound is in Count alone, or in one more entry
	Sum    float64   // of all observed values
	Count  uint64    // of all observed values, those above the last bound included
}

// InstanceMetrics is what the metrics of an instance need beyond its status.
type InstanceMetrics struct {
	Lateness      Histogram         // of sent adverts, seconds past their due time
	TransitionsTo map[string]uint64 // how often each state was entered, by name
}

// MetricsReader is implemented beside StatusReader by what an instance
// publishes to the registry. Any reader may call it at any time.
type MetricsReader interface{ InstanceMetrics() InstanceMetrics }

// PacerMetrics is how the thread that carries the adverts does. All but
// MaxLateness are counts since the start of the daemon.
type PacerMetrics struct {
	Turns       uint64
	LateTurns   uint64  // begun more than 1 ms after they were due
	Stalls      uint64  // begun more than 20 ms after
	MaxLateness float64 // of a turn, seconds
	Packets     uint64  // received
	Unknown     uint64  // of virtual routers that are not configured here
	KernelDrops uint64  // lost to a full receive buffer
	SlotDrops   uint64  // adverts that a busy instance missed
	Sent        uint64
	SendErrors  uint64
	LeaseEnds   uint64 // schedules that ended without their instance
	Armed       uint64 // takeovers begun before the instance ran
}

// PacerReader is what the pacer's actor publishes to the registry.
type PacerReader interface{ PacerMetrics() PacerMetrics }

// InstanceSample is one instance as a scrape sees it.
type InstanceSample struct {
	Status  InstanceStatus
	Metrics InstanceMetrics
}

// MetricsSample is everything a scrape needs.
type MetricsSample struct {
	Instances []InstanceSample
	Actors    []ActorRecord
	Config    ConfigStatus
	Pacer     *PacerMetrics // nil: not published yet
}

// DropReason explains a counter of an instance that counts dropped adverts.
// The second result tells whether the counter is one: the others count
// adverts that were sent or accepted.
func DropReason(counter string) (string, bool) {
	text, ok := dropReasons[counter]
	return text, ok
}

// dropReasons explains the counters of dropped adverts (RFC 9568 section 7.1).
var dropReasons = map[string]string{
	"too_short":           "shorter than a VRRP header",
	"ignored":             "arrived while the instance was not listening (init, fault or start-up delay)",
	"multicast_mismatch":  "multicast where unicast is configured, or the reverse",
	"authtype_mismatch":   "another authentication type than ours",
	"packet_len_err":      "a length that does not fit the address count or the IP header",
	"ip_ttl_err":          "a TTL or hop limit that was not 255 or not in the peer's range: not sent on this link",
	"vers_err":            "another VRRP version than ours",
	"invalid_authtype":    "an unknown authentication type",
	"auth_failure":        "the wrong password",
	"advert_interval_err": "another advert interval than ours (version 2), or an interval of 0",
	"invalid_type_rcvd":   "a VRRP type other than advertisement",
	"chk_err":             "a wrong checksum",
	"destination_err":     "sent to an address that this instance does not listen on",
	"owner_ignored":       "ignored because this router owns the addresses (owner_ignore_adverts)",
	"unicast_src_err":     "sent by an address that is not a configured peer",
}
