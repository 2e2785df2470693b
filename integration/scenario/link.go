package scenario

import (
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
)

// CableOut is scenario 31: a master whose link goes is in FAULT at once and
// drops its addresses; the backup takes over; when the link is back the router
// starts again as backup.
func CableOut(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.Both()
		cut := time.Now()
		c.Check(c.HostA.Plug(false))
		c.Within("fault after the cut", c.AwaitState(c.a, "fault", cut, 2*time.Second).Sub(cut), 0, 100*time.Millisecond)
		for _, vip := range c.InstanceA.VIPs {
			gone, err := c.WatchA.Wait(time.Second, vip.Addr(), false)
			c.Check(err)
			c.Within("address gone after the cut", gone.Sub(cut), 0, 100*time.Millisecond)
		}
		first := c.AwaitAdvert("b", cut, c.Down(c.InstanceB)+2*time.Second)
		c.Within("takeover after the cut", first.At.Sub(cut), 0, c.Down(c.InstanceB)+190*time.Millisecond)
		lab.Wait(c.settle())

		healed := time.Now()
		c.Check(c.HostA.Plug(true))
		back := c.AwaitState(c.a, "backup", healed, 2*time.Second)
		c.Within("backup after the cable is back", back.Sub(healed), 0, 100*time.Millisecond)
		down := c.Down(c.InstanceA)
		again := c.AwaitAdvert("a", healed, down+2*time.Second)
		c.Within("takeover after the cable is back", again.At.Sub(healed), down-5*time.Millisecond, down+140*time.Millisecond)
		c.stepsBack(again)
	})
}

// AddressDeleted is scenario 42: a master whose virtual address is removed by
// hand resigns, and takes it again after its own skew time, which is shorter
// than the backup's.
func AddressDeleted(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.Both()
		n := len(c.InstanceA.VIPs) - 1
		deleted := time.Now()
		c.Check(c.HostA.DeleteAddress(c.InstanceA.VIPs[n]))
		zero, ok := c.Capture.WaitAdvert(2*time.Second, lab.From("a"), lab.Priority(0), lab.After(deleted))
		if !ok {
			c.Fatalf("no resignation")
		}
		c.Within("resignation after the deletion", zero.At.Sub(deleted), 0, 50*time.Millisecond)
		again := c.AwaitAdvert("a", zero.At, 3*time.Second)
		skew := c.Skew(c.InstanceA)
		c.Within("master again after the resignation", again.At.Sub(zero.At), skew-2*time.Millisecond, skew+20*time.Millisecond)
		_, err := c.WatchA.Wait(time.Second, c.V, true)
		c.Check(err)
		lab.Wait(c.Down(c.InstanceB))
		c.Silent("b", deleted)
		if c.a.Kind == lab.Understudy {
			c.AwaitState(c.a, "backup", deleted, time.Second)
		}
		c.AwaitState(c.a, "master", deleted, time.Second)
	})
}

// UntrackedDeleted is scenario 43: nobody watches the address, so its removal
// changes nothing and it stays away.
func UntrackedDeleted(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceA.Untracked, c.InstanceB.Untracked = true, true
		c.Both()
		before := c.Status(c.a).Transitions
		deleted := time.Now()
		c.Check(c.HostA.DeleteAddress(c.InstanceA.VIPs[0]))
		lab.Wait(c.Down(c.InstanceB) + time.Second)
		if c.WatchA.Present(c.V) {
			c.Errorf("the address came back")
		}
		if after := c.Status(c.a).Transitions; len(after) != len(before) {
			c.Errorf("transitions: %+v", after)
		}
		c.Silent("b", deleted)
		if gap, at := c.Capture.MaxGap(lab.From("a"), lab.After(deleted)); gap > c.Variant.Interval+slack {
			c.Errorf("advert gap of %v at %v", gap, at)
		}
	})
}
