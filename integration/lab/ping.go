package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// Pinger sends echo requests to one address at a steady rate and keeps the
// times of the answers: what a client of the address sees.
type Pinger struct {
	conn  net.PacketConn
	to    net.Addr
	v6    bool
	id    uint16
	every time.Duration
	stop  chan struct{}
	ended sync.WaitGroup

	mu      sync.Mutex
	sent    int
	replies []time.Time
	began   time.Time
}

const maxReplies = 1 << 20

// Ping starts pinging addr once each interval; the lab ends it if Stop does not.
func (h *Host) Ping(addr netip.Addr, every time.Duration) (*Pinger, error) {
	p := &Pinger{v6: addr.Is6(), id: uint16(os.Getpid()) ^ uint16(time.Now().UnixNano()), every: every, stop: make(chan struct{})}
	network, local := "ip4:icmp", "0.0.0.0"
	if p.v6 {
		network, local = "ip6:ipv6-icmp", "::"
	}
	p.to = &net.IPAddr{IP: addr.AsSlice()}
	if addr.IsLinkLocalUnicast() {
		p.to = &net.IPAddr{IP: addr.AsSlice(), Zone: fmt.Sprint(h.Index)}
	}
	err := h.Do(func() error {
		var err error
		p.conn, err = net.ListenPacket(network, local)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ping %v from %s: %w", addr, h.Name, err)
	}
	p.began = time.Now()
	p.ended.Add(2)
	go p.send() // both end with Stop
	go p.receive()
	h.lab.onClose(func() error { p.Stop(); return nil })
	return p, nil
}

func (p *Pinger) send() {
	defer p.ended.Done()
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	b := make([]byte, 16)
	for seq := uint16(1); ; seq++ {
		b[0] = echoRequest4
		if p.v6 {
			b[0] = echoRequest6 // the kernel fills the checksum in
		}
		binary.BigEndian.PutUint16(b[2:], 0)
		binary.BigEndian.PutUint16(b[4:], p.id)
		binary.BigEndian.PutUint16(b[6:], seq)
		if !p.v6 {
			binary.BigEndian.PutUint16(b[2:], packet.Checksum(b))
		}
		_, _ = p.conn.WriteTo(b, p.to) // unreachable just now is what is being measured
		p.mu.Lock()
		p.sent++
		p.mu.Unlock()
		select {
		case <-tick.C:
		case <-p.stop:
			return
		}
	}
}

func (p *Pinger) receive() {
	defer p.ended.Done()
	want := byte(echoReply4)
	if p.v6 {
		want = echoReply6
	}
	b := make([]byte, 1500)
	for {
		n, _, err := p.conn.ReadFrom(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n < 8 || b[0] != want || binary.BigEndian.Uint16(b[4:]) != p.id {
			continue
		}
		p.mu.Lock()
		if len(p.replies) < maxReplies {
			p.replies = append(p.replies, time.Now())
		}
		p.mu.Unlock()
	}
}

// Outage is the longest time without an answer since an instant, counted to
// now, less the interval between two pings.
func (p *Pinger) Outage(since time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, worst := since, time.Duration(0)
	for _, at := range p.replies {
		if at.After(since) {
			worst = max(worst, at.Sub(last))
			last = at
		}
	}
	return max(0, max(worst, time.Since(last))-p.every)
}

// Counts is how many pings were sent and how many answered so far.
func (p *Pinger) Counts() (sent, answered int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent, len(p.replies)
}

// Answering waits until an answer has come after an instant.
func (p *Pinger) Answering(limit time.Duration, after time.Time) bool {
	return Until(limit, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.replies) > 0 && p.replies[len(p.replies)-1].After(after)
	})
}

// Stop ends the pinging. It may be called more than once.
func (p *Pinger) Stop() {
	p.mu.Lock()
	select {
	case <-p.stop:
		p.mu.Unlock()
		return
	default:
		close(p.stop)
	}
	p.mu.Unlock()
	_ = p.conn.Close() // nothing was written that could be lost
	p.ended.Wait()
}
