// Package interop runs the scenarios marked for peers against Debian's
// keepalived, in both roles and in every variant. Each scenario also runs with
// keepalived on both sides: what fails there is the scenario's fault, not ours.
package interop

import (
	"testing"

	"github.com/understudy-ha/understudy/integration/lab"
	"github.com/understudy-ha/understudy/integration/scenario"
)

// each runs a scenario for every pair and variant.
func each(t *testing.T, run func(*testing.T, scenario.Pair, scenario.Variant), variants ...scenario.Variant) {
	t.Parallel()
	for _, p := range []scenario.Pair{
		{A: lab.Understudy, B: lab.Keepalived},
		{A: lab.Keepalived, B: lab.Understudy},
	} {
		for _, v := range variants {
			t.Run(p.String()+"/"+v.Name, func(t *testing.T) { run(t, p, v) })
		}
	}
	control := scenario.Pair{A: lab.Keepalived, B: lab.Keepalived}
	t.Run("control/"+variants[0].Name, func(t *testing.T) { run(t, control, variants[0]) })
}

func TestScenario01Alone(t *testing.T)    { each(t, scenario.Alone, scenario.Variants()...) }
func TestScenario02Killed(t *testing.T)   { each(t, scenario.Killed, scenario.Variants()...) }
func TestScenario03Stopped(t *testing.T)  { each(t, scenario.Stopped, scenario.Variants()...) }
func TestScenario04Returns(t *testing.T)  { each(t, scenario.Returns, scenario.Variants()...) }
func TestScenario31CableOut(t *testing.T) { each(t, scenario.CableOut, scenario.Variants()...) }
func TestScenario42AddressDeleted(t *testing.T) {
	each(t, scenario.AddressDeleted, scenario.Variants()...)
}

func TestScenario08EqualPriorities(t *testing.T) {
	each(t, scenario.EqualPriorities, scenario.V2(), scenario.V3(), scenario.IPv6())
}

func TestScenario09LearnsInterval(t *testing.T) {
	each(t, scenario.LearnsInterval, scenario.V3(), scenario.IPv6())
}

// Scenario 15 is scenarios 1 and 2 over IPv6: the form of the adverts and the
// announcements is checked by the first.
func TestScenario15IPv6(t *testing.T) {
	t.Parallel()
	t.Run("alone", func(t *testing.T) { each(t, scenario.Alone, scenario.IPv6()) })
	t.Run("killed", func(t *testing.T) { each(t, scenario.Killed, scenario.IPv6()) })
}

// Scenario 17 is scenarios 1 and 2 between unicast peers.
func TestScenario17Unicast(t *testing.T) {
	t.Parallel()
	t.Run("alone", func(t *testing.T) { each(t, scenario.Alone, scenario.Unicast()) })
	t.Run("killed", func(t *testing.T) { each(t, scenario.Killed, scenario.Unicast()) })
}
