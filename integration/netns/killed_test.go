package netns

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
	"github.com/understudy-ha/understudy/integration/scenario"
)

// recorded waits until the state file says this.
func recorded(c *scenario.Cell, d *lab.Daemon, text string) {
	var last []byte
	ok := lab.Until(3*time.Second, func() bool {
		b, err := os.ReadFile(stateFile(d))
		last = b
		return err == nil && strings.Contains(string(b), text)
	})
	if !ok {
		c.Fatalf("the state file does not say %s: %s", text, last)
	}
}

// removed waits until an address that was there at an instant is removed, and
// says when. It may be back by now.
func removed(c *scenario.Cell, addr netip.Addr, since time.Time) time.Time {
	var changes []lab.AddressChange
	ok := lab.Until(time.Second, func() bool {
		changes = c.WatchA.Changes(addr, since)
		return len(changes) > 0
	})
	if !ok || changes[0].Present {
		c.Fatalf("%v: changes %+v, want it removed from where it was", addr, changes)
	}
	return changes[0].At
}

// goneBefore checks that an address that a killed daemon left was there when its
// successor started, and was removed before the successor's first advert.
func goneBefore(c *scenario.Cell, addr netip.Addr, started time.Time, first lab.Advert) {
	if at := removed(c, addr, started); at.After(first.At) {
		c.Errorf("%v was removed at %v, want before the first advert at %v", addr, at, first.At)
	}
}

// TestKilledOld: a killed daemon leaves its addresses on the interface. Those of
// the configuration and those that only its record knows are gone before the
// next one says a word.
func TestKilledOld(t *testing.T) {
	each(t, func(t *testing.T, p scenario.Pair, v scenario.Variant) {
		scenario.Run(t, p, v, func(c *scenario.Cell) {
			dropped, text := withSecond(c)
			a := alone(c)
			recorded(c, a, text)
			a.Kill()
			if !c.WatchA.Present(c.V) || !c.WatchA.Present(dropped) {
				c.Fatalf("the killed daemon left no addresses")
			}
			lab.Wait(c.Down(c.InstanceA))
			c.InstanceA.VIPs = c.InstanceA.VIPs[:len(c.InstanceA.VIPs)-1]
			a = c.StartA()
			first := c.AwaitAdvert("a", a.Started, c.Down(c.InstanceA)+2*time.Second)
			for _, vip := range c.InstanceA.VIPs {
				goneBefore(c, vip.Addr(), a.Started, first)
			}
			goneBefore(c, dropped, a.Started, first)
			if c.WatchA.Present(dropped) {
				c.Errorf("%v is back", dropped)
			}
			c.Within("first advert after the start", first.At.Sub(a.Started), c.Down(c.InstanceA), c.Down(c.InstanceA)+140*time.Millisecond)
		})
	}, scenario.Fast(), scenario.FastIPv6())
}

// withSecond gives A a second address, which is in the state file as text.
func withSecond(c *scenario.Cell) (second netip.Addr, text string) {
	second = netip.MustParseAddr("192.0.2.101")
	bits := 24
	if c.Variant.IPv6 {
		second, bits = netip.MustParseAddr("2001:db8::52"), 64
	}
	c.InstanceA.VIPs = append(c.InstanceA.VIPs, netip.PrefixFrom(second, bits))
	return second, second.String() + "/"
}

// TestKilledAfterReload: a master that goes on keeps what is configured; an
// address that a reload added and that is not configured any more is gone before
// the first advert.
func TestKilledAfterReload(t *testing.T) {
	each(t, func(t *testing.T, p scenario.Pair, v scenario.Variant) {
		scenario.Run(t, p, v, func(c *scenario.Cell) {
			a := alone(c)
			plain := c.InstanceA.VIPs
			dropped, text := withSecond(c)
			c.Check(a.Reload(lab.UnderstudyYAML("a", c.InstanceA)))
			_, err := c.WatchA.Wait(time.Second, dropped, true)
			c.Check(err)
			recorded(c, a, text)
			killed := a.Kill()
			c.InstanceA.VIPs = plain
			a = c.StartA()
			first := c.AwaitAdvert("a", a.Started, 1500*time.Millisecond)
			goneBefore(c, dropped, a.Started, first)
			c.AwaitState(a, "master", time.Time{}, time.Second)
			lab.Wait(c.Variant.Interval)
			c.Unmoved(c.V, killed)
		})
	}, scenario.V3())
}

// TestKilledYoung: a master that is killed right after it became one goes on;
// the state file of the role change is young enough.
func TestKilledYoung(t *testing.T) {
	each(t, func(t *testing.T, p scenario.Pair, v scenario.Variant) {
		scenario.Run(t, p, v, func(c *scenario.Cell) {
			a := alone(c)
			recorded(c, a, `"role":"master"`)
			killed := a.Kill()
			a = c.StartA()
			c.AwaitAdvert("a", killed, 1500*time.Millisecond)
			c.Check(a.WaitAdmin())
			lab.Wait(time.Second)
			if s := c.Status(a); s.State != "master" || len(s.Transitions) != 1 {
				c.Errorf("%s after %+v, want master after one transition", s.State, s.Transitions)
			}
			c.Unmoved(c.V, killed)
		})
	}, scenario.V3())
}

// TestTwoDaemonsOfAHost: their state files and addresses are apart, also when
// one of them is killed and started again, and a daemon that finds its file in
// use keeps none and touches nothing.
func TestTwoDaemonsOfAHost(t *testing.T) {
	each(t, func(t *testing.T, p scenario.Pair, v scenario.Variant) {
		scenario.Run(t, p, v, func(c *scenario.Cell) {
			a := alone(c)
			since := time.Now()
			n := neighbours{t, c, filepath.Dir(a.Conf)}
			two := n.start("two", 52)
			blind := n.start("", 53)
			if !strings.Contains(blind.Log(), "in use by another process") {
				c.Errorf("the third daemon says nothing of the state file in use:\n%s", blind.Log())
			}
			handOver(t, c, a)
			a = c.StartA()
			c.AwaitState(a, "master", time.Time{}, 2*time.Second)
			two.Kill()
			blind.Kill()
			n.start("two", 52) // cold or not: it cleans its own
			n.untouched(since, c.V)
			n.untouched(time.Now(), n.vip(53).Addr())

			since = time.Now()
			a.Kill()
			lab.Wait(c.Down(c.InstanceA))
			a = c.StartA()
			c.AwaitState(a, "master", a.Started, 2*time.Second)
			if len(c.WatchA.Changes(c.V, since)) == 0 {
				c.Errorf("a cold start left %v of the run before where it was", c.V)
			}
			n.untouched(since, n.vip(52).Addr())
			n.untouched(since, n.vip(53).Addr())
			if _, err := os.Stat(filepath.Join(n.dir, "state", "state-two.json")); err != nil {
				c.Errorf("%v", err)
			}
		})
	}, scenario.Fast())
}

// neighbours are further daemons beside A, with its state directory.
type neighbours struct {
	t   *testing.T
	c   *scenario.Cell
	dir string
}

func (n neighbours) vip(vrid int) netip.Prefix {
	return netip.MustParsePrefix(fmt.Sprintf("192.0.2.1%d/24", vrid))
}

// start starts a daemon of this global.instance and waits until it is master
// and holds its address.
func (n neighbours) start(instance string, vrid int) *lab.Process {
	name := fmt.Sprintf("other-%s%d", instance, vrid)
	conf, socket := filepath.Join(n.dir, name+".yaml"), filepath.Join(n.dir, name+".sock")
	i := n.c.InstanceA
	i.VRID, i.VIPs = vrid, []netip.Prefix{n.vip(vrid)}
	text := lab.UnderstudyYAML("a", i)
	if instance != "" {
		text = strings.Replace(text, "global: {", "global: {instance: "+instance+", ", 1)
	}
	n.c.Check(os.WriteFile(conf, []byte(text), 0o600))
	d, err := n.c.HostA.Start(name, scenario.Binary(n.t), "run", "-f", conf,
		"--admin-socket", socket, "--state-dir", filepath.Join(n.dir, "state"))
	n.c.Check(err)
	admin := lab.NewAdmin(socket)
	ok := lab.Until(5*time.Second, func() bool {
		s, err := admin.Instance("web")
		return err == nil && s.State == "master" && s.AddressesHeld
	})
	if !ok {
		n.c.Fatalf("%s is not master:\n%s", name, d.Log())
	}
	_, err = n.c.WatchA.Wait(time.Second, n.vip(vrid).Addr(), true)
	n.c.Check(err)
	return d
}

// untouched checks that an address is there and has been all the time.
func (n neighbours) untouched(since time.Time, addr netip.Addr) {
	if moved := n.c.WatchA.Changes(addr, since); len(moved) > 0 || !n.c.WatchA.Present(addr) {
		n.c.Errorf("%v: present %t, changes %+v", addr, n.c.WatchA.Present(addr), moved)
	}
}
