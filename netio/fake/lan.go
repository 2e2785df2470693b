// Package fake stands in for the network in tests: a segment in memory on which
// several pacers exchange adverts. Its pacers run the same engine as the real
// one, driven by time.AfterFunc, so that inside a testing/synctest bubble time
// is virtual and every instant exact.
package fake

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/packet"
)

// LAN is one broadcast segment. The zero value is not usable.
type LAN struct {
	start time.Time

	mu    sync.Mutex
	hosts []*Pacer
	cut   map[[2]string]bool
	lose  func(Sent, string) bool
	delay time.Duration
	sent  []Sent
}

// Sent is one datagram that a host sent, lost or not.
type Sent struct {
	At      int64  // on the LAN's clock
	From    string // host
	Frame   *packet.Frame
	Dst     netip.Addr
	Payload []byte
}

// Epoch is the instant at which a LAN's clock starts, in nanoseconds.
const Epoch = int64(1000 * time.Second)

// NewLAN returns an empty segment without loss or delay.
func NewLAN() *LAN { return &LAN{start: time.Now(), cut: map[[2]string]bool{}} }

// Now is the clock of all hosts, in nanoseconds.
func (l *LAN) Now() int64 { return Epoch + int64(time.Since(l.start)) }

// Cut stops what a sends to b, in that direction only.
func (l *LAN) Cut(a, b string) { l.setCut(a, b, true) }

// Heal undoes Cut.
func (l *LAN) Heal(a, b string) { l.setCut(a, b, false) }

func (l *LAN) setCut(a, b string, on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut[[2]string{a, b}] = on
}

// Partition cuts both directions between every host of a group and all others;
// nil heals everything.
func (l *LAN) Partition(group []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.cut)
	for _, a := range l.hosts {
		for _, b := range l.hosts {
			if group != nil && slices.Contains(group, a.name) != slices.Contains(group, b.name) {
				l.cut[[2]string{a.name, b.name}] = true
			}
		}
	}
}

// Lose decides for each datagram and receiving host whether it is lost; nil =
// nothing is.
func (l *LAN) Lose(lose func(s Sent, to string) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lose = lose
}

// Delay sets how long a datagram is on its way.
func (l *LAN) Delay(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = d
}

// Sent lists what was sent since the last Forget, oldest first.
func (l *LAN) Sent() []Sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.sent)
}

// SentBy is Sent of one host.
func (l *LAN) SentBy(host string) []Sent {
	return slices.DeleteFunc(l.Sent(), func(s Sent) bool { return s.From != host })
}

// Forget empties the list of Sent.
func (l *LAN) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = nil
}

// Inject delivers a datagram to a host as if it had arrived from outside. At,
// Ifindex and IPLength are filled in.
func (l *LAN) Inject(host string, d packet.VRRPDatagram) {
	l.mu.Lock()
	var to *Pacer
	for _, h := range l.hosts {
		if h.name == host {
			to = h
		}
	}
	l.mu.Unlock()
	if to != nil {
		to.arrive(d)
	}
}

// carry hands a datagram to every host that would receive it.
func (l *LAN) carry(from *Pacer, f *packet.Frame, dst netip.Addr, payload []byte) {
	s := Sent{At: l.Now(), From: from.name, Frame: f, Dst: dst, Payload: payload}
	l.mu.Lock()
	l.sent = append(l.sent, s)
	var to []*Pacer
	for _, h := range l.hosts {
		lost := h == from || l.cut[[2]string{from.name, h.name}] || (!dst.IsMulticast() && !slices.Contains(h.addrs, dst))
		if !lost && (l.lose == nil || !l.lose(s, h.name)) {
			to = append(to, h)
		}
	}
	delay := l.delay
	l.mu.Unlock()

	d := packet.VRRPDatagram{Src: f.Src, Dst: dst, TTL: f.TTL, Payload: payload}
	if d.TTL == 0 {
		d.TTL = 255
	}
	if !d.Src.IsValid() {
		d.Src = from.source(f.IPv6)
	}
	for _, h := range to {
		if delay == 0 {
			h.arrive(d)
		} else {
			time.AfterFunc(delay, func() { h.arrive(d) })
		}
	}
}

var _ pacer.Port = port{}
