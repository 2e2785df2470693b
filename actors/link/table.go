package link

import (
	"slices"

	"github.com/understudy-ha/understudy/messages"
)

// table is all interfaces with their addresses.
type table struct {
	links     map[int]messages.Interface // by index, without addresses
	names     map[string]int
	addresses map[int][]Address // by index, oldest first
	dirty     map[string]bool   // names whose state may have changed
}

func newTable() *table {
	return &table{
		links: map[int]messages.Interface{}, names: map[string]int{},
		addresses: map[int][]Address{}, dirty: map[string]bool{},
	}
}

// load makes a table of a dump.
func load(links []messages.Interface, addresses []Address) *table {
	t := newTable()
	for _, l := range links {
		t.link(LinkEvent{Link: l})
	}
	for _, a := range addresses {
		t.address(AddressEvent{Address: a, Present: true})
	}
	return t
}

// link takes over one event. A rename is the end of the old name.
func (t *table) link(e LinkEvent) {
	index := e.Link.Index
	old, known := t.links[index]
	if known {
		t.dirty[old.Name] = true
		if t.names[old.Name] == index {
			delete(t.names, old.Name)
		}
	}
	if e.Deleted {
		delete(t.links, index)
		delete(t.addresses, index)
		return
	}
	e.Link.Addresses = nil
	t.links[index] = e.Link
	t.names[e.Link.Name] = index
	t.dirty[e.Link.Name] = true
}

func (t *table) address(e AddressEvent) {
	index := e.Address.Ifindex
	list := t.addresses[index]
	at := slices.IndexFunc(list, e.Address.same)
	switch {
	case e.Present && at >= 0:
		if list[at] == e.Address {
			return
		}
		list[at] = e.Address
	case e.Present:
		list = append(list, e.Address)
	case at >= 0:
		list = slices.Delete(list, at, at+1)
	default:
		return
	}
	if len(list) == 0 {
		delete(t.addresses, index)
	} else {
		t.addresses[index] = list
	}
	if l, ok := t.links[index]; ok {
		t.dirty[l.Name] = true
	}
}

// state is what subscribers of a name are told.
func (t *table) state(name string) *messages.LinkChanged {
	index, ok := t.names[name]
	if !ok {
		return &messages.LinkChanged{Interface: messages.Interface{Name: name}}
	}
	m := &messages.LinkChanged{Exists: true, Interface: t.links[index]}
	for _, a := range t.addresses[index] {
		if a.Usable {
			m.Interface.Addresses = append(m.Interface.Addresses, messages.InterfaceAddress{Prefix: a.Prefix, Protocol: a.Protocol})
		}
	}
	return m
}

// take returns the names that may have changed, sorted.
func (t *table) take() []string {
	names := make([]string, 0, len(t.dirty))
	for n := range t.dirty {
		names = append(names, n)
	}
	clear(t.dirty)
	slices.Sort(names)
	return names
}

// equal compares what matters to subscribers: the coming and going of our own
// addresses is no news to anyone, and there are many of them.
func equal(a, b *messages.LinkChanged) bool {
	if a.Exists != b.Exists {
		return false
	}
	x, y := a.Interface, b.Interface
	return x.Name == y.Name && x.Index == y.Index && x.MAC == y.MAC && x.HasMAC == y.HasMAC && x.MTU == y.MTU &&
		x.Loopback == y.Loopback && x.Multicast == y.Multicast && x.Up == y.Up &&
		slices.Equal(others(x.Addresses), others(y.Addresses))
}

func others(list []messages.InterfaceAddress) []messages.InterfaceAddress {
	var out []messages.InterfaceAddress
	for _, a := range list {
		if a.Protocol != messages.ProtocolOurs {
			out = append(out, a)
		}
	}
	return out
}
