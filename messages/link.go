package messages

import "net/netip"

// Interface is the state of one network interface as link knows it.
type Interface struct {
	Name      string
	Index     int
	MAC       [6]byte
	HasMAC    bool // a 6-byte hardware address, and not NOARP
	MTU       int
	Loopback  bool
	Multicast bool
	Up        bool               // IFF_UP and IFF_RUNNING
	Addresses []InterfaceAddress // usable ones: neither tentative nor failed; link order
}

// ProtocolOurs is the IFA_PROTO of addresses we set, on kernels that keep it (5.18).
const ProtocolOurs = 18

// InterfaceAddress is one address of an interface.
type InterfaceAddress struct {
	Prefix   netip.Prefix // with host bits
	Protocol uint8        // IFA_PROTO; 18 is ours
}

// SubscribeLink asks link to tell Subscriber (a path) of the interface Name
// now and after each change, as LinkChanged. Name may not exist (yet).
type SubscribeLink struct {
	Subscriber string
	Name       string
}

// UnsubscribeLink ends all subscriptions of Subscriber.
type UnsubscribeLink struct{ Subscriber string }

// LinkChanged tells the newest state of an interface. Exists false: it is gone or not there yet.
type LinkChanged struct {
	Exists    bool
	Interface Interface
}

// LinkResynced tells address that everything was read again after an overrun.
type LinkResynced struct{}

// AddressRemoved tells address that the kernel removed an address.
type AddressRemoved struct {
	Ifindex int
	Prefix  netip.Prefix
}
