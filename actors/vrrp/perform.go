package vrrp

import (
	"fmt"
	"slices"
	"time"

	"github.com/understudy-ha/understudy/actors/vrrp/fsm"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/packet"
)

// perform does what is left of the committed actions, in order. A crash in
// between leaves the rest to the next incarnation.
func (a *Actor) perform() {
	for m := &a.mem; m.performed < len(m.Pending); {
		a.do(m.Pending[m.performed])
		m.performed++
		if a.noted {
			a.keep()
		}
		a.kept.performed = m.performed
	}
	a.mem.Pending, a.mem.performed = nil, 0
	a.kept.Pending, a.kept.performed = nil, 0
}

func (a *Actor) do(act fsm.Action) {
	switch act := act.(type) {
	case fsm.Changed:
		a.changed(act)
	case fsm.SendAdvert:
		if f := a.frame(act.Priority); f != nil {
			a.line.Send(f, act.Priority != 0)
		}
	case fsm.StartAdverts:
		if f := a.frame(act.Priority); f != nil {
			a.line.SetResign(a.frame(0))
			a.line.SetStallPolicy(fsm.StallLimit(a.cfg))
			a.line.Renew(a.leaseEnd(act.Interval))
			first := act.First
			if first == 0 {
				first = a.env.Now() + int64(act.Interval)
			}
			a.line.Advertise(f, act.Interval, first)
		}
	case fsm.UpdateAdverts:
		if f := a.frame(act.Priority); f != nil {
			a.line.SetResign(a.frame(0))
			a.line.SetStallPolicy(fsm.StallLimit(a.cfg))
			a.line.UpdateAdvert(f, act.Interval)
		}
	case fsm.StopAdverts:
		a.line.Silence()
	case fsm.StartWatch:
		a.line.Watch(act.Watch)
	case fsm.StopWatch:
		a.line.Unwatch()
	case fsm.SetTimer:
		a.timers.Arm(act.Timer, a.until(act.At))
	case fsm.StopTimer:
		a.timers.Stop(act.Timer)
	case fsm.ClaimAddresses:
		a.order(a.claim(act.Repeat))
	case fsm.ReleaseAddresses:
		a.order(&messages.ReleaseAddresses{Owner: a.child.Path})
	case fsm.Announce:
		a.child.Tell(messages.PathAddress, &messages.AnnounceAddresses{Owner: a.child.Path, Repeat: act.Repeat})
	case fsm.AnnounceSource:
		a.child.Tell(messages.PathAddress, &messages.AnnounceSource{Interface: a.mem.Instance.Interface, Address: a.mem.State.Source})
	case fsm.Listen:
		if act.Open {
			a.listen()
		} else {
			a.line.Deafen()
		}
	case fsm.Notice:
		a.notice(act.Key, act.From.String(), act.Text)
		if act.Key == fsm.NobodyTookOver {
			a.answerSwitchover(&messages.Done{Conflict: true, Error: act.Text})
		}
	case fsm.HeardLower:
		a.event("master_rx_lower_priority", "", "", fmt.Sprintf("lower priority %d from %s", act.Priority, act.From))
	}
}

// changed reports a role change: log, timeline, who waits for it.
func (a *Actor) changed(c fsm.Changed) {
	at := a.mem.Transitions[len(a.mem.Transitions)-1].At // one instant for status and timeline
	if a.mem.Noticed != nil {
		a.mem.Noticed, a.noted = nil, true
	}
	a.line.ForgetNotices()
	a.env.changed()
	a.log.Info("entering state", "instance", a.mem.Instance.Name, "from", c.From.String(), "to", c.To.String(), "cause", c.Cause)
	a.eventAt(at, "transition", c.From.String(), c.To.String(), c.Cause)
	switch c.To {
	case fsm.Backup:
		a.answerSwitchover(&messages.Done{})
	case fsm.Init, fsm.Fault:
		a.answerSwitchover(&messages.Done{Conflict: true, Error: c.Cause})
	case fsm.Master:
	}
}

// claim is the wish of a master: all its addresses.
func (a *Actor) claim(announce int) *messages.ClaimAddresses {
	return &messages.ClaimAddresses{Owner: a.child.Path, Addresses: addresses(a.mem.Instance), Announce: announce}
}

func addresses(i *config.Instance) []config.Address {
	all := make([]config.Address, 0, len(i.VirtualIPs)+len(i.VirtualIPsExcluded))
	return append(append(all, i.VirtualIPs...), i.VirtualIPsExcluded...)
}

// frame builds an advert; what cannot be built is an operator's work and counted.
func (a *Actor) frame(priority uint8) *packet.Frame {
	f, err := frame(a.mem.Instance, a.mem.Ground.Index, &a.mem.State, priority)
	if err != nil {
		a.line.Stats()[packet.VRRPSendErr].Add(1)
		a.log.Error("advert cannot be built", "instance", a.mem.Instance.Name, "err", err)
		return nil
	}
	return f
}

func (a *Actor) listen() {
	i := a.mem.Instance
	a.line.Listen(entry(i), keys(i, a.mem.Ground.Index, a.mem.State.Source))
}

// armTimer is the timer that arms a new backup; it is none of the core's.
const armTimer = fsm.Timers

// arm keeps the armed takeover equal to what this backup would do at the end
// of its watch. The writer prepares the claim first; its answer arms the line.
// A new backup waits for one interval: when thousands start, or change at
// once, what is urgent comes first.
func (a *Actor) arm() {
	s := &a.mem.State
	if s.Role != fsm.Backup || !s.Ready || !fsm.MayArm(a.cfg, *s) {
		if a.armed != nil || a.asked != nil {
			a.disarm()
		}
		return
	}
	if wait := s.Since + int64(a.cfg.Interval) - a.env.Now(); wait > 0 {
		if !a.timers.Armed(armTimer) {
			a.timers.Arm(armTimer, time.Duration(wait))
		}
		return
	}
	f := a.frame(fsm.AdvertPriority(a.cfg, *s))
	if f == nil || sameFrame(f, a.armed) || sameFrame(f, a.asked) && !a.late {
		return
	}
	a.asked, a.late = f, false
	a.child.Tell(messages.PathAddress, &messages.ArmClaim{
		Owner: a.child.Path, Addresses: addresses(a.mem.Instance), Announce: a.cfg.GARPRepeat,
	})
	a.declared()
}

func (a *Actor) disarm() {
	a.armed, a.asked, a.late = nil, nil, false
	a.line.Disarm()
	a.child.Tell(messages.PathAddress, &messages.DisarmClaim{Owner: a.child.Path})
}

// claimArmed arms the line. A second answer, to an order given since the
// first, brings the trigger that counts.
func (a *Actor) claimArmed(m *messages.ClaimArmed) {
	s := &a.mem.State
	if s.Role != fsm.Backup || a.armed == nil && a.asked == nil {
		return
	}
	if fsm.WatchOf(a.cfg, *s, a.line.LastHeard()).Deadline <= a.env.Now() {
		// The line would keep the frame for the watch after this one, when it is
		// no longer true.
		a.late = a.asked != nil
		a.timers.Arm(armTimer, a.cfg.Interval)
		return
	}
	if a.asked != nil {
		a.armed, a.asked, a.late = a.asked, nil, false
		a.settled()
	}
	a.line.SetResign(a.frame(0))
	if a.line.Renew(a.leaseEnd(a.mem.Instance.AdvertInterval)) {
		a.line.Arm(a.armed, m.Fire)
	}
}

func sameFrame(a, b *packet.Frame) bool {
	if a == nil || b == nil || a.Ifindex != b.Ifindex || a.Src != b.Src || len(a.Dsts) != len(b.Dsts) || a.TTL != b.TTL ||
		string(a.Payload) != string(b.Payload) || len(a.Payloads) != len(b.Payloads) {
		return false
	}
	for i := range a.Dsts {
		if a.Dsts[i] != b.Dsts[i] {
			return false
		}
	}
	for i := range a.Payloads {
		if string(a.Payloads[i]) != string(b.Payloads[i]) {
			return false
		}
	}
	return true
}

// notice reports what an operator should see once until the role changes.
func (a *Actor) notice(key, from, text string) {
	if a.mem.Noticed[key] {
		return
	}
	seen := make(map[string]bool, len(a.mem.Noticed)+1)
	for k := range a.mem.Noticed {
		seen[k] = true
	}
	seen[key] = true
	a.mem.Noticed, a.noted = seen, true
	//nolint:sloglint // the keys are a few constant phrases, and what an operator searches for
	a.log.Warn(key, "instance", a.mem.Instance.Name, "peer", from, "cause", text)
	a.event("notice", "", "", text)
}

// noteConflict keeps the time for which another master was heard.
func (a *Actor) noteConflict() {
	c := &a.mem.Conflict
	was, is := c.Now, a.mem.State.Conflict
	switch {
	case !was.With.IsValid() && is.With.IsValid():
		a.event("conflict", "", "active", fmt.Sprintf("another master heard: %s", is.With))
		c.Now, c.With, a.noted = is, with(c.With, is.With.String()), true
	case was.With.IsValid() && !is.With.IsValid():
		d := time.Duration(a.env.Now() - was.Since)
		c.Now, a.noted = fsm.Conflict{}, true
		c.Total += d
		a.event("conflict", "active", "", fmt.Sprintf("%s is no longer heard as master, after %s", was.With, d.Round(time.Millisecond)))
	}
}

// conflictPeers is how many other masters are remembered by address.
const conflictPeers = 16

func with(list []string, s string) []string {
	if slices.Contains(list, s) || len(list) >= conflictPeers {
		return list
	}
	return append(slices.Clip(list), s)
}

// noticePackets reports dropped and odd packets, each kind once.
func (a *Actor) noticePackets() {
	for _, n := range a.line.Notices() {
		what := "packet from " + n.From
		if n.Reason == packet.VRRPSendErr {
			what = "advert to " + n.From
		}
		a.notice("packet "+n.Reason.String(), n.From, fmt.Sprintf("%s: %s", what, n.Reason))
	}
}

// applied reports addresses the kernel refused; a refusal stops no transition.
func (a *Actor) applied(m *messages.AddressesApplied) {
	if m.Claimed == a.mem.Holding {
		a.owed.addresses = false
		a.settled()
	}
	var refused []messages.Refused
	for _, f := range m.Failed {
		refused = append(refused, messages.Refused{Address: f.Prefix.String(), Error: f.Error})
	}
	if slices.Equal(refused, a.mem.Refused) {
		return
	}
	a.mem.Refused, a.noted = refused, true
	a.publish()
	for _, f := range m.Failed {
		a.log.Error("address refused", "instance", a.mem.Instance.Name, "address", f.Prefix.String(), "err", f.Error)
		a.event("address_refused", "", "", fmt.Sprintf("%s: %s", f.Prefix, f.Error))
	}
}

func (a *Actor) event(kind, from, to, cause string) { a.eventAt(time.Now(), kind, from, to, cause) }

func (a *Actor) eventAt(at time.Time, kind, from, to, cause string) {
	a.child.Tell(messages.PathInspect, &messages.Event{
		At: at, Kind: kind, Object: a.child.Path, From: from, To: to, Cause: cause,
	})
}
