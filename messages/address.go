package messages

import (
	"net/netip"

	"github.com/understudy-ha/understudy/config"
)

// ClaimAddresses declares the whole wish of an owner: these addresses shall
// exist. What is missing is added, in order, and each is announced as soon as
// it is there; what the owner no longer wishes is removed first.
// Announce 0: nothing is announced unless it had to be added (a resume).
type ClaimAddresses struct {
	Owner     string // actor path
	Addresses []config.Address
	Announce  int // messages per address: the first round at once, the rest after everything urgent
}

// ReleaseAddresses removes what the owner wished. Keep leaves the kernel alone and only forgets.
type ReleaseAddresses struct {
	Owner string
	Keep  bool
}

// ReleaseOwner is ReleaseAddresses ordered by a supervisor for a dead owner.
type ReleaseOwner struct{ Owner string }

// AnnounceAddresses sends a burst for all addresses of the owner.
type AnnounceAddresses struct {
	Owner  string
	Repeat int
}

// AnnounceSource sends one message for an address that is not a wish.
type AnnounceSource struct {
	Interface string
	Address   netip.Addr
}

// ArmClaim prepares the claim of a backup: the writer may perform it at the
// pacer's word, before the instance has run. It is answered by ClaimArmed.
type ArmClaim struct {
	Owner     string
	Addresses []config.Address
	Announce  int
}

// ClaimArmed gives the owner the trigger of its prepared claim. Fire may be
// called from any thread, at once and without blocking; it performs the claim one time.
type ClaimArmed struct{ Fire func() }

// DisarmClaim withdraws it.
type DisarmClaim struct{ Owner string }

// AddressLost tells the owner that others removed a tracked address.
type AddressLost struct{ Prefix netip.Prefix }

// AddressesApplied tells the owner that its last claim or release is done.
// Failed lists what the kernel refused.
type AddressesApplied struct {
	Claimed bool
	Count   int
	Failed  []AddressFailure
}

// AddressFailure is one refused change.
type AddressFailure struct {
	Prefix netip.Prefix
	Error  string
}

// CleanAddresses removes left-overs of a run that did not end in order: every
// address of the list that is on its interface. Answered by AddressesCleaned.
type CleanAddresses struct{ Addresses []config.Address }

// AddressesCleaned answers CleanAddresses.
type AddressesCleaned struct{ Removed []netip.Prefix }

// AwaitAddresses is answered by AddressesSettled once everything ordered
// before it is done.
type (
	AwaitAddresses   struct{}
	AddressesSettled struct{}
)

// RenameOwner gives the wishes of an owner to another path. Nothing changes in the kernel.
type RenameOwner struct{ From, To string }
