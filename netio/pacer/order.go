package pacer

import (
	"slices"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

type orderKind uint8

const (
	orderListen orderKind = iota
	orderDeafen
	orderWatch
	orderUnwatch
	orderArm
	orderDisarm
	orderAdvertise
	orderUpdate
	orderSilence
	orderResign
	orderSend
	orderStallLimit
	orderReopen
	orderOpen
	orderAbandon
	orderClose
)

// order is one command to a line.
type order struct {
	kind     orderKind
	frame    *packet.Frame
	entry    *packet.VRRPEntry
	keys     []packet.VRRPKey
	watch    packet.Watch
	interval time.Duration
	at       int64
	then     func()
	restart  bool
}

const (
	orderLimit = 64 // orders of one line that wait, before repeats are dropped
	sendLimit  = 8  // sends that then remain
)

// push queues an order of the session with generation gen and wakes the
// thread. Orders of a fenced session are dropped.
func (e *Engine) push(l *line, gen uint64, o order) {
	e.mu.Lock()
	if l.gen.Load() != gen {
		e.mu.Unlock()
		e.fenced.Add(1)
		return
	}
	e.enqueue(l, o)
	e.mu.Unlock()
	e.wake()
}

// enqueue is push with e.mu held.
func (e *Engine) enqueue(l *line, o order) {
	if len(l.orders) >= orderLimit {
		l.orders = compact(l.orders)
	}
	l.orders = append(l.orders, o)
	if !l.queued {
		l.queued = true
		e.dirty = append(e.dirty, l)
	}
}

// compact drops orders that later ones of the same kind replace. It bounds the
// queue of a line while the thread is being restarted.
func compact(orders []order) []order {
	var seen [orderClose + 1]int
	kept := len(orders)
	for _, o := range slices.Backward(orders) {
		limit := 1
		if o.kind == orderSend {
			limit = sendLimit
		}
		if seen[o.kind]++; seen[o.kind] <= limit {
			kept--
			orders[kept] = o
		}
	}
	n := copy(orders, orders[kept:])
	clear(orders[n:])
	return orders[:n]
}

// takeOrders carries out what was ordered up to now. What a panic leaves
// undone is done at the next turn.
func (e *Engine) takeOrders(now int64) {
	e.carryOut(now)
	e.mu.Lock()
	for _, l := range e.dirty {
		l.queued = false
		for _, o := range l.orders {
			e.work = append(e.work, job{l, o})
		}
		l.orders = nil // thousands of lines give few orders after their start
	}
	clear(e.dirty)
	e.dirty = e.dirty[:0]
	e.mu.Unlock()
	e.carryOut(now)
}

// maxIdleWork is how many orders' worth of memory is kept between turns.
const maxIdleWork = 256

type job struct {
	l *line
	o order
}

func (e *Engine) carryOut(now int64) {
	for e.done < len(e.work) {
		j := &e.work[e.done]
		e.done++
		if !j.l.closed {
			e.perform(j.l, &j.o, now)
		}
	}
	if cap(e.work) > maxIdleWork {
		e.work = nil
	}
	clear(e.work)
	e.work, e.done = e.work[:0], 0
}

func (e *Engine) perform(l *line, o *order, now int64) {
	switch o.kind {
	case orderListen:
		e.table.remove(l)
		e.pace(l, o.entry)
		l.keys, l.deaf = o.keys, false
		e.table.add(l)
		e.refilter()
		if l.watching { // the family may be known only now
			e.watch(l, l.watch)
		}
	case orderDeafen:
		l.deaf = true
	case orderWatch:
		e.forgetExpiry(l)
		l.watchRx = 0
		e.watch(l, o.watch)
	case orderUnwatch:
		e.forgetExpiry(l)
		e.unwatch(l)
	case orderArm:
		if !l.ended.Load() {
			l.armed, l.then = o.frame, o.then
			e.keepNew(l, now)
		}
	case orderDisarm:
		l.armed, l.then = nil, nil
		if l.trial != 0 {
			e.resignNow(l)
		}
		e.keepNew(l, now)
	case orderAdvertise:
		e.advertise(l, o, now)
	case orderUpdate:
		e.update(l, o, now)
	case orderSilence:
		e.silence(l)
	case orderResign:
		l.resign = o.frame
	case orderSend:
		e.sendNow(l, o, now)
	case orderStallLimit:
		l.stallLimit = o.interval
	case orderReopen:
		l.ended.Store(false)
	case orderOpen:
		e.rehint(l)
	case orderAbandon:
		e.abandon(l)
	case orderClose:
		e.silence(l)
		e.unwatch(l)
		l.armed, l.then = nil, nil
		e.keep.remove(l)
		e.table.remove(l)
		e.pace(l, nil)
		e.refilter()
		l.closed = true
	}
}

// forgetExpiry drops an end of the watch that the owner has not taken: it has
// decided anew since. That an armed frame left is never forgotten.
func (e *Engine) forgetExpiry(l *line) {
	if x := l.expiry.Load(); x != nil && !x.armed {
		l.expiry.CompareAndSwap(x, nil)
	}
}

// rehint tells a new owner what the one before has not taken.
func (e *Engine) rehint(l *line) {
	l.misses = 0
	if l.slot.Load() != nil || l.notices.Load() != nil {
		l.dirty.Store(true)
		e.post(l, HintPacket)
	}
	if l.expiry.Load() != nil {
		e.post(l, HintExpired)
	}
	if l.stall.Load() != nil || l.holding.Load() {
		e.post(l, HintStalled)
	}
}

// abandon ends what the line of a dead owner still does.
func (e *Engine) abandon(l *line) {
	l.ended.Store(true)
	if l.sending() {
		e.resignNow(l)
	}
	e.unwatch(l)
	l.armed, l.then = nil, nil
	l.deaf = true
	e.keep.remove(l)
}
