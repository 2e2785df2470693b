package scenario

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
)

// onTime checks that router A has advertised without a pause since an instant.
func (c *Cell) onTime(since time.Time, also ...lab.Match) {
	match := append([]lab.Match{lab.From("a"), lab.After(since.Add(-2 * c.Variant.Interval))}, also...)
	if gap, at := c.Capture.MaxGap(match...); gap == 0 || gap > c.Variant.Interval+slack {
		c.Errorf("advert gap of %v at %v, want at most %v", gap, at, c.Variant.Interval+slack)
	}
}

// ReloadAddsAddress is scenario 51: an address more costs a master neither its
// role nor an advert.
func ReloadAddsAddress(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		a := c.master()
		lab.Wait(2 * c.Variant.Interval)
		extra := netip.MustParsePrefix("192.0.2.101/24")
		i := c.InstanceA
		i.VIPs = append(i.VIPs[:1:1], extra)
		from := time.Now()
		c.Check(a.Reload(lab.UnderstudyYAML("a", i)))
		if _, err := c.WatchA.Wait(time.Second, extra.Addr(), true); err != nil {
			c.Errorf("%v", err)
		}
		if _, ok := c.Capture.WaitAnnouncements(time.Second, 1, "a", extra.Addr(), from); !ok {
			c.Errorf("the new address was not announced")
		}
		if _, ok := c.Capture.WaitAdvert(3*c.Variant.Interval, lab.From("a"), func(a *lab.Advert) bool { return len(a.Addrs) == 2 }); !ok {
			c.Errorf("no advert lists the new address")
		}
		lab.Wait(2 * c.Variant.Interval)
		c.onTime(from)
		c.undisturbed(a)
		c.Unmoved(c.V, from)
	})
}

// ReloadRenames is scenario 52: a name is not the identity of an instance, its
// VRID is.
func ReloadRenames(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		a := c.master()
		lab.Wait(2 * c.Variant.Interval)
		i := c.InstanceA
		i.Name = "shop"
		from := time.Now()
		c.Check(a.Reload(lab.UnderstudyYAML("a", i)))
		lab.Wait(3 * c.Variant.Interval)
		c.onTime(from)
		s, err := a.Admin.Instance("shop")
		c.Check(err)
		if s.State != "master" {
			c.Errorf("the renamed instance is %s, want master", s.State)
		}

		i.VRID = 52
		from = time.Now()
		c.Check(a.Reload(lab.UnderstudyYAML("a", i)))
		if _, ok := c.Capture.WaitAdvert(time.Second, lab.From("a"), lab.VRID(51), lab.Priority(0), lab.After(from)); !ok {
			c.Errorf("the old virtual router did not resign")
		}
		first, ok := c.Capture.WaitAdvert(6*time.Second, lab.From("a"), lab.VRID(52))
		if !ok {
			c.Fatalf("the new virtual router never advertised")
		}
		down := c.Down(c.InstanceA)
		c.Within("its first advert after the reload", first.At.Sub(from), down-5*time.Millisecond, down+140*time.Millisecond)
	})
}

// ReloadRefused is scenario 53: a bad file changes nothing, and the answer says where it is bad.
func ReloadRefused(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		a := c.master()
		lab.Wait(2 * c.Variant.Interval)
		from := time.Now()
		text := strings.Replace(lab.UnderstudyYAML("a", c.InstanceA), "priority: 150", "priority: 1500", 1)
		err := a.Reload(text)
		var refused *lab.Refused
		if !errors.As(err, &refused) || refused.Status != http.StatusUnprocessableEntity || !strings.Contains(refused.Body, "priority") {
			c.Errorf("reload of a bad file: %v, want status 422 naming the key", err)
		}
		lab.Wait(3 * c.Variant.Interval)
		c.onTime(from, lab.Priority(150))
		c.undisturbed(a)
	})
}

// StartupDelay is scenario 54: until the delay ends the router is silent and deaf.
func StartupDelay(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.handOver()
		c.VRRPKeysA = []string{"startup_delay: 5s"}
		a := c.StartA()
		first := c.AwaitAdvert("a", a.Started, 12*time.Second)
		down := c.Down(c.InstanceA)
		c.Within("takeover after the start", first.At.Sub(a.Started), 5*time.Second+down-10*time.Millisecond, 5*time.Second+down+140*time.Millisecond)
		c.stepsBack(first)
	})
}

// SourceRemoved is scenario 56: another address of the interface becomes the
// source; without any the instance is in fault.
func SourceRemoved(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		// A /32 stays when the address whose subnet it is in goes.
		c.InstanceA.VIPs = []netip.Prefix{netip.PrefixFrom(c.V, 32)}
		second := netip.MustParsePrefix("203.0.113.1/24")
		c.Check(c.HostA.AddAddress(second))
		a := c.master()
		from := time.Now()
		c.Check(c.HostA.DeleteAddress(netip.MustParsePrefix("192.0.2.1/24")))
		moved, ok := c.Capture.WaitAdvert(3*c.Variant.Interval, lab.From("a"), func(a *lab.Advert) bool { return a.Src == second.Addr() })
		if !ok {
			c.Fatalf("no advert from %v", second.Addr())
		}
		c.Within("advert from the other source", moved.At.Sub(from), 0, c.Variant.Interval)
		c.onTime(from)
		c.undisturbed(a)

		gone := time.Now()
		c.Check(c.HostA.DeleteAddress(second))
		if _, ok := c.Capture.WaitAdvert(time.Second, lab.From("a"), lab.Priority(0), lab.After(gone)); !ok {
			c.Errorf("no resignation when the last source went")
		}
		c.Within("fault after the last source went", c.AwaitState(a, "fault", gone, time.Second).Sub(gone), 0, 100*time.Millisecond)
	})
}

// LowerAdvert is scenario 60: a master answers an advert of lower priority at
// once and announces its addresses again.
func LowerAdvert(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		a := c.master()
		last := c.AwaitAdvert("a", time.Now(), 2*c.Variant.Interval)
		lab.WaitUntil(last.At.Add(c.Variant.Interval * 3 / 10))
		from := time.Now()
		c.Check(c.Generator().Send(c.advert("192.0.2.9", 50, nil)))
		answer := c.AwaitAdvert("a", from, c.Variant.Interval)
		c.Within("answer", answer.At.Sub(from), 0, 20*time.Millisecond)
		if answer.At.Sub(last.At) > c.Variant.Interval*8/10 {
			c.Errorf("the next advert came %v after the last: by schedule, not as an answer", answer.At.Sub(last.At))
		}
		if list, ok := c.Capture.WaitAnnouncements(time.Second, burst, "a", c.V, from); !ok {
			c.Errorf("%d announcements after the lower advert, want %d", len(list), burst)
		}
		c.undisturbed(a)
	})
}
