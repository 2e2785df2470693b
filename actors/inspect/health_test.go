package inspect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/understudy-ha/understudy/messages"
)

type instance messages.InstanceStatus

func (i instance) InstanceStatus() messages.InstanceStatus { return messages.InstanceStatus(i) }

func TestJudge(t *testing.T) {
	pacer := messages.ActorRecord{Path: messages.PathPacer, State: "running"}
	rec := func(path, state string, snapshot any) messages.ActorRecord {
		return messages.ActorRecord{Path: path, State: state, Snapshot: snapshot}
	}
	fault := instance{Name: "web", State: "fault", Faults: []messages.Fault{{Cause: "interface_down", Object: "eth0"}}}
	for _, tc := range []struct {
		claim   string
		records []messages.ActorRecord
		verdict string
		reasons string
	}{
		{"all run", []messages.ActorRecord{pacer, rec("/vrrp/instance/web", "running", instance{Name: "web", State: "backup"})}, "ok", ""},
		{"a stopped actor was stopped on purpose", []messages.ActorRecord{pacer, rec("/x", "stopped", nil)}, "ok", ""},
		{"no pacer", nil, "failed", "/net/pacer is not running: no adverts are sent"},
		{"the pacer restarts", []messages.ActorRecord{rec(messages.PathPacer, "restarting", nil)}, "failed", "/net/pacer is restarting: no adverts are sent"},
		{
			"the pacer is quarantined and more is wrong",
			[]messages.ActorRecord{rec("/a", "quarantined", nil), rec(messages.PathPacer, "quarantined", nil)},
			"failed", "/net/pacer is quarantined: no adverts are sent; /a is quarantined",
		},
		{"an actor restarts", []messages.ActorRecord{pacer, {Path: "/a", State: "restarting", LastCrash: &messages.Crash{Reason: "boom"}}}, "degraded", "/a is restarting after: boom"},
		{"an instance is in fault", []messages.ActorRecord{pacer, rec("/vrrp/instance/web", "running", fault)}, "degraded", "instance web is in fault, interface_down eth0"},
		{"a quarantined one is told once", []messages.ActorRecord{pacer, rec("/vrrp/instance/web", "quarantined", fault)}, "degraded", "/vrrp/instance/web is quarantined"},
		{
			"the last reload was refused",
			[]messages.ActorRecord{pacer, rec(messages.PathReload, "running", messages.ConfigStatus{LastError: "a.yaml:1:1: bad"})},
			"degraded", "the last reload was refused: a.yaml:1:1: bad",
		},
		{"the last reload went well", []messages.ActorRecord{pacer, rec(messages.PathReload, "running", messages.ConfigStatus{Generation: 2})}, "ok", ""},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			h := judge(tc.records)
			if got := strings.Join(h.Reasons, "; "); h.Verdict != tc.verdict || got != tc.reasons {
				t.Errorf("got %s: %s", h.Verdict, got)
			}
		})
	}
}

func TestReasonsAreBounded(t *testing.T) {
	records := []messages.ActorRecord{{Path: messages.PathPacer, State: "running"}}
	for i := range maxReasons + 1 {
		records = append(records, messages.ActorRecord{Path: fmt.Sprintf("/a%02d", i), State: "quarantined"})
	}
	if h := judge(records[:maxReasons+1]); len(h.Reasons) != maxReasons || strings.Contains(h.Reasons[maxReasons-1], "more") {
		t.Errorf("at the limit: %q", h.Reasons)
	}
	if h := judge(records); len(h.Reasons) != maxReasons+1 || h.Reasons[maxReasons] != "and 1 more" {
		t.Errorf("past the limit: %q", h.Reasons)
	}
}
