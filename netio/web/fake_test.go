package web

import (
	"fmt"
	"sync"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

// epoch is when everything in the fake happened.
var epoch = time.Date(2026, 1, 2, 15, 4, 5, 123456789, time.UTC)

// fakeBackend answers from fields and notes the orders it gets.
type fakeBackend struct {
	mu        sync.Mutex
	objects   []messages.Object
	instances []messages.InstanceStatus
	health    string
	notReady  string
	reload    messages.ReloadDone
	err       error
	events    messages.Events
	followed  chan *messages.Follower
	orders    []string
	panics    bool
}

func newFake() *fakeBackend {
	web, db := webInstance(), messages.InstanceStatus{Name: "db/1", State: "fault", VRID: 52, Family: "ipv6", Interface: "eth1"}
	return &fakeBackend{
		objects: []messages.Object{
			{Kind: "vrrp", Name: "web", Path: "/vrrp/instance/web"},
			{Kind: "vrrp", Name: "db/1", Path: "/vrrp/instance/db%2F1"},
			{Kind: "group", Name: "db/1", Path: "/vrrp/group/db%2F1"},
			{Kind: "actor", Name: "/net/pacer", Path: "/net/pacer"},
		},
		instances: []messages.InstanceStatus{db, web},
		health:    "ok",
		reload:    messages.ReloadDone{OK: true, Plan: messages.Plan{Start: []string{"/vrrp/instance/new"}, Unchanged: 2}},
		events: messages.Events{Last: 2, Events: []messages.Event{
			{Seq: 1, At: epoch, Kind: "transition", Object: "/vrrp/instance/web", From: "init", To: "backup", Cause: "started"},
			{Seq: 2, At: epoch, Kind: "transition", Object: "/vrrp/instance/web", From: "backup", To: "master", Cause: "no advert for 3.609s"},
		}},
		followed: make(chan *messages.Follower, 4),
	}
}

func webInstance() messages.InstanceStatus {
	at := epoch.In(time.FixedZone("elsewhere", 3600)) // answers are in UTC whatever the source says
	return messages.InstanceStatus{
		Name: "web", State: "master", Since: at, VRID: 51, Version: 3, Family: "ipv4", Interface: "eth0", Source: "192.0.2.2",
		Priority: messages.Priority{Base: 150, Effective: 140, Contributions: []messages.Contribution{{Source: "script/chk", Value: -10}}},
		Master:   &messages.MasterOf{Address: "192.0.2.2", Priority: 140}, AdvertInterval: 1, DownInterval: 3.609375,
		Addresses: []string{"192.0.2.100/24"}, AddressesHeld: true,
		Counters:    map[string]uint64{"advert_rcvd": 7, "advert_sent": 42, "chk_err": 3, "addr_list_err": 1},
		Margin:      messages.Margin{WorstGap: 1.25, DownInterval: 3.609375, At: &at},
		Transitions: []messages.Transition{{At: at, From: "backup", To: "master", Cause: "no advert for 3.609s"}},
	}
}

func (f *fakeBackend) order(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders = append(f.orders, fmt.Sprintf(format, args...))
	return f.err
}

func (f *fakeBackend) taken() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.orders
	f.orders = nil
	return out
}

func (f *fakeBackend) Status() messages.DaemonStatus {
	if f.panics {
		panic("status is broken")
	}
	return messages.DaemonStatus{
		Version: "v1.2.3", PID: 4711, Started: epoch, Health: f.health,
		Config: messages.ConfigStatus{File: "/etc/understudy/understudy.yaml", Hash: "abc", Loaded: epoch, Generation: 3, OK: 2, Failed: 1},
	}
}

func (f *fakeBackend) Ready() (bool, string)                { return f.notReady == "", f.notReady }
func (f *fakeBackend) Objects() []messages.Object           { return f.objects }
func (f *fakeBackend) Instances() []messages.InstanceStatus { return f.instances }

func (f *fakeBackend) Instance(path string) (messages.InstanceStatus, error) {
	for _, s := range f.instances {
		if messages.InstancePath(s.Name) == path {
			return s, f.err
		}
	}
	return messages.InstanceStatus{}, &messages.Refusal{Kind: messages.ErrUnknown, Text: "gone"}
}

func (f *fakeBackend) Tree() *messages.ActorNode {
	return &messages.ActorNode{Path: "/", Kind: "understudy", State: "running", Started: &epoch, Children: []*messages.ActorNode{
		{
			Path: "/net/pacer", Kind: "pacer", State: "quarantined", Restarts: 8, Mailbox: 1, Children: []*messages.ActorNode{},
			LastCrash: &messages.Crash{At: epoch, Reason: "boom", Message: "*messages.Garp", Generation: 9},
		},
	}}
}

func (f *fakeBackend) Explain(o messages.Object) (messages.Explanation, error) {
	e := messages.Explanation{Name: o.Name, Kind: o.Kind, State: "master", Cause: "no advert for 3.609s", Text: "words\n"}
	if o.Kind == "vrrp" {
		st := webInstance()
		e.Instance = &st
	} else {
		e.Actor = f.Tree().Children[0]
	}
	return e, f.err
}

func (f *fakeBackend) Events(s messages.Since) (messages.Events, error) {
	return f.events, f.order("events %d %s", s.Seq, s.At.UTC().Format(time.RFC3339Nano))
}

func (f *fakeBackend) Follow(s messages.Since, fo *messages.Follower) (messages.Events, error) {
	if err := f.order("follow %d", s.Seq); err != nil {
		return messages.Events{}, err
	}
	f.followed <- fo
	return f.events, nil
}

func (f *fakeBackend) Unfollow(*messages.Follower) { _ = f.order("unfollow") }

func (f *fakeBackend) Reload(file string, dryRun bool) (messages.ReloadDone, error) {
	return f.reload, f.order("reload %q %v", file, dryRun)
}

func (f *fakeBackend) Stop(handover bool) error { return f.order("stop %v", handover) }
func (f *fakeBackend) Garp(path string) error   { return f.order("garp %s", path) }

func (f *fakeBackend) Switchover(path string, o messages.Switchover) error {
	return f.order("switchover %s %+v", path, o)
}

func (f *fakeBackend) Kill(k messages.Kill) error { return f.order("kill %+v", k) }

func (f *fakeBackend) Metrics() messages.MetricsSample {
	if f.panics {
		panic("metrics are broken")
	}
	return messages.MetricsSample{
		Pacer: &messages.PacerMetrics{
			Turns: 100, LateTurns: 3, Stalls: 1, MaxLateness: 0.025, Packets: 90, Unknown: 2, Sent: 80, LeaseEnds: 1, Armed: 4,
		},
		Instances: []messages.InstanceSample{{Status: webInstance(), Metrics: messages.InstanceMetrics{
			Lateness:      messages.Histogram{Bounds: []float64{0.0001, 0.001}, Counts: []uint64{30, 10, 2}, Sum: 0.5, Count: 42},
			TransitionsTo: map[string]uint64{"backup": 1, "master": 1},
		}}},
		Actors: []messages.ActorRecord{
			{Path: "/net/pacer", State: "quarantined", Restarts: 8},
			{Path: "/vrrp/instance/web", State: "running"},
		},
		Config: f.Status().Config,
	}
}
