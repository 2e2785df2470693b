package pacer

import (
	"errors"
	"slices"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
	"github.com/understudy-ha/understudy/netio/rawsock"
)

// ErrNoSocket is the error of an advert of a family that has no socket.
var ErrNoSocket = errors.New("no socket of this family")

// chunk is how many datagrams are gathered before they are sent.
const chunk = 64

// outbox gathers the adverts of one family.
type outbox struct {
	outs  []rawsock.Out
	owner []owned
}

type owned struct {
	l     *line
	frame *packet.Frame
}

// queue puts a frame into the outbox.
func (e *Engine) queue(l *line, f *packet.Frame) {
	if f == nil || len(f.Dsts) == 0 {
		return
	}
	q := &e.out[family(f.IPv6)]
	for i := range f.Dsts {
		q.outs = append(q.outs, rawsock.Out{Frame: f, Index: i})
	}
	q.owner = append(q.owner, owned{l, f})
	if len(q.outs) >= chunk {
		e.flushFamily(family(f.IPv6))
	}
}

func (e *Engine) flush() {
	e.flushFamily(0)
	e.flushFamily(1)
}

// flushFamily sends what is gathered and counts what became of it. A frame to
// several peers counts as one advert.
func (e *Engine) flushFamily(f int) {
	q := &e.out[f]
	if len(q.outs) == 0 {
		return
	}
	if p := e.ports[f].Load(); p != nil {
		(*p).Send(q.outs)
	} else {
		for i := range q.outs {
			q.outs[i].Err = ErrNoSocket
		}
	}
	now := e.opt.Now()
	rest := q.outs
	for _, o := range q.owner {
		left := false
		for i := range o.frame.Dsts {
			if rest[i].Err == nil {
				left = true
				e.sent.Add(1)
				continue
			}
			e.sendErrors.Add(1)
			o.l.stats[packet.VRRPSendErr].Add(1)
			e.notice(o.l, packet.VRRPSendErr, o.frame.Dsts[i], now)
		}
		rest = rest[len(o.frame.Dsts):]
		if left {
			o.l.stats[packet.VRRPAdvertSent].Add(1)
			if o.frame.Priority == 0 {
				o.l.stats[packet.VRRPPriZeroSent].Add(1)
			}
			o.l.lastSent.Store(now)
		}
	}
	clear(q.outs)
	clear(q.owner)
	q.outs, q.owner = q.outs[:0], q.owner[:0]
}

// transmit sends what is due, and what is due soon with it.
func (e *Engine) transmit(now int64) {
	for {
		due, ok := e.send.first()
		if !ok {
			break
		}
		l := e.send.items[0].l
		window := shortWindow
		if l.interval >= longFrom {
			window = longWindow
		}
		if due > now+int64(window) {
			break
		}
		e.serve(l, due, now)
	}
	e.flush()
}

// serve sends one scheduled advert if the lease allows it. The schedule is
// absolute: the next is due an interval after this one was, and periods that
// were slept through are skipped, never made up for.
func (e *Engine) serve(l *line, due, now int64) {
	late := time.Duration(now - due)
	missed := max(0, int(late/l.interval))
	e.schedule(l, due+int64(missed+1)*int64(l.interval))
	if l.holding.Load() || (l.trial != 0 && now > l.trial) {
		return
	}
	if lease := l.lease.Load(); lease < now {
		if !e.mayJudge(l, now) {
			e.hold(l, missed)
			return
		}
		if e.endLease(l, lease) {
			return
		}
	}
	if last := l.lastSent.Load(); l.stallLimit > 0 && late > stallAfter && last != 0 && time.Duration(now-last) > l.stallLimit {
		e.hold(l, missed)
		return
	}
	if missed >= 2 {
		l.stall.Store(&Stall{LastSent: l.lastSent.Load(), Missed: missed})
		e.post(l, HintStalled)
	}
	e.queue(l, l.frame)
	l.lateness.observe(late)
}

// schedule sets when the next advert is due.
func (e *Engine) schedule(l *line, due int64) {
	l.due = due
	l.next.Store(due)
	e.send.set(l, due)
}

// hold keeps a schedule silent until its owner has judged the situation.
func (e *Engine) hold(l *line, missed int) {
	l.answered.Store(false)
	l.holding.Store(true)
	e.held = append(e.held, l)
	l.stall.Store(&Stall{LastSent: l.lastSent.Load(), Missed: missed, Held: true})
	e.post(l, HintStalled)
}

// collectFreed finds the held lines whose owner has answered.
func (e *Engine) collectFreed() {
	for i := 0; i < len(e.held); {
		l := e.held[i]
		if !l.answered.Load() {
			i++
			continue
		}
		e.held = slices.Delete(e.held, i, i+1)
		e.freed = append(e.freed, l)
	}
}

// resumeFreed lets them go on: the overdue advert now, the next in phase.
func (e *Engine) resumeFreed(now int64) {
	for _, l := range e.freed {
		if l.holding.Swap(false) && l.sending() && l.lease.Load() >= now {
			e.queue(l, l.frame)
		}
	}
	clear(e.freed)
	e.freed = e.freed[:0]
}

func (e *Engine) release(l *line) {
	if l.holding.Swap(false) {
		e.held = slices.DeleteFunc(e.held, func(x *line) bool { return x == l })
	}
}

func (e *Engine) advertise(l *line, o *order, now int64) {
	if l.ended.Load() || o.frame == nil || o.interval <= 0 {
		return
	}
	e.release(l)
	l.frame, l.interval, l.trial = o.frame, o.interval, 0
	e.schedule(l, o.at)
	e.keepAlive(l, now)
}

func (e *Engine) update(l *line, o *order, now int64) {
	if !l.sending() || o.frame == nil || o.interval <= 0 {
		return
	}
	l.frame = o.frame
	if o.interval != l.interval {
		due := l.due - int64(l.interval) + int64(o.interval)
		l.interval = o.interval
		e.schedule(l, max(due, now))
		e.keepNew(l, now) // a shorter period pulls the next ask forward
	}
}

func (e *Engine) silence(l *line) {
	e.send.remove(l)
	l.next.Store(0)
	l.trial = 0
	e.release(l)
	if l.armed == nil {
		e.keep.remove(l)
	}
}

func (e *Engine) sendNow(l *line, o *order, now int64) {
	if o.frame == nil || (l.ended.Load() && o.frame.Priority != 0) {
		return
	}
	e.queue(l, o.frame)
	if o.restart && l.sending() {
		e.schedule(l, now+int64(l.interval))
	}
}

// resignNow ends a schedule with the resign frame.
func (e *Engine) resignNow(l *line) {
	e.queue(l, l.resign)
	e.silence(l)
}
