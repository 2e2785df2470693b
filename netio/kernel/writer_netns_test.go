package kernel

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/netio/packet"
)

func garp(t *testing.T, addr netip.Addr) []byte {
	t.Helper()
	b, err := packet.AppendGratuitousARP(nil, [6]byte{2, 0, 0, 0, 0, 1}, addr)
	check(t, err)
	return b
}

// A thousand addresses: the segment hears each, all of them once before any twice.
func TestAThousandAddressesAreAnnouncedBeforeAnyRepeat(t *testing.T) {
	const count, repeat = 1000, 3
	l := newLAN(t)
	w, r := openWriter(t, l), openReader(t, l)
	ear := openRecorder(t, l.right, l.peerIndex, unix.ETH_P_ARP)

	j := Job{ID: 7, Owner: "a", Repeat: repeat}
	want := map[netip.Addr]bool{}
	for i := range count {
		a := vip(l.index, "10.0.0.0/16")
		addr := netip.AddrFrom4([4]byte{10, 0, byte(1 + i/250), byte(1 + i%250)})
		a.Prefix = netip.PrefixFrom(addr, 16)
		want[addr] = true
		j.Adds = append(j.Adds, Add{Address: a, Frame: garp(t, addr)})
	}
	res := do(t, w, j)
	if res.ID != 7 || len(res.Failed) != 0 || res.Unsent != 0 || res.Unsure {
		t.Fatalf("result: %+v", res)
	}
	if n := len(on(t, r, l.index)); n != count {
		t.Fatalf("%d addresses on the interface, want %d", n, count)
	}
	heard := map[netip.Addr]int{}
	for i := range count * repeat {
		frame, ok := ear.read(t)
		if !ok {
			t.Fatalf("no more than %d announcements", i)
		}
		a, err := packet.ParseARP(frame[packet.EthernetHeaderSize:])
		check(t, err)
		if !want[a.Sender] || a.Sender != a.Target {
			t.Fatalf("announcement %d is for %v and %v", i, a.Sender, a.Target)
		}
		if heard[a.Sender]++; heard[a.Sender] > 1+i/count {
			t.Fatalf("announcement %d is number %d of %v: others have not had theirs", i, heard[a.Sender], a.Sender)
		}
	}

	dels := make([]Address, 0, count)
	for _, a := range slices.Backward(j.Adds) {
		dels = append(dels, a.Address)
	}
	res = do(t, w, Job{Owner: "a", Cancel: true, Dels: dels})
	if len(res.DelFailed) != 0 || len(res.Collateral) != 0 {
		t.Fatalf("release: %+v", res)
	}
	if n := len(on(t, r, l.index)); n != 0 {
		t.Fatalf("%d addresses left", n)
	}
}

func TestOptionsComeBackAsWritten(t *testing.T) {
	l := newLAN(t)
	w, r := openWriter(t, l), openReader(t, l)
	labelled := vip(l.index, "192.0.2.100/24")
	labelled.Label, labelled.Broadcast, labelled.NoPrefixRoute = "left:v", netip.MustParseAddr("192.0.2.255"), true
	scoped := vip(l.index, "198.51.100.7/32")
	scoped.Scope, scoped.Label = unix.RT_SCOPE_LINK, "left"
	peered := vip(l.index, "203.0.113.1/32")
	peered.Peer, peered.Label = netip.MustParseAddr("203.0.113.9"), "left"
	joined := vip(l.index, "239.1.2.3/32")
	joined.AutoJoin, joined.Label = true, "left"
	home := vip(l.index, "2001:db8::1/64")
	home.Home, home.ManageTemp = true, true
	deprecated := vip(l.index, "2001:db8::2/128")
	deprecated.Preferred, deprecated.NoPrefixRoute = 0, true
	six := vip(l.index, "2001:db8:1::1/128")
	six.Peer = netip.MustParseAddr("2001:db8:1::2")
	linkLocal := vip(l.index, "fe80::51/64")
	linkLocal.Scope = unix.RT_SCOPE_LINK

	all := []Address{labelled, scoped, peered, joined, home, deprecated, six, linkLocal}
	j := Job{Owner: "a"}
	for _, a := range all {
		j.Adds = append(j.Adds, Add{Address: a})
	}
	if res := do(t, w, j); len(res.Failed) != 0 {
		t.Fatalf("refused: %+v", res.Failed)
	}
	found := on(t, r, l.index)
	for _, want := range all {
		if got := found[want.Prefix].Address; got != want {
			t.Errorf("%v\n got %+v\nwant %+v", want.Prefix, got, want)
		}
	}

	limited := vip(l.index, "2001:db8::3/64")
	limited.Preferred = 3600
	if res := do(t, w, Job{Adds: []Add{{Address: limited}}}); len(res.Failed) != 0 {
		t.Fatalf("refused: %+v", res.Failed)
	}
	if got := on(t, r, l.index)[limited.Prefix]; got.Valid != Forever || got.Preferred > 3600 || got.Preferred < 3500 {
		t.Errorf("lifetimes %d and %d, want 3600 and forever", got.Preferred, got.Valid)
	}
}

func TestRefusalsAreToldApart(t *testing.T) {
	l := newLAN(t)
	w := openWriter(t, l)
	ok, bad := vip(l.index, "192.0.2.1/24"), vip(l.index, "2001:db8::5/48")
	bad.ManageTemp = true // needs /64
	unknown := vip(99999, "192.0.2.2/24")
	adds := []Add{{Address: ok}, {Address: bad}, {Address: unknown}, {Address: Address{}}, {Address: vip(l.index, "192.0.2.3/24")}}
	res := do(t, w, Job{Adds: adds})
	for i, want := range map[int]error{1: unix.EINVAL, 2: unix.ENODEV, 3: errAddress} {
		at := slices.IndexFunc(res.Failed, func(f Failure) bool { return f.Index == i })
		if at < 0 || !errors.Is(res.Failed[at].Err, want) {
			t.Errorf("change %d: want %v in %v", i, want, res.Failed)
		}
	}
	if len(res.Failed) != 3 {
		t.Errorf("%d failures, want 3: %v", len(res.Failed), res.Failed)
	}
	res = do(t, w, Job{Adds: adds[:1]})
	if len(res.Failed) != 0 || !slices.Equal(res.Existed, []int{0}) {
		t.Errorf("second add: %+v", res)
	}
	res = do(t, w, Job{Dels: []Address{vip(l.index, "192.0.2.77/24"), unknown}})
	if len(res.DelFailed) != 0 {
		t.Errorf("removing what is not there: %v", res.DelFailed)
	}
}

// Without promote_secondaries the kernel takes the others of the subnet along.
func TestCollateralRemovalIsReported(t *testing.T) {
	l := newLAN(t)
	w, r := openWriter(t, l), openReader(t, l)
	first, second := vip(l.index, "192.0.2.1/24"), vip(l.index, "192.0.2.2/24")
	do(t, w, Job{Adds: []Add{{Address: first}, {Address: second}}})
	if f := on(t, r, l.index)[second.Prefix]; !f.Secondary {
		t.Fatal("second address is not a secondary")
	}
	res := do(t, w, Job{Dels: []Address{first}})
	left := on(t, r, l.index)
	if _, promoted := left[second.Prefix]; promoted {
		t.Skip("this kernel promotes secondaries by default")
	}
	if len(res.Collateral) != 1 || res.Collateral[0].Prefix != second.Prefix || res.Collateral[0].Index != l.index {
		t.Fatalf("collateral %+v, want %v", res.Collateral, second.Prefix)
	}
}

func TestRouterFlagFollowsTheKernel(t *testing.T) {
	l := newLAN(t)
	r := openReader(t, l)
	if r.Forwarding(l.index) {
		t.Fatal("a new namespace forwards")
	}
	if on, err := r.askForwarding(l.index); err != nil || on {
		t.Fatalf("forwarding %v, %v", on, err)
	}
	if _, err := r.askForwarding(99999); err == nil {
		t.Fatal("an interface that is not there was answered for")
	}
	body := appendAttr(make([]byte, netconfSize), confForward, binary.NativeEndian.AppendUint32(nil, 1))
	if !forwards(body) {
		t.Fatal("flag not read")
	}
}
