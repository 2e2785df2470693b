package pacer

import "time"

const (
	shortestAsk  = 50 * time.Millisecond // owners are not asked for renewal more often
	sweepLimit   = 128                   // asks in one turn
	sweepPause   = time.Millisecond      // between turns that only sweep
	shortestWait = 25 * time.Millisecond // for an answer, before the owner is reported
	askLimit     = 3                     // hints to an owner that does not answer
	excuseLimit  = 3                     // stalls in a row that keep a lease from being judged
)

// askPeriod is the time between two asks: an advert interval, or longer. An
// armed line that somebody vouches for is judged when its watch ends; its owner
// is asked now and then all the same.
func (l *line) askPeriod() int64 {
	interval := l.interval
	if !l.sending() && l.entry != nil {
		interval = l.entry.Interval
	}
	period := int64(max(interval, shortestAsk))
	if !l.sending() && l.vouch.Load() != nil {
		return (vouchLimit + 1) * period
	}
	return period
}

// patience is how long an owner may take to answer before it is reported: so
// short that one who hangs can be replaced before its lease ends.
func patience(period int64) int64 { return max(period/4, int64(shortestWait)) }

// owes says that a scheduled line's owner was asked, has not answered and has
// not been reported for it.
func (l *line) owes() bool { return l.sending() && !l.reported && !l.answered.Load() }

// keepAlive begins anew to ask the owner, who has just shown that it lives.
func (e *Engine) keepAlive(l *line, now int64) {
	l.answered.Store(true)
	l.reported = false
	l.askedAt, l.firstAsk, l.stallAt = now, now, e.stallAt
	l.misses, l.excused = 0, 0
	e.rekeep(l, now)
}

// keepNew follows a change of what the line does.
func (e *Engine) keepNew(l *line, now int64) {
	switch {
	case !l.sending() && l.armed == nil:
		e.keep.remove(l)
	case l.pos[heapKeep] == 0:
		e.keepAlive(l, now)
	default:
		e.rekeep(l, now)
	}
}

// rekeep sets when the line is to be looked after. An ask is due after a
// period, on a turn that happens anyway if there is one within a quarter of a
// period more; the end of a lease is due when it passes.
func (e *Engine) rekeep(l *line, now int64) {
	period := l.askPeriod()
	from := l.askedAt + period
	at := from + period/4
	if l.owes() {
		due := l.askedAt + patience(period)
		from, at = min(from, due), min(at, due)
	}
	if l.sending() {
		if end := l.lease.Load() + 1; end > now {
			from, at = min(from, end), min(at, end)
		} else { // it has ended but may not be judged yet: after a full ask
			at = from
		}
	}
	l.keepFrom = from
	e.keep.set(l, at)
}

// sweep asks for renewals and ends leases, a limited number a turn.
func (e *Engine) sweep(now int64) {
	for n := 0; n < sweepLimit && len(e.keep.items) > 0; n++ {
		l := e.keep.items[0].l
		if l.keepFrom > now {
			return
		}
		e.lookAfter(l, now)
	}
}

func (e *Engine) lookAfter(l *line, now int64) {
	if lease := l.lease.Load(); l.sending() && lease < now {
		if e.mayJudge(l, now) && e.endLease(l, lease) {
			return
		}
		if l.stallAt != e.stallAt {
			l.excused++
			e.ask(l, now)
		}
	}
	switch period := l.askPeriod(); {
	case now >= l.askedAt+period:
		e.ask(l, now)
	case l.owes() && now >= l.askedAt+patience(period):
		e.reportOwner(l)
	}
	e.rekeep(l, now)
}

// reportOwner tells that the owner owes an answer, unless the pacer itself was late.
func (e *Engine) reportOwner(l *line) {
	l.reported = true
	if l.stallAt == e.stallAt {
		e.missed = append(e.missed, *l.path.Load())
	}
}

// vouchLimit is how many asks in a row are answered for the owner.
const vouchLimit = 7

// vouch answers an ask for an owner that is known to be alive.
func (e *Engine) vouch(l *line, now int64) bool {
	v, d := l.vouch.Load(), l.leaseFor.Load()
	if v == nil || !l.sending() || d <= 0 || l.vouched >= vouchLimit || l.ended.Load() || l.holding.Load() || l.trial != 0 || !(*v)() {
		l.vouched = 0
		return false
	}
	l.vouched++
	if old := l.lease.Load(); old < now+d {
		l.lease.CompareAndSwap(old, now+d) // a Renew at this moment wins
	}
	return true
}

// ask posts HintRenew, unless so many wait unanswered that one more would help
// nobody.
func (e *Engine) ask(l *line, now int64) {
	if l.answered.Swap(false) {
		l.misses, l.excused = 0, 0
	} else {
		l.misses++
		if !l.reported {
			e.reportOwner(l)
		}
	}
	l.reported = false
	vouched := e.vouch(l, now)
	if vouched {
		l.answered.Store(true)
	}
	l.askedAt = now
	if l.stallAt != e.stallAt {
		l.stallAt, l.firstAsk = e.stallAt, now
	}
	if l.misses < askLimit && !vouched {
		e.post(l, HintRenew)
	}
}

// mayJudge says that a lease that has passed means a dead owner: since the
// pacer itself was last late, one full ask has been answered or missed.
func (e *Engine) mayJudge(l *line, now int64) bool {
	return l.excused > excuseLimit || (l.stallAt == e.stallAt && now >= l.firstAsk+l.askPeriod())
}

// endLease gives up for an owner that is gone. False: it has renewed at this moment.
func (e *Engine) endLease(l *line, lease int64) bool {
	if !l.lease.CompareAndSwap(lease, 0) {
		return false
	}
	l.ended.Store(true)
	l.armed, l.then = nil, nil
	e.resignNow(l)
	e.leaseEnds.Add(1)
	e.post(l, HintRenew) // an owner that comes back learns it from Renew
	e.ends = append(e.ends, *l.path.Load())
	return true
}
