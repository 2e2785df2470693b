package fsm

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"
)

// restarted lets another process go on with what this one saved.
func (r *rig) restarted(t *testing.T, d *datadriven.TestData) Event {
	t.Helper()
	pause := r.duration(t, d, d.CmdArgs[0].Key)
	ev := Started{Source: netip.MustParseAddr("192.0.2.1"), Saved: &Saved{State: r.s, Priority: r.cfg.Priority, LastSent: r.now}}
	var keys []datadriven.CmdArg
	for _, a := range d.CmdArgs[1:] {
		switch a.Key {
		case "sent":
			ev.Saved.LastSent = r.now - Instant(r.duration(t, d, a.Vals[0]))
		case "source":
			ev.Source = netip.Addr{}
			if a.Vals[0] != "none" {
				ev.Source = netip.MustParseAddr(a.Vals[0])
			}
		case "fault":
			ev.Faults = append(ev.Faults, cause(a.Vals[0]))
		default:
			keys = append(keys, a)
		}
	}
	*r = rig{cfg: r.cfg, now: r.now + Instant(pause)}
	r.configure(t, &datadriven.TestData{CmdArgs: keys})
	return ev
}

// TestAnyRestart: whatever was saved in whatever state, at whatever age, and
// whatever the configuration is now: the ground is as the role says.
func TestAnyRestart(t *testing.T) {
	took := map[Role]int{}
	rapid.Check(t, func(t *rapid.T) {
		r := &rig{now: Instant(1000 * time.Second)}
		r.cfg = drawConfig(t, r.now)
		for range rapid.IntRange(1, 5).Draw(t, "lives") {
			for range rapid.IntRange(1, 20).Draw(t, "length") {
				r.wander(t)
			}
			saved := &Saved{State: r.s, Priority: r.cfg.Priority}
			saved.LastSent = r.now - Instant(rapid.IntRange(-1, 5000).Draw(t, "sent"))*Instant(time.Millisecond)
			*r = rig{cfg: r.cfg, now: r.now + Instant(rapid.IntRange(0, 5000).Draw(t, "pause"))*Instant(time.Millisecond)}
			if rapid.Bool().Draw(t, "configured anew") {
				r.cfg = drawConfig(t, r.now)
			}
			source := rapid.SampledFrom(someAddrs).Draw(t, "source")
			may := Resumes(r.cfg, saved, r.now) && (source.IsValid() || !r.cfg.SourceRequired)
			if err := r.happen(Started{Source: source, Saved: saved}); err != nil {
				t.Fatal(err)
			}
			changed := false
			for _, a := range r.did {
				if _, ok := a.(Changed); ok {
					changed = true
				}
			}
			if may == changed || may && r.s.Role != saved.State.Role {
				t.Fatalf("may resume %t: %s after %s, transition %t", may, r.s.Role, saved.State.Role, changed)
			}
			if may {
				took[r.s.Role]++
			}
		}
	})
	if took[Master] == 0 || took[Backup] == 0 {
		t.Errorf("roles taken up: %v, want masters and backups", took)
	}
}
