package inspect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/understudy-ha/understudy/messages"
)

const maxReasons = 16

// judge is the verdict on the daemon. Failed: nothing sends adverts. Degraded:
// it works, but something wants to be looked at.
func judge(records []messages.ActorRecord) *messages.Health {
	var failed, degraded []string
	pacer := false
	for _, r := range records {
		switch {
		case r.Path == messages.PathPacer:
			pacer = true
			if r.State != "running" {
				failed = append(failed, fmt.Sprintf("%s is %s: no adverts are sent", r.Path, r.State))
			}
		case r.State == "restarting" || r.State == "quarantined":
			degraded = append(degraded, fmt.Sprintf("%s is %s%s", r.Path, r.State, crashText(r.LastCrash)))
			continue // what it published last is no longer so
		}
		degraded = append(degraded, published(r.Snapshot)...)
	}
	if !pacer {
		failed = append(failed, messages.PathPacer+" is not running: no adverts are sent")
	}
	h := &messages.Health{Verdict: "ok", Reasons: []string{}}
	switch {
	case len(failed) > 0:
		h.Verdict = "failed"
	case len(degraded) > 0:
		h.Verdict = "degraded"
	}
	slices.Sort(degraded)
	h.Reasons = append(append(h.Reasons, failed...), degraded...)
	if more := len(h.Reasons) - maxReasons; more > 0 {
		h.Reasons = append(h.Reasons[:maxReasons], fmt.Sprintf("and %d more", more))
	}
	return h
}

// published is what is wrong by an actor's own account.
func published(snapshot any) []string {
	switch s := snapshot.(type) {
	case messages.StatusReader:
		st := s.InstanceStatus()
		if st.State != "fault" {
			return nil
		}
		parts := []string{fmt.Sprintf("instance %s is in fault", st.Name)}
		for _, f := range st.Faults {
			parts = append(parts, f.Cause+" "+f.Object)
		}
		return []string{strings.Join(parts, ", ")}
	case messages.ConfigStatus:
		if s.LastError != "" {
			return []string{"the last reload was refused: " + s.LastError}
		}
	}
	return nil
}

func crashText(c *messages.Crash) string {
	if c == nil {
		return ""
	}
	return " after: " + c.Reason
}
