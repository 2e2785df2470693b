package fsm

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/understudy-ha/understudy/netio/packet"
)

var (
	someAddrs = []netip.Addr{
		{},
		netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.9"),
		netip.MustParseAddr("fe80::1"), netip.MustParseAddr("fe80::2%eth0"),
	}
	someKinds = []string{"interface_down", "tracker", "no_source_address", "duplicate_vrid", "config", "crashed", "group", "unheard_of"}
)

func drawConfig(t *rapid.T, now Instant) Config {
	seconds := func(label string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Second
	}
	c := Config{
		Version:           uint8(rapid.IntRange(2, 3).Draw(t, "version")),
		Priority:          rapid.SampledFrom([]uint8{1, 100, 150, 254, 255}).Draw(t, "priority"),
		Interval:          rapid.SampledFrom([]time.Duration{10 * time.Millisecond, time.Second, 40 * time.Second}).Draw(t, "interval"),
		Preempt:           rapid.Bool().Draw(t, "preempt"),
		PreemptDelay:      seconds("preempt delay", 10),
		DownTimerAdverts:  rapid.IntRange(1, 100).Draw(t, "down adverts"),
		AdvertToLower:     rapid.Bool().Draw(t, "to lower"),
		AdvertToHigher:    rapid.Bool().Draw(t, "to higher"),
		TimerExpired:      rapid.IntRange(0, 254).Draw(t, "timer expired"),
		Reannounce:        rapid.Bool().Draw(t, "reannounce"),
		SourceRequired:    rapid.Bool().Draw(t, "source required"),
		Unicast:           rapid.Bool().Draw(t, "unicast"),
		GARPDelay:         seconds("garp delay", 5),
		GARPRepeat:        rapid.IntRange(1, 5).Draw(t, "garp repeat"),
		GARPRefresh:       seconds("refresh", 60),
		GARPRefreshRepeat: rapid.IntRange(0, 5).Draw(t, "refresh repeat"),
		LowerGARPDelay:    seconds("lower delay", 5),
		LowerGARPRepeat:   rapid.IntRange(0, 5).Draw(t, "lower repeat"),
	}
	c.StartMaster = rapid.Bool().Draw(t, "start master")
	if rapid.Bool().Draw(t, "startup") {
		c.StartupUntil = now + Instant(seconds("startup", 10))
	}
	return c
}

func drawCause(t *rapid.T) Cause {
	return Cause{Kind: rapid.SampledFrom(someKinds).Draw(t, "kind"), Object: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "object")}
}

// drawEvent draws any event; about half the instants in it make sense.
func drawEvent(t *rapid.T, r *rig) Event {
	instant := func(label string) Instant {
		if rapid.Bool().Draw(t, label+" wild") {
			return rapid.Int64().Draw(t, label)
		}
		return r.now - Instant(time.Duration(rapid.IntRange(0, 5000).Draw(t, label))*time.Millisecond)
	}
	switch rapid.IntRange(0, 17).Draw(t, "event") {
	case 0:
		return Started{Source: rapid.SampledFrom(someAddrs).Draw(t, "source"), Faults: rapid.SliceOfN(rapid.Custom(drawCause), 0, 2).Draw(t, "faults")}
	case 1:
		return Stopped{Release: rapid.Bool().Draw(t, "release")}
	case 2:
		return AdvertsAbsorbed{Last: instant("absorbed")}
	case 3:
		return FaultRaised{drawCause(t)}
	case 4, 5:
		c := drawCause(t)
		if n := len(r.s.Faults); n > 0 && rapid.Bool().Draw(t, "known") {
			c = r.s.Faults[rapid.IntRange(0, n-1).Draw(t, "which")]
		}
		return FaultCleared{c.Kind, c.Object}
	case 6:
		return SourceChanged{rapid.SampledFrom(someAddrs).Draw(t, "source")}
	case 7:
		return PriorityChanged{rapid.Byte().Draw(t, "effective")}
	case 8:
		old := r.cfg
		r.cfg = drawConfig(t, r.now)
		return Reconfigured{Old: old, AddressesAdded: rapid.Bool().Draw(t, "added")}
	case 9:
		return AddressLost{someAddrs[1]}
	case 10:
		return Stalled{LastSent: instant("sent")}
	case 11:
		return rapid.SampledFrom([]Event{SwitchoverOrdered{}, SwitchoverOrdered{Force: true}, SwitchbackOrdered{}, AnnounceOrdered{}}).Draw(t, "order")
	case 12, 13:
		return WatchExpired{LastHeard: instant("heard"), Armed: rapid.Bool().Draw(t, "armed")}
	case 14:
		tm := Timer(rapid.IntRange(0, int(Timers)-1).Draw(t, "timer"))
		if rapid.Bool().Draw(t, "due") {
			r.now = max(r.now, r.s.Deadline[tm])
		}
		return TimerFired{tm}
	}
	return AdvertHeard{packet.VRRPHeard{
		Src: rapid.SampledFrom(someAddrs).Draw(t, "from"), Version: r.cfg.Version,
		Priority: rapid.SampledFrom([]uint8{0, 1, 99, 100, 101, 150, 254, 255}).Draw(t, "priority"),
		Interval: rapid.SampledFrom([]time.Duration{0, 10 * time.Millisecond, time.Second}).Draw(t, "interval"),
		Form:     packet.ChecksumForm(rapid.IntRange(0, 4).Draw(t, "form")), At: instant("at"),
	}}
}

// wander lets some time pass, to the end of the watch or not, and then something happen.
func (r *rig) wander(t *rapid.T) {
	r.now += Instant(time.Duration(rapid.IntRange(0, 4000).Draw(t, "passes")) * time.Millisecond)
	if w := r.ground.watch; w != nil && w.Deadline > r.now && rapid.IntRange(0, 3).Draw(t, "silence") == 0 {
		r.now = w.Deadline
	}
	if err := r.happen(drawEvent(t, r)); err != nil {
		t.Fatal(err)
	}
}

// TestAnyEventInAnyRole: whatever happens in whatever order, nothing panics and
// the ground stays as the role says (ground.check).
func TestAnyEventInAnyRole(t *testing.T) {
	seen := map[Role]int{}
	rapid.Check(t, func(t *rapid.T) {
		r := &rig{now: Instant(1000 * time.Second)}
		r.cfg = drawConfig(t, r.now)
		for range rapid.IntRange(1, 60).Draw(t, "length") {
			r.wander(t)
			seen[r.s.Role]++
		}
	})
	for role := Init; role <= Fault; role++ {
		if seen[role] == 0 {
			t.Errorf("no random walk came to %s", role)
		}
	}
}

// TestEqual: a difference in any field is a difference of states.
func TestEqual(t *testing.T) {
	full := State{Faults: []Cause{{Kind: "tracker", Object: "a", Since: 1}}}
	if !full.Equal(full) {
		t.Fatal("a state differs from itself")
	}
	for i := range reflect.TypeFor[State]().NumField() {
		other := full
		f := reflect.ValueOf(&other).Elem().Field(i)
		name := reflect.TypeFor[State]().Field(i).Name
		switch v := f.Addr().Interface().(type) {
		case *bool:
			*v = true
		case *netip.Addr:
			*v = someAddrs[1]
		case *[]Cause:
			*v = []Cause{{Kind: "tracker", Object: "a", Since: 2}}
		case *[Timers]Instant:
			v[Timers-1] = 1
		case *Conflict:
			v.Last = 1
		default:
			if f.CanUint() {
				f.SetUint(1)
			} else {
				f.SetInt(1)
			}
		}
		if full.Equal(other) || other.Equal(full) {
			t.Errorf("a difference in %s is not seen", name)
		}
	}
}

// TestStepLeavesItsInput: the state given stays as it was, its faults included.
func TestStepLeavesItsInput(t *testing.T) {
	r := &rig{cfg: defaults(), now: Instant(time.Second)}
	faults := make([]Cause, 2, 8)
	faults[0], faults[1] = Cause{Kind: "interface_down", Object: "b"}, Cause{Kind: "tracker", Object: "c"}
	s := State{Role: Fault, Faults: faults}
	Step(r.cfg, s, r.now, FaultRaised{Cause{Kind: "interface_down", Object: "a"}})
	Step(r.cfg, s, r.now, FaultCleared{Kind: "interface_down", Object: "b"})
	want := []Cause{{Kind: "interface_down", Object: "b"}, {Kind: "tracker", Object: "c"}}
	if !reflect.DeepEqual(faults, want) || faults[:3][2] != (Cause{}) {
		t.Errorf("faults became %v", faults[:3])
	}
}
