package pacer

import (
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// Session is an owner's hold on its line. Its methods may be called from any
// goroutine and never block. Orders take effect in the order given, at the
// pacer's next turn. When the path is opened again the session is fenced: its
// orders are dropped, Renew answers false, there is nothing to take, and only the
// readers still work.
type Session struct {
	l   *line
	gen uint64
}

func (s *Session) fenced() bool { return s.l.gen.Load() != s.gen }

func (s *Session) order(o order) { s.l.e.push(s.l, s.gen, o) }

// Listen makes adverts with one of the keys this line's, judged by e. It
// replaces what was before. Neither is changed after the call.
func (s *Session) Listen(e *packet.VRRPEntry, keys []packet.VRRPKey) {
	s.order(order{kind: orderListen, entry: e, keys: keys})
}

// Deafen counts the adverts of the line as ignored from now on.
func (s *Session) Deafen() { s.order(order{kind: orderDeafen}) }

// Watch expects the adverts that w describes. The watch ends at w.Deadline
// or, if that is later, w.Timeout after the last advert that matched it; then
// it is gone until the next Watch. It replaces the one before, the end of
// which, if not taken and not armed, is forgotten.
func (s *Session) Watch(w packet.Watch) { s.order(order{kind: orderWatch, watch: w}) }

// Unwatch ends the watch.
func (s *Session) Unwatch() { s.order(order{kind: orderUnwatch}) }

// Arm lets the pacer act at the end of the watch without waiting for the
// owner: if the lease is then alive it sends f, calls then (which must not
// block; nil: nothing), and begins a schedule at the interval of the Listen
// entry. That schedule is on trial: unless Advertise follows within half an
// interval nothing more is sent, and the lease runs out. Until is the lease,
// as by Renew; 0 = as renewed last.
func (s *Session) Arm(f *packet.Frame, then func(), until int64) {
	if until != 0 && !s.fenced() && !s.l.ended.Load() {
		s.l.lease.Store(until)
	}
	s.order(order{kind: orderArm, frame: f, then: then})
}

// Disarm withdraws Arm. If the pacer has acted already and Advertise has not
// followed, the resign frame is sent and the schedule ends.
func (s *Session) Disarm() { s.order(order{kind: orderDisarm}) }

// Advertise sends f at first and each interval from there, as long as the
// lease lasts. It replaces a schedule that runs.
func (s *Session) Advertise(f *packet.Frame, interval time.Duration, first int64) {
	s.order(order{kind: orderAdvertise, frame: f, interval: interval, at: first})
}

// UpdateAdvert changes what the running schedule sends. A changed interval
// counts from the last advert. Without a schedule it does nothing.
func (s *Session) UpdateAdvert(f *packet.Frame, interval time.Duration) {
	s.order(order{kind: orderUpdate, frame: f, interval: interval})
}

// Silence ends the schedule and sends nothing.
func (s *Session) Silence() { s.order(order{kind: orderSilence}) }

// SetResign keeps the frame with priority 0 that is sent when the schedule
// ends without its owner; nil: none.
func (s *Session) SetResign(f *packet.Frame) { s.order(order{kind: orderResign, frame: f}) }

// Send sends f at the next turn. Restart: the schedule's next advert is due an
// interval later.
func (s *Session) Send(f *packet.Frame, restart bool) {
	s.order(order{kind: orderSend, frame: f, restart: restart})
}

// SetStallPolicy sets how long after the last advert a late schedule goes on by
// itself; beyond, it waits for the owner's Renew. 0, as at first: as long as
// the lease lasts.
func (s *Session) SetStallPolicy(limit time.Duration) {
	s.order(order{kind: orderStallLimit, interval: limit})
}

// Renew prolongs the lease. False: it ended, or the session is fenced; what
// the lease covered is gone, and Reopen begins anew.
func (s *Session) Renew(until int64) bool {
	l := s.l
	if s.fenced() || l.ended.Load() {
		return false
	}
	l.leaseFor.Store(until - l.e.opt.Now())
	l.lease.Store(until)
	l.answered.Store(true)
	if l.holding.Load() {
		l.e.wake()
	}
	return !l.ended.Load()
}

// Vouch lets alive answer for the owner, most of the time: it tells at once
// whether the owner has dealt with everything it was told. That costs the
// owner no turn. Every eighth ask goes to the owner all the same. Alive is
// called on the pacer's thread and must not block; nil: always ask the owner.
func (s *Session) Vouch(alive func() bool) {
	switch {
	case s.fenced():
	case alive == nil:
		s.l.vouch.Store(nil)
	default:
		s.l.vouch.Store(&alive)
	}
}

// Reopen allows the line to send again after its lease ended.
func (s *Session) Reopen() {
	if s.fenced() {
		return
	}
	s.l.ended.Store(false)
	s.order(order{kind: orderReopen}) // again, behind what may end the old schedule before
}

// Take returns what arrived and the watch did not absorb: state changes, the
// first 8 since the last call, oldest first.
func (s *Session) Take() []packet.VRRPHeard {
	if s.fenced() {
		return nil // it is the successor's
	}
	s.l.dirty.Store(false) // first: what comes after this line is hinted again
	if c := s.l.slot.Swap(nil); c != nil {
		return c.heard[:c.n]
	}
	return nil
}

// TakeNotices returns the notices since the last call, at most one a kind.
func (s *Session) TakeNotices() []Notice {
	if s.fenced() {
		return nil
	}
	if n := s.l.notices.Swap(nil); n != nil {
		return *n
	}
	return nil
}

// ResetNotices lets each kind be noticed once more.
func (s *Session) ResetNotices() {
	if !s.fenced() {
		s.l.noticed.Store(0)
	}
}

// Expired takes the end of the watch, once. Armed: the armed frame was sent.
// LastHeard: the last advert the watch absorbed, 0 = none.
func (s *Session) Expired() (expired, armed bool, lastHeard int64) {
	if s.fenced() {
		return false, false, 0
	}
	x := s.l.expiry.Swap(nil)
	if x == nil {
		return false, false, 0
	}
	return true, x.armed, x.lastHeard
}

// Stalled takes what HintStalled was about, once.
func (s *Session) Stalled() (Stall, bool) {
	if s.fenced() {
		return Stall{}, false
	}
	x := s.l.stall.Swap(nil)
	if x == nil {
		return Stall{}, false
	}
	return *x, true
}

// Ended reports whether the lease ended and Reopen has not followed.
func (s *Session) Ended() bool { return s.l.ended.Load() }

// Stats are the counters of the line.
func (s *Session) Stats() *packet.VRRPStats { return &s.l.stats }

// LastHeard is when the last advert that matched the watch arrived.
func (s *Session) LastHeard() int64 { return s.l.lastHeard.Load() }

// LastSent is when the last advert left.
func (s *Session) LastSent() int64 { return s.l.lastSent.Load() }

// NextAdvert is when the schedule's next advert is due, 0 without a schedule.
func (s *Session) NextAdvert() int64 { return s.l.next.Load() }

// WorstGap is the longest time between two adverts that matched one watch,
// since ResetWorstGap, and when it ended.
func (s *Session) WorstGap() (gap time.Duration, at int64) {
	return time.Duration(s.l.worstGap.Load()), s.l.worstAt.Load()
}

// ResetWorstGap forgets the worst gap.
func (s *Session) ResetWorstGap() {
	s.l.worstGap.Store(0)
	s.l.worstAt.Store(0)
}

// Lateness tells how late the schedule's adverts left.
func (s *Session) Lateness() Histogram { return s.l.lateness.Read() }

// Peers are the routers whose adverts were accepted, the last 16, in no order.
// VRRPHeard.At is when each was last heard.
func (s *Session) Peers() []packet.VRRPHeard {
	var out []packet.VRRPHeard
	for i := range s.l.routers {
		if r := s.l.routers[i].Load(); r != nil {
			h := r.heard
			h.At = r.at.Load()
			out = append(out, h)
		}
	}
	return out
}
