package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/actors/vrrp/fsm"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/packet"
)

// quiet is a line on which nothing happens.
type quiet struct {
	Line
	stats packet.VRRPStats
}

func (q *quiet) Stats() *packet.VRRPStats { return &q.stats }
func (q *quiet) Readings() Readings       { return Readings{} }

func viewOf(now func() int64, m memory, c fsm.Config) *view {
	v := &view{line: &quiet{}, now: now}
	v.mem.Store(&m)
	v.cfg.Store(&c)
	return v
}

func instance() *config.Instance {
	return &config.Instance{
		Name: "web", Interface: "eth0", VRID: 51, Version: 3, Priority: 100, AdvertInterval: time.Second,
		VirtualIPs: []config.Address{{Prefix: netip.MustParsePrefix("192.0.2.100/24")}},
	}
}

// Two questions about the same state get the same instants.
func TestInstantsStayTheSame(t *testing.T) {
	began := time.Now()
	now := func() int64 { return int64(time.Since(began)) + 1 }
	m := memory{Instance: instance(), State: fsm.State{Role: fsm.Fault, Since: now(), Faults: []fsm.Cause{{Kind: "interface_down", Object: "eth0", Since: now()}}}}
	m = m.withTransition(messages.Transition{At: began.Add(-time.Hour), From: "backup", To: "fault", Cause: "interface eth0 down"})
	v := viewOf(now, m, fsm.Config{})
	first := v.InstanceStatus()
	if !first.Since.Equal(first.Transitions[0].At) {
		t.Errorf("in this state since %v, by the timeline since %v", first.Since, first.Transitions[0].At)
	}
	for range 1000 {
		again := v.InstanceStatus()
		if d := again.Faults[0].Since.Sub(first.Faults[0].Since); !again.Since.Equal(first.Since) || d > time.Duration(clockNoise) || d < -time.Duration(clockNoise) {
			t.Fatalf("since %v and %v, fault since %v and %v", first.Since, again.Since, first.Faults[0].Since, again.Faults[0].Since)
		}
	}
}

func TestTheStartupDelayIsShownWhileItRuns(t *testing.T) {
	began := time.Now()
	at := int64(time.Second)
	now := func() int64 { return at }
	v := viewOf(now, memory{Instance: instance(), State: fsm.State{Role: fsm.Backup}}, fsm.Config{StartupUntil: int64(3 * time.Second)})
	until := v.InstanceStatus().StartupUntil
	if until == nil || until.Before(began.Add(2*time.Second)) || until.After(time.Now().Add(2*time.Second)) {
		t.Errorf("two seconds of the delay are left at %v: got %v", began, until)
	}
	at = int64(4 * time.Second)
	if got := v.InstanceStatus().StartupUntil; got != nil {
		t.Errorf("the delay is over: got %v", got)
	}
}

func TestRefusedAddressesAreShown(t *testing.T) {
	m := memory{Instance: instance(), Holding: true, Refused: []messages.Refused{{Address: "192.0.2.100/24", Error: "invalid argument"}}}
	got := viewOf(func() int64 { return 1 }, m, fsm.Config{}).InstanceStatus()
	if len(got.Refused) != 1 || got.Refused[0] != m.Refused[0] {
		t.Errorf("got %v", got.Refused)
	}
}
