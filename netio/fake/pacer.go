package fake

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/packet"
	"github.com/understudy-ha/understudy/netio/rawsock"
)

// Pacer is one host's pacer on a LAN. Its Open, Close and Abandon are those of
// the real one.
type Pacer struct {
	*pacer.Engine
	lan     *LAN
	name    string
	ifindex int
	addrs   []netip.Addr

	turn    sync.Mutex // held during a turn
	timer   *time.Timer
	pending atomic.Bool // a turn is about to begin
	paused  atomic.Bool
	closed  atomic.Bool

	mu    sync.Mutex
	queue [2][]packet.VRRPDatagram // by family
}

// batch is how many datagrams a Receive returns, as of the real socket.
const batch = 64

// Host describes a host of a LAN.
type Host struct {
	Name    string
	Ifindex int // of its one interface
	Addrs   []netip.Addr
	Options pacer.Options // Now is filled in
}

// Join adds a host. Close its pacer at the end of the test.
func (l *LAN) Join(h Host) *Pacer {
	p := &Pacer{lan: l, name: h.Name, ifindex: h.Ifindex, addrs: h.Addrs}
	h.Options.Now = l.Now
	p.Engine = pacer.NewEngine(h.Options, p.wake)
	p.timer = time.AfterFunc(time.Hour, p.run)
	p.timer.Stop()
	p.Attach(false, port{p, false})
	p.Attach(true, port{p, true})
	l.mu.Lock()
	l.hosts = append(l.hosts, p)
	l.mu.Unlock()
	return p
}

// Leave takes the host off the LAN; its pacer turns no more.
func (p *Pacer) Leave() {
	p.closed.Store(true)
	p.lan.mu.Lock()
	p.lan.hosts = slices.DeleteFunc(p.lan.hosts, func(h *Pacer) bool { return h == p })
	p.lan.mu.Unlock()
	p.turn.Lock()
	p.timer.Stop()
	p.turn.Unlock()
}

// Pause stops the pacer as a stall of the whole process does: packets queue up.
func (p *Pacer) Pause() { p.paused.Store(true) }

// Resume ends Pause.
func (p *Pacer) Resume() {
	p.paused.Store(false)
	p.wake()
}

// wake begins a turn soon, on a goroutine that ends with it.
func (p *Pacer) wake() {
	if !p.pending.Swap(true) {
		go p.run()
	}
}

func (p *Pacer) run() {
	p.turn.Lock()
	defer p.turn.Unlock()
	p.pending.Store(false)
	if p.paused.Load() || p.closed.Load() {
		return
	}
	p.mu.Lock()
	ready := pacer.Ready{IPv4: len(p.queue[0]) > 0, IPv6: len(p.queue[1]) > 0}
	p.mu.Unlock()
	if next := p.Turn(ready); next == 0 {
		p.timer.Stop()
	} else {
		p.timer.Reset(max(0, time.Duration(next-p.lan.Now())))
	}
}

func (p *Pacer) arrive(d packet.VRRPDatagram) {
	d.At, d.Ifindex, d.IPLength = p.lan.Now(), p.ifindex, len(d.Payload)
	f := 0
	if d.Dst.Is6() {
		f, d.IPLength = 1, -1
	}
	p.mu.Lock()
	p.queue[f] = append(p.queue[f], d)
	p.mu.Unlock()
	p.wake()
}

func (p *Pacer) source(ipv6 bool) netip.Addr {
	for _, a := range p.addrs {
		if a.Is6() == ipv6 {
			return a
		}
	}
	return netip.Addr{}
}

// port is the host's socket of one family.
type port struct {
	p    *Pacer
	ipv6 bool
}

// Receive implements pacer.Port.
func (o port) Receive() ([]packet.VRRPDatagram, bool, error) {
	f := 0
	if o.ipv6 {
		f = 1
	}
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	q := o.p.queue[f]
	n := min(len(q), batch)
	o.p.queue[f] = q[n:]
	return q[:n:n], n == batch, nil
}

// Send implements pacer.Port.
func (o port) Send(outs []rawsock.Out) {
	for i := range outs {
		out := &outs[i]
		payload := out.Frame.Payload
		if out.Frame.Payloads != nil {
			payload = out.Frame.Payloads[out.Index]
		}
		out.Err = nil
		o.p.lan.carry(o.p, out.Frame, out.Frame.Dsts[out.Index], payload)
	}
}
