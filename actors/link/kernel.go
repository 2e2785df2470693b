package link

import (
	"net/netip"

	"github.com/understudy-ha/understudy/messages"
)

// Monitor follows links and addresses and never waits for this actor.
type Monitor interface {
	// Run reads the kernel's events until Stop, or until a later Run takes
	// over; then it returns nil. notify is called when something begins to
	// wait for Take.
	Run(notify func()) error
	// Take returns what changed since the last Take, one entry an object.
	Take() Events
	Stop()
}

// Reader dumps what the kernel has.
type Reader interface {
	// Links returns all interfaces, without their addresses.
	Links() ([]messages.Interface, error)
	// Addresses returns all addresses, in the kernel's order.
	Addresses() ([]Address, error)
}

// Events is what changed.
type Events struct {
	Resync    bool // events were lost: read everything again
	Links     []LinkEvent
	Addresses []AddressEvent
}

// LinkEvent is the newest state of an interface, without its addresses.
//
//nolint:revive // beside AddressEvent, "Event" would not say of what
type LinkEvent struct {
	Link    messages.Interface
	Deleted bool
}

// AddressEvent is the newest state of an address.
type AddressEvent struct {
	Address Address
	Present bool
	Removed bool // at least once since the last Take, even if it is there again
}

// Address is an address of an interface.
type Address struct {
	Ifindex  int
	Prefix   netip.Prefix // with host bits
	Peer     netip.Addr   // invalid: none
	Protocol uint8        // IFA_PROTO
	Usable   bool         // neither tentative nor found to be a duplicate
}

func (a Address) same(b Address) bool {
	return a.Ifindex == b.Ifindex && a.Prefix == b.Prefix && a.Peer == b.Peer
}
