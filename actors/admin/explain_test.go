package admin

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/understudy-ha/understudy/messages"
)

// TestExplain gives an instance as the API shows it, laid over a healthy
// backup, and reads the words. It is 2026-01-02 15:04:05 plus 90 s.
func TestExplain(t *testing.T) {
	now := epoch.Add(90 * time.Second)
	datadriven.RunTest(t, "testdata/explain", func(t *testing.T, d *datadriven.TestData) string {
		r := &messages.ActorRecord{Path: "/vrrp/instance/web", Kind: "instance", State: "running"}
		var e messages.Explanation
		switch d.Cmd {
		case "instance":
			st := healthyBackup()
			if err := json.Unmarshal([]byte("{"+d.Input+"}"), &st); err != nil {
				d.Fatalf(t, "input: %v", err)
			}
			if d.HasArg("crashed") {
				r.Restarts, r.LastCrash = 3, &messages.Crash{At: epoch, Reason: "boom", Message: "*messages.Garp"}
			}
			e = explainInstance(st, r, now)
		case "actor":
			n := &messages.ActorNode{}
			if err := json.Unmarshal([]byte("{"+d.Input+"}"), n); err != nil {
				d.Fatalf(t, "input: %v", err)
			}
			e = explainActor(n, now)
		default:
			d.Fatalf(t, "unknown command")
		}
		return "name " + e.Name + ", kind " + e.Kind + ", state " + e.State + "\n" + e.Text
	})
}

func healthyBackup() messages.InstanceStatus {
	return messages.InstanceStatus{
		Name: "web", State: "backup", Since: epoch, VRID: 51, Version: 3, Family: "ipv4", Interface: "eth0", Source: "192.0.2.2",
		Priority: messages.Priority{Base: 100, Effective: 100}, Preempt: true, AdvertInterval: 1, MasterInterval: 1, DownInterval: 3.609375,
		Addresses: []string{"192.0.2.100/24"},
	}
}

func TestExplainFindsTheObject(t *testing.T) {
	b, _ := rig(t)
	e, err := b.Explain(messages.Object{Kind: "vrrp", Name: "web", Path: "/vrrp/instance/web"})
	if err != nil || e.Instance == nil || e.Kind != "vrrp" {
		t.Errorf("got %+v, %v", e, err)
	}
	e, err = b.Explain(messages.Object{Kind: "actor", Name: "/net/pacer", Path: "/net/pacer"})
	if err != nil || e.Actor == nil || !strings.Contains(e.Text, "kind pacer") {
		t.Errorf("got %+v, %v", e, err)
	}
	if _, err := b.Explain(messages.Object{Kind: "actor", Path: "/nowhere"}); err == nil {
		t.Error("nobody is explained")
	}
	// An instance that has not published yet is explained as an actor.
	if e, err := b.Explain(messages.Object{Kind: "vrrp", Name: "new", Path: "/vrrp/instance/new"}); err != nil || e.Actor == nil {
		t.Errorf("got %+v, %v", e, err)
	}
}
