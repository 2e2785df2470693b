package kernel

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// maxDirty is how many changed objects wait for the consumer; beyond it they
// are forgotten and everything must be read again.
const maxDirty = 1 << 16

// LinkEvent is the newest state of an interface that changed.
type LinkEvent struct {
	Link    Link
	Deleted bool
}

// AddressEvent is the newest state of an address that changed.
type AddressEvent struct {
	Address Found
	Present bool
	Removed bool // it was removed at least once since the last Take, even if it is there again
}

// Events is what changed since the last Take. Links come first: an address of
// an interface may only be judged with the interface.
type Events struct {
	Resync    bool // events were lost: read everything again
	Links     []LinkEvent
	Addresses []AddressEvent
}

type addressKey struct {
	index  int
	prefix netip.Prefix
	peer   netip.Addr
}

// dirty collects changes, one entry an object, so that a consumer that is
// busy costs neither memory without limit nor events.
type dirty struct {
	resync    bool
	links     []LinkEvent
	addresses []AddressEvent
	linkAt    map[int]int // place in links by interface index
	addressAt map[addressKey]int
}

func (d *dirty) empty() bool { return !d.resync && len(d.links) == 0 && len(d.addresses) == 0 }

// lost forgets the details: they are to be read again.
func (d *dirty) lost() { *d = dirty{resync: true} }

func (d *dirty) take() Events {
	e := Events{Resync: d.resync, Links: d.links, Addresses: d.addresses}
	*d = dirty{}
	return e
}

func (d *dirty) add(m message) {
	switch m.kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		if l, ok := parseLink(m.body); ok {
			d.link(LinkEvent{Link: l, Deleted: m.kind == unix.RTM_DELLINK})
		}
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		if f, ok := found(m); ok {
			d.address(f, m.kind == unix.RTM_NEWADDR)
		}
	}
	if len(d.links)+len(d.addresses) > maxDirty {
		d.lost()
	}
}

func (d *dirty) link(e LinkEvent) {
	if at, ok := d.linkAt[e.Link.Index]; ok {
		d.links[at] = e
		return
	}
	if d.linkAt == nil {
		d.linkAt = map[int]int{}
	}
	d.linkAt[e.Link.Index] = len(d.links)
	d.links = append(d.links, e)
}

func (d *dirty) address(f Found, present bool) {
	k := addressKey{f.Index, f.Prefix, f.Peer}
	e := AddressEvent{Address: f, Present: present, Removed: !present}
	if at, ok := d.addressAt[k]; ok {
		e.Removed = e.Removed || d.addresses[at].Removed
		d.addresses[at] = e
		return
	}
	if d.addressAt == nil {
		d.addressAt = map[addressKey]int{}
	}
	d.addressAt[k] = len(d.addresses)
	d.addresses = append(d.addresses, e)
}
