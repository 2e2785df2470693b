package netns

import (
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
	"github.com/understudy-ha/understudy/integration/scenario"
	"github.com/understudy-ha/understudy/messages"
)

const stopLimit = 10 * time.Second

// handOver stops a daemon with the command of the operator, and returns when
// it is gone.
func handOver(t *testing.T, c *scenario.Cell, d *lab.Daemon) {
	t.Helper()
	out, err := d.Host.Run(scenario.Binary(t), "stop", "--handover", "--admin-socket", d.Admin.Socket, "--timeout", stopLimit.String())
	if err != nil {
		c.Fatalf("hand over: %v: %s\n%s", err, out, d.Log())
	}
	awaitEnd(c, d, 0)
}

func awaitEnd(c *scenario.Cell, d *lab.Daemon, code int) {
	timer := time.NewTimer(stopLimit)
	defer timer.Stop()
	select {
	case <-d.Done():
	case <-timer.C:
		c.Fatalf("%s has not ended", d.Name)
	}
	if got := d.ExitCode(); got != code {
		c.Errorf("%s: exit code %d, want %d; log:\n%s", d.Name, got, code, d.Log())
	}
}

// onlyFirstBurst leaves no announcement for later.
func onlyFirstBurst(c *scenario.Cell) {
	c.InstanceA.UnderstudyKey = []string{"garp: {master_delay: 0s}"}
}

// inState waits until a daemon that was just started is in a state.
func inState(c *scenario.Cell, d *lab.Daemon, state string) bool {
	c.Check(d.WaitAdmin())
	return lab.Until(time.Second, func() bool {
		s, err := d.Admin.Instance("web")
		return err == nil && s.State == state
	})
}

func lastTransition(c *scenario.Cell, d *lab.Daemon) messages.Transition {
	s := c.Status(d)
	if len(s.Transitions) == 0 {
		c.Fatalf("%s: no transitions in %+v", d.Name, s)
	}
	return s.Transitions[len(s.Transitions)-1]
}

// TestHandOver: a master that is replaced by another process stays master, and
// nobody on the segment can tell but by a longer gap of its adverts.
func TestHandOver(t *testing.T) {
	each(t, func(t *testing.T, p scenario.Pair, v scenario.Variant) {
		scenario.Run(t, p, v, func(c *scenario.Cell) {
			onlyFirstBurst(c)
			a, b := c.Both()
			since, peer := lastTransition(c, a), lastTransition(c, b)
			last := c.AwaitAdvert("a", time.Now(), 3*c.Variant.Interval)
			handOver(t, c, a)
			a = c.StartA()
			next := c.AwaitAdvert("a", last.At, c.Down(c.InstanceB)+time.Second)
			c.Check(a.WaitAdmin())
			lab.Wait(max(3*c.Variant.Interval, time.Second))

			if gap, at := c.Capture.MaxGap(lab.From("a"), lab.After(last.At.Add(-time.Millisecond))); gap == 0 || gap >= c.Down(c.InstanceB) {
				c.Errorf("advert gap of %v at %v, want less than the down interval %v", gap, at, c.Down(c.InstanceB))
			} else {
				c.Logf("advert gap %v", gap)
			}
			if c.Variant.Interval >= time.Second {
				off := (next.At.Sub(last.At) + c.Variant.Interval/2) % c.Variant.Interval
				c.Within("phase of the next advert", off-c.Variant.Interval/2, -10*time.Millisecond, 10*time.Millisecond)
			}
			if zero := c.Capture.Adverts(lab.From("a"), lab.Priority(0)); len(zero) > 0 {
				c.Errorf("%d adverts of priority 0", len(zero))
			}
			c.Silent("b", last.At)
			if got := lastTransition(c, b); got != peer {
				c.Errorf("the backup went through %+v", got)
			}
			for _, vip := range c.InstanceA.VIPs {
				c.Unmoved(vip.Addr(), last.At)
				if said := c.Capture.Announcements("a", vip.Addr(), last.At); len(said) > 0 {
					c.Errorf("address %v was announced %d times", vip, len(said))
				}
			}
			s := c.Status(a)
			if got := lastTransition(c, a); s.State != "master" || len(s.Transitions) != 1 || !got.At.Equal(since.At) || got.Cause != since.Cause {
				c.Errorf("the new process is %s after %+v, want master after %+v alone", s.State, s.Transitions, since)
			}
			if !s.AddressesHeld || len(s.Refused) > 0 {
				c.Errorf("addresses held %t, refused %v", s.AddressesHeld, s.Refused)
			}
			c.Answers("a")

			// What it took over it gives back like any other master.
			at, err := a.Stop(stopLimit)
			c.Check(err)
			c.AwaitAdvert("b", at, 2*time.Second)
			for _, vip := range c.InstanceA.VIPs {
				_, err := c.WatchA.Wait(time.Second, vip.Addr(), false)
				c.Check(err)
			}
		})
	}, scenario.V2(), scenario.V3(), scenario.IPv6(), scenario.Unicast(), scenario.Fast())
}

// TestHandOverOfABackup: the wait of a backup goes on as well.
func TestHandOverOfABackup(t *testing.T) {
	each(t, func(t *testing.T, p scenario.Pair, v scenario.Variant) {
		scenario.Run(t, p, v, func(c *scenario.Cell) {
			a, b := c.Both()
			since := lastTransition(c, b)
			c.AwaitAdvert("a", time.Now(), 3*c.Variant.Interval)
			handOver(t, c, b)
			b = c.StartB()
			ok := inState(c, b, "backup")
			if got := lastTransition(c, b); !ok || !got.At.Equal(since.At) {
				c.Errorf("backup %t after %+v, want after %+v", ok, got, since)
			}
			killed := a.Kill()
			first := c.AwaitAdvert("b", killed, 6*time.Second)
			last, _ := c.Capture.Last(lab.From("a"))
			c.Within("takeover after the last advert", first.At.Sub(last.At), c.Down(c.InstanceB)-5*time.Millisecond, c.Down(c.InstanceB))
		})
	}, scenario.V2())
}

// TestHandOverTwice: the second process may end before it has sent an advert.
func TestHandOverTwice(t *testing.T) {
	each(t, func(t *testing.T, p scenario.Pair, v scenario.Variant) {
		scenario.Run(t, p, v, func(c *scenario.Cell) {
			onlyFirstBurst(c)
			a, _ := c.Both()
			last := c.AwaitAdvert("a", time.Now(), 2*c.Variant.Interval)
			for range 2 {
				handOver(t, c, a)
				a = c.StartA()
				if !inState(c, a, "master") {
					c.Fatalf("not master after a hand-over; log:\n%s", a.Log())
				}
			}
			next := c.AwaitAdvert("a", last.At, 2*c.Variant.Interval)
			c.Within("the next advert", next.At.Sub(last.At), c.Variant.Interval-10*time.Millisecond, c.Variant.Interval+10*time.Millisecond)
			lab.Wait(c.Variant.Interval)
			c.Silent("b", last.At)
			c.Unmoved(c.V, last.At)
		})
	}, scenario.V3())
}

// TestHandOverAfterEscalation: a process that gives up leaves its roles to the
// next one, as in an ordered hand-over.
func TestHandOverAfterEscalation(t *testing.T) {
	each(t, func(t *testing.T, p scenario.Pair, v scenario.Variant) {
		scenario.Run(t, p, v, func(c *scenario.Cell) {
			onlyFirstBurst(c)
			a, _ := c.Both()
			since := time.Now()
			order := map[string]any{"path": "/net/link", "mode": "panic", "count": true, "times": 1000, "every": 0.005}
			c.Check(a.Admin.Post("/v1/chaos/kill", order, nil))
			awaitEnd(c, a, 1)
			last, _ := c.Capture.Last(lab.From("a"))
			a = c.StartA()
			if !inState(c, a, "master") {
				c.Errorf("not master after the end of the last process")
			}
			c.AwaitAdvert("a", last.At, c.Down(c.InstanceB))
			lab.Wait(2 * c.Variant.Interval)
			c.Silent("b", since)
			c.Unmoved(c.V, since)
		})
	}, scenario.V3())
}
