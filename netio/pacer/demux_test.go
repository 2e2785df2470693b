package pacer_test

import (
	"net/netip"
	"testing"

	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/packet"
)

func TestUnknownVRIDIsReportedRarely(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		o.listen(1, second, 2)
		o.listen(7, second, 2) // replaces 1
		after(0)
		for range 50 {
			b.lan.Inject("a", datagram(t, 1, addrB, 100, second))
			b.lan.Inject("a", datagram(t, 9, addrB, 100, second))
			after(100 * ms)
		}
		b.mu.Lock()
		equal(t, "reports", b.unknown, []uint8{1, 9})
		b.mu.Unlock()
		if n := b.a.Metrics().Unknown; n != 100 {
			t.Errorf("%d unknown", n)
		}
		after(10 * second)
		b.lan.Inject("a", datagram(t, 9, addrB, 100, second))
		b.lan.Inject("a", packet.VRRPDatagram{Src: addrB, Dst: group, TTL: 255, Payload: []byte{1}})
		after(0)
		b.mu.Lock()
		equal(t, "reports", b.unknown, []uint8{1, 9, 9})
		b.mu.Unlock()
		if m := b.a.Metrics(); m.Malformed != 1 {
			t.Errorf("%+v", m)
		}
	})
}

func TestDeafLineCountsAsIgnored(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		o.listen(1, second, 2)
		o.Deafen()
		after(0)
		b.lan.Inject("a", datagram(t, 1, addrB, 100, second))
		after(0)
		if n := o.Stats()[packet.VRRPIgnored].Load(); n != 1 || o.Take() != nil {
			t.Errorf("%d ignored", n)
		}
		o.listen(1, second, 2)
		after(0)
		b.lan.Inject("a", datagram(t, 1, addrB, 100, second))
		after(0)
		if len(o.Take()) != 1 {
			t.Error("still deaf")
		}
	})
}

func TestUnicastLinesOfOneKeyAreToldApartByPeer(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		lines := map[netip.Addr]*owner{}
		for _, peer := range []netip.Addr{addrB, addrC} {
			o := b.open(b.a, "/"+peer.String(), second)
			e := entry(1, second)
			e.Unicast, e.CheckSource, e.Peers = true, true, []packet.VRRPPeer{{Addr: peer, MaxTTL: 255}}
			o.Listen(e, []packet.VRRPKey{{VRID: 1, Local: addrA}})
			lines[peer] = o
		}
		elsewhere := b.open(b.a, "/elsewhere", second)
		e := entry(1, second)
		e.Unicast, e.Peers = true, []packet.VRRPPeer{{Addr: addrB, MaxTTL: 255}}
		elsewhere.Listen(e, []packet.VRRPKey{{VRID: 1, Local: addrA, Ifindex: 77}})
		after(0)
		stranger := netip.MustParseAddr("10.0.0.9")
		for _, src := range []netip.Addr{addrC, addrB, stranger} {
			a := packet.VRRPAdvert{Version: 3, VRID: 1, Priority: 100, Interval: second}
			p, err := a.AppendBinary(nil, src, addrA, packet.ChecksumPseudo)
			if err != nil {
				t.Fatal(err)
			}
			b.lan.Inject("a", packet.VRRPDatagram{Src: src, Dst: addrA, TTL: 64, Payload: p})
		}
		after(0)
		for peer, o := range lines {
			if got := o.Take(); len(got) != 1 || got[0].Src != peer {
				t.Errorf("line of %v: %v", peer, got)
			}
		}
		refused := uint64(0)
		for _, o := range lines {
			refused += o.Stats()[packet.VRRPSourceErr].Load()
		}
		if refused != 1 || elsewhere.Take() != nil {
			t.Errorf("%d packets of strangers refused", refused)
		}
	})
}

func TestUnicastToAMulticastLineIsCountedThere(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		o.listen(1, second, 2)
		after(0)
		d := datagram(t, 1, addrB, 100, second)
		d.Dst = addrA
		a := packet.VRRPAdvert{Version: 3, VRID: 1, Priority: 100, Interval: second}
		d.Payload, _ = a.AppendBinary(nil, addrB, addrA, packet.ChecksumPseudo)
		b.lan.Inject("a", d)
		after(0)
		if n := o.Stats()[packet.VRRPDestinationErr].Load(); n != 1 {
			t.Errorf("%d counted", n)
		}
	})
}

func TestNoticesComeOnceAKind(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		o.listen(1, second, 2)
		o.Watch(watchOf(addrB, 100, 2*second, b.lan.Now()+int64(100*second)))
		after(0)
		bad := datagram(t, 1, addrC, 100, second)
		bad.TTL = 64
		for range 10 {
			b.lan.Inject("a", bad)
			b.lan.Inject("a", datagram(t, 1, addrB, 100, 2*second)) // another interval than ours: noted, accepted
			after(100 * ms)
		}
		got := o.TakeNotices()
		if len(got) != 2 || got[0].Reason != packet.VRRPTTLErr || got[0].From != addrC || got[1].Reason != packet.VRRPIntervalDiffers {
			t.Fatalf("notices %+v", got)
		}
		if n := len(o.got(pacer.HintPacket)); n != 1 {
			t.Errorf("%d hints", n)
		}
		if o.LastHeard() == 0 {
			t.Error("the noted advert did not count for the watch")
		}
		// Told once, a note makes an advert no news.
		o.Take()
		b.lan.Inject("a", datagram(t, 1, addrB, 100, 2*second))
		after(0)
		if o.Take() != nil || o.TakeNotices() != nil {
			t.Error("told twice")
		}
		o.ResetNotices()
		b.lan.Inject("a", bad)
		after(0)
		if got := o.TakeNotices(); len(got) != 1 {
			t.Errorf("after reset: %+v", got)
		}
	})
}

func TestPeersAreTheLatest16(t *testing.T) {
	virtual(t, func(t *testing.T, b *bench) {
		o := b.open(b.a, "/i", second)
		o.listen(1, second, 2)
		after(0)
		for i := range 40 {
			b.lan.Inject("a", datagram(t, 1, netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), 100, second))
			b.lan.Inject("a", datagram(t, 1, addrB, 100, second)) // always fresh
			after(ms)
		}
		seen := map[netip.Addr]bool{}
		for _, p := range o.Peers() {
			seen[p.Src] = true
		}
		if len(seen) != 16 || !seen[addrB] {
			t.Fatalf("%d peers, %v", len(seen), seen)
		}
		for i := 25; i < 40; i++ {
			if !seen[netip.AddrFrom4([4]byte{10, 0, 1, byte(i)})] {
				t.Errorf("peer %d was forgotten", i)
			}
		}
	})
}
