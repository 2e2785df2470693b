package vrrp

import (
	"fmt"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/packet"
	"github.com/understudy-ha/understudy/supervisors"
)

// where a trap springs.
type where uint8

const (
	nowhere where = iota
	beforeMessage
	afterMessage
	beforeCall
	afterCall
)

func (p where) String() string {
	return [...]string{"nowhere", "before message", "after message", "before call", "after call"}[p]
}

// trap makes an instance panic once: at its nth message, or at the nth call
// that it makes to its line or to another actor.
type trap struct {
	at where
	n  int

	mu              sync.Mutex
	kind            string        // of messages that are bad; "all"
	nap             time.Duration // that a *messages.Garp takes
	XX              sync.Mutex
	messages, calls int
	hit             string // what it sprang at
}

func (t *trap) sprung() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hit != ""
}

// set makes it spring at every message of a type from now on: "" at none, "all"
// at each.
func (t *trap) set(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kind = kind
}

func (t *trap) message(m any, handle func()) {
	t.mu.Lock()
	t.messages++
	n, kind := t.messages, fmt.Sprintf("%T", m)
	bad, nap := t.kind == kind || t.kind == "all", t.nap
	t.mu.Unlock()
	t.spring(beforeMessage, n, kind)
	if bad {
		panic("bad message")
	}
	if _, ok := m.(*messages.Garp); ok {
		time.Sleep(nap)
	}
	handle()
	t.spring(afterMessage, n, kind)
}

func (t *trap) call(what string, do func()) {
	t.mu.Lock()
	t.calls++
	n := t.calls
	t.mu.Unlock()
	t.spring(beforeCall, n, what)
	do()
	t.spring(afterCall, n, what)
}

func (t *trap) spring(at where, n int, what string) {
	t.mu.Lock()
	due := at == t.at && n == t.n && t.hit == ""
	if due {
		t.hit = fmt.Sprintf("%s %d, %s", at, n, what)
	}
	t.mu.Unlock()
	if due {
		panic(what)
	}
}

// around is an instance in the trap.
func (t *trap) around(c supervisors.Child, constructor func(supervisors.Child) actor.Actor) actor.Actor {
	tell, publish := c.Tell, c.Publish
	c.Tell = func(path string, msg any) {
		what := fmt.Sprintf("tell %s %T", path, msg)
		if e, ok := msg.(*messages.Event); ok {
			what += " " + e.Kind
		}
		t.call(what, func() { tell(path, msg) })
	}
	c.Publish = func(v any) { t.call("publish", func() { publish(v) }) }
	shell := constructor(c)
	return actor.ReceiveFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Restarting); ok {
			shell.Receive(ctx)
			return
		}
		t.message(ctx.Message(), func() { shell.Receive(ctx) })
	})
}

// lines is the router's pacer as its instances see it.
type lines struct{ r *router }

func (l lines) Open(path string) Line {
	hints := [...]any{
		pacer.HintPacket: &messages.PacketArrived{}, pacer.HintExpired: &messages.WatchExpired{},
		pacer.HintRenew: &messages.RenewalAsked{}, pacer.HintStalled: &messages.SendStalled{},
	}
	var s *pacer.Session
	l.r.trap.call("open", func() {
		s = l.r.host.Open(path, func(h pacer.Hint) { l.r.sys.Tell(path, hints[h]) })
		if post, err := l.r.sys.Post(path); err == nil {
			s.Vouch(post.Idle)
		}
	})
	return session{s, l.r.trap}
}

func (l lines) Close(path string)      { l.r.host.Close(path) }
func (l lines) Abandon(path string)    { l.r.host.Abandon(path) }
func (l lines) Rename(from, to string) { l.r.host.Rename(from, to) }

// session is a line whose orders are calls of the trap; its readers are not,
// for others call them too.
type session struct {
	*pacer.Session
	trap *trap
}

func (s session) Listen(e *packet.VRRPEntry, k []packet.VRRPKey) {
	s.trap.call("listen", func() { s.Session.Listen(e, k) })
}
func (s session) Deafen()              { s.trap.call("deafen", s.Session.Deafen) }
func (s session) Watch(w packet.Watch) { s.trap.call("watch", func() { s.Session.Watch(w) }) }
func (s session) Unwatch()             { s.trap.call("unwatch", s.Session.Unwatch) }
func (s session) Arm(f *packet.Frame, then func()) {
	s.trap.call("arm", func() { s.Session.Arm(f, then, 0) })
}
func (s session) Disarm() { s.trap.call("disarm", s.Session.Disarm) }
func (s session) Advertise(f *packet.Frame, interval time.Duration, first int64) {
	s.trap.call("advertise", func() { s.Session.Advertise(f, interval, first) })
}

func (s session) UpdateAdvert(f *packet.Frame, interval time.Duration) {
	s.trap.call("update advert", func() { s.Session.UpdateAdvert(f, interval) })
}
func (s session) Silence() { s.trap.call("silence", s.Session.Silence) }
func (s session) SetResign(f *packet.Frame) {
	s.trap.call("set resign", func() { s.Session.SetResign(f) })
}

func (s session) Send(f *packet.Frame, restart bool) {
	s.trap.call("send", func() { s.Session.Send(f, restart) })
}

func (s session) SetStallPolicy(limit time.Duration) {
	s.trap.call("set stall policy", func() { s.Session.SetStallPolicy(limit) })
}

func (s session) Renew(until int64) (ok bool) {
	s.trap.call("renew", func() { ok = s.Session.Renew(until) })
	return ok
}
func (s session) Reopen()        { s.trap.call("reopen", s.Session.Reopen) }
func (s session) ForgetNotices() { s.trap.call("forget notices", s.ResetNotices) }

func (s session) Stalled() (int64, bool) {
	x, ok := s.Session.Stalled()
	return x.LastSent, ok
}

func (s session) Notices() []Notice {
	var out []Notice
	for _, n := range s.TakeNotices() {
		out = append(out, Notice{Reason: n.Reason, From: n.From.String()})
	}
	return out
}

func (s session) Readings() Readings {
	var r Readings
	r.WorstGap, r.WorstGapAt = s.WorstGap()
	for _, h := range s.Peers() {
		r.Routers = append(r.Routers, Router{Heard: h})
	}
	l := s.Lateness()
	r.Lateness = Lateness{Counts: l.Counts, Sum: l.Sum.Seconds(), Count: l.Count}
	for _, b := range l.Bounds {
		r.Lateness.Bounds = append(r.Lateness.Bounds, b.Seconds())
	}
	return r
}
