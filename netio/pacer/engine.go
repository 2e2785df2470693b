package pacer

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
	"github.com/understudy-ha/understudy/netio/rawsock"
)

// The limits and tolerances of a turn.
const (
	shortWindow = 250 * time.Microsecond // adverts due this soon leave with those that are due
	longWindow  = time.Millisecond       // the same for intervals of a second and more
	longFrom    = time.Second

	drainLimit = 1024             // packets a turn reads of one socket
	drainTime  = time.Millisecond // or for this long
	drainRetry = 3                // errors in a row after which a socket counts as read

	lateTurn   = time.Millisecond      // a turn that is late is counted
	stallAfter = 20 * time.Millisecond // a turn this late judges nobody
)

// Port is one family's socket.
type Port interface {
	// Receive reads without blocking what has arrived; the datagrams are valid
	// until the next call. More: there may be others.
	Receive() (batch []packet.VRRPDatagram, more bool, err error)
	// Send sends in order without blocking and sets Err of each element.
	Send(batch []rawsock.Out)
}

// filterer is a Port that can keep unknown virtual routers away.
type filterer interface {
	SetVRIDs(vrids *[256]bool) error
}

// Options of an Engine. The functions are called on the pacer's thread and
// must not block; all but Now may be nil.
type Options struct {
	Now func() int64 // required

	// Check judges a received advert; nil = packet.CheckVRRP.
	Check func(*packet.VRRPEntry, packet.VRRPDatagram, *packet.VRRPStats) (packet.VRRPHeard, packet.Verdict)

	// OnUnknown tells of an advert of a virtual router that no line has, at
	// most once in 10 s for each VRID and family.
	OnUnknown func(vrid uint8, src netip.Addr, ifindex int)

	// OnLeaseEnd tells that the schedule of path ended because its owner gave
	// no sign of life. The resign frame has left.
	OnLeaseEnd func(path string)

	// OnNear tells that an armed watch ends within a quarter of a millisecond
	// unless an advert comes: what its claim needs should be awake.
	OnNear func()

	// OnMissed tells that the owner of path has not answered a HintRenew for a
	// quarter of an interval, at least 25 ms; once for each ask.
	OnMissed func(path string)
}

// Engine is the pacer without a thread: whoever drives it calls Turn when
// something arrived, when an order woke it, and at the instant that the turn
// before returned. Turns must not overlap.
type Engine struct {
	opt  Options
	wake func()

	mu    sync.Mutex // guards lines, dirty and the orders of each line
	lines map[string]*line
	dirty []*line

	ports       [2]atomic.Pointer[Port]
	dropUnknown atomic.Bool
	filterDirty atomic.Bool
	expected    atomic.Int64 // when the next turn is due
	metrics
	fenced atomic.Uint64

	// The rest belongs to the turn.
	table        table
	work         []job // orders being carried out
	done         int
	send         heap
	detect       [2]heap
	keep         heap
	out          [2]outbox
	held         []*line
	freed        []*line
	rest         [2][]packet.VRRPDatagram // read and not yet judged
	backlog      [2]bool                  // the socket was not read to its end
	foreseen     [2]int64                 // deadline that OnNear was last told of
	clear        [2]int64                 // what arrived up to here has been read
	hasty, brisk int                      // lines with an interval below napFrom, below longFrom
	stream       int                      // turns in a row that had packets
	streamAt     int64                    // the last of them
	stallAt      int64                    // the last turn that was too late to judge anybody
	mail
	strange [2][256]int64 // when an unknown VRID was last reported
}

// NewEngine returns an engine without ports. Wake is called, from any
// goroutine, when a turn is wanted.
func NewEngine(o Options, wake func()) *Engine {
	if o.Check == nil {
		o.Check = packet.CheckVRRP
	}
	return &Engine{
		opt: o, wake: wake, lines: map[string]*line{}, table: newTable(),
		send: heap{kind: heapSend}, keep: heap{kind: heapKeep},
		detect: [2]heap{{kind: heapDetect}, {kind: heapDetect}},
	}
}

// Open returns a session on the line of path, which it makes if there is none.
// The session before, if any, is fenced. What the owner before it has not
// taken is hinted anew.
func (e *Engine) Open(path string, hint func(Hint)) *Session {
	e.mu.Lock()
	l := e.lines[path]
	if l == nil {
		l = &line{e: e}
		l.path.Store(&path)
		e.lines[path] = l
	}
	s := &Session{l: l, gen: l.gen.Add(1)}
	l.hint.Store(&hint)
	l.dirty.Store(false)
	e.enqueue(l, order{kind: orderOpen})
	e.mu.Unlock()
	e.wake()
	return s
}

// Close removes the line of path after what was ordered before was done.
func (e *Engine) Close(path string) {
	e.mu.Lock()
	l := e.lines[path]
	if l != nil {
		delete(e.lines, path)
		l.gen.Add(1)
		l.hint.Store(nil)
		e.enqueue(l, order{kind: orderClose})
	}
	e.mu.Unlock()
	e.wake()
}

// Abandon ends what the line of a dead owner still does: the resign frame if a
// schedule runs, then silence until Reopen.
func (e *Engine) Abandon(path string) {
	e.mu.Lock()
	if l := e.lines[path]; l != nil {
		e.enqueue(l, order{kind: orderAbandon})
	}
	e.mu.Unlock()
	e.wake()
}

// Attach makes p the socket of a family, nil: none. It replaces the one
// before; the caller closes it.
func (e *Engine) Attach(ipv6 bool, p Port) {
	if p == nil {
		e.ports[family(ipv6)].Store(nil)
	} else {
		e.ports[family(ipv6)].Store(&p)
	}
	e.filterDirty.Store(true)
	e.wake()
}

// SetDropUnknown lets the sockets drop adverts of unknown virtual routers in
// the kernel. They are then neither counted nor reported.
func (e *Engine) SetDropUnknown(on bool) {
	if e.dropUnknown.Swap(on) != on {
		e.filterDirty.Store(true)
		e.wake()
	}
}

// Ready tells which sockets have something to read.
type Ready struct{ IPv4, IPv6 bool }

// Turn does all that is due and returns when the next turn is, 0 = not before
// something happens. An instant that has passed means at once.
//
// The order matters: what arrived is read before anything is judged, and the
// deadlines are judged by the instant at which reading began.
func (e *Engine) Turn(ready Ready) (next int64) {
	now := e.opt.Now()
	e.begin(now)
	before := e.packets.Load()
	for f, r := range [2]bool{ready.IPv4, ready.IPv6} {
		if at, ok := e.detect[f].first(); r || e.backlog[f] || (ok && at <= now) {
			e.drain(f, now)
		}
	}
	e.streaming(now, e.packets.Load()-before)
	e.collectFreed() // before the orders: what an owner ordered before its Renew is seen too
	sendAt := e.opt.Now()
	e.takeOrders(sendAt)
	e.applyFilters()
	e.resumeFreed(sendAt)
	e.transmit(sendAt)
	e.judge(0, now)
	e.judge(1, now)
	e.flush()
	e.foresee(0, now)
	e.foresee(1, now)
	e.sweep(now)
	e.flush()
	e.deliver()
	next = e.nextTurn(now)
	e.expected.Store(next)
	return next
}

// begin measures how late the turn is.
func (e *Engine) begin(now int64) {
	e.turns.Add(1)
	at := e.expected.Load()
	if at == 0 || now <= at {
		return
	}
	late := time.Duration(now - at)
	if late > lateTurn {
		e.lateTurns.Add(1)
	}
	if int64(late) > e.maxLate.Load() {
		e.maxLate.Store(int64(late))
	}
	if late > stallAfter {
		e.stalls.Add(1)
		e.stallAt = now
	}
}

// nextTurn is the earliest of what is due.
func (e *Engine) nextTurn(now int64) int64 {
	next := int64(0)
	sooner := func(at int64, ok bool) {
		if ok && (next == 0 || at < next) {
			next = at
		}
	}
	sooner(e.send.first())
	sooner(e.nearest(0))
	sooner(e.nearest(1))
	if at, ok := e.keep.first(); ok && e.keep.items[0].l.keepFrom <= now {
		sooner(now+int64(sweepPause), true) // the sweep had more than it may do in a turn
	} else {
		sooner(at, ok)
	}
	sooner(now, e.backlog[0] || e.backlog[1])
	return next
}

// applyFilters makes the kernel's filters what they should be.
func (e *Engine) applyFilters() {
	if !e.filterDirty.Swap(false) {
		return
	}
	for f := range e.ports {
		p := e.ports[f].Load()
		if p == nil {
			continue
		}
		s, ok := (*p).(filterer)
		if !ok {
			continue
		}
		var set *[256]bool
		if e.dropUnknown.Load() {
			set = e.table.wanted(f)
		}
		if s.SetVRIDs(set) != nil {
			e.filterErrors.Add(1) // then the kernel drops less, or nothing: the checks still hold
		}
	}
}

func (e *Engine) refilter() {
	if e.dropUnknown.Load() {
		e.filterDirty.Store(true)
	}
}
