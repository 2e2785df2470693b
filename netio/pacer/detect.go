package pacer

import (
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// watch begins or moves a watch.
func (e *Engine) watch(l *line, w packet.Watch) {
	e.unwatch(l)
	l.watch, l.watching, l.detecting = w, true, l.family()
	e.detect[l.detecting].set(l, l.deadline())
}

func (e *Engine) unwatch(l *line) {
	e.detect[l.detecting].remove(l)
	l.watching = false
}

// deadline is when the watch ends if nothing more arrives.
func (l *line) deadline() int64 {
	if l.watchRx == 0 {
		return l.watch.Deadline
	}
	return max(l.watch.Deadline, l.watchRx+int64(l.watch.Timeout))
}

// judge ends the watches whose deadline has passed. Now is when reading began;
// while the socket is not read to its end, only deadlines before the last
// packet read are judged. So neither a stall nor a flood counts as silence,
// and no watch ends early.
func (e *Engine) judge(f int, now int64) {
	h := &e.detect[f]
	limit := min(now, e.clear[f])
	for {
		at, ok := h.first()
		if !ok || at > limit {
			return
		}
		l := h.items[0].l
		if d := l.deadline(); d > limit {
			h.set(l, d)
			continue
		}
		e.unwatch(l)
		e.expire(l, now)
	}
}

// expire ends a watch. Armed and with a living owner, the pacer takes over by
// itself: the advert leaves and the addresses are claimed before the owner
// has run.
func (e *Engine) expire(l *line, now int64) {
	e.expiries.Add(1)
	x := &expiry{lastHeard: l.watchRx}
	frame, then := l.armed, l.then
	l.armed, l.then = nil, nil
	if frame != nil && !l.ended.Load() && !l.sending() && l.ownerLives(now) {
		x.armed = true
		e.armedSent.Add(1)
		e.queue(l, frame)
		if then != nil {
			e.thens = append(e.thens, then)
		}
		e.try(l, frame, now)
	}
	l.expiry.Store(x)
	e.post(l, HintExpired)
	e.keepNew(l, now)
}

// ownerLives says that the armed frame may go out: the lease is alive, or the
// owner answered when it was asked last and is known to have nothing waiting.
func (l *line) ownerLives(now int64) bool {
	if l.lease.Load() >= now {
		return true
	}
	v := l.vouch.Load()
	return v != nil && l.misses == 0 && (*v)()
}

// shortestTrialLease gives an owner with a short interval time to answer.
const shortestTrialLease = 100 * time.Millisecond

// try begins the schedule of an armed takeover. Unless its owner answers with
// Advertise within half an interval, nothing more leaves; the lease then runs
// out and gives up what was claimed.
func (e *Engine) try(l *line, f *packet.Frame, now int64) {
	interval := time.Duration(0)
	if l.entry != nil {
		interval = l.entry.Interval
	}
	if interval <= 0 {
		return
	}
	l.frame, l.interval = f, interval
	l.trial = now + int64(interval/2)
	e.schedule(l, now+int64(interval))
	// A Renew that comes at this moment wins: the owner lives.
	l.answered.Store(false)
	old := l.lease.Load()
	l.lease.CompareAndSwap(old, now+int64(max(interval/2, shortestTrialLease)))
}

// standby is how long before the end of an armed watch the claim's writer is
// woken, so that it is awake when the advert leaves.
const standby = 250 * time.Microsecond

// foresee wakes the writer for takeovers that are near. A watch whose deadline
// has moved on is put where it belongs, so a living master costs no more
// wake-ups than without.
func (e *Engine) foresee(f int, now int64) {
	if e.opt.OnNear == nil {
		return
	}
	h := &e.detect[f]
	for {
		at, ok := h.first()
		if !ok || at > now+int64(standby) || at <= e.foreseen[f] {
			return
		}
		l := h.items[0].l
		if d := l.deadline(); d > at {
			h.set(l, d)
			continue
		}
		e.foreseen[f] = at
		if l.armed != nil {
			e.opt.OnNear()
		}
	}
}

// nearest is when foresee wants a turn.
func (e *Engine) nearest(f int) (at int64, ok bool) {
	if at, ok = e.detect[f].first(); !ok || e.opt.OnNear == nil || at <= e.foreseen[f] {
		return at, ok
	}
	return at - int64(standby), true
}
