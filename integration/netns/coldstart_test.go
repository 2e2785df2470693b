package netns

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
	"github.com/understudy-ha/understudy/integration/scenario"
)

// cold starts A again and checks that it begins as a backup and that the
// addresses of the run before are gone.
func cold(c *scenario.Cell, says string, gone ...netip.Addr) {
	from := time.Now()
	a := c.StartA()
	c.AwaitState(a, "backup", from, 5*time.Second)
	for _, addr := range gone {
		removed(c, addr, from)
	}
	// One line says why, whatever was logged before this start.
	if n := strings.Count(a.Log(), says); n != 1 {
		c.Errorf("the log says %q %d times:\n%s", says, n, a.Log())
	}
}

// alone makes A master with nobody else on the segment.
func alone(c *scenario.Cell) *lab.Daemon {
	a := c.StartA()
	c.AwaitState(a, "master", a.Started, c.Down(c.InstanceA)+2*time.Second)
	_, err := c.WatchA.Wait(time.Second, c.V, true)
	c.Check(err)
	return a
}

func stateFile(d *lab.Daemon) string {
	return filepath.Join(filepath.Dir(d.Conf), "state", "state.json")
}

// TestColdStarts: a role that cannot be taken up is not.
func TestColdStarts(t *testing.T) {
	run := func(name string, spoil func(*testing.T, *scenario.Cell, *lab.Daemon) (says string)) {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, p scenario.Pair, v scenario.Variant) {
				scenario.Run(t, p, v, func(c *scenario.Cell) {
					a := alone(c)
					handOver(t, c, a)
					if !c.WatchA.Present(c.V) {
						c.Errorf("the hand-over removed %v", c.V)
					}
					cold(c, spoil(t, c, a), c.V)
				})
			}, scenario.Fast())
		})
	}
	run("too late", func(_ *testing.T, c *scenario.Cell, _ *lab.Daemon) string {
		lab.Wait(c.Down(c.InstanceA))
		return "masters=0 too_late=1"
	})
	run("corrupt", func(_ *testing.T, c *scenario.Cell, a *lab.Daemon) string {
		b, err := os.ReadFile(stateFile(a))
		c.Check(err)
		c.Check(os.WriteFile(stateFile(a), b[:len(b)/2], 0o600))
		return "state of the last run not used, cold start"
	})
	run("another version", func(_ *testing.T, c *scenario.Cell, a *lab.Daemon) string {
		b, err := os.ReadFile(stateFile(a))
		c.Check(err)
		c.Check(os.WriteFile(stateFile(a), []byte(strings.Replace(string(b), `"version":1`, `"version":9`, 1)), 0o600))
		return "version 9, want 1"
	})
	run("another identity", func(_ *testing.T, c *scenario.Cell, _ *lab.Daemon) string {
		c.InstanceA.VRID = 52
		return "not_configured=1"
	})
	run("removed, its address too", func(_ *testing.T, c *scenario.Cell, _ *lab.Daemon) string {
		c.InstanceA.VRID, c.InstanceA.VIPs = 52, []netip.Prefix{netip.MustParsePrefix("192.0.2.101/24")}
		return "not_configured=1"
	})
	run("ordered stop", func(_ *testing.T, c *scenario.Cell, _ *lab.Daemon) string {
		// Resumed, stopped in order and at once started again.
		a := c.StartA()
		c.AwaitAdvert("a", a.Started, time.Second)
		c.Check(a.WaitAdmin())
		_, err := a.Stop(stopLimit)
		c.Check(err)
		c.Check(c.HostA.AddAddress(netip.PrefixFrom(c.V, 24))) // for the cleaning
		_, err = c.WatchA.Wait(time.Second, c.V, true)
		c.Check(err)
		return "handover=false"
	})
}
