package admin

import (
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

// text collects lines.
type text struct{ strings.Builder }

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// obstacleText says what has to happen before the instance becomes master.
func obstacleText(st *messages.InstanceStatus) string {
	down := seconds(st.DownInterval)
	switch {
	case st.State == "fault":
		return fmt.Sprintf("every fault above has to clear; then it is backup and takes over after %s without an advert", down)
	case st.State == "init":
		return "it has not started yet, or the start-up delay is running"
	case st.StartupUntil != nil:
		return fmt.Sprintf("the start-up delay: until %s it sends nothing and hears nothing, then it takes over after %s without an advert", instant(*st.StartupUntil), down)
	case st.Held && st.Master != nil:
		return fmt.Sprintf("held by switchover; it takes over only when %s falls silent for %s", st.Master.Address, down)
	case st.Held:
		return fmt.Sprintf("held by switchover; it takes over only after %s without an advert", down)
	case st.Master == nil:
		return fmt.Sprintf("no master is heard: it takes over when it has heard nothing for %s", down)
	}
	who := fmt.Sprintf("priority %d at %s", st.Master.Priority, st.Master.Address)
	switch {
	case st.Master.Priority == 0:
		return fmt.Sprintf("%s has resigned: it takes over within its skew time", st.Master.Address)
	case st.Master.Priority > st.Priority.Effective:
		return fmt.Sprintf("higher %s; it would have to fall silent for %s", who, down)
	case st.Master.Priority == st.Priority.Effective:
		return fmt.Sprintf("equal %s: a backup does not displace its equal; it would have to fall silent for %s", who, down)
	case !st.Preempt:
		return fmt.Sprintf("lower %s, but preempt is off; it would have to fall silent for %s", who, down)
	}
	return fmt.Sprintf("lower %s: nothing but time, it takes over after the preempt delay and at most %s", who, down)
}

// changeText says what an operator could do; empty if the obstacle already says it.
func changeText(st *messages.InstanceStatus) string {
	name := messages.Escape(st.Name)
	switch {
	case st.State == "master":
		return fmt.Sprintf("run understudy switchover %s to hand it over", name)
	case st.State == "fault" || st.State == "init":
		return ""
	case st.Held:
		return fmt.Sprintf("run understudy switchover %s --back", name)
	case st.Master == nil:
		return ""
	case st.Master.Priority > st.Priority.Effective && st.Preempt:
		return fmt.Sprintf("a priority above %d here, one below %d there, or a switchover on %s", st.Master.Priority, st.Priority.Effective, st.Master.Address)
	case st.Master.Priority == st.Priority.Effective && st.Preempt:
		return fmt.Sprintf("a priority above %d here, or a switchover on %s", st.Master.Priority, st.Master.Address)
	case !st.Preempt:
		return fmt.Sprintf("a switchover on %s, or preempt: true here and a priority above %d", st.Master.Address, st.Master.Priority)
	}
	return ""
}

// keepsText says what the mastership rests on.
func keepsText(st *messages.InstanceStatus) string {
	if st.Priority.Effective == 255 {
		return "it owns the addresses (priority 255), so nobody has a higher priority"
	}
	best := -1
	at := ""
	for _, p := range st.Peers {
		if p.Priority > best {
			best, at = p.Priority, p.Address
		}
	}
	switch {
	case best < 0:
		return fmt.Sprintf("no router with a priority above %d is heard", st.Priority.Effective)
	case best > st.Priority.Effective:
		return fmt.Sprintf("%s was last heard with a higher priority %d, but sends no adverts now", at, best)
	}
	return fmt.Sprintf("its priority %d; the best other was %d at %s", st.Priority.Effective, best, at)
}

func heldText(st *messages.InstanceStatus) string {
	switch n := len(st.Refused); {
	case !st.AddressesHeld:
		return "they are not on"
	case n == 1:
		return "all but one are on"
	case n > 1:
		return fmt.Sprintf("all but %d are on", n)
	}
	return "they are on"
}

func orNone(s, none string) string {
	if s == "" {
		return none
	}
	return s
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// seconds writes a number of seconds to the millisecond.
func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond).String()
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000 UTC") }

func age(t, now time.Time) string { return max(now.Sub(t), 0).Round(time.Millisecond).String() }

// sinceText is empty for an instant that is not known.
func sinceText(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf(" since %s (%s)", instant(t), max(now.Sub(t), 0).Round(time.Second))
}
