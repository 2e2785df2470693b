package fsm

import (
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// in prints an instant as a distance from now.
func (r *rig) in(at Instant) string {
	switch {
	case at == 0:
		return "never"
	case at < r.now:
		return fmt.Sprint(time.Duration(at - r.now))
	}
	return "+" + time.Duration(at-r.now).String()
}

func (r *rig) watch(w packet.Watch) string {
	who := "nobody"
	if w.Master.IsValid() {
		who = fmt.Sprintf("%s priority=%d", w.Master, w.Priority)
	}
	form := ""
	if w.Form != packet.ChecksumUnknown {
		form = " form=" + w.Form.String()
	}
	return fmt.Sprintf("%s %s interval=%s%s timeout=%s", r.in(w.Deadline), who, w.Interval, form, w.Timeout)
}

func (r *rig) action(a Action) string {
	switch a := a.(type) {
	case Changed:
		return fmt.Sprintf("%s -> %s: %s", a.From, a.To, a.Cause)
	case SendAdvert:
		return fmt.Sprintf("  send-advert priority=%d", a.Priority)
	case StartAdverts:
		first := ""
		if a.First != 0 {
			first = " first=" + r.in(a.First)
		}
		return fmt.Sprintf("  start-adverts every=%s priority=%d%s", a.Interval, a.Priority, first)
	case UpdateAdverts:
		return fmt.Sprintf("  update-adverts every=%s priority=%d", a.Interval, a.Priority)
	case StopAdverts:
		return "  stop-adverts"
	case StartWatch:
		return "  watch " + r.watch(a.Watch)
	case StopWatch:
		return "  stop-watch"
	case SetTimer:
		return fmt.Sprintf("  set-timer %s %s", a.Timer, r.in(a.At))
	case StopTimer:
		return fmt.Sprintf("  stop-timer %s", a.Timer)
	case ClaimAddresses:
		return fmt.Sprintf("  claim-addresses repeat=%d", a.Repeat)
	case ReleaseAddresses:
		return "  release-addresses"
	case Announce:
		return fmt.Sprintf("  announce repeat=%d", a.Repeat)
	case AnnounceSource:
		return "  announce-source"
	case Listen:
		return fmt.Sprintf("  listen %t", a.Open)
	case Notice:
		return fmt.Sprintf("  notice %q %s", a.Key, a.Text)
	case HeardLower:
		return fmt.Sprintf("  heard-lower from=%s priority=%d", a.From, a.Priority)
	}
	return fmt.Sprintf("%#v", a)
}

// print shows what of the state is not empty.
func (r *rig) print() string {
	s := &r.s
	var b strings.Builder
	fmt.Fprintf(&b, "%s for %s, priority %d, source %s\n", s.Role, time.Duration(r.now-s.Since), AdvertPriority(r.cfg, *s), s.Source)
	if s.MasterAddr.IsValid() {
		fmt.Fprintf(&b, "master %s priority=%d heard %s\n", s.MasterAddr, s.MasterPriority, r.in(s.LastHeard))
	}
	fmt.Fprintf(&b, "counting in %s, skew %s, down interval %s, down %s\n",
		MasterInterval(r.cfg, *s), Skew(r.cfg, *s), DownInterval(r.cfg, *s), r.in(s.DownAt))
	for _, f := range s.Faults {
		fmt.Fprintf(&b, "fault %s %s %s\n", f.Kind, f.Object, r.in(f.Since))
	}
	for tm, at := range s.Deadline {
		if at != 0 {
			fmt.Fprintf(&b, "timer %s %s\n", Timer(tm), r.in(at))
		}
	}
	if s.Preempting != PreemptIdle {
		fmt.Fprintf(&b, "preempting %d\n", s.Preempting)
	}
	if s.LowerAddr.IsValid() {
		fmt.Fprintf(&b, "lower %s priority=%d\n", s.LowerAddr, s.LowerPriority)
	}
	if s.Conflict.With.IsValid() {
		fmt.Fprintf(&b, "conflict with %s since %s last %s\n", s.Conflict.With, r.in(s.Conflict.Since), r.in(s.Conflict.Last))
	}
	for _, f := range []struct {
		name string
		on   bool
	}{{"held", s.Held}, {"dropped, rival " + s.OwnerRival.String(), s.Dropped}, {"waiting for the start-up delay", !s.Ready && s.Role != Init}, {"returns " + r.in(s.ReturnAfter), s.ReturnAfter != 0}} {
		if f.on {
			fmt.Fprintln(&b, f.name)
		}
	}
	return b.String()
}
