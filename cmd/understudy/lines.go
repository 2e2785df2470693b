package main

import (
	"github.com/understudy-ha/understudy/actors/vrrp"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/packet"
	"github.com/understudy-ha/understudy/supervisors"
)

// lines is the pacer as the instances see it.
type lines struct {
	pacer *pacer.Pacer
	post  func(path string) (*supervisors.Post, error)
}

// Open implements vrrp.Pacer. The hints carry nothing: one of each serves the
// line for ever. An idle actor need not be asked whether it lives.
func (l lines) Open(path string) vrrp.Line {
	post, err := l.post(path)
	if err != nil {
		// The caller is the actor at path; without it there is nothing to tell.
		return session{l.pacer.Open(path, func(pacer.Hint) {})}
	}
	hints := [...]any{
		pacer.HintPacket:  &messages.PacketArrived{},
		pacer.HintExpired: &messages.WatchExpired{},
		pacer.HintRenew:   &messages.RenewalAsked{},
		pacer.HintStalled: &messages.SendStalled{},
	}
	s := l.pacer.Open(path, func(h pacer.Hint) { post.Tell(hints[h]) })
	s.Vouch(post.Idle)
	return session{s}
}

// Close implements vrrp.Pacer.
func (l lines) Close(path string) { l.pacer.Engine.Close(path) }

// Abandon implements vrrp.Pacer.
func (l lines) Abandon(path string) { l.pacer.Abandon(path) }

// Rename implements vrrp.Pacer.
func (l lines) Rename(from, to string) { l.pacer.Rename(from, to) }

// session is a pacer.Session in the words of the instances.
type session struct{ *pacer.Session }

// Arm implements vrrp.Line.
func (s session) Arm(f *packet.Frame, then func()) { s.Session.Arm(f, then, 0) }

// Stalled implements vrrp.Line.
func (s session) Stalled() (int64, bool) {
	x, ok := s.Session.Stalled()
	return x.LastSent, ok
}

// Notices implements vrrp.Line.
func (s session) Notices() []vrrp.Notice {
	var out []vrrp.Notice
	for _, n := range s.TakeNotices() {
		out = append(out, vrrp.Notice{Reason: n.Reason, From: n.From.String()})
	}
	return out
}

// ForgetNotices implements vrrp.Line.
func (s session) ForgetNotices() { s.ResetNotices() }

// Readings implements vrrp.Line.
func (s session) Readings() vrrp.Readings {
	var r vrrp.Readings
	r.WorstGap, r.WorstGapAt = s.WorstGap()
	for _, h := range s.Peers() {
		r.Routers = append(r.Routers, vrrp.Router{Heard: h})
	}
	l := s.Lateness()
	r.Lateness = vrrp.Lateness{Counts: l.Counts, Sum: l.Sum.Seconds(), Count: l.Count}
	for _, b := range l.Bounds {
		r.Lateness.Bounds = append(r.Lateness.Bounds, b.Seconds())
	}
	return r
}

// PacerMetrics implements messages.PacerReader.
func (l lines) PacerMetrics() messages.PacerMetrics {
	m := l.pacer.Metrics()
	return messages.PacerMetrics{
		Turns: m.Turns, LateTurns: m.LateTurns, Stalls: m.Stalls, MaxLateness: m.MaxLateness.Seconds(),
		Packets: m.Packets, Unknown: m.Unknown, KernelDrops: m.KernelDrops, SlotDrops: m.SlotDrops,
		Sent: m.Sent, SendErrors: m.SendErrors, LeaseEnds: m.LeaseEnds, Armed: m.ArmedSent,
	}
}

// HearUnknown lets adverts of virtual routers that are not configured here
// reach the log; else the kernel drops them.
func (l lines) HearUnknown(yes bool) { l.pacer.SetDropUnknown(!yes) }
