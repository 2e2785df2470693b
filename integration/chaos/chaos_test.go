// Package chaos kills actors of real daemons under load and looks at what a
// peer and a client notice, which must be nothing.
package chaos

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
	"github.com/understudy-ha/understudy/integration/scenario"
	"github.com/understudy-ha/understudy/messages"
)

const (
	restartLimit = 3 * time.Second        // from a kill to the next incarnation
	maxPause     = 300 * time.Millisecond // between a restart and the next kill
	maxOutage    = 200 * time.Millisecond // of the client's pings; the kernel answers them
)

func pair() scenario.Pair { return scenario.Pair{A: lab.Understudy, B: lab.Understudy} }

// TestMasterKilledFiftyTimes is scenario 64, fifty times over.
func TestMasterKilledFiftyTimes(t *testing.T) {
	for _, v := range []scenario.Variant{scenario.V2(), scenario.Fast()} {
		t.Run(v.Name, func(t *testing.T) {
			scenario.Run(t, pair(), v, func(c *scenario.Cell) {
				unnoticed(c, func(a, _ *lab.Daemon) { kill(c, a, messages.InstancePath("web"), "panic", 50) })
			})
		})
	}
}

// TestMasterHangs: an actor that answers nobody is replaced before its lease
// ends.
func TestMasterHangs(t *testing.T) {
	for _, v := range []scenario.Variant{scenario.V2(), scenario.Fast()} {
		t.Run(v.Name, func(t *testing.T) {
			scenario.Run(t, pair(), v, func(c *scenario.Cell) {
				unnoticed(c, func(a, _ *lab.Daemon) { kill(c, a, messages.InstancePath("web"), "hang", 5) })
			})
		})
	}
}

func TestBackupKilled(t *testing.T) {
	for _, v := range []scenario.Variant{scenario.V2(), scenario.Fast()} {
		t.Run(v.Name, func(t *testing.T) {
			scenario.Run(t, pair(), v, func(c *scenario.Cell) {
				unnoticed(c, func(_, b *lab.Daemon) { kill(c, b, messages.InstancePath("web"), "panic", 10) })
			})
		})
	}
}

// TestEveryKindKilled kills all other actors and the supervisors, of the master
// and of the backup.
func TestEveryKindKilled(t *testing.T) {
	for _, path := range []string{
		messages.PathPacer, messages.PathLink, messages.PathAddress,
		messages.InboxPath(false), messages.InboxPath(true),
		messages.PathInspect, messages.PathReload,
		"/net", messages.PathVRRP, "/edge",
	} {
		t.Run(path, func(t *testing.T) {
			scenario.Run(t, pair(), scenario.V2(), func(c *scenario.Cell) {
				unnoticed(c, func(a, b *lab.Daemon) {
					kill(c, a, path, "panic", 3)
					kill(c, b, path, "panic", 3)
				})
			})
		})
	}
}

// unnoticed starts both routers and the load, does the harm, and checks that
// neither the peer nor the client saw anything.
func unnoticed(c *scenario.Cell, harm func(a, b *lab.Daemon)) {
	a, b := c.Both()
	before := [2]messages.InstanceStatus{c.Status(a), c.Status(b)}
	stop := load(c, a, b)
	ping, err := c.Client.Ping(c.V, 10*time.Millisecond)
	c.Check(err)
	from := time.Now()
	if !ping.Answering(time.Second, from) {
		c.Fatalf("%v does not answer the client", c.V)
	}
	harm(a, b)
	lab.Wait(3 * c.Variant.Interval)
	outage := ping.Outage(from)
	stop()

	if outage > maxOutage {
		c.Errorf("the client saw an outage of %v", outage)
	}
	limit := c.Variant.Interval * 115 / 100
	gap, at := c.Capture.MaxGap(lab.From("a"), lab.After(from.Add(-2*c.Variant.Interval)))
	if gap == 0 || gap > limit {
		c.Errorf("advert gap of %v at %v, want at most %v", gap, at, limit)
	}
	c.Logf("longest advert gap %v, outage %v", gap, outage)
	if zeros := c.Capture.Adverts(lab.From("a"), lab.Priority(0)); len(zeros) > 0 {
		c.Errorf("the master resigned %d times", len(zeros))
	}
	c.Unmoved(c.V, from)
	c.Silent("b", time.Time{})
	for i, d := range []*lab.Daemon{a, b} {
		if now := c.Status(d); now.State != before[i].State || len(now.Transitions) != len(before[i].Transitions) {
			c.Errorf("%s went from %s to %s: %+v", d.Name, before[i].State, now.State, now.Transitions)
		}
	}
}

// kill crashes an actor n times at random moments, each time waiting for its successor.
func kill(c *scenario.Cell, d *lab.Daemon, path, mode string, n int) {
	for i := range n {
		lab.Wait(rand.N(maxPause))
		before := restarts(c, d, path)
		if err := d.Admin.Kill(path, mode); err != nil && !cutOff(err) {
			c.Fatalf("kill %s, time %d: %v", path, i+1, err)
		}
		ok := lab.Until(restartLimit, func() bool {
			now, err := count(d, path)
			return err == nil && now > before
		})
		if !ok {
			c.Fatalf("%s was not restarted after kill %d of mode %s", path, i+1, mode)
		}
	}
}

// cutOff reports whether the request got no answer, as when its own server fell.
func cutOff(err error) bool {
	var refused *lab.Refused
	return !errors.As(err, &refused)
}

func restarts(c *scenario.Cell, d *lab.Daemon, path string) uint64 {
	n, err := count(d, path)
	c.Check(err)
	return n
}

// count reads how often the actor was restarted.
func count(d *lab.Daemon, path string) (uint64, error) {
	root, err := d.Admin.Tree()
	if err != nil {
		return 0, err
	}
	for todo := []*messages.ActorNode{root}; len(todo) > 0; todo = todo[1:] {
		if todo[0].Path == path {
			return todo[0].Restarts, nil
		}
		todo = append(todo, todo[0].Children...)
	}
	return 0, fmt.Errorf("no actor %s in the tree of %s", path, d.Name)
}

// load sends junk to both routers and asks them questions until stop is called.
func load(c *scenario.Cell, daemons ...*lab.Daemon) (stop func()) {
	g := c.Generator()
	quit := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() { // ends with quit
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			if err := g.Send(c.Junk(n)); err != nil {
				c.Errorf("load: %v", err)
				return
			}
			if n%20 == 0 {
				for _, d := range daemons {
					_, _ = d.Admin.Instance("web") // unanswered while its server restarts
				}
			}
		}
	})
	return func() { close(quit); ended.Wait() }
}
