package kernel

import (
	"net/netip"
	"testing"
)

func TestEventsOfOneObjectBecomeOne(t *testing.T) {
	var d dirty
	f := Found{Address: Address{Index: 1, Prefix: netip.MustParsePrefix("192.0.2.1/24")}}
	d.address(f, false)
	d.address(f, true)
	d.link(LinkEvent{Link: Link{Index: 1, Name: "a"}})
	d.link(LinkEvent{Link: Link{Index: 1, Name: "b"}})
	e := d.take()
	if len(e.Addresses) != 1 || !e.Addresses[0].Present || !e.Addresses[0].Removed {
		t.Errorf("address removed and added again: %+v", e.Addresses)
	}
	if len(e.Links) != 1 || e.Links[0].Link.Name != "b" {
		t.Errorf("renamed link: %+v", e.Links)
	}
	if !d.empty() {
		t.Error("taken events stay")
	}
}

func TestTooManyEventsBecomeAResync(t *testing.T) {
	var d dirty
	for i := range maxDirty + 1 {
		b := appendMessage(nil, 20, 0)
		a := Address{Index: 1, Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)}
		b, err := appendAdd(b[:0], a)
		check(t, err)
		for m := range messagesIn(b) {
			d.add(m)
		}
	}
	if e := d.take(); !e.Resync || len(e.Addresses) > 1 {
		t.Errorf("resync %v with %d addresses left", e.Resync, len(e.Addresses))
	}
}

func FuzzMessages(f *testing.F) {
	add, err := appendAdd(nil, vip(1, "2001:db8::1/64"))
	if err != nil {
		f.Fatal(err)
	}
	del, err := appendDelete(nil, vip(1, "192.0.2.1/24"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(add)
	f.Add(del)
	f.Add(append(add, del...))
	f.Fuzz(func(_ *testing.T, b []byte) {
		var d dirty
		for m := range messagesIn(b) {
			d.add(m)
			m.kind = 16
			d.add(m)
			_ = parseError(m)
			_ = forwards(m.body)
		}
	})
}
