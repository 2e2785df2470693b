package web

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/understudy-ha/understudy/messages"
)

// states gives the number of each state in understudy_vrrp_state.
var states = map[string]float64{"init": 0, "backup": 1, "master": 2, "fault": 3}

// collector makes the metrics at scrape time from what the actors publish, so
// that they agree with the rest of the API and nobody keeps global counters.
type collector struct {
	backend Reader

	state, priority, transitions, received, sent, dropped, lateness *prometheus.Desc
	restarts, quarantined, reloads, generation                      *prometheus.Desc
	turns, lateTurns, worst, pacer                                  *prometheus.Desc
}

// newRegistry holds the metrics of the daemon, the process and the runtime.
func newRegistry(backend Reader) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(newCollector(backend), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

func newCollector(backend Reader) *collector {
	vrrp := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc("understudy_vrrp_"+name, help, append([]string{"instance", "interface", "vrid", "family"}, more...), nil)
	}
	other := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("understudy_"+name, help, labels, nil)
	}
	return &collector{
		backend:     backend,
		state:       vrrp("state", "State of the instance: 0 init, 1 backup, 2 master, 3 fault."),
		priority:    vrrp("priority", "Priority of the instance: as configured (base) and as advertised (effective).", "kind"),
		transitions: vrrp("transitions_total", "How often the instance entered a state.", "to"),
		received:    vrrp("adverts_received_total", "Adverts accepted."),
		sent:        vrrp("adverts_sent_total", "Adverts sent."),
		dropped:     vrrp("dropped_total", "Adverts dropped by a receive check.", "reason"),
		lateness:    vrrp("advert_lateness_seconds", "How late adverts left."),
		restarts:    other("actor_restarts_total", "Restarts of the actor.", "path"),
		quarantined: other("actor_quarantined", "1 while the actor is quarantined.", "path"),
		reloads:     other("config_reloads_total", "Reloads by their result.", "result"),
		generation:  other("config_generation", "Number of the configuration in effect."),
		turns:       other("pacer_turns_total", "Turns of the thread that carries the adverts."),
		lateTurns:   other("pacer_late_turns_total", "Turns that began late: by more than 1 ms, by more than 20 ms.", "by"),
		worst:       other("pacer_max_lateness_seconds", "The latest turn since the start."),
		pacer:       other("pacer_total", "What the pacer counts.", "what"),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.state, c.priority, c.transitions, c.received, c.sent, c.dropped, c.lateness,
		c.restarts, c.quarantined, c.reloads, c.generation,
		c.turns, c.lateTurns, c.worst, c.pacer,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
//
// A panic here would end the process, because the registry collects in a
// goroutine of its own: it becomes a failed scrape.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	defer func() {
		if r := recover(); r != nil {
			ch <- prometheus.NewInvalidMetric(c.state, fmt.Errorf("collect metrics: panic: %v", r))
		}
	}()
	s := c.backend.Metrics()
	for i := range s.Instances {
		c.instance(ch, &s.Instances[i])
	}
	for _, a := range s.Actors {
		ch <- counter(c.restarts, a.Restarts, a.Path)
		held := 0.0
		if a.State == "quarantined" {
			held = 1
		}
		ch <- gauge(c.quarantined, held, a.Path)
	}
	ch <- counter(c.reloads, s.Config.OK, "ok")
	ch <- counter(c.reloads, s.Config.Failed, "failed")
	ch <- gauge(c.generation, float64(s.Config.Generation))
	if p := s.Pacer; p != nil {
		c.thread(ch, p)
	}
}

func (c *collector) thread(ch chan<- prometheus.Metric, p *messages.PacerMetrics) {
	ch <- counter(c.turns, p.Turns)
	ch <- counter(c.lateTurns, p.LateTurns, "1ms")
	ch <- counter(c.lateTurns, p.Stalls, "20ms")
	ch <- gauge(c.worst, p.MaxLateness)
	for what, n := range map[string]uint64{
		"packets": p.Packets, "unknown_vrid": p.Unknown, "kernel_drops": p.KernelDrops, "slot_drops": p.SlotDrops,
		"sent": p.Sent, "send_errors": p.SendErrors, "lease_ends": p.LeaseEnds, "armed_takeovers": p.Armed,
	} {
		ch <- counter(c.pacer, n, what)
	}
}

func (c *collector) instance(ch chan<- prometheus.Metric, s *messages.InstanceSample) {
	st := &s.Status
	labels := func(more ...string) []string {
		return append([]string{st.Name, st.Interface, strconv.Itoa(st.VRID), st.Family}, more...)
	}
	ch <- gauge(c.state, states[st.State], labels()...)
	ch <- gauge(c.priority, float64(st.Priority.Base), labels("base")...)
	ch <- gauge(c.priority, float64(st.Priority.Effective), labels("effective")...)
	for _, to := range slices.Sorted(maps.Keys(states)) {
		ch <- counter(c.transitions, s.Metrics.TransitionsTo[to], labels(to)...)
	}
	ch <- counter(c.received, st.Counters["advert_rcvd"], labels()...)
	ch <- counter(c.sent, st.Counters["advert_sent"], labels()...)
	for name, n := range st.Counters {
		if _, drop := messages.DropReason(name); drop {
			ch <- counter(c.dropped, n, labels(name)...)
		}
	}
	h := &s.Metrics.Lateness
	buckets := make(map[float64]uint64, len(h.Bounds))
	var sum uint64
	for i, bound := range h.Bounds {
		if i < len(h.Counts) {
			sum += h.Counts[i]
		}
		buckets[bound] = sum
	}
	// Read while it is written to, the parts may disagree by an advert.
	m, err := prometheus.NewConstHistogram(c.lateness, max(h.Count, sum), h.Sum, buckets, labels()...)
	ch <- valid(c.lateness, m, err)
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	m, err := prometheus.NewConstMetric(d, prometheus.GaugeValue, v, labels...)
	return valid(d, m, err)
}

func counter(d *prometheus.Desc, v uint64, labels ...string) prometheus.Metric {
	m, err := prometheus.NewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	return valid(d, m, err)
}

// valid reports a metric that cannot be made, e.g. of a name that is not UTF-8,
// as part of the scrape; the others are served.
func valid(d *prometheus.Desc, m prometheus.Metric, err error) prometheus.Metric {
	if err != nil {
		return prometheus.NewInvalidMetric(d, err)
	}
	return m
}
