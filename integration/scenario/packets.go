package scenario

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
	"github.com/understudy-ha/understudy/netio/packet"
)

// advert forges an advert of the cell's variant for VRID 51, with the source
// given (IPv6: fe80::9). Damage may change the message, checksum included.
func (c *Cell) advert(src string, priority uint8, damage func(message []byte)) lab.Forged {
	from, to := addr(src), addr("224.0.0.18")
	var mac [6]byte
	if c.Variant.IPv6 {
		from, to = addr("fe80::9"), addr("ff02::12")
	}
	if c.Variant.Unicast {
		to, mac = addr("192.0.2.1"), c.HostA.MAC
	}
	a := packet.VRRPAdvert{Version: uint8(c.Variant.Version), VRID: 51, Priority: priority, Interval: c.Variant.Interval}
	for _, vip := range c.InstanceA.VIPs {
		a.Addrs = append(a.Addrs, vip.Addr())
	}
	m, err := lab.Message(a, from, to)
	c.Check(err)
	if damage != nil {
		damage(m)
	}
	return lab.Forged{Src: from, Dst: to, DstMAC: mac, Message: m}
}

// Junk is the nth of a series of packets that a router must drop: with a bad
// checksum, of another virtual router, cut short, of another version.
func (c *Cell) Junk(n int) lab.Forged {
	f := c.advert("192.0.2.9", 200, func(m []byte) {
		switch n % 4 {
		case 0:
			m[6] ^= 0x55
		case 1:
			m[1] = byte(60 + n%100)
		case 3:
			m[0] = 0x71
		}
	})
	if n%4 == 2 {
		f.Message = f.Message[:5]
	}
	return f
}

// recount makes the checksum of a damaged message right again.
func recount(m []byte, src, dst netip.Addr) {
	m[6], m[7] = 0, 0
	acc := uint32(packet.ProtocolVRRP) + uint32(len(m))
	for _, b := range [][]byte{src.AsSlice(), dst.AsSlice(), m} {
		for i := 0; i+1 < len(b); i += 2 {
			acc += uint32(b[i])<<8 | uint32(b[i+1])
		}
	}
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	m[6], m[7] = byte(^acc>>8), byte(^acc)
}

// loggedOnce checks that one line of the log warns of a sender.
func (c *Cell) loggedOnce(d *lab.Daemon, sender string) {
	if n := c.mentions(d, sender); n != 1 {
		c.Errorf("%s: %d lines of the log mention %s, want 1", d.Name, n, sender)
	}
}

// logMentions checks that the log warns of a sender at all.
func (c *Cell) logMentions(d *lab.Daemon, sender string) {
	if !lab.Until(time.Second, func() bool { return c.mentions(d, sender) > 0 }) {
		c.Errorf("%s: the log does not mention %s", d.Name, sender)
	}
}

func (c *Cell) mentions(d *lab.Daemon, sender string) int {
	n := 0
	for line := range strings.SplitSeq(d.Log(), "\n") {
		if strings.Contains(line, sender) {
			n++
		}
	}
	return n
}

// BelowMinTTL is scenario 18: a unicast advert with too low a TTL is dropped and counted.
func BelowMinTTL(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceA.Peers = nil
		c.InstanceA.UnderstudyKey = []string{`unicast: {peers: [{address: "192.0.2.2", min_ttl: 254}]}`}
		a := c.master()
		f := c.advert("192.0.2.2", 200, nil)
		f.TTL = 250
		c.Check(c.Generator().Send(f))
		c.AwaitCounter(a, "ip_ttl_err", 1, time.Second)
		c.undisturbed(a)
		if n := c.Status(a).Counters["ip_ttl_err"]; n != 1 {
			c.Errorf("ip_ttl_err is %d, want 1", n)
		}
	})
}

// NotAPeer is scenario 19: a unicast advert of a stranger is dropped, and logged once.
func NotAPeer(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceA.Peers = nil
		c.InstanceA.UnderstudyKey = []string{`unicast: {peers: ["192.0.2.2"], check_source: true}`}
		a := c.master()
		g := c.Generator()
		for range 5 {
			c.Check(g.Send(c.advert("192.0.2.9", 200, nil)))
		}
		c.AwaitCounter(a, "unicast_src_err", 5, time.Second)
		c.undisturbed(a)
		c.loggedOnce(a, "192.0.2.9")
	})
}

// master starts A alone and waits until it is master.
func (c *Cell) master() *lab.Daemon {
	a := c.StartA()
	c.AwaitState(a, "master", a.Started, c.Down(c.InstanceA)+2*time.Second)
	return a
}

// undisturbed checks that the master has not moved since it became one.
func (c *Cell) undisturbed(d *lab.Daemon) {
	s := c.Status(d)
	if s.State != "master" || len(s.Transitions) > 2 {
		c.Errorf("%s is %s with transitions %+v, want an undisturbed master", d.Name, s.State, s.Transitions)
	}
}

// BadChecksums is scenario 28: bad packets do not disturb a master's schedule.
func BadChecksums(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		a := c.master()
		g := c.Generator()
		from := time.Now()
		const n = 200 // 20 each second for 10 s
		for i := range n {
			c.Check(g.Send(c.advert("192.0.2.9", 200, func(m []byte) { m[7] ^= 0xff })))
			lab.WaitUntil(from.Add(time.Duration(i+1) * 50 * time.Millisecond))
		}
		c.AwaitCounter(a, "chk_err", n, time.Second)
		if gap, at := c.Capture.MaxGap(lab.From("a"), lab.After(from.Add(-1100*time.Millisecond))); gap == 0 || gap > 1100*time.Millisecond {
			c.Errorf("advert gap of %v at %v, want at most 1.1 s", gap, at)
		}
		c.undisturbed(a)
	})
}

// ZeroInterval is scenario 29: a version 3 advert with interval 0 does not make
// a backup master.
func ZeroInterval(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.Both()
		from := time.Now()
		g := c.Generator()
		for range 3 {
			f := c.advert("192.0.2.9", 200, func(m []byte) { m[4], m[5] = 0, 0 })
			recount(f.Message, f.Src, f.Dst)
			c.Check(g.Send(f))
		}
		c.AwaitCounter(c.b, "advert_interval_err", 3, time.Second)
		lab.Wait(c.Down(c.InstanceB) + time.Second)
		c.Silent("b", from)
		if s := c.Status(c.b); s.State != "backup" {
			c.Errorf("the backup became %s", s.State)
		}
	})
}

// ListsDiffer is scenario 30: another address list is counted and noted, and
// the advert counts all the same.
func ListsDiffer(t *testing.T, p Pair, v Variant) {
	Run(t, p, v, func(c *Cell) {
		c.InstanceB.VIPs = append(c.InstanceB.VIPs[:1:1], netip.MustParsePrefix("192.0.2.101/24"))
		c.Both()
		from := time.Now()
		c.AwaitCounter(c.b, "addr_list_err", 3, 6*time.Second)
		lab.WaitUntil(from.Add(c.Down(c.InstanceB) + time.Second))
		c.Silent("b", time.Time{})
		c.loggedOnce(c.b, "192.0.2.1 ")
	})
}
