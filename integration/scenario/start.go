package scenario

import (
	"net/netip"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
)

const (
	startUp   = 40 * time.Millisecond // from a process's start to a listening VRRP, taken off nothing, added to upper bounds
	burst     = 5                     // announcements per address
	burstTime = time.Second           // within which a burst is out
)

// Alone is scenario 1: a router that hears nobody is backup for one down
// interval, then advertises, claims its addresses, announces them five times
// and five times again 5 s later.
func Alone(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		a := c.StartA()
		down := c.Down(c.InstanceA)
		c.AwaitState(a, "backup", a.Started, 2*time.Second)
		first := c.AwaitAdvert("a", a.Started, down+2*time.Second)
		c.Within("first advert after the start", first.At.Sub(a.Started), down-5*time.Millisecond, down+140*time.Millisecond)
		c.checkAdvert(first, c.InstanceA)
		for _, vip := range c.InstanceA.VIPs {
			c.checkClaim(vip.Addr(), first)
		}
		c.AwaitState(a, "master", a.Started, time.Second)
		c.Answers("a")
	})
}

// checkClaim checks that the address appears after the first advert, and both bursts.
func (c *Cell) checkClaim(vip netip.Addr, first lab.Advert) {
	at, err := c.WatchA.Wait(2*time.Second, vip, true)
	c.Check(err)
	c.Within("address after the first advert", at.Sub(first.At), -2*time.Millisecond, 100*time.Millisecond)
	if _, ok := c.Capture.WaitAnnouncements(burstTime, burst, "a", vip, first.At); !ok {
		c.Errorf("%v: %d announcements, want %d", vip, len(c.Capture.Announcements("a", vip, first.At)), burst)
	}
	all, ok := c.Capture.WaitAnnouncements(6*time.Second, 2*burst, "a", vip, first.At)
	if !ok {
		c.Fatalf("%v: %d announcements after the second burst, want %d", vip, len(all), 2*burst)
	}
	c.Within("second burst", all[burst].At.Sub(all[0].At), 4900*time.Millisecond, 5100*time.Millisecond)
	for _, a := range all {
		if a.MAC != c.HostA.MAC {
			c.Errorf("%v announced with MAC %x, want %x", vip, a.MAC, c.HostA.MAC)
		}
		if vip.Is6() && !a.Override {
			c.Errorf("%v announced without the override flag", vip)
		}
	}
}

// checkAdvert checks an advert against the instance and the variant.
func (c *Cell) checkAdvert(a lab.Advert, i lab.Instance) {
	dst := addr("224.0.0.18")
	if c.Variant.IPv6 {
		dst = addr("ff02::12")
	}
	if c.Variant.Unicast {
		dst = i.Peers[0]
	}
	if a.Dst != dst || a.TTL != 255 || a.TOS != 0xc0 {
		c.Errorf("advert to %v, ttl %d, tos %#x; want %v, 255, 0xc0", a.Dst, a.TTL, a.TOS, dst)
	}
	if int(a.Version) != i.Version || a.VRID != 51 || int(a.Priority) != i.Priority || a.Interval != i.Interval {
		c.Errorf("advert %+v does not say what is configured: %+v", a, i)
	}
	want := "pseudo"
	if a.Version == 2 {
		want = "plain"
	}
	if a.Form.String() != want {
		c.Errorf("checksum of form %v, want %s", a.Form, want)
	}
	if len(a.Addrs) != len(i.VIPs) {
		c.Fatalf("advert lists %v, want %v", a.Addrs, i.VIPs)
	}
	for n, vip := range i.VIPs {
		if a.Addrs[n] != vip.Addr() {
			c.Errorf("advert lists %v, want %v", a.Addrs, i.VIPs)
		}
	}
	if c.Variant.IPv6 && !a.Src.IsLinkLocalUnicast() {
		c.Errorf("advert from %v, want a link-local source", a.Src)
	}
}

// Returns is scenario 4: a router of higher priority that comes back ignores
// the adverts of the lower master and takes over after its down interval; the
// other steps back at once and without a resignation.
func Returns(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.handOver()
		a := c.StartA()
		down := c.Down(c.InstanceA)
		first := c.AwaitAdvert("a", a.Started, down+2*time.Second)
		c.Within("takeover after the start", first.At.Sub(a.Started), down-5*time.Millisecond, down+140*time.Millisecond)
		c.stepsBack(first)
	})
}

// handOver makes B master: A was, and is stopped in order.
func (c *Cell) handOver() {
	c.Both()
	at, err := c.a.Stop(5 * time.Second)
	c.Check(err)
	c.AwaitAdvert("b", at, 3*time.Second)
	_, err = c.WatchB.Wait(2*time.Second, c.V, true)
	c.Check(err)
	lab.Wait(c.settle())
}

// stepsBack checks that B follows A's first advert into BACKUP.
func (c *Cell) stepsBack(first lab.Advert) {
	for _, vip := range c.InstanceB.VIPs {
		gone, err := c.WatchB.Wait(2*time.Second, vip.Addr(), false)
		c.Check(err)
		c.Within("address gone from the old master", gone.Sub(first.At), 0, 50*time.Millisecond)
	}
	lab.Wait(2*c.Variant.Interval + slack)
	after := first.At.Add(50 * time.Millisecond)
	c.Silent("b", after)
	if zeros := c.Capture.Adverts(lab.From("b"), lab.Priority(0), lab.After(first.At)); len(zeros) > 0 {
		c.Errorf("the old master resigned %d times; want none", len(zeros))
	}
	c.Answers("a")
}

// NeverPreempts is scenario 5: without preemption the returning router stays
// backup while the lower master advertises, and takes over from silence.
func NeverPreempts(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceA.NoPreempt = true
		c.handOver()
		a := c.StartA()
		c.AwaitState(a, "backup", a.Started, 2*time.Second)
		lab.WaitUntil(a.Started.Add(2*c.Down(c.InstanceA) + time.Second))
		c.Silent("a", a.Started)
		killed := c.b.Kill()
		c.takesOver("a", c.InstanceA, killed)
	})
}

// PreemptDelay is scenario 6: the delay counts from the first advert of the
// lower master; then the takeover follows within a down interval.
func PreemptDelay(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceA.PreemptDelay = 5 * time.Second
		c.handOver()
		a := c.StartA()
		seen := c.AwaitState(a, "backup", a.Started, 2*time.Second)
		heard := c.AwaitAdvert("b", seen, 2*c.Variant.Interval+time.Second)
		first := c.AwaitAdvert("a", a.Started, 12*time.Second)
		down := c.Down(c.InstanceA)
		c.Within("takeover after the first advert heard", first.At.Sub(heard.At),
			5*time.Second+down-c.Variant.Interval-5*time.Millisecond, 5*time.Second+down)
		c.stepsBack(first)
	})
}

// PreemptDelayCut is scenario 7: the delay does not hold a takeover from silence up.
func PreemptDelayCut(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceA.PreemptDelay = 5 * time.Second
		c.handOver()
		a := c.StartA()
		c.AwaitState(a, "backup", a.Started, 2*time.Second)
		lab.WaitUntil(a.Started.Add(2 * time.Second))
		killed := c.b.Kill()
		c.takesOver("a", c.InstanceA, killed)
	})
}

// Owner is scenario 12: the address owner is master from the start.
func Owner(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceA.Priority, c.InstanceA.State = 255, "master"
		a := c.StartA()
		first := c.AwaitAdvert("a", a.Started, 2*time.Second)
		c.Within("first advert after the start", first.At.Sub(a.Started), 0, 50*time.Millisecond+startUp)
		c.AwaitState(a, "master", a.Started, time.Second)
		for _, tr := range c.Status(a).Transitions {
			if tr.To == "backup" {
				c.Errorf("the owner passed through backup: %+v", tr)
			}
		}
	})
}

// TwoOwners is scenario 13: of two owners that meet the one with the lower
// address steps back.
func TwoOwners(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceA.Priority, c.InstanceA.State = 255, "master"
		c.InstanceB.Priority, c.InstanceB.State = 255, "master"
		c.Check(c.HostB.Isolate(true))
		a := c.StartA()
		first := c.AwaitAdvert("a", a.Started, 2*time.Second)
		lab.WaitUntil(first.At.Add(c.Variant.Interval / 4))
		b := c.StartB()
		c.AwaitAdvert("b", b.Started, 2*time.Second)
		// Healed right after an advert of B, the next is A's: so both hear the other.
		c.AwaitAdvert("b", time.Now(), 2*c.Variant.Interval)
		healed := time.Now()
		c.Check(c.HostB.Isolate(false))
		heard := c.AwaitAdvert("b", healed, 2*c.Variant.Interval)
		at := c.AwaitState(a, "backup", healed, 3*time.Second)
		c.Within("lower address back after the other's first advert", at.Sub(heard.At), -time.Millisecond, c.Variant.Interval)
		lab.Wait(2 * c.Down(c.InstanceA))
		c.Silent("a", at.Add(50*time.Millisecond))
		if s := c.Status(b).State; s != "master" {
			c.Errorf("higher address is %s, want master", s)
		}
		c.logMentions(a, "192.0.2.2")
		c.logMentions(b, "192.0.2.1")
	})
}

// OwnerIgnores is scenario 14: an owner that is told so ignores every advert.
func OwnerIgnores(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceA.Priority, c.InstanceA.State = 255, "master"
		c.InstanceA.UnderstudyKey = []string{"owner_ignore_adverts: true"}
		a := c.StartA()
		c.AwaitAdvert("a", a.Started, 2*time.Second)
		g := c.Generator()
		const n = 20
		for range n {
			c.Check(g.Send(c.advert("192.0.2.9", 255, nil)))
			lab.Wait(50 * time.Millisecond)
		}
		c.AwaitCounter(a, "owner_ignored", n, time.Second)
		if s := c.Status(a); s.State != "master" || len(s.Transitions) > 1 {
			c.Errorf("the owner is %s after %d transitions, want master after one", s.State, len(s.Transitions))
		}
	})
}
