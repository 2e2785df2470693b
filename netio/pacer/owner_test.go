package pacer_test

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ha/understudy/netio/fake"
	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/packet"
)

const (
	ms     = time.Millisecond
	second = time.Second
)

var (
	group = netip.MustParseAddr("224.0.0.18")
	addrA = netip.MustParseAddr("10.0.0.1")
	addrB = netip.MustParseAddr("10.0.0.2")
	addrC = netip.MustParseAddr("10.0.0.3")
)

// bench is a LAN with hosts a (interface 2) and b (interface 3).
type bench struct {
	t    *testing.T
	lan  *fake.LAN
	a, b *fake.Pacer

	mu      sync.Mutex
	ends    []string // OnLeaseEnd of a
	missed  []string // OnMissed of a
	unknown []uint8  // OnUnknown of a
}

// virtual runs f in a bubble of virtual time.
func virtual(t *testing.T, f func(t *testing.T, b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, lan: fake.NewLAN()}
		b.a = b.lan.Join(fake.Host{Name: "a", Ifindex: 2, Addrs: []netip.Addr{addrA}, Options: pacer.Options{
			OnLeaseEnd: func(path string) { b.note(&b.ends, path) },
			OnMissed:   func(path string) { b.note(&b.missed, path) },
			OnUnknown: func(vrid uint8, _ netip.Addr, _ int) {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.unknown = append(b.unknown, vrid)
			},
		}})
		b.b = b.lan.Join(fake.Host{Name: "b", Ifindex: 3, Addrs: []netip.Addr{addrB}})
		defer b.a.Leave()
		defer b.b.Leave()
		f(t, b)
	})
}

func (b *bench) note(list *[]string, path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*list = append(*list, path)
}

func (b *bench) list(list *[]string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(*list)
}

// after lets virtual time pass and everything settle.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// owner is what an instance is to its line: it answers as long as it lives.
type owner struct {
	*pacer.Session
	lan   *fake.LAN
	lease time.Duration
	dead  atomic.Bool // gives no sign of life

	mu    sync.Mutex
	react func(pacer.Hint)
	hints []hinted
}

type hinted struct {
	hint pacer.Hint
	at   int64
}

func (b *bench) open(p *fake.Pacer, path string, interval time.Duration) *owner {
	o := &owner{lan: b.lan, lease: max(2*interval, 100*ms)}
	o.Session = p.Open(path, o.hint)
	return o
}

func (o *owner) hint(h pacer.Hint) {
	o.mu.Lock()
	o.hints = append(o.hints, hinted{h, o.lan.Now()})
	react := o.react
	o.mu.Unlock()
	if o.dead.Load() {
		return
	}
	if react != nil {
		react(h)
	} else if h == pacer.HintRenew || h == pacer.HintStalled {
		o.renew()
	}
}

// reacts replaces what a living owner does with a hint; nil: it renews when asked.
func (o *owner) reacts(f func(pacer.Hint)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.react = f
}

func (o *owner) renew() bool { return o.Renew(o.lan.Now() + int64(o.lease)) }

// got lists when hints of a kind came.
func (o *owner) got(h pacer.Hint) []int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	var at []int64
	for _, x := range o.hints {
		if x.hint == h {
			at = append(at, x.at)
		}
	}
	return at
}

func entry(vrid uint8, interval time.Duration) *packet.VRRPEntry {
	return &packet.VRRPEntry{
		VRID: vrid, Version: 3, Interval: interval, Group: group,
		Forms: packet.FormSet(packet.ChecksumPlain, packet.ChecksumPseudo),
	}
}

// listen makes an owner hear a virtual router on its host's interface.
func (o *owner) listen(vrid uint8, interval time.Duration, ifindex int) {
	o.Listen(entry(vrid, interval), []packet.VRRPKey{{VRID: vrid, Ifindex: ifindex}})
}

// frame is an advert of VRID 1.
func frame(t *testing.T, src netip.Addr, priority uint8, interval time.Duration) *packet.Frame {
	return frameOf(t, 1, src, priority, interval)
}

func frameOf(t *testing.T, vrid uint8, src netip.Addr, priority uint8, interval time.Duration) *packet.Frame {
	t.Helper()
	a := packet.VRRPAdvert{Version: 3, VRID: vrid, Priority: priority, Interval: interval, Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.100")}}
	b, err := a.AppendBinary(nil, src, group, packet.ChecksumPseudo)
	if err != nil {
		t.Fatal(err)
	}
	return &packet.Frame{Src: src, Dsts: []netip.Addr{group}, Payload: b, Priority: priority}
}

// datagram is the same advert as it arrives.
func datagram(t *testing.T, vrid uint8, src netip.Addr, priority uint8, interval time.Duration) packet.VRRPDatagram {
	t.Helper()
	return packet.VRRPDatagram{Src: src, Dst: group, TTL: 255, Payload: frameOf(t, vrid, src, priority, interval).Payload}
}

// watchOf is what a backup of VRID 1 expects of a master.
func watchOf(master netip.Addr, priority uint8, interval time.Duration, deadline int64) packet.Watch {
	return packet.Watch{
		Master: master, Priority: priority, Interval: interval, Form: packet.ChecksumPseudo,
		Timeout: 3*interval + interval/2, Deadline: deadline,
	}
}

// master makes o advertise from one interval after now.
func (o *owner) master(t *testing.T, src netip.Addr, interval time.Duration) (first int64) {
	first = o.lan.Now() + int64(interval)
	o.SetResign(frame(t, src, 0, interval))
	o.renew()
	o.Advertise(frame(t, src, 100, interval), interval, first)
	return first
}

func times(sent []fake.Sent) []int64 {
	var at []int64
	for _, s := range sent {
		at = append(at, s.At)
	}
	return at
}

func priorities(sent []fake.Sent) []uint8 {
	var p []uint8
	for _, s := range sent {
		p = append(p, s.Frame.Priority)
	}
	return p
}

// each n multiples of step from first on.
func multiples(first int64, step time.Duration, n int) []int64 {
	var at []int64
	for i := range n {
		at = append(at, first+int64(i)*int64(step))
	}
	return at
}

func equal[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}
