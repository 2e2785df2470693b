package messages

import (
	"net/netip"

	"github.com/understudy-ha/understudy/config"
)

// PacketArrived, WatchExpired, RenewalAsked and SendStalled are the pacer's
// hints to an actor that holds a line. They are shared singletons without
// data: the actor takes what happened from its line.
type (
	PacketArrived struct{} // the slot holds at least one packet
	WatchExpired  struct{} // the down timer fired
	RenewalAsked  struct{} // the lease wants a renewal: any answer will do
	SendStalled   struct{} // the schedule was served too late
)

// ReconfigureInstance swaps the configuration of a running instance.
type ReconfigureInstance struct{ Instance config.Instance }

// StopInstance is the ordered stop. Answered by InstanceStopped once its priority-0 advert
// is out and the release of its addresses has been ordered.
type StopInstance struct {
	Release bool // false: keep addresses, send no priority 0
	Deleted bool // by reload, not by the end of the daemon
}

// InstanceStopped answers StopInstance. State is what it was, if it kept its
// addresses, else nil.
type InstanceStopped struct {
	Name  string
	State *InstanceState
}

// Switchover, Garp are the operator's orders. Answered by Done.
type (
	Switchover struct{ Back, Force bool }
	Garp       struct{}
)

// Done answers an operator's order. Error empty: done. Conflict: not possible now.
type Done struct {
	Error    string
	Conflict bool
}

// JoinGroup keeps a membership of Group on the interface for Owner, in place
// of the one before. Group invalid: the owner reads without a group (unicast).
type JoinGroup struct {
	Owner   string
	Ifindex int
	Group   netip.Addr
}

// LeaveGroup ends what JoinGroup began.
type LeaveGroup struct{ Owner string }

// LeaveName ends the actor of an instance that goes on under another name.
// Answered by NameLeft, whose Memory is for the new actor alone.
type (
	LeaveName struct{}
	NameLeft  struct{ Memory any }
)
