package pacer

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
	"github.com/understudy-ha/understudy/netio/rawsock"
)

// script is a port whose batches are given in advance.
type script struct {
	batches [][]packet.VRRPDatagram
	more    bool // what follows the last batch, too
	err     error
	calls   int
	sent    int
	vrids   *[256]bool
}

func (s *script) Receive() ([]packet.VRRPDatagram, bool, error) {
	s.calls++
	if s.err != nil {
		return nil, true, s.err
	}
	if len(s.batches) == 0 {
		return nil, false, nil
	}
	b := s.batches[0]
	s.batches = s.batches[1:]
	return b, s.more || len(s.batches) > 0, nil
}

func (s *script) Send(outs []rawsock.Out) {
	for i := range outs {
		outs[i].Err = nil
	}
	s.sent += len(outs)
}

func (s *script) SetVRIDs(v *[256]bool) error { s.vrids = v; return nil }

var (
	master = netip.MustParseAddr("10.0.0.2")
	group  = netip.MustParseAddr("224.0.0.18")
)

// manual is an engine on a clock that the test moves.
func manual(p Port) (e *Engine, now *int64) {
	now = new(int64)
	*now = int64(time.Hour)
	e = NewEngine(Options{
		Now: func() int64 { return *now },
		Check: func(e *packet.VRRPEntry, d packet.VRRPDatagram, st *packet.VRRPStats) (packet.VRRPHeard, packet.Verdict) {
			if d.Payload[0] == 0xff {
				panic("a bug in the checks")
			}
			st[packet.VRRPAdvertRcvd].Add(1)
			return packet.VRRPHeard{Src: d.Src, Priority: d.Payload[2], At: d.At}, packet.Verdict{}
		},
	}, func() {})
	e.Attach(false, p)
	return e, now
}

func at(when int64, b ...byte) packet.VRRPDatagram {
	return packet.VRRPDatagram{Src: master, Dst: group, Ifindex: 1, Payload: b, At: when}
}

// backup makes a line of VRID 1 that watches for a second from now.
func backup(e *Engine, now int64, hint func(Hint)) *Session {
	s := e.Open("/i", hint)
	s.Listen(&packet.VRRPEntry{VRID: 1, Interval: time.Second, Group: group}, []packet.VRRPKey{{VRID: 1, Ifindex: 1}})
	s.Watch(packet.Watch{Master: master, Priority: 100, Timeout: time.Second, Deadline: now + int64(time.Second)})
	return s
}

// TestFloodIsNotSilence: while the queue is longer than a turn reads, a
// deadline is judged only against what has been read.
func TestFloodIsNotSilence(t *testing.T) {
	port := &script{more: true}
	e, now := manual(port)
	s := backup(e, *now, nil)
	e.Turn(Ready{})
	start := *now
	deadline := start + int64(time.Second)

	noise := func(when int64) (b []packet.VRRPDatagram) {
		for range 64 {
			b = append(b, at(when, 0x31, 9, 1))
		}
		return b
	}
	flood := func(when int64) {
		port.batches = nil
		for range drainLimit / 64 {
			port.batches = append(port.batches, noise(when))
		}
	}
	*now = deadline + int64(100*time.Millisecond)
	flood(deadline - 1)
	if next := e.Turn(Ready{IPv4: true}); next > *now {
		t.Errorf("next turn at %d with a queue unread, now %d", next, *now)
	}
	if ok, _, _ := s.Expired(); ok {
		t.Fatal("judged although the queue was read only up to before the deadline")
	}
	flood(deadline + 1)
	port.batches[0][0] = at(deadline-2, 0x31, 1, 100) // the master's advert, behind the first flood
	e.Turn(Ready{IPv4: true})
	if ok, _, _ := s.Expired(); ok {
		t.Fatal("the master's advert in the flood did not count")
	}
	*now = deadline + int64(2*time.Second)
	flood(*now - 1) // read beyond the new deadline, though not to the end
	e.Turn(Ready{IPv4: true})
	if ok, _, heard := s.Expired(); !ok || heard != deadline-2 {
		t.Error("a flood kept the dead master alive")
	}
}

func TestBrokenSocketBlocksNoDeadline(t *testing.T) {
	port := &script{err: errors.New("broken")}
	e, now := manual(port)
	s := backup(e, *now, nil)
	e.Turn(Ready{})
	*now += int64(2 * time.Second)
	next := e.Turn(Ready{})
	if ok, _, _ := s.Expired(); !ok {
		t.Error("not judged")
	}
	if port.calls != drainRetry || e.Metrics().ReceiveErrors != drainRetry {
		t.Errorf("%d calls", port.calls)
	}
	if next != 0 {
		t.Errorf("a turn is wanted at %d", next)
	}
}

func TestPanicLosesOnePacketOnly(t *testing.T) {
	port := &script{}
	e, now := manual(port)
	hints := 0
	s := backup(e, *now, func(Hint) { hints++ })
	e.Turn(Ready{})
	port.batches = [][]packet.VRRPDatagram{{at(*now, 0x31, 1, 1), at(*now, 0xff, 1, 2), at(*now, 0x31, 1, 3)}}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		e.Turn(Ready{IPv4: true})
	}()
	e.Turn(Ready{IPv4: true})
	got := s.Take()
	if len(got) != 2 || got[0].Priority != 1 || got[1].Priority != 3 {
		t.Errorf("after the panic: %v", got)
	}
	if hints != 1 {
		t.Errorf("%d hints", hints)
	}
}

func TestPanicInAHintLosesNoOther(t *testing.T) {
	e, now := manual(&script{})
	var heard []string
	for _, path := range []string{"/a", "/b", "/c"} {
		s := e.Open(path, func(Hint) {
			heard = append(heard, path)
			if path == "/b" {
				panic("a bug in an owner")
			}
		})
		s.Watch(packet.Watch{Deadline: *now + 1})
	}
	e.Turn(Ready{})
	*now++
	func() {
		defer func() { _ = recover() }()
		e.Turn(Ready{})
	}()
	e.Turn(Ready{})
	slices.Sort(heard)
	if !slices.Equal(heard, []string{"/a", "/b", "/c"}) {
		t.Errorf("hinted %v", heard)
	}
}

func TestWaitingOrdersAreBounded(t *testing.T) {
	e, now := manual(&script{})
	s := e.Open("/i", nil)
	f := &packet.Frame{Dsts: []netip.Addr{group}, Payload: []byte{1}, Priority: 100}
	for i := range 10000 { // the thread is dead
		s.Renew(*now + int64(time.Hour))
		s.Silence()
		s.Send(f, false)
		s.Watch(packet.Watch{Deadline: *now + int64(i)})
		s.Advertise(f, time.Second, *now+int64(time.Hour)+int64(i))
	}
	if n := len(s.l.orders); n > orderLimit {
		t.Errorf("%d orders wait", n)
	}
	e.Turn(Ready{})
	if s.NextAdvert() != *now+int64(time.Hour)+9999 || s.l.watch.Deadline != *now+9999 {
		t.Errorf("the last orders do not hold: next %d, watch %d", s.NextAdvert(), s.l.watch.Deadline)
	}
	if n := s.Stats()[packet.VRRPAdvertSent].Load(); n < sendLimit || n > orderLimit {
		t.Errorf("%d sends", n)
	}
}

func TestKernelFilterFollowsTheLines(t *testing.T) {
	port := &script{}
	e, now := manual(port)
	backup(e, *now, nil)
	e.Turn(Ready{})
	if port.vrids != nil {
		t.Error("filtered unasked")
	}
	e.SetDropUnknown(true)
	e.Turn(Ready{})
	if port.vrids == nil || !port.vrids[1] || port.vrids[2] {
		t.Errorf("set %v", port.vrids)
	}
	e.Open("/j", nil).Listen(&packet.VRRPEntry{VRID: 2, Group: group}, []packet.VRRPKey{{VRID: 2, Ifindex: 1}})
	e.Close("/i")
	e.Turn(Ready{})
	if port.vrids[1] || !port.vrids[2] {
		t.Error("the set did not follow")
	}
	other := &script{}
	e.Attach(false, other)
	e.Turn(Ready{})
	if other.vrids == nil || !other.vrids[2] {
		t.Error("a new socket has no filter")
	}
	e.SetDropUnknown(false)
	e.Turn(Ready{})
	if other.vrids != nil {
		t.Error("still filtered")
	}
}

// TestSteadyStateAllocatesNothing covers a matching advert and a periodic send.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	port := &script{}
	e, now := manual(port)
	s := backup(e, *now, nil)
	m := e.Open("/m", nil)
	f := &packet.Frame{Dsts: []netip.Addr{group}, Payload: []byte{1}, Priority: 100}
	m.Renew(1 << 62)
	m.Advertise(f, 100*time.Millisecond, *now)
	e.Turn(Ready{})
	batch := []packet.VRRPDatagram{at(0, 0x31, 1, 100)}
	batches := make([][]packet.VRRPDatagram, 1)
	turn := func() {
		*now += int64(100 * time.Millisecond)
		batch[0].At = *now
		batches[0] = batch
		port.batches = batches
		m.Renew(1 << 62)
		e.Turn(Ready{IPv4: true})
	}
	for range 10 {
		turn()
	}
	sent := port.sent
	if n := testing.AllocsPerRun(100, turn); n != 0 {
		t.Errorf("%v allocations a turn", n)
	}
	if port.sent != sent+101 || s.LastHeard() != *now || s.Take() != nil {
		t.Errorf("%d sent, last heard %d", port.sent-sent, s.LastHeard())
	}
}

func TestHeapFiresInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	h := heap{kind: heapDetect}
	want := map[*line]int64{}
	var lines []*line
	for range 500 {
		lines = append(lines, &line{})
	}
	for range 20000 {
		l := lines[r.IntN(len(lines))]
		if r.IntN(4) == 0 {
			h.remove(l)
			delete(want, l)
		} else {
			at := r.Int64N(1000)
			h.set(l, at)
			want[l] = at
		}
	}
	if len(h.items) != len(want) {
		t.Fatalf("%d lines, want %d", len(h.items), len(want))
	}
	last := int64(-1)
	for len(h.items) > 0 {
		at, _ := h.first()
		l := h.items[0].l
		if at < last || want[l] != at {
			t.Fatalf("fired at %d after %d, wanted %d", at, last, want[l])
		}
		last = at
		h.remove(l)
		delete(want, l)
	}
	if len(want) != 0 {
		t.Errorf("%d lines were lost", len(want))
	}
}

func TestLatenessBuckets(t *testing.T) {
	var h Lateness
	for _, d := range []time.Duration{-1, 50 * time.Microsecond, 51 * time.Microsecond, time.Second, time.Second + 1} {
		h.observe(d)
	}
	got := h.Read()
	if got.Count != 5 || got.Counts[0] != 2 || got.Counts[1] != 1 || got.Counts[12] != 1 || got.Counts[13] != 1 {
		t.Errorf("%+v", got)
	}
	if len(got.Counts) != len(got.Bounds)+1 || got.Sum != 2*time.Second+101*time.Microsecond+1 {
		t.Errorf("%+v", got)
	}
}
