// Package netns runs the acceptance scenarios with real daemons, sockets and
// netlink, Understudy on both sides. docs/TESTING.md has the table.
package netns

import (
	"net/netip"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
	"github.com/understudy-ha/understudy/integration/scenario"
)

// each runs a scenario for every variant.
func each(t *testing.T, run func(*testing.T, scenario.Pair, scenario.Variant), variants ...scenario.Variant) {
	t.Parallel()
	p := scenario.Pair{A: lab.Understudy, B: lab.Understudy}
	for _, v := range variants {
		t.Run(v.Name, func(t *testing.T) { run(t, p, v) })
	}
}

func TestScenario01Alone(t *testing.T)         { each(t, scenario.Alone, scenario.Variants()...) }
func TestScenario02Killed(t *testing.T)        { each(t, scenario.Killed, scenario.Variants()...) }
func TestScenario03Stopped(t *testing.T)       { each(t, scenario.Stopped, scenario.Variants()...) }
func TestScenario04Returns(t *testing.T)       { each(t, scenario.Returns, scenario.Variants()...) }
func TestScenario05NeverPreempts(t *testing.T) { each(t, scenario.NeverPreempts, scenario.V2()) }
func TestScenario06PreemptDelay(t *testing.T)  { each(t, scenario.PreemptDelay, scenario.V2()) }
func TestScenario07PreemptDelayCut(t *testing.T) {
	each(t, scenario.PreemptDelayCut, scenario.V2())
}

func TestScenario08EqualPriorities(t *testing.T) {
	each(t, scenario.EqualPriorities, scenario.V2(), scenario.V3(), scenario.IPv6())
}

func TestScenario09LearnsInterval(t *testing.T) {
	each(t, scenario.LearnsInterval, scenario.V3(), scenario.IPv6())
}

func TestScenario10IntervalsDiffer(t *testing.T) { each(t, scenario.IntervalsDiffer, scenario.V2()) }

func TestScenario11IntervalRefused(t *testing.T) {
	i := instance(3, "192.0.2.100/24")
	i.Interval = 333 * time.Millisecond
	scenario.Judge(t, lab.UnderstudyYAML("a", i)).Says(t, 2, "error", "advert_interval", "333ms", "10ms")
}

func TestScenario12Owner(t *testing.T) { each(t, scenario.Owner, scenario.V2(), scenario.V3()) }
func TestScenario13TwoOwners(t *testing.T) {
	each(t, scenario.TwoOwners, scenario.V2(), scenario.V3())
}
func TestScenario14OwnerIgnores(t *testing.T) { each(t, scenario.OwnerIgnores, scenario.V2()) }

// Scenario 15 is scenarios 1 and 2 over IPv6.
func TestScenario15IPv6(t *testing.T) {
	t.Parallel()
	t.Run("alone", func(t *testing.T) { each(t, scenario.Alone, scenario.IPv6()) })
	t.Run("killed", func(t *testing.T) { each(t, scenario.Killed, scenario.IPv6()) })
}

func TestScenario16GlobalFirst(t *testing.T) {
	i := instance(3, "2001:db8::51/64", "fe80::51/64")
	scenario.Judge(t, lab.UnderstudyYAML("a", i)).Says(t, 0, "warning", "virtual_ips", "link-local")
	i.UnderstudyKey = []string{"strict: true"}
	scenario.Judge(t, lab.UnderstudyYAML("a", i)).Says(t, 2, "error", "virtual_ips", "link-local")
}

// Scenario 17 is scenarios 1 and 2 between unicast peers.
func TestScenario17Unicast(t *testing.T) {
	t.Parallel()
	t.Run("alone", func(t *testing.T) { each(t, scenario.Alone, scenario.Unicast()) })
	t.Run("killed", func(t *testing.T) { each(t, scenario.Killed, scenario.Unicast()) })
}
func TestScenario18BelowMinTTL(t *testing.T) { each(t, scenario.BelowMinTTL, scenario.Unicast()) }
func TestScenario19NotAPeer(t *testing.T)    { each(t, scenario.NotAPeer, scenario.Unicast()) }

func TestScenario20NoPeers(t *testing.T) {
	i := instance(3, "192.0.2.100/24")
	i.UnderstudyKey = []string{"unicast: {peers: []}"}
	scenario.Judge(t, lab.UnderstudyYAML("a", i)).Says(t, 2, "error", "peers")
}

func TestScenario28BadChecksums(t *testing.T) {
	each(t, scenario.BadChecksums, scenario.V2(), scenario.V3(), scenario.Unicast())
}

func TestScenario29ZeroInterval(t *testing.T) {
	each(t, scenario.ZeroInterval, scenario.V3(), scenario.IPv6())
}

func TestScenario30ListsDiffer(t *testing.T) {
	each(t, scenario.ListsDiffer, scenario.V2(), scenario.V3())
}

func TestScenario31CableOut(t *testing.T) { each(t, scenario.CableOut, scenario.Variants()...) }
func TestScenario42AddressDeleted(t *testing.T) {
	each(t, scenario.AddressDeleted, scenario.Variants()...)
}

func TestScenario43UntrackedDeleted(t *testing.T) { each(t, scenario.UntrackedDeleted, scenario.V2()) }

func instance(version int, vips ...string) lab.Instance {
	i := lab.Instance{Version: version, Interval: time.Second}
	for _, v := range vips {
		i.VIPs = append(i.VIPs, netip.MustParsePrefix(v))
	}
	return i
}

func TestScenario51ReloadAddsAddress(t *testing.T) {
	each(t, scenario.ReloadAddsAddress, scenario.V2())
}
func TestScenario52ReloadRenames(t *testing.T) { each(t, scenario.ReloadRenames, scenario.V2()) }
func TestScenario53ReloadRefused(t *testing.T) { each(t, scenario.ReloadRefused, scenario.V2()) }
func TestScenario54StartupDelay(t *testing.T)  { each(t, scenario.StartupDelay, scenario.V2()) }
func TestScenario55InterfaceLater(t *testing.T) {
	each(t, scenario.InterfaceLater, scenario.V2(), scenario.IPv6(), scenario.Unicast())
}
func TestScenario56SourceRemoved(t *testing.T) { each(t, scenario.SourceRemoved, scenario.V2()) }
func TestScenario60LowerAdvert(t *testing.T)   { each(t, scenario.LowerAdvert, scenario.V2()) }

func TestScenario65Frozen(t *testing.T) { each(t, scenario.Frozen, scenario.V2(), scenario.Fast()) }
func TestScenario65FrozenPreempts(t *testing.T) {
	each(t, scenario.FrozenPreempts, scenario.V2(), scenario.Fast())
}

func TestScenario65FrozenBackup(t *testing.T) {
	each(t, scenario.FrozenBackup, scenario.V2(), scenario.Fast())
}
