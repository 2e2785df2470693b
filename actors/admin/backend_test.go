package admin

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

var epoch = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// fakeSystem answers from fields and notes what it is asked.
type fakeSystem struct {
	records []messages.ActorRecord
	answers map[string]any // by path: an error, or the answer
	asked   []string
}

func (f *fakeSystem) Ask(path string, limit time.Duration, msg any) (any, error) {
	f.asked = append(f.asked, fmt.Sprintf("%s %v %T%+v", path, limit, msg, msg))
	if err, ok := f.answers[path].(error); ok {
		return nil, err
	}
	return f.answers[path], nil
}

func (f *fakeSystem) Tell(path string, msg any) {
	f.asked = append(f.asked, fmt.Sprintf("%s %T", path, msg))
}

func (f *fakeSystem) Records() []messages.ActorRecord { return f.records }

func (f *fakeSystem) Tree() *messages.ActorNode {
	root := &messages.ActorNode{Path: "/", Kind: "understudy", State: "running"}
	for _, r := range f.records {
		root.Children = append(root.Children, &messages.ActorNode{
			Path: r.Path, Kind: r.Kind, State: r.State,
			Started: &epoch, Restarts: r.Restarts, Mailbox: r.Mailbox, LastCrash: r.LastCrash,
		})
	}
	return root
}

func (f *fakeSystem) Kill(k messages.Kill) error {
	f.asked = append(f.asked, fmt.Sprintf("kill %+v", k))
	if err, ok := f.answers[k.Path].(error); ok {
		return err
	}
	return nil
}

func (f *fakeSystem) took() string {
	out := strings.Join(f.asked, "; ")
	f.asked = nil
	return out
}

// snapshot is what a fake instance publishes.
type snapshot struct {
	status  messages.InstanceStatus
	metrics messages.InstanceMetrics
}

func (s *snapshot) InstanceStatus() messages.InstanceStatus   { return s.status }
func (s *snapshot) InstanceMetrics() messages.InstanceMetrics { return s.metrics }

func rig(t *testing.T) (*Backend, *fakeSystem) {
	t.Helper()
	published := func(name, state string) *snapshot {
		return &snapshot{
			status:  messages.InstanceStatus{Name: name, State: state, DownInterval: 3.609375, AddressesHeld: state == "master"},
			metrics: messages.InstanceMetrics{TransitionsTo: map[string]uint64{state: 1}},
		}
	}
	f := &fakeSystem{
		records: []messages.ActorRecord{
			{Path: "/net/pacer", Kind: "pacer", State: "running"},
			{Path: "/vrrp/instance/web", Kind: "instance", State: "running", Snapshot: published("web", "master")},
			{Path: "/vrrp/instance/a%20b", Kind: "instance", State: "quarantined", Snapshot: published("a b", "master"), LastCrash: &messages.Crash{At: epoch, Reason: "boom"}},
			{Path: "/vrrp/instance/new", Kind: "instance", State: "restarting"},
			{Path: messages.PathReload, Kind: "reload", State: "running", Snapshot: messages.ConfigStatus{File: "/u.yaml", Generation: 2}},
		},
		answers: map[string]any{
			messages.PathInspect:  &messages.Health{Verdict: "ok"},
			messages.PathReload:   &messages.ReloadDone{OK: true},
			"/vrrp/instance/web":  &messages.Done{},
			"/vrrp/instance/gone": fmt.Errorf("ask: %w", supervisors.ErrUnknownPath),
		},
	}
	b := NewBackend("v1", epoch, func(bool) error { return nil })
	b.Attach(f)
	return b, f
}

func TestBeforeAttachEverythingIsRefusedAsStarting(t *testing.T) {
	b := NewBackend("v1", epoch, nil)
	if st := b.Status(); st.Health != "degraded" || st.Version != "v1" || !st.Started.Equal(epoch) {
		t.Errorf("got %+v", st)
	}
	if ready, why := b.Ready(); ready || why == "" {
		t.Errorf("ready %v, %q", ready, why)
	}
	if len(b.Objects())+len(b.Instances()) != 0 || b.Tree() == nil {
		t.Error("there is nothing yet")
	}
	if _, err := b.Events(messages.Since{}); !errors.Is(err, messages.ErrConflict) {
		t.Errorf("got %v", err)
	}
	if err := b.Kill(messages.Kill{Path: "/x"}); !errors.Is(err, messages.ErrConflict) {
		t.Errorf("got %v", err)
	}
}

func TestObjects(t *testing.T) {
	b, _ := rig(t)
	want := "[{actor /net/pacer /net/pacer} {vrrp web /vrrp/instance/web} {vrrp a b /vrrp/instance/a%20b} {vrrp new /vrrp/instance/new} {actor /edge/reload /edge/reload}]"
	if got := fmt.Sprint(b.Objects()); got != want {
		t.Errorf("got %s", got)
	}
}

func TestAQuarantinedInstanceIsInFault(t *testing.T) {
	b, _ := rig(t)
	all := b.Instances()
	if len(all) != 2 || all[0].Name != "a b" || all[1].State != "master" {
		t.Fatalf("got %+v", all)
	}
	st := all[0]
	if st.State != "fault" || st.AddressesHeld || len(st.Faults) != 1 || st.Faults[0].Cause != "crashed" || !st.Since.Equal(epoch) {
		t.Errorf("got %+v", st)
	}
	if m := b.Metrics(); len(m.Instances) != 2 || m.Instances[1].Status.State != "fault" || m.Instances[0].Metrics.TransitionsTo["master"] != 1 || m.Config.Generation != 2 {
		t.Errorf("metrics: %+v", m)
	}
}

func TestAnInstanceWithoutStatus(t *testing.T) {
	b, _ := rig(t)
	if _, err := b.Instance("/vrrp/instance/new"); !errors.Is(err, messages.ErrConflict) {
		t.Errorf("starting: %v", err)
	}
	if _, err := b.Instance("/vrrp/instance/nobody"); !errors.Is(err, messages.ErrUnknown) {
		t.Errorf("unknown: %v", err)
	}
}

func TestOrdersReachTheirActor(t *testing.T) {
	b, f := rig(t)
	for _, tc := range []struct {
		claim string
		do    func() error
		asked string
	}{
		{"garp", func() error { return b.Garp("/vrrp/instance/web") }, "/vrrp/instance/web 2s *messages.Garp&{}"},
		{"a switchover may wait for a down interval", func() error {
			return b.Switchover("/vrrp/instance/web", messages.Switchover{Force: true})
		}, "/vrrp/instance/web 5.609375s *messages.Switchover&{Back:false Force:true}"},
		{"reload", func() error { _, err := b.Reload("/b.yaml", false); return err }, "/edge/reload 11s *messages.Reload&{File:/b.yaml DryRun:false}"},
		{"plan", func() error { _, err := b.Reload("", true); return err }, "/edge/reload 11s *messages.Reload&{File: DryRun:true}"},
		{"kill", func() error { return b.Kill(messages.Kill{Path: "/net/pacer", Mode: "hang", Times: 2}) }, "kill {Path:/net/pacer Mode:hang Count:false Times:2 Every:0s}"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			if err := tc.do(); err != nil {
				t.Error(err)
			}
			if got := f.took(); got != tc.asked {
				t.Errorf("asked %s", got)
			}
		})
	}
}

func TestRefusalsKeepTheirKind(t *testing.T) {
	b, f := rig(t)
	web := "/vrrp/instance/web"
	for _, tc := range []struct {
		claim  string
		answer any
		kind   error // nil: none of them
		text   string
	}{
		{"not possible now", &messages.Done{Conflict: true, Error: "web is backup"}, messages.ErrConflict, "web is backup"},
		{"an error of the operation", &messages.Done{Error: "no socket"}, nil, "no socket"},
		{"no such actor", fmt.Errorf("ask: %w", supervisors.ErrUnknownPath), messages.ErrUnknown, "no actor at /vrrp/instance/web"},
		{"not running", supervisors.ErrNotRunning, messages.ErrConflict, "not running"},
		{"closed", supervisors.ErrClosed, messages.ErrConflict, "stopping"},
		{"no answer", supervisors.ErrTimeout, nil, "no answer in time"},
		{"another answer", &messages.Health{}, nil, "unexpected answer *messages.Health"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			f.answers[web] = tc.answer
			err := b.Garp(web)
			if err == nil || !strings.Contains(err.Error(), tc.text) {
				t.Fatalf("got %v", err)
			}
			for _, kind := range []error{messages.ErrConflict, messages.ErrUnknown, messages.ErrForbidden} {
				if errors.Is(err, kind) != errors.Is(tc.kind, kind) {
					t.Errorf("%v is %v", err, kind)
				}
			}
		})
	}
	for _, path := range []string{messages.PathAdmin, messages.PathChaos} {
		if err := b.Kill(messages.Kill{Path: path}); !errors.Is(err, messages.ErrConflict) {
			t.Errorf("kill %s: %v", path, err)
		}
	}
	f.answers["/edge/x"] = fmt.Errorf("kill: %w", supervisors.ErrProtected)
	if err := b.Kill(messages.Kill{Path: "/edge/x"}); !errors.Is(err, messages.ErrConflict) {
		t.Errorf("protected: %v", err)
	}
}

func TestWhileStoppingOrdersAreRefusedAndQuestionsAnswered(t *testing.T) {
	b, f := rig(t)
	stops := 0
	b.stop = func(bool) error { stops++; return nil }
	if err := b.Stop(true); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"second stop": b.Stop(false), "garp": b.Garp("/vrrp/instance/web"), "kill": b.Kill(messages.Kill{Path: "/net/pacer"}),
	} {
		if !errors.Is(err, messages.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.Reload("", false); !errors.Is(err, messages.ErrConflict) {
		t.Errorf("reload: %v", err)
	}
	if _, err := b.Reload("", true); err != nil {
		t.Errorf("plan: %v", err)
	}
	if stops != 1 {
		t.Errorf("%d drains began", stops)
	}
	if ready, _ := b.Ready(); ready {
		t.Error("a stopping daemon is ready")
	}
	if got := f.took(); strings.Contains(got, "Garp") || strings.Contains(got, "kill") {
		t.Errorf("asked %s", got)
	}
}

func TestAStopThatFailsChangesNothing(t *testing.T) {
	b, _ := rig(t)
	b.stop = func(bool) error { return errors.New("no state directory") }
	if err := b.Stop(true); err == nil {
		t.Fatal("no error")
	}
	if err := b.Garp("/vrrp/instance/web"); err != nil {
		t.Errorf("orders are refused: %v", err)
	}
}

func TestFollowersThatWereNotTakenAreCutOff(t *testing.T) {
	b, f := rig(t)
	for _, answer := range []any{supervisors.ErrTimeout, &messages.Events{Error: "too many"}} {
		f.answers[messages.PathInspect] = answer
		if _, err := b.Follow(messages.Since{}, messages.NewFollower(1)); err == nil {
			t.Errorf("%v: no error", answer)
		}
	}
	f.answers[messages.PathInspect] = &messages.Events{Last: 3}
	fo := messages.NewFollower(1)
	if e, err := b.Follow(messages.Since{Seq: 2}, fo); err != nil || e.Last != 3 {
		t.Fatalf("got %+v, %v", e, err)
	}
	f.took()
	b.Unfollow(fo)
	if got := f.took(); got != "/edge/inspect *messages.UnfollowEvents" || fo.Reason() == "" {
		t.Errorf("told %s, reason %q", got, fo.Reason())
	}
}

func TestHealthWithoutInspect(t *testing.T) {
	b, f := rig(t)
	f.answers[messages.PathInspect] = supervisors.ErrTimeout
	if st := b.Status(); st.Health != "degraded" || len(st.Reasons) != 1 || st.Config.File != "/u.yaml" {
		t.Errorf("got %+v", st)
	}
}
