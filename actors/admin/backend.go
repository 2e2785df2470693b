package admin

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// System is what Backend needs of the running actors.
type System interface {
	// Ask sends msg to the actor at path and waits up to limit for its answer.
	Ask(path string, limit time.Duration, msg any) (any, error)
	Tell(path string, msg any)
	Records() []messages.ActorRecord
	// Tree is the records as the actors supervise each other.
	Tree() *messages.ActorNode
	Kill(order messages.Kill) error
}

// The limits of waiting for an actor.
const (
	askLimit    = 2 * time.Second
	reloadLimit = 11 * time.Second // a reload answers within 10 s
)

// Backend answers the admin API. It is safe for use by many goroutines.
type Backend struct {
	version string
	started time.Time
	stop    func(handover bool) error
	system  atomic.Pointer[System]
	leaving atomic.Bool
}

// NewBackend makes a backend that answers "starting" until Attach. stop begins
// the drain of the daemon and returns.
func NewBackend(version string, started time.Time, stop func(handover bool) error) *Backend {
	return &Backend{version: version, started: started, stop: stop}
}

// Attach connects the running system. It breaks the circle that the system
// contains the listener that asks the backend.
func (b *Backend) Attach(s System) { b.system.Store(&s) }

// Records reads the registry; empty before Attach.
func (b *Backend) Records() []messages.ActorRecord {
	if s := b.system.Load(); s != nil {
		return (*s).Records()
	}
	return nil
}

// Tree is GET /v1/tree.
func (b *Backend) Tree() *messages.ActorNode {
	if s := b.system.Load(); s != nil {
		return (*s).Tree()
	}
	return &messages.ActorNode{Path: "/", Kind: "understudy", State: "restarting", Children: []*messages.ActorNode{}}
}

// Status is GET /v1/status.
func (b *Backend) Status() messages.DaemonStatus {
	h := b.health()
	return messages.DaemonStatus{
		Version: b.version, PID: os.Getpid(), Started: b.started, Config: configOf(b.Records()),
		Health: h.Verdict, Reasons: h.Reasons,
	}
}

func (b *Backend) health() *messages.Health {
	h, err := ask[*messages.Health](b, messages.PathInspect, askLimit, &messages.HealthAsked{})
	if err != nil {
		return &messages.Health{Verdict: "degraded", Reasons: []string{fmt.Sprintf("health is not known: %v", err)}}
	}
	return h
}

// Ready reports whether a configuration is in effect and the daemon stays.
func (b *Backend) Ready() (bool, string) {
	switch {
	case b.leaving.Load():
		return false, "the daemon is stopping"
	case configOf(b.Records()).Generation == 0:
		return false, "the configuration is not in effect yet"
	}
	return true, ""
}

// Objects lists instances by name and every other actor by path.
func (b *Backend) Objects() []messages.Object {
	records := b.Records()
	out := make([]messages.Object, 0, len(records))
	for _, r := range records {
		out = append(out, objectOf(r.Path))
	}
	return out
}

const instancePrefix = messages.PathVRRP + "/instance/"

func objectOf(path string) messages.Object {
	if rest, ok := strings.CutPrefix(path, instancePrefix); ok {
		if name, err := messages.Unescape(rest); err == nil {
			return messages.Object{Kind: "vrrp", Name: name, Path: path}
		}
	}
	return messages.Object{Kind: "actor", Name: path, Path: path}
}

// Instances is GET /v1/vrrp, by name.
func (b *Backend) Instances() []messages.InstanceStatus {
	var out []messages.InstanceStatus
	for _, r := range b.Records() {
		if st, ok := instanceOf(&r); ok {
			out = append(out, st)
		}
	}
	slices.SortFunc(out, func(x, y messages.InstanceStatus) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

// instanceOf reads the status that an instance publishes. One that was given
// up can no longer say so itself: its addresses are released.
func instanceOf(r *messages.ActorRecord) (messages.InstanceStatus, bool) {
	reader, ok := r.Snapshot.(messages.StatusReader)
	if !ok {
		return messages.InstanceStatus{}, false
	}
	st := reader.InstanceStatus()
	if r.State == "quarantined" {
		st.State, st.AddressesHeld, st.Master = "fault", false, nil
		fault := messages.Fault{Cause: "crashed", Object: r.Path}
		if r.LastCrash != nil {
			st.Since, fault.Since = r.LastCrash.At, r.LastCrash.At
		}
		st.Faults = append(slices.Clone(st.Faults), fault)
	}
	return st, true
}

// Instance is the status of the instance at path.
func (b *Backend) Instance(path string) (messages.InstanceStatus, error) {
	r, err := b.record(path)
	if err != nil {
		return messages.InstanceStatus{}, err
	}
	st, ok := instanceOf(r)
	if !ok {
		return st, refuse(messages.ErrConflict, "%s is starting and has no status yet", path)
	}
	return st, nil
}

func (b *Backend) record(path string) (*messages.ActorRecord, error) {
	for _, r := range b.Records() {
		if r.Path == path {
			return &r, nil
		}
	}
	return nil, refuse(messages.ErrUnknown, "no actor at %s", path)
}

// Events is GET /v1/events.
func (b *Backend) Events(since messages.Since) (messages.Events, error) {
	e, err := ask[*messages.Events](b, messages.PathInspect, askLimit, &messages.EventsSince{Since: since})
	if err != nil {
		return messages.Events{}, err
	}
	return *e, nil
}

// Follow hands later events to f until Unfollow.
func (b *Backend) Follow(since messages.Since, f *messages.Follower) (messages.Events, error) {
	e, err := ask[*messages.Events](b, messages.PathInspect, askLimit, &messages.FollowEvents{Since: since, Follower: f})
	if err != nil {
		b.Unfollow(f) // the order may still arrive
		return messages.Events{}, err
	}
	if e.Error != "" {
		return messages.Events{}, refuse(messages.ErrConflict, "%s", e.Error)
	}
	return *e, nil
}

// Unfollow ends Follow.
func (b *Backend) Unfollow(f *messages.Follower) {
	f.Cut("unfollowed")
	if s := b.system.Load(); s != nil {
		(*s).Tell(messages.PathInspect, &messages.UnfollowEvents{Follower: f})
	}
}

// Metrics is what a scrape needs.
func (b *Backend) Metrics() messages.MetricsSample {
	records := b.Records()
	out := messages.MetricsSample{Actors: records, Config: configOf(records)}
	for _, r := range records {
		if p, ok := r.Snapshot.(messages.PacerReader); ok {
			m := p.PacerMetrics()
			out.Pacer = &m
		}
		st, ok := instanceOf(&r)
		if !ok {
			continue
		}
		sample := messages.InstanceSample{Status: st}
		if m, ok := r.Snapshot.(messages.MetricsReader); ok {
			sample.Metrics = m.InstanceMetrics()
		}
		out.Instances = append(out.Instances, sample)
	}
	return out
}

// configOf finds what reload publishes.
func configOf(records []messages.ActorRecord) messages.ConfigStatus {
	for _, r := range records {
		if c, ok := r.Snapshot.(messages.ConfigStatus); ok {
			return c
		}
	}
	return messages.ConfigStatus{}
}

// ask asks an actor and checks the type of its answer.
func ask[T any](b *Backend, path string, limit time.Duration, msg any) (T, error) {
	var none T
	s := b.system.Load()
	if s == nil {
		return none, refuse(messages.ErrConflict, "the daemon is starting")
	}
	v, err := (*s).Ask(path, limit, msg)
	if err != nil {
		return none, refusalOf(path, err)
	}
	t, ok := v.(T)
	if !ok {
		return none, fmt.Errorf("ask %s: unexpected answer %T", path, v)
	}
	return t, nil
}

// refusalOf sorts an error of supervisors into the kinds of the API.
func refusalOf(path string, err error) error {
	switch {
	case errors.Is(err, supervisors.ErrUnknownPath):
		return refuse(messages.ErrUnknown, "no actor at %s", path)
	case errors.Is(err, supervisors.ErrNotRunning):
		return refuse(messages.ErrConflict, "%s is not running", path)
	case errors.Is(err, supervisors.ErrProtected):
		return refuse(messages.ErrConflict, "%s cannot be killed", path)
	case errors.Is(err, supervisors.ErrClosed):
		return refuse(messages.ErrConflict, "the daemon is stopping")
	}
	return fmt.Errorf("ask %s: %w", path, err)
}

func refuse(kind error, format string, args ...any) error {
	return &messages.Refusal{Kind: kind, Text: fmt.Sprintf(format, args...)}
}
