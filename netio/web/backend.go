package web

import "github.com/understudy-ha/understudy/messages"

// Backend answers what the API is asked. Its methods are called from many
// goroutines at once and must return within seconds. Refusals wrap one of
// messages.ErrUnknown, ErrConflict and ErrForbidden.
type Backend interface {
	Reader
	Operator
}

// Reader is the part of Backend that changes nothing.
type Reader interface {
	Status() messages.DaemonStatus
	// Ready reports whether the configuration is in effect, else why not.
	Ready() (ready bool, why string)
	// Objects lists everything that has a name, each tree path once.
	Objects() []messages.Object
	Instances() []messages.InstanceStatus
	// Instance is the status of the instance at a tree path.
	Instance(path string) (messages.InstanceStatus, error)
	Tree() *messages.ActorNode
	Explain(o messages.Object) (messages.Explanation, error)
	Events(since messages.Since) (messages.Events, error)
	// Follow is Events, and hands all later ones to f until Unfollow.
	Follow(since messages.Since, f *messages.Follower) (messages.Events, error)
	Unfollow(f *messages.Follower)
	Metrics() messages.MetricsSample
}

// Operator is the part of Backend that acts.
type Operator interface {
	// Reload applies file, or the running file again when it is empty. A dry run only plans.
	Reload(file string, dryRun bool) (messages.ReloadDone, error)
	// Stop begins the drain and returns.
	Stop(handover bool) error
	Switchover(path string, order messages.Switchover) error
	Garp(path string) error
	Kill(order messages.Kill) error
}
