package main

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
)

const (
	demoAskEvery = 10 * time.Millisecond
	demoLostIn   = 500 * time.Millisecond // a request that old without an answer counts as lost on the screen
	demoMaxAsks  = 1 << 17                // more than the longest show needs; then the client falls silent
)

// demoAsk is one request of the client.
type demoAsk struct {
	sent     time.Time
	answered time.Time // zero: not yet, or never
	by       string    // name of the router that answered
}

// demoClient asks the virtual address a hundred times a second and notes who
// answered each request, and when.
type demoClient struct {
	conn  net.PacketConn
	to    net.Addr
	stop  chan struct{}
	ended sync.WaitGroup

	mu     sync.Mutex
	asks   []demoAsk      // the request with number n is at n
	counts map[string]int // answers by router
	judged int            // requests before this one are old enough to be lost
	lost   int            // of those
}

// startDemoClient opens the socket in the client's namespace and starts to ask.
func startDemoClient(h *lab.Host, vip netip.Addr) (*demoClient, error) {
	c := &demoClient{to: net.UDPAddrFromAddrPort(netip.AddrPortFrom(vip, demoPort)), stop: make(chan struct{}), counts: map[string]int{}}
	err := h.Do(func() error {
		var err error
		c.conn, err = net.ListenPacket("udp4", ":0")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("start the client in %s: %w", h.Name, err)
	}
	c.ended.Go(c.send) // both end with close
	c.ended.Go(c.receive)
	return c, nil
}

func (c *demoClient) send() {
	tick := time.NewTicker(demoAskEvery)
	defer tick.Stop()
	b := make([]byte, demoSeqSize)
	for n := range uint64(demoMaxAsks) {
		binary.BigEndian.PutUint64(b, n)
		c.mu.Lock()
		c.asks = append(c.asks, demoAsk{sent: time.Now()})
		c.mu.Unlock()
		_, _ = c.conn.WriteTo(b, c.to) // one that cannot be sent is not answered either
		select {
		case <-tick.C:
		case <-c.stop:
			return
		}
	}
}

func (c *demoClient) receive() {
	b := make([]byte, demoSeqSize+demoMaxName)
	for {
		n, _, err := c.conn.ReadFrom(b)
		if err != nil {
			return // only a closed socket does that
		}
		if n > demoSeqSize {
			c.note(binary.BigEndian.Uint64(b), string(b[demoSeqSize:n]), time.Now())
		}
	}
}

// note records an answer; only the first to a request counts.
func (c *demoClient) note(n uint64, by string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n >= uint64(len(c.asks)) || !c.asks[n].answered.IsZero() {
		return
	}
	c.asks[n].answered, c.asks[n].by = at, by
	c.counts[by]++
	if int(n) < c.judged {
		c.lost-- // late, not lost
	}
}

// tally is the answers by router and the lost requests so far.
func (c *demoClient) tally(now time.Time) (by map[string]int, lost int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ; c.judged < len(c.asks) && now.Sub(c.asks[c.judged].sent) > demoLostIn; c.judged++ {
		if c.asks[c.judged].answered.IsZero() {
			c.lost++
		}
	}
	return maps.Clone(c.counts), c.lost
}

// between copies the requests sent at or after an instant and before another.
func (c *demoClient) between(from, to time.Time) []demoAsk {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.asks)
	for last > 0 && !c.asks[last-1].sent.Before(to) {
		last--
	}
	first := last
	for first > 0 && !c.asks[first-1].sent.Before(from) {
		first--
	}
	return append([]demoAsk(nil), c.asks[first:last]...)
}

func (c *demoClient) close() {
	close(c.stop)
	c.conn.Close()
	c.ended.Wait()
}

// demoUnanswered counts the requests without an answer.
func demoUnanswered(asks []demoAsk) int {
	n := 0
	for _, a := range asks {
		if a.answered.IsZero() {
			n++
		}
	}
	return n
}

// demoStrays counts the requests that another router than this one answered.
func demoStrays(asks []demoAsk, router string) int {
	n := 0
	for _, a := range asks {
		if a.by != "" && a.by != router {
			n++
		}
	}
	return n
}

// demoOutage is the time between the last answer of one router and the first of
// the one that follows it: the longest time without any answer around the
// handover, the interval between two requests included. It is negative when the
// new router answered before the old one stopped. False: one of the two never answered.
func demoOutage(asks []demoAsk, from, to string) (time.Duration, bool) {
	var last, first time.Time
	for _, a := range asks {
		switch {
		case a.by == from && a.answered.After(last):
			last = a.answered
		case a.by == to && (first.IsZero() || a.answered.Before(first)):
			first = a.answered
		}
	}
	if last.IsZero() || first.IsZero() {
		return 0, false
	}
	return first.Sub(last), true
}

// Cells of the strip that are no router's name.
const (
	demoCellIdle = ' ' // nothing was asked
	demoCellLost = '×' // at least one request is without an answer
)

const demoYoung = 50 * time.Millisecond // a request this young may still be answered

// demoStrip draws the last requests, oldest first, one rune a cell: the first
// letter of the router that answered last in that time. Cells begin at whole
// multiples of their length, so that a drawn one moves but does not change.
func demoStrip(asks []demoAsk, now time.Time, cells int, length time.Duration) string {
	begin := now.Truncate(length).Add(-time.Duration(cells-1) * length)
	out := make([]rune, cells)
	for i := range out {
		out[i] = demoCellIdle
	}
	for _, a := range asks {
		i := int(a.sent.Sub(begin) / length)
		if a.sent.Before(begin) || i >= cells {
			continue
		}
		switch {
		case out[i] == demoCellLost:
		case a.by != "":
			out[i] = rune(a.by[0])
		case now.Sub(a.sent) > demoYoung:
			out[i] = demoCellLost
		}
	}
	return string(out)
}
