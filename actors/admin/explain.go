package admin

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

// Explain says in plain words why an object is in its state.
func (b *Backend) Explain(o messages.Object) (messages.Explanation, error) {
	r, err := b.record(o.Path)
	if err != nil {
		return messages.Explanation{}, err
	}
	if st, ok := instanceOf(r); ok {
		return explainInstance(st, r, time.Now()), nil
	}
	n := nodeAt(b.Tree(), o.Path)
	if n == nil { // gone meanwhile
		return messages.Explanation{}, refuse(messages.ErrUnknown, "no actor at %s", o.Path)
	}
	return explainActor(n, time.Now()), nil
}

// nodeAt finds a path in the tree; nil if it is not there.
func nodeAt(n *messages.ActorNode, path string) *messages.ActorNode {
	if n.Path == path {
		return n
	}
	for _, c := range n.Children {
		if found := nodeAt(c, path); found != nil {
			return found
		}
	}
	return nil
}

func explainInstance(st messages.InstanceStatus, r *messages.ActorRecord, now time.Time) messages.Explanation {
	cause := causeOf(&st)
	var t text
	t.line("%s is %s%s.", st.Name, strings.ToUpper(st.State), sinceText(st.Since, now))
	t.line("Cause: %s.", cause)
	t.line("It is virtual router %d of %s on %s, VRRP version %d, sending from %s.",
		st.VRID, st.Family, orNone(st.Interface, "no fixed interface"), st.Version, orNone(st.Source, "no address yet"))
	t.line("Priority: %s.", priorityText(st.Priority))
	t.line("%s", masterText(&st))
	for _, p := range st.Peers {
		t.line("Heard: %s, priority %d, every %s, last advert %s ago.", p.Address, p.Priority, seconds(p.Interval), age(p.LastHeard, now))
	}
	if len(st.Peers) == 0 {
		t.line("Heard: no other router so far.")
	}
	t.line("Addresses: %s; %s this host.", orNone(strings.Join(slices.Concat(st.Addresses, st.Excluded), ", "), "none"), heldText(&st))
	for _, r := range st.Refused {
		t.line("Refused by the kernel: %s: %s.", r.Address, r.Error)
	}
	for _, f := range st.Faults {
		t.line("Fault: %s, since %s.", faultText(f), instant(f.Since))
	}
	if st.State == "master" {
		t.line("What keeps it master: %s.", keepsText(&st))
	} else {
		t.line("What stands between it and mastership: %s.", obstacleText(&st))
	}
	if what := changeText(&st); what != "" {
		t.line("What would change it: %s.", what)
	}
	conflictText(&t, &st)
	marginText(&t, &st)
	for _, name := range slices.Sorted(maps.Keys(st.Counters)) {
		if why, drop := messages.DropReason(name); drop && st.Counters[name] > 0 {
			t.line("Dropped adverts: %d (%s): %s.", st.Counters[name], name, why)
		}
	}
	if r.Restarts > 0 || r.LastCrash != nil {
		t.line("Its actor: %s.", actorText(r.State, r.Restarts, r.LastCrash))
	}
	return messages.Explanation{Name: st.Name, Kind: "vrrp", State: st.State, Cause: cause, Text: t.String(), Instance: &st}
}

// causeOf is the cause of the last transition; a fault that came after it wins.
func causeOf(st *messages.InstanceStatus) string {
	if st.State == "fault" && len(st.Faults) > 0 {
		var all []string
		for _, f := range st.Faults {
			all = append(all, faultText(f))
		}
		return strings.Join(all, "; ")
	}
	if n := len(st.Transitions); n > 0 && st.Transitions[n-1].Cause != "" {
		return st.Transitions[n-1].Cause
	}
	return "no transition yet"
}

func priorityText(p messages.Priority) string {
	if len(p.Contributions) == 0 && p.Base == p.Effective {
		return fmt.Sprintf("%d, as configured", p.Base)
	}
	parts := []string{fmt.Sprintf("%d configured", p.Base)}
	for _, c := range p.Contributions {
		state := "down"
		if c.Up {
			state = "up"
		}
		parts = append(parts, fmt.Sprintf("%+d from %s (%s)", c.Value, c.Source, state))
	}
	return fmt.Sprintf("%d = %s", p.Effective, strings.Join(parts, ", "))
}

func masterText(st *messages.InstanceStatus) string {
	switch {
	case st.State == "master":
		return fmt.Sprintf("Master: this router, an advert every %s.", seconds(st.AdvertInterval))
	case st.Master == nil:
		return "Master: none known."
	}
	return fmt.Sprintf("Master: %s with priority %d, an advert every %s.", st.Master.Address, st.Master.Priority, seconds(st.MasterInterval))
}

// faultText is one cause of FAULT in words.
func faultText(f messages.Fault) string {
	switch f.Cause {
	case "interface_down":
		return fmt.Sprintf("interface %s is down or missing", f.Object)
	case "tracker":
		return fmt.Sprintf("tracker %s failed", f.Object)
	case "no_source_address":
		return fmt.Sprintf("there is no usable source address%s", on(f.Object))
	case "duplicate_vrid":
		return fmt.Sprintf("another instance has the same VRID%s", on(f.Object))
	case "config":
		return fmt.Sprintf("the configuration cannot work%s", on(f.Object))
	case "crashed":
		return fmt.Sprintf("its actor %s crashed too often and is quarantined", f.Object)
	case "group":
		return fmt.Sprintf("a member of its group %s is in fault", f.Object)
	}
	return strings.TrimSpace(f.Cause + " " + f.Object)
}

func on(object string) string {
	if object == "" {
		return ""
	}
	return " (" + object + ")"
}

func conflictText(t *text, st *messages.InstanceStatus) {
	c := &st.Conflict
	switch {
	case c.Active:
		t.line("Conflict: %s also sends as master of this virtual router%s; in conflict for %s in total.",
			orNone(strings.Join(c.With, ", "), "another router"), reasonsText(c.Reasons), seconds(c.TotalSeconds))
	case c.TotalSeconds > 0:
		t.line("Conflict: over; there were two masters for %s in total%s.", seconds(c.TotalSeconds), reasonsText(c.Reasons))
	}
}

func reasonsText(reasons []string) string {
	if len(reasons) == 0 {
		return ""
	}
	return " (" + strings.Join(reasons, ", ") + ")"
}

func marginText(t *text, st *messages.InstanceStatus) {
	m := st.Margin
	if m.At == nil || m.DownInterval <= 0 || m.WorstGap <= 0 {
		return
	}
	t.line("Margin: the longest gap between adverts was %s of the %s that make a takeover, at %s.",
		seconds(m.WorstGap), seconds(m.DownInterval), instant(*m.At))
}

func explainActor(n *messages.ActorNode, now time.Time) messages.Explanation {
	cause := "no crash so far"
	if n.LastCrash != nil {
		cause = "crash: " + n.LastCrash.Reason
	}
	var t text
	var started time.Time
	if n.Started != nil {
		started = *n.Started
	}
	t.line("%s is %s%s.", n.Path, strings.ToUpper(n.State), sinceText(started, now))
	t.line("It is an actor of kind %s: %s.", n.Kind, actorText(n.State, n.Restarts, n.LastCrash))
	if n.Mailbox > 0 {
		t.line("Waiting in its mailbox: %d messages.", n.Mailbox)
	}
	if len(n.Children) > 0 {
		counts := map[string]int{}
		for _, c := range n.Children {
			counts[c.State]++
		}
		var parts []string
		for _, state := range slices.Sorted(maps.Keys(counts)) {
			parts = append(parts, fmt.Sprintf("%d %s", counts[state], state))
		}
		t.line("Below it: %s.", strings.Join(parts, ", "))
	}
	if n.State == "quarantined" {
		t.line("What would change it: it is tried again from a cold start every 30s.")
	}
	return messages.Explanation{Name: n.Path, Kind: "actor", State: n.State, Cause: cause, Text: t.String(), Actor: n}
}

func actorText(state string, restarts uint64, c *messages.Crash) string {
	out := fmt.Sprintf("%s, restarted %s", state, times(restarts))
	if c == nil {
		return out
	}
	out += fmt.Sprintf("; last crash at %s: %s", instant(c.At), c.Reason)
	if c.Message != "" {
		out += fmt.Sprintf(", while it handled %s", c.Message)
	}
	return out
}
