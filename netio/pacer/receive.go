package pacer

import (
	"net/netip"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// drain reads what arrived on the socket of family f, within the limits of a
// turn, and notes up to which instant nothing is left unread.
func (e *Engine) drain(f int, now int64) {
	e.consume(f) // what a panic left of the batch before
	p := e.ports[f].Load()
	if p == nil {
		e.clear[f], e.backlog[f] = now, false
		return
	}
	e.backlog[f] = true
	failed := 0
	for total := 0; total < drainLimit; {
		batch, more, err := (*p).Receive()
		if err != nil {
			e.receiveErrors.Add(1)
			if failed++; failed < drainRetry {
				continue
			}
			more = false // nothing to be had from this socket
		}
		total += len(batch)
		if n := len(batch); n > 0 {
			e.clear[f] = max(e.clear[f], min(now, batch[n-1].At))
		}
		e.rest[f] = batch
		e.consume(f)
		if !more {
			e.clear[f], e.backlog[f] = now, false
			return
		}
		if time.Duration(e.opt.Now()-now) > drainTime {
			return
		}
	}
}

// consume judges the datagrams of the present batch. Each is taken out before:
// one that panics is lost, those behind it are not.
func (e *Engine) consume(f int) {
	for len(e.rest[f]) > 0 {
		d := &e.rest[f][0]
		e.rest[f] = e.rest[f][1:]
		e.receive(f, d)
	}
}

// receive hands one datagram to the line it belongs to.
func (e *Engine) receive(f int, d *packet.VRRPDatagram) {
	e.packets.Add(1)
	if len(d.Payload) < 2 {
		e.malformed.Add(1)
		return
	}
	vrid := d.Payload[1]
	l := e.table.find(f == 1, vrid, d)
	switch {
	case l == nil:
		e.stranger(f, vrid, d)
		return
	case l.deaf:
		l.stats[packet.VRRPIgnored].Add(1)
		return
	}
	heard, verdict := e.opt.Check(l.entry, *d, &l.stats)
	if verdict.Drop {
		e.notice(l, verdict.Reason, d.Src, d.At)
		return
	}
	fresh := false
	for _, n := range verdict.Notes {
		fresh = e.notice(l, n, d.Src, d.At) || fresh
	}
	e.accept(l, &heard, fresh)
}

// accept stores what an accepted advert changes. One that only repeats what
// the watch expects, and has nothing new to note, is absorbed. One that
// repeats it behind others the owner has not taken moves the deadline too, but
// keeps its place behind them.
func (e *Engine) accept(l *line, h *packet.VRRPHeard, fresh bool) {
	l.see(h)
	if l.watching && h.Matches(l.watch) {
		l.absorb(h.At)
		if !fresh && l.slot.Load() == nil {
			return
		}
	}
	e.keepForOwner(l, h)
}

// absorb moves the deadline of the watch; the heap follows when it fires.
func (l *line) absorb(at int64) {
	if at <= l.watchRx {
		return
	}
	if l.watchRx != 0 {
		if gap := at - l.watchRx; gap > l.worstGap.Load() {
			l.worstGap.Store(gap)
			l.worstAt.Store(at)
		}
	}
	l.watchRx = at
	l.lastHeard.Store(at)
}

// keepForOwner puts an advert into the slot. Repeats of the last one there
// are merged; what no longer fits is lost, like a packet on the wire.
func (e *Engine) keepForOwner(l *line, h *packet.VRRPHeard) {
	c := l.slot.Swap(nil) // ours alone until it is stored again
	if c == nil {
		c = &slot{}
	}
	switch {
	case c.n > 0 && repeats(&c.heard[c.n-1], h):
		c.heard[c.n-1].At = h.At
	case c.n < slotSize:
		c.heard[c.n] = *h
		c.n++
	default:
		e.slotDrops.Add(1)
	}
	l.slot.Store(c)
	e.hintPacket(l)
}

func repeats(a, b *packet.VRRPHeard) bool {
	return a.Src == b.Src && a.Priority == b.Priority && a.Version == b.Version && a.Interval == b.Interval && a.Form == b.Form
}

// see keeps the list of other routers. It allocates only when one is new or changed.
func (l *line) see(h *packet.VRRPHeard) {
	free, oldest := 0, int64(1<<63-1)
	for i := range l.routers {
		r := l.routers[i].Load()
		if r == nil {
			if oldest != 0 {
				free, oldest = i, 0
			}
			continue
		}
		at := r.at.Load()
		if r.heard.Src == h.Src {
			if repeats(&r.heard, h) {
				r.at.Store(h.At)
				return
			}
			free = i
			break
		}
		if at < oldest {
			free, oldest = i, at
		}
	}
	r := &router{heard: *h}
	r.at.Store(h.At)
	l.routers[free].Store(r)
}

// notice reports the first of a kind to the owner; it tells whether it was.
func (e *Engine) notice(l *line, reason packet.VRRPCounter, from netip.Addr, at int64) bool {
	bit := uint64(1) << reason
	if l.noticed.Load()&bit != 0 || l.noticed.Or(bit)&bit != 0 {
		return false
	}
	var list []Notice
	if n := l.notices.Swap(nil); n != nil {
		list = *n
	}
	if len(list) < int(packet.VRRPCounters) {
		list = append(list, Notice{Reason: reason, From: from, At: at})
	}
	l.notices.Store(&list)
	e.hintPacket(l)
	return true
}

// strangerPause is how long an unknown VRID is not reported again.
const strangerPause = 10 * time.Second

// stranger counts an advert of a virtual router that no line has.
func (e *Engine) stranger(f int, vrid uint8, d *packet.VRRPDatagram) {
	e.unknown.Add(1)
	if e.opt.OnUnknown == nil {
		return
	}
	last := &e.strange[f][vrid]
	if *last != 0 && d.At-*last < int64(strangerPause) {
		return
	}
	*last = d.At
	e.strangers = append(e.strangers, stranger{vrid, d.Src, d.Ifindex})
}

// A stream of packets is read in batches, as far as the shortest advert
// interval allows: an answer may be that much late. Deadlines are not touched;
// the sockets are read before one is judged.
const (
	streamOf  = 8                    // turns with packets in a row
	streamGap = 2 * time.Millisecond // and no more than this apart
	longNap   = time.Millisecond
	shortNap  = 250 * time.Microsecond
	napFrom   = 100 * time.Millisecond // shortest interval that allows any
)

// streaming notes whether the turn had packets.
func (e *Engine) streaming(now int64, packets uint64) {
	switch {
	case packets == 0:
	case now-e.streamAt > int64(streamGap):
		e.stream, e.streamAt = 0, now
	default:
		e.stream, e.streamAt = e.stream+1, now
	}
}

// nap is how long packets may wait to be read; 0: not at all.
func (e *Engine) nap(now int64) time.Duration {
	switch {
	case e.stream < streamOf || now-e.streamAt > int64(streamGap) || e.hasty > 0:
		return 0
	case e.brisk > 0:
		return shortNap
	}
	return longNap
}

// pace counts the lines by how long their packets may wait.
func (e *Engine) pace(l *line, entry *packet.VRRPEntry) {
	count := func(by int) {
		switch {
		case l.entry == nil:
		case l.entry.Interval < napFrom:
			e.hasty += by
		case l.entry.Interval < longFrom:
			e.brisk += by
		}
	}
	count(-1)
	l.entry = entry
	count(1)
}
