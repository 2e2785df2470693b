package vrrp

import (
	"sync/atomic"
	"time"

	"github.com/understudy-ha/understudy/actors/vrrp/fsm"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/packet"
)

const ipv6 = config.IPv6

// view is what any reader may look at: the last committed memory, and the
// line for what is counted and measured.
type view struct {
	path string
	line Line
	now  func() int64
	skew atomic.Int64 // wall clock less monotonic clock, nanoseconds; 0: not read yet
	mem  atomic.Pointer[memory]
	cfg  atomic.Pointer[fsm.Config]
}

// publish shows the present memory to readers.
func (a *Actor) publish() {
	if a.noted || a.kept == nil {
		a.keep()
	}
	a.view.mem.Store(a.kept)
	if c := a.view.cfg.Load(); c == nil || *c != a.cfg {
		fresh := a.cfg
		a.view.cfg.Store(&fresh)
	}
	if !a.shown {
		a.shown = true
		a.child.Publish(a.view)
	}
}

// InstanceStatus implements messages.StatusReader.
func (v *view) InstanceStatus() messages.InstanceStatus {
	m, cfg := v.mem.Load(), v.cfg.Load()
	i, s := m.Instance, &m.State
	r := v.line.Readings()
	down := fsm.DownInterval(*cfg, *s)
	out := messages.InstanceStatus{
		Name: i.Name, State: s.Role.String(), Since: v.wall(s.Since), VRID: int(i.VRID), Version: int(i.Version),
		Family: i.Family.String(), Interface: i.Interface,
		Priority:       messages.Priority{Base: int(i.Priority), Effective: int(fsm.AdvertPriority(*cfg, *s)), Contributions: []messages.Contribution{}},
		AdvertInterval: i.AdvertInterval.Seconds(), MasterInterval: s.MasterInterval.Seconds(), DownInterval: down.Seconds(),
		Preempt: i.Preempt, Held: s.Held, AddressesHeld: m.Holding,
		Addresses: prefixes(i.VirtualIPs), Excluded: prefixes(i.VirtualIPsExcluded),
		Refused: m.Refused, Faults: []messages.Fault{}, Counters: counters(v.line.Stats()), Peers: []messages.Peer{},
		Margin:      messages.Margin{WorstGap: r.WorstGap.Seconds(), DownInterval: down.Seconds(), At: v.wallOrNil(r.WorstGapAt)},
		Conflict:    v.conflict(m),
		Transitions: append([]messages.Transition{}, m.Transitions...),
	}
	if n := len(m.Transitions); n > 0 { // as the timeline has it, whatever the wall clock did since
		out.Since = m.Transitions[n-1].At.UTC()
	}
	if s.Source.IsValid() {
		out.Source = s.Source.String()
	}
	if !s.Ready && cfg.StartupUntil > v.now() {
		out.StartupUntil = v.wallOrNil(cfg.StartupUntil)
	}
	if s.Role == fsm.Master {
		out.Master = &messages.MasterOf{Address: out.Source, Priority: out.Priority.Effective}
	} else if s.MasterAddr.IsValid() {
		out.Master = &messages.MasterOf{Address: s.MasterAddr.String(), Priority: int(s.MasterPriority)}
	}
	for _, f := range s.Faults {
		out.Faults = append(out.Faults, messages.Fault{Cause: f.Kind, Object: f.Object, Since: v.wall(f.Since)})
	}
	for _, p := range r.Routers {
		out.Peers = append(out.Peers, messages.Peer{
			Address: p.Heard.Src.String(), Priority: int(p.Heard.Priority), Interval: p.Heard.Interval.Seconds(),
			Version: int(p.Heard.Version), Checksum: p.Heard.Form.String(), LastHeard: v.wall(p.Heard.At),
		})
	}
	return out
}

// InstanceMetrics implements messages.MetricsReader.
func (v *view) InstanceMetrics() messages.InstanceMetrics {
	m, l := v.mem.Load(), v.line.Readings().Lateness
	out := messages.InstanceMetrics{
		Lateness:      messages.Histogram{Bounds: l.Bounds, Counts: l.Counts, Sum: l.Sum, Count: l.Count},
		TransitionsTo: map[string]uint64{},
	}
	for r := fsm.Init; r <= fsm.Fault; r++ {
		out.TransitionsTo[r.String()] = m.Entered[r]
	}
	return out
}

func (v *view) conflict(m *memory) messages.Conflict {
	c := messages.Conflict{TotalSeconds: m.Conflict.Total.Seconds(), With: append([]string{}, m.Conflict.With...), Reasons: []string{}}
	if now := m.State.Conflict; now.With.IsValid() {
		c.Active = true
		c.Since = v.wallOrNil(now.Since)
		c.TotalSeconds += time.Duration(v.now() - now.Since).Seconds()
	}
	return c
}

// clockNoise is by how much two readings of both clocks may differ without a
// step of the wall clock.
const clockNoise = int64(time.Millisecond)

// wall is the wall-clock time of an instant of the monotonic clock: the same
// instant gives the same time each time, unless the wall clock was set.
func (v *view) wall(at int64) time.Time {
	skew, fresh := v.skew.Load(), time.Now().UnixNano()-v.now()
	if skew == 0 || fresh-skew > clockNoise || skew-fresh > clockNoise {
		v.skew.Store(fresh)
		skew = fresh
	}
	return time.Unix(0, at+skew).UTC()
}

func (v *view) wallOrNil(at int64) *time.Time {
	if at == 0 {
		return nil
	}
	t := v.wall(at)
	return &t
}

func prefixes(as []config.Address) []string {
	out := make([]string, 0, len(as))
	for _, a := range as {
		out = append(out, a.Prefix.String())
	}
	return out
}

func counters(st *packet.VRRPStats) map[string]uint64 {
	out := make(map[string]uint64, packet.VRRPCounters)
	for c := range packet.VRRPCounters {
		out[c.String()] = st[c].Load()
	}
	return out
}
