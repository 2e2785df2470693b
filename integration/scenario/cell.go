package scenario

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
	"github.com/understudy-ha/understudy/messages"
)

// Pair says which daemons play routers A and B.
type Pair struct{ A, B lab.Kind }

func (p Pair) String() string { return string(p.A) + "-" + string(p.B) }

// Variant is one way to speak VRRP.
type Variant struct {
	Name     string
	Version  int
	IPv6     bool
	Unicast  bool
	Interval time.Duration
}

// V2 is the variant of the scenarios that do not say otherwise.
func V2() Variant { return Variant{Name: "v2", Version: 2, Interval: time.Second} }

// V3 is version 3 over IPv4.
func V3() Variant { return Variant{Name: "v3", Version: 3, Interval: time.Second} }

// Unicast is version 3 over IPv4 between peers.
func Unicast() Variant {
	return Variant{Name: "unicast", Version: 3, Unicast: true, Interval: time.Second}
}

// IPv6 is version 3 over IPv6.
func IPv6() Variant { return Variant{Name: "ipv6", Version: 3, IPv6: true, Interval: time.Second} }

// Fast is version 3 with ten adverts a second: the down interval is below 400 ms.
func Fast() Variant {
	return Variant{Name: "v3-100ms", Version: 3, Interval: 100 * time.Millisecond}
}

// FastIPv6 is the same over IPv6.
func FastIPv6() Variant {
	return Variant{Name: "ipv6-100ms", Version: 3, IPv6: true, Interval: 100 * time.Millisecond}
}

// Variants are all that scenarios marked for peers run in.
func Variants() []Variant {
	return []Variant{
		V2(), V3(), IPv6(), Unicast(),
		{Name: "v2-unicast", Version: 2, Unicast: true, Interval: time.Second},
		Fast(), FastIPv6(),
		{Name: "unicast-100ms", Version: 3, Unicast: true, Interval: 100 * time.Millisecond},
	}
}

// Cell is the network of one scenario: routers A and B and a client, each in a
// namespace of its own on its own port of a bridge. InstanceA and InstanceB are
// what they will run; a scenario changes them before the start.
type Cell struct {
	*Attempt
	Variant Variant
	Pair    Pair

	HostA, HostB, Client *lab.Host
	InstanceA, InstanceB lab.Instance
	Capture              *lab.Capture
	WatchA, WatchB       *lab.AddressWatch
	V                    netip.Addr // the virtual address a client uses
	VRRPKeysA            []string   // further lines under vrrp: of A

	binary string
	lab    *lab.Lab
	a, b   *lab.Daemon
}

// Run builds a cell and runs body in it, repeating it as Repeat says.
func Run(t *testing.T, p Pair, v Variant, body func(*Cell)) {
	t.Helper()
	binary := ""
	if p.A == lab.Understudy || p.B == lab.Understudy {
		binary = Binary(t)
	} else if os.Getenv(binaryEnv) == "" {
		t.Skip(binaryEnv + " is not set: run by make test-interop")
	}
	t.Parallel()
	tag := tagOf(t.Name())
	Repeat(t, func(a *Attempt) {
		c := &Cell{Attempt: a, Variant: v, Pair: p, binary: binary}
		c.build(tag)
		body(c)
	})
}

// tagOf is a short name of a test that is the same in each run.
func tagOf(name string) string {
	h := fnv.New32a()
	h.Write([]byte(name))
	return fmt.Sprintf("t%08x", h.Sum32())
}

func (c *Cell) build(tag string) {
	l, err := lab.New(tag)
	c.Check(err)
	c.lab = l
	c.Cleanup(func() {
		c.explain()
		if err := l.Close(); err != nil {
			c.Errorf("clean up: %v", err)
		}
	})
	host := func(name string, n int) lab.HostSpec { return lab.HostSpec{Host: name, Addrs: hostAddrs(n)} }
	s, err := l.Segment(host("a", 1), host("b", 2), host("client", 9))
	c.Check(err)
	c.HostA, c.HostB, c.Client = s.Find("a"), s.Find("b"), s.Find("client")
	c.Capture, err = s.Capture()
	c.Check(err)
	c.WatchA, err = c.HostA.WatchAddresses()
	c.Check(err)
	c.WatchB, err = c.HostB.WatchAddresses()
	c.Check(err)
	c.InstanceA, c.InstanceB = c.instance(150), c.instance(100)
	if c.Variant.Unicast {
		c.InstanceA.Peers, c.InstanceB.Peers = []netip.Addr{addr("192.0.2.2")}, []netip.Addr{addr("192.0.2.1")}
		c.InstanceA.Source, c.InstanceB.Source = addr("192.0.2.1"), addr("192.0.2.2")
	}
}

// hostAddrs are the addresses of the nth host.
func hostAddrs(n int) []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/24", n)),
		netip.MustParsePrefix(fmt.Sprintf("fe80::%d/64", n)),
		netip.MustParsePrefix(fmt.Sprintf("2001:db8::%d/64", n)),
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func (c *Cell) instance(priority int) lab.Instance {
	vips := []netip.Prefix{netip.MustParsePrefix("192.0.2.100/24")}
	if c.Variant.IPv6 {
		vips = []netip.Prefix{netip.MustParsePrefix("fe80::51/64"), netip.MustParsePrefix("2001:db8::51/64")}
	}
	c.V = vips[len(vips)-1].Addr()
	return lab.Instance{Priority: priority, Version: c.Variant.Version, Interval: c.Variant.Interval, VIPs: vips}
}

// explain adds what helps to understand a failure.
func (c *Cell) explain() {
	if !c.failed {
		return
	}
	if c.Capture != nil {
		list := c.Capture.Adverts()
		for _, a := range list[max(0, len(list)-shownAdverts):] {
			c.Logf("  %s advert from port %s: %v → %v v%d vrid %d priority %d interval %v ttl %d checksum %v",
				a.At.Format("15:04:05.000000"), a.Host, a.Src, a.Dst, a.Version, a.VRID, a.Priority, a.Interval, a.TTL, a.Form)
		}
	}
	for _, d := range []*lab.Daemon{c.a, c.b} {
		if d != nil {
			text := d.Log()
			c.Logf("--- log of %s:\n%s", d.Name, text[max(0, len(text)-shownLog):])
		}
	}
}

// StartA starts router A, StartB router B. They do not wait.
func (c *Cell) StartA() *lab.Daemon {
	c.a = c.start(c.HostA, c.Pair.A, c.InstanceA, c.VRRPKeysA...)
	return c.a
}

// StartB starts router B.
func (c *Cell) StartB() *lab.Daemon {
	c.b = c.start(c.HostB, c.Pair.B, c.InstanceB)
	return c.b
}

func (c *Cell) start(h *lab.Host, k lab.Kind, i lab.Instance, vrrp ...string) *lab.Daemon {
	d, err := h.StartRouter(lab.Router{Kind: k, Binary: c.binary, Instances: []lab.Instance{i}, VRRPKeys: vrrp})
	c.Check(err)
	return d
}

// Both starts A, waits until it is master, starts B and waits until B has
// heard A for a while.
func (c *Cell) Both() (a, b *lab.Daemon) {
	c.StartA()
	c.AwaitAdvert("a", c.a.Started, c.Down(c.InstanceA)+2*time.Second)
	c.StartB()
	c.AwaitState(c.b, "backup", c.b.Started, 3*time.Second)
	lab.Wait(c.settle())
	return c.a, c.b
}

// settle is long enough for the addresses of a new master and the start of a backup.
func (c *Cell) settle() time.Duration { return max(2*c.Variant.Interval, 600*time.Millisecond) }

// Down is the down interval of an instance while a master with the same
// advert interval is heard.
func (c *Cell) Down(i lab.Instance) time.Duration {
	return lab.DownInterval(i.Version, i.Priority, i.Interval)
}

// Skew is its skew time.
func (c *Cell) Skew(i lab.Instance) time.Duration { return lab.Skew(i.Version, i.Priority, i.Interval) }

// Within fails unless lo ≤ d ≤ hi, with a tenth of a second for the machine.
func (c *Cell) Within(what string, d, lo, hi time.Duration) {
	c.Logf("%s: %v (want %v to %v)", what, d, lo, hi)
	if d < lo || d > hi+slack {
		c.Errorf("%s: %v, want %v to %v", what, d, lo, hi)
	}
}

// AwaitAdvert waits for the first advert of a host, other than a resignation, after an instant.
func (c *Cell) AwaitAdvert(host string, after time.Time, limit time.Duration) lab.Advert {
	a, ok := c.Capture.WaitAdvert(limit, lab.From(host), lab.After(after), lab.Active())
	if !ok {
		c.Fatalf("no advert from %s within %v", host, limit)
	}
	return a
}

// Silent fails if the host sent an advert after an instant.
func (c *Cell) Silent(host string, after time.Time) {
	if list := c.Capture.Adverts(lab.From(host), lab.After(after)); len(list) > 0 {
		c.Errorf("%s sent %d adverts, want none; the first at %v", host, len(list), list[0].At)
	}
}

var entering = regexp.MustCompile(`Entering (\w+) STATE`)

// States lists the states a daemon went through, oldest first: of Understudy
// its transitions, of keepalived its log (with no times).
func (c *Cell) States(d *lab.Daemon) ([]messages.Transition, error) {
	if d.Kind == lab.Understudy {
		s, err := d.Admin.Instance("web")
		return s.Transitions, err
	}
	var out []messages.Transition
	for _, m := range entering.FindAllStringSubmatch(d.Log(), -1) {
		out = append(out, messages.Transition{To: strings.ToLower(m[1])})
	}
	return out, nil
}

// AwaitState waits until the daemon entered a state after an instant and
// returns when it did. For keepalived, whose log has whole seconds, it is when
// the line was seen and every line counts that was not there when the wait began
// or, while it has no line yet, the first.
func (c *Cell) AwaitState(d *lab.Daemon, state string, after time.Time, limit time.Duration) time.Time {
	c.Check(d.WaitAdmin())
	var at time.Time
	var last error
	ok := lab.Until(limit, func() bool {
		list, err := c.States(d)
		last = err
		for _, t := range slices.Backward(list) {
			if t.To != state {
				if d.Kind == lab.Keepalived {
					return false
				}
				continue
			}
			at = t.At
			if d.Kind == lab.Keepalived {
				at = time.Now()
			}
			return at.After(after)
		}
		return false
	})
	if !ok {
		c.Fatalf("%s: no transition to %s within %v (%v)", d.Name, state, limit, last)
	}
	return at
}

// Status reads Understudy's view of its instance.
func (c *Cell) Status(d *lab.Daemon) messages.InstanceStatus {
	s, err := d.Admin.Instance("web")
	c.Check(err)
	return s
}

// AwaitCounter waits until a counter of Understudy reaches a value.
func (c *Cell) AwaitCounter(d *lab.Daemon, name string, value uint64, limit time.Duration) {
	var have uint64
	var last error
	ok := lab.Until(limit, func() bool {
		s, err := d.Admin.Instance("web")
		known := false
		have, known = s.Counters[name]
		last = err
		if err == nil && !known {
			last = errors.New("no such counter")
		}
		return err == nil && have >= value
	})
	if !ok {
		c.Errorf("%s: counter %s is %d, want %d (%v)", d.Name, name, have, value, last)
	}
}

// Answers fails unless the virtual address answers from the host soon.
func (c *Cell) Answers(host string) {
	since := time.Now()
	p, err := c.Client.Ping(c.V, 20*time.Millisecond)
	c.Check(err)
	defer p.Stop()
	e, ok := c.Capture.WaitEcho(2*time.Second, c.V, since)
	if !ok || e.Host != host {
		c.Errorf("%v answers: %t, from %q, want from %q", c.V, ok, e.Host, host)
	}
}

// Unmoved fails if an address came to A or went from it since.
func (c *Cell) Unmoved(addr netip.Addr, since time.Time) {
	if changes := c.WatchA.Changes(addr, since); len(changes) > 0 {
		c.Errorf("%v moved: %+v", addr, changes)
	}
}

// Generator sends hand-made packets from the client.
func (c *Cell) Generator() *lab.Generator {
	g, err := c.Client.Generator()
	c.Check(err)
	return g
}
