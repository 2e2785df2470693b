package pacer

import (
	"sync/atomic"
	"time"
)

// metrics are the engine's own counters.
type metrics struct {
	turns, lateTurns, stalls                  atomic.Uint64
	maxLate                                   atomic.Int64
	packets, unknown, malformed               atomic.Uint64
	receiveErrors, filterErrors               atomic.Uint64
	sent, sendErrors                          atomic.Uint64
	slotDrops, expiries, leaseEnds, armedSent atomic.Uint64
}

// Metrics are counts since the start of the process, but for Lines.
type Metrics struct {
	Lines         int
	Turns         uint64
	LateTurns     uint64        // more than 1 ms after the instant asked for
	Stalls        uint64        // more than 20 ms
	MaxLateness   time.Duration // of a turn
	Packets       uint64
	Unknown       uint64 // of no line's virtual router; without those the kernel dropped
	Malformed     uint64 // too short to name a virtual router
	ReceiveErrors uint64
	FilterErrors  uint64
	Sent          uint64 // datagrams
	SendErrors    uint64
	SlotDrops     uint64 // adverts that a busy owner missed
	Expiries      uint64 // watches that ended
	ArmedSent     uint64 // of these, with the armed frame
	LeaseEnds     uint64
	Fenced        uint64 // orders of replaced owners
	KernelDrops   uint64 // datagrams lost to a full receive buffer
}

// Metrics may be called from any goroutine.
func (e *Engine) Metrics() Metrics {
	e.mu.Lock()
	lines := len(e.lines)
	e.mu.Unlock()
	m := Metrics{
		Lines: lines, Turns: e.turns.Load(), LateTurns: e.lateTurns.Load(), Stalls: e.stalls.Load(),
		MaxLateness: time.Duration(e.maxLate.Load()), Packets: e.packets.Load(), Unknown: e.unknown.Load(),
		Malformed: e.malformed.Load(), ReceiveErrors: e.receiveErrors.Load(), FilterErrors: e.filterErrors.Load(),
		Sent: e.sent.Load(), SendErrors: e.sendErrors.Load(), SlotDrops: e.slotDrops.Load(),
		Expiries: e.expiries.Load(), ArmedSent: e.armedSent.Load(), LeaseEnds: e.leaseEnds.Load(), Fenced: e.fenced.Load(),
	}
	for f := range e.ports {
		if p := e.ports[f].Load(); p != nil {
			if d, ok := (*p).(interface{ Drops() uint64 }); ok {
				m.KernelDrops += d.Drops()
			}
		}
	}
	return m
}

// Overdue is how long ago the next turn should have begun; 0 = not due yet. A
// value that keeps growing means that the thread hangs.
func (e *Engine) Overdue() time.Duration {
	at := e.expected.Load()
	if at == 0 {
		return 0
	}
	return max(0, time.Duration(e.opt.Now()-at))
}
