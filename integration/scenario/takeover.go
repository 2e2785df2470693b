package scenario

import (
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
)

// Killed is scenario 2: the master dies without a word; the backup takes over
// at the end of its down interval and answers for the virtual address.
func Killed(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.Both()
		killed := c.a.Kill()
		c.takesOver("b", c.InstanceB, killed)
		c.Answers("b")
		if zeros := c.Capture.Adverts(lab.From("a"), lab.Priority(0)); len(zeros) > 0 {
			c.Errorf("the killed master resigned: %+v", zeros[0])
		}
	})
}

// takesOver checks that the host becomes master one down interval after the last advert of
// the other, which died at an instant.
func (c *Cell) takesOver(host string, i lab.Instance, died time.Time) lab.Advert {
	other, watch := "a", c.WatchB
	if host == "a" {
		other, watch = "b", c.WatchA
	}
	down := c.Down(i)
	first := c.AwaitAdvert(host, died, down+2*time.Second)
	last, ok := c.Capture.Last(lab.From(other), lab.Active())
	if !ok {
		c.Fatalf("%s never advertised", other)
	}
	c.Within("takeover after the last advert", first.At.Sub(last.At), down-2*time.Millisecond, down+20*time.Millisecond)
	c.Within("takeover after the death", first.At.Sub(died), down-c.Variant.Interval-20*time.Millisecond, down+190*time.Millisecond)
	_, err := watch.Wait(time.Second, c.V, true)
	c.Check(err)
	return first
}

// Stopped is scenario 3: an ordered stop resigns once; the backup takes over
// after its skew time.
func Stopped(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.Both()
		at, err := c.a.Stop(5 * time.Second)
		c.Check(err)
		zero, ok := c.Capture.WaitAdvert(time.Second, lab.From("a"), lab.Priority(0))
		if !ok {
			c.Fatalf("no resignation")
		}
		first := c.AwaitAdvert("b", at, 3*time.Second)
		c.Within("takeover after the resignation", first.At.Sub(zero.At), c.Skew(c.InstanceB)-2*time.Millisecond, c.Skew(c.InstanceB))
		for _, vip := range c.InstanceA.VIPs {
			if c.WatchA.Present(vip.Addr()) {
				c.Errorf("%v is still on the stopped router", vip)
			}
		}
		if code := c.a.ExitCode(); code != 0 {
			c.Errorf("exit code %d, want 0", code)
		}
		if n := len(c.Capture.Adverts(lab.From("a"), lab.Priority(0))); n != 1 {
			c.Errorf("%d resignations, want 1", n)
		}
		c.Silent("a", zero.At)
		c.Answers("b")
	})
}

// EqualPriorities is scenario 8: two masters of equal priority meet when a cut
// heals; the one with the lower address steps back at the first advert.
func EqualPriorities(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceA.Priority, c.InstanceB.Priority = 100, 100
		c.Check(c.HostB.Isolate(true))
		c.StartA()
		c.StartB()
		limit := c.Down(c.InstanceA) + 2*time.Second
		c.AwaitAdvert("a", c.a.Started, limit)
		c.AwaitAdvert("b", c.b.Started, limit)
		lab.Wait(c.settle())
		// Between two adverts: one that leaves while the bridge changes may arrive or not.
		last := c.AwaitAdvert("b", time.Now(), 2*c.Variant.Interval)
		lab.WaitUntil(last.At.Add(c.Variant.Interval / 2))
		healed := time.Now()
		c.Check(c.HostB.Isolate(false))
		first := c.AwaitAdvert("b", healed, 3*time.Second)
		gone, err := c.WatchA.Wait(3*time.Second, c.V, false)
		c.Check(err)
		c.Within("lower address back after the other's advert", gone.Sub(first.At), 0, 50*time.Millisecond)
		lab.Wait(2 * c.Down(c.InstanceA))
		c.Silent("a", gone.Add(50*time.Millisecond))
		if !c.WatchB.Present(c.V) || len(c.WatchB.Changes(c.V, healed)) > 0 {
			c.Errorf("the higher address did not keep the virtual address: %+v", c.WatchB.Changes(c.V, healed))
		}
	})
}

// LearnsInterval is scenario 9: a version 3 backup follows the interval of the
// master, and its own once it is master.
func LearnsInterval(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceA.Interval, c.InstanceB.Interval = 100*time.Millisecond, time.Second
		c.StartA()
		c.AwaitAdvert("a", c.a.Started, 3*time.Second)
		c.StartB()
		c.AwaitState(c.b, "backup", c.b.Started, 2*time.Second)
		lab.Wait(time.Second)
		killed := c.a.Kill()
		learned := lab.DownInterval(3, c.InstanceB.Priority, c.InstanceA.Interval)
		first := c.AwaitAdvert("b", killed, 5*time.Second)
		c.Within("takeover after the death", first.At.Sub(killed), learned-c.InstanceA.Interval-5*time.Millisecond, learned)
		if first.Interval != time.Second {
			c.Errorf("the new master says interval %v, want its own of 1s", first.Interval)
		}
		second := c.AwaitAdvert("b", first.At, 2*time.Second)
		c.Within("its next advert", second.At.Sub(first.At), 990*time.Millisecond, time.Second)
	})
}

// IntervalsDiffer is scenario 10: version 2 drops adverts of another interval,
// so both are master; it is counted, and logged once.
func IntervalsDiffer(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceB.Interval = 2 * time.Second
		a := c.StartA()
		b := c.StartB()
		c.AwaitState(a, "master", a.Started, c.Down(c.InstanceA)+2*time.Second)
		c.AwaitState(b, "master", b.Started, c.Down(c.InstanceB)+2*time.Second)
		c.AwaitCounter(a, "advert_interval_err", 2, 5*time.Second)
		c.AwaitCounter(b, "advert_interval_err", 3, 5*time.Second)
		for _, d := range []*lab.Daemon{a, b} {
			if s := c.Status(d).State; s != "master" {
				c.Errorf("%s is %s, want master", d.Name, s)
			}
		}
		c.loggedOnce(a, "192.0.2.2")
	})
}
