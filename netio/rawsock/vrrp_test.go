package rawsock

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/netio/packet"
)

var (
	group4 = netip.MustParseAddr("224.0.0.18")
	group6 = netip.MustParseAddr("ff02::12")
)

func TestMulticastArrivesWithItsControlData(t *testing.T) {
	for _, ipv6 := range []bool{false, true} {
		t.Run(familyName(ipv6), func(t *testing.T) {
			l := newLab(t, 2)
			from, to := l.openAt(l.a, ipv6), l.openAt(l.b, ipv6)
			group, src, length := group4, netip.MustParseAddr("10.9.1.1"), 12
			if ipv6 {
				group, src, length = group6, linkLocal(t, "a1"), -1
			}
			for _, name := range []string{"b0", "b1"} {
				check(t, l.joinB(to, l.indexB(name), group))
			}
			before := monotonic()
			sendAll(t, from, []Out{{Frame: &packet.Frame{
				IPv6: ipv6, Ifindex: l.index("a1"), Src: src, Dsts: []netip.Addr{group}, Payload: advert(7, 100),
			}}})
			d := collect(t, to, 1)[0]
			if d.Src != src || d.Dst != group || d.TTL != 255 || d.Ifindex != l.indexB("b1") || d.IPLength != length {
				t.Errorf("got %+v, want from %v to %v, TTL 255, interface %d, length %d", d, src, group, l.indexB("b1"), length)
			}
			if d.At < before || d.At > monotonic() {
				t.Errorf("receive time %d is outside %d..%d", d.At, before, monotonic())
			}
			sum := bytes.Clone(d.Payload)
			if ipv6 { // the kernel filled the checksum in
				if sum[6] == 0 && sum[7] == 0 {
					t.Error("no checksum in the IPv6 advert")
				}
				sum[6], sum[7] = 0, 0
			}
			if !bytes.Equal(sum, advert(7, 100)) {
				t.Errorf("payload % x", d.Payload)
			}
			batch, more, err := from.Receive()
			if len(batch) != 0 || more || err != nil {
				t.Errorf("the sender hears itself: %d datagrams, %v", len(batch), err)
			}
		})
	}
}

func TestUnicastTakesTTLAndEachPayload(t *testing.T) {
	for _, ipv6 := range []bool{false, true} {
		t.Run(familyName(ipv6), func(t *testing.T) {
			l := newLab(t, 2)
			from, to := l.openAt(l.a, ipv6), l.openAt(l.b, ipv6)
			dsts := []netip.Addr{netip.MustParseAddr("10.9.0.2"), netip.MustParseAddr("10.9.1.2")}
			if ipv6 {
				dsts = []netip.Addr{netip.MustParseAddr("fd09::2"), netip.MustParseAddr("fd09:1::2")}
			}
			f := &packet.Frame{IPv6: ipv6, Dsts: dsts, TTL: 17, Payloads: [][]byte{advert(1, 10), advert(2, 20)}}
			sendAll(t, from, []Out{{Frame: f}, {Frame: f, Index: 1}})
			got := collect(t, to, 2)
			for _, d := range got { // in the order the kernel resolved the neighbours
				i := int(d.Payload[1]) - 1
				if i < 0 || i > 1 {
					t.Fatalf("payload % x", d.Payload)
				}
				if d.Dst != dsts[i] || d.TTL != 17 || d.Payload[2] != byte(10*(i+1)) || d.Ifindex != l.indexB(fmt.Sprintf("b%d", i)) {
					t.Errorf("datagram %d: %+v", i, d)
				}
			}
		})
	}
}

func TestForeignSourceIsSent(t *testing.T) {
	for _, ipv6 := range []bool{false, true} {
		t.Run(familyName(ipv6), func(t *testing.T) {
			l := newLab(t, 1)
			from, to := l.openAt(l.a, ipv6), l.openAt(l.b, ipv6)
			group, src := group4, netip.MustParseAddr("10.9.0.77")
			if ipv6 {
				group, src = group6, netip.MustParseAddr("fe80::77")
			}
			check(t, l.joinB(to, l.indexB("b0"), group))
			sendAll(t, from, []Out{{Frame: &packet.Frame{
				IPv6: ipv6, Ifindex: l.index("a0"), Src: src, Dsts: []netip.Addr{group}, Payload: advert(1, 1),
			}}})
			if d := collect(t, to, 1)[0]; d.Src != src {
				t.Errorf("source %v, want %v", d.Src, src)
			}
		})
	}
}

func TestBatchesLongerThanOneCallArriveInOrder(t *testing.T) {
	l := newLab(t, 1)
	from, to := l.openAt(l.a, false), l.openAt(l.b, false)
	check(t, l.joinB(to, l.indexB("b0"), group4))
	const count = 150
	var out []Out
	for i := range count {
		out = append(out, Out{Frame: &packet.Frame{Ifindex: l.index("a0"), Dsts: []netip.Addr{group4}, Payload: advert(byte(i), 1)}})
	}
	sendAll(t, from, out)
	for i, d := range collect(t, to, count) {
		if d.Payload[1] != byte(i) {
			t.Fatalf("datagram %d is number %d", i, d.Payload[1])
		}
	}
}

func TestOneRefusedFrameDoesNotStopTheBatch(t *testing.T) {
	l := newLab(t, 1)
	from, to := l.openAt(l.a, false), l.openAt(l.b, false)
	check(t, l.joinB(to, l.indexB("b0"), group4))
	good := func(vrid byte) *packet.Frame {
		return &packet.Frame{Ifindex: l.index("a0"), Dsts: []netip.Addr{group4}, Payload: advert(vrid, 1)}
	}
	out := []Out{
		{Frame: good(1)},
		{Frame: &packet.Frame{Ifindex: 999, Dsts: []netip.Addr{group4}, Payload: advert(2, 1)}},
		{Frame: &packet.Frame{Dsts: []netip.Addr{group6}, Payload: advert(3, 1)}},
		{Frame: &packet.Frame{Dsts: []netip.Addr{group4}}},
		{Frame: good(5)},
	}
	from.Send(out)
	for i, wantErr := range []bool{false, true, true, true, false} {
		if (out[i].Err != nil) != wantErr {
			t.Errorf("frame %d: error %v", i, out[i].Err)
		}
	}
	if !errors.Is(out[2].Err, ErrFrame) || !errors.Is(out[3].Err, ErrFrame) {
		t.Errorf("errors %v, %v", out[2].Err, out[3].Err)
	}
	got := collect(t, to, 2)
	if got[0].Payload[1] != 1 || got[1].Payload[1] != 5 {
		t.Errorf("arrived: %d, %d", got[0].Payload[1], got[1].Payload[1])
	}
}

func TestMoreMembershipsThanOneSocketMayHold(t *testing.T) {
	const pairs = 23
	for _, ipv6 := range []bool{false, true} {
		t.Run(familyName(ipv6), func(t *testing.T) {
			l := newLab(t, pairs)
			from, to := l.openAt(l.a, ipv6), l.openAt(l.b, ipv6)
			group := group4
			if ipv6 {
				group = group6
			}
			var out []Out
			for i := range pairs {
				check(t, l.joinB(to, l.indexB(fmt.Sprintf("b%d", i)), group))
				out = append(out, Out{Frame: &packet.Frame{
					IPv6: ipv6, Ifindex: l.index(fmt.Sprintf("a%d", i)), Dsts: []netip.Addr{group}, Payload: advert(byte(i), 1),
				}})
			}
			if n := len(to.groups.helpers); n != 2 {
				t.Errorf("%d helper sockets for %d memberships", n, pairs)
			}
			sendAll(t, from, out)
			seen := map[int]bool{}
			for _, d := range collect(t, to, pairs) {
				seen[d.Ifindex] = true
			}
			if len(seen) != pairs {
				t.Errorf("heard %d interfaces of %d", len(seen), pairs)
			}
			// Leaving makes room: the next membership needs no third helper.
			check(t, to.Leave(l.indexB("b0"), group))
			check(t, to.Leave(l.indexB("b0"), group))
			check(t, l.joinB(to, l.indexB("b0"), group))
			if n := len(to.groups.helpers); n != 2 {
				t.Errorf("%d helper sockets after leave and join", n)
			}
		})
	}
}

func TestMembershipIsRenewed(t *testing.T) {
	l := newLab(t, 1)
	from, to := l.openAt(l.a, false), l.openAt(l.b, false)
	old := l.indexB("b0")
	check(t, l.joinB(to, old, group4))

	a0, err := netlink.LinkByName("a0")
	check(t, err)
	check(t, netlink.LinkDel(a0))
	l.connect(0) // the same names, other indexes
	now := l.indexB("b0")
	if now == old {
		t.Fatalf("the new interface has the old index %d", old)
	}
	check(t, to.Leave(old, group4))
	for range 3 { // again is no error and keeps exactly one membership
		check(t, l.joinB(to, now, group4))
	}
	sendAll(t, from, []Out{{Frame: &packet.Frame{Ifindex: l.index("a0"), Dsts: []netip.Addr{group4}, Payload: advert(9, 1)}}})
	if d := collect(t, to, 1)[0]; d.Ifindex != now {
		t.Errorf("heard on %d, want %d", d.Ifindex, now)
	}
	total := 0
	for _, h := range to.groups.helpers {
		total += h.count
	}
	if total != 1 || len(to.groups.joined) != 1 {
		t.Errorf("%d memberships counted, %d known", total, len(to.groups.joined))
	}
	if err := l.joinB(to, 9999, group4); !errors.Is(err, unix.ENODEV) {
		t.Errorf("join on no interface: %v", err)
	}
	if err := l.joinB(to, now, netip.MustParseAddr("10.0.0.1")); !errors.Is(err, unix.EINVAL) {
		t.Errorf("join of a unicast address: %v", err)
	}
}

func TestKernelFilterKeepsTheWantedVRIDs(t *testing.T) {
	for _, ipv6 := range []bool{false, true} {
		t.Run(familyName(ipv6), func(t *testing.T) {
			l := newLab(t, 1)
			from, to := l.openAt(l.a, ipv6), l.openAt(l.b, ipv6)
			group := group4
			if ipv6 {
				group = group6
			}
			check(t, l.joinB(to, l.indexB("b0"), group))
			var wanted [256]bool
			for _, id := range []byte{1, 31, 32, 100, 223, 224, 255} {
				wanted[id] = true
			}
			check(t, to.SetVRIDs(&wanted))
			burst := func() {
				for id := range 256 {
					sendAll(t, from, []Out{{Frame: &packet.Frame{
						IPv6: ipv6, Ifindex: l.index("a0"), Dsts: []netip.Addr{group}, Payload: advert(byte(id), 1),
					}}})
				}
			}
			burst()
			check(t, to.SetVRIDs(nil))
			sendAll(t, from, []Out{{Frame: &packet.Frame{ // the end mark, unwanted before
				IPv6: ipv6, Ifindex: l.index("a0"), Dsts: []netip.Addr{group}, Payload: advert(2, 99),
			}}})
			got := collect(t, to, 8)
			for i, id := range []byte{1, 31, 32, 100, 223, 224, 255, 2} {
				if got[i].Payload[1] != id {
					t.Errorf("datagram %d has VRID %d, want %d", i, got[i].Payload[1], id)
				}
			}
			if to.Drops() != 0 {
				t.Errorf("%d drops", to.Drops())
			}
		})
	}
}

func TestFullReceiveBufferIsCounted(t *testing.T) {
	l := newLab(t, 1)
	from := l.openAt(l.a, false)
	var to *VRRP
	l.in(l.b, func() {
		var err error
		to, err = OpenVRRP4(Options{Now: monotonic, ReceiveBuffer: 4096})
		check(t, err)
	})
	defer func() { check(t, to.Close()) }()
	check(t, l.joinB(to, l.indexB("b0"), group4))
	const count = 64
	f := &packet.Frame{Ifindex: l.index("a0"), Dsts: []netip.Addr{group4}, Payload: advert(1, 1)}
	for range count {
		sendAll(t, from, []Out{{Frame: f}})
	}
	got, _, err := to.Receive()
	check(t, err)
	if to.Drops() == 0 || int(to.Drops())+len(got) != count {
		t.Errorf("%d received and %d dropped of %d", len(got), to.Drops(), count)
	}
}

func TestStampsAreNeverEarlyWhenTheClockIsSet(t *testing.T) {
	now := int64(1e12)
	s := stamps{now: func() int64 { return now }}
	s.begin() // the first batch knows no offset
	if at := s.monotonic(0); at != now {
		t.Errorf("first batch: %d, want %d", at, now)
	}
	s.offset = s.mono - (s.mono - s.offset) // unchanged clock
	s.valid = true
	if at := s.monotonic(s.mono - s.offset - 5000); at != now-5000 {
		t.Errorf("5 µs ago became %d before now", now-at)
	}
	s.offset -= int64(3600e9) // the wall clock is set back by an hour
	s.begin()
	if at := s.monotonic(0); at != now {
		t.Errorf("after a clock step: %d, want %d", at, now)
	}
}
