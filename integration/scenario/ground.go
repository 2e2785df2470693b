package scenario

import (
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
)

// InterfaceLater is scenario 55: an instance whose interface is not there (yet)
// is in fault, and backup soon after the interface has link and address; it
// hears and is heard there. An interface that goes and comes back is the same.
func InterfaceLater(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.VRRPKeysA = []string{"interfaces: {dynamic: true}"}
		b := c.StartB()
		c.AwaitAdvert("b", b.Started, c.Down(c.InstanceB)+2*time.Second)
		c.Check(c.HostA.RemoveInterface())
		a := c.StartA()
		c.AwaitState(a, "fault", a.Started, 2*time.Second)
		lab.Wait(c.settle())
		c.appears(a)

		gone := time.Now()
		c.Check(c.HostA.RemoveInterface())
		c.Within("fault after the interface went", c.AwaitState(a, "fault", gone, 2*time.Second).Sub(gone), 0, 100*time.Millisecond)
		// Not its advert: to a unicast peer that is not there it may wait for ARP.
		taken := c.AwaitState(b, "master", gone, c.Down(c.InstanceB)+2*time.Second)
		c.Within("takeover after the interface went", taken.Sub(gone), 0, c.Down(c.InstanceB)+190*time.Millisecond)
		lab.Wait(c.settle())
		c.appears(a)
	})
}

// appears makes A's interface and checks that A becomes backup and then master.
func (c *Cell) appears(a *lab.Daemon) {
	made := time.Now()
	c.Check(c.HostA.MakeInterface(hostAddrs(1)...))
	ready := time.Now()
	heard := c.Status(a).Counters["advert_rcvd"]
	back := c.AwaitState(a, "backup", made, 2*time.Second)
	c.Within("backup after the interface came", back.Sub(ready), -time.Second, 100*time.Millisecond)
	c.AwaitCounter(a, "advert_rcvd", heard+2, 3*c.Variant.Interval)
	down := c.Down(c.InstanceA)
	first := c.AwaitAdvert("a", made, down+2*time.Second)
	c.Within("takeover after backup", first.At.Sub(back), down-5*time.Millisecond, down)
	c.checkAdvert(first, c.InstanceA)
	for _, vip := range c.InstanceA.VIPs {
		_, err := c.WatchA.Wait(time.Second, vip.Addr(), true)
		c.Check(err)
	}
	c.stepsBack(first)
}
