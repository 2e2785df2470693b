package scenario

import (
	"syscall"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
)

// frozen is how long a process is stopped: longer than any down interval here.
const frozen = 5 * time.Second

// freeze stops a process with a signal for so long and returns when it goes on.
func (c *Cell) freeze(d *lab.Daemon, limit time.Duration) (thawed time.Time) {
	at := time.Now()
	c.Check(d.Signal(syscall.SIGSTOP))
	lab.WaitUntil(at.Add(limit))
	thawed = time.Now()
	c.Check(d.Signal(syscall.SIGCONT))
	return thawed
}

// Frozen is scenario 65: a master that does not preempt and whose process was
// stopped so long that the other has taken over steps back without a word.
func Frozen(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceA.NoPreempt = true
		c.InstanceA.UnderstudyKey = []string{"timer_expired_backup: 254"}
		a, b := c.Both()
		from := time.Now()
		thawed := c.freeze(a, frozen)
		c.AwaitState(b, "master", from, time.Second)
		changes := len(c.Status(b).Transitions)
		c.Within("backup after the stop", c.AwaitState(a, "backup", thawed, 2*time.Second).Sub(thawed), 0, 50*time.Millisecond)
		for _, vip := range c.InstanceA.VIPs {
			gone, err := c.WatchA.Wait(time.Second, vip.Addr(), false)
			c.Check(err)
			c.Within("address gone after the stop", gone.Sub(thawed), 0, 50*time.Millisecond)
		}
		lab.Wait(2*c.Down(c.InstanceA) + c.Variant.Interval)
		c.Silent("a", thawed)
		if s := c.Status(a); s.State != "backup" {
			c.Errorf("the router that was stopped is %s, want backup", s.State)
		}
		if s := c.Status(b); s.State != "master" || len(s.Transitions) != changes {
			c.Errorf("the other router is %s after %+v, want master since its takeover", s.State, s.Transitions)
		}
		c.Answers("b")
	})
}

// FrozenPreempts is its counterpart: one that preempts takes everything back at
// once, and has been master all the time in its own eyes.
func FrozenPreempts(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		a, b := c.Both()
		before := len(c.Status(a).Transitions)
		from := time.Now()
		thawed := c.freeze(a, frozen)
		c.AwaitState(b, "master", from, time.Second)
		first := c.AwaitAdvert("a", thawed, 2*c.Variant.Interval)
		c.Within("advert after the stop", first.At.Sub(thawed), 0, 50*time.Millisecond)
		c.stepsBack(first)
		if s := c.Status(a); s.State != "master" || len(s.Transitions) != before {
			c.Errorf("the router that was stopped is %s after %+v, want master all the time", s.State, s.Transitions)
		}
	})
}

// FrozenBackup: a backup that was stopped has not heard the master meanwhile,
// but its adverts wait in the socket: no silence of the master.
func FrozenBackup(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		_, b := c.Both()
		before := len(c.Status(b).Transitions)
		c.freeze(b, frozen)
		lab.Wait(c.Down(c.InstanceB) + slack)
		c.Silent("b", time.Time{})
		if s := c.Status(b); s.State != "backup" || len(s.Transitions) != before {
			c.Errorf("the router that was stopped is %s after %+v, want backup all the time", s.State, s.Transitions)
		}
	})
}
