package pacer

import (
	"testing"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// Packets that stream in are read in batches, as far as the shortest interval allows.
func TestNapFollowsTheStreamAndTheShortestInterval(t *testing.T) {
	now := int64(time.Second)
	e := NewEngine(Options{Now: func() int64 { return now }}, func() {})
	line := func(interval time.Duration) *line {
		l := &line{e: e}
		e.pace(l, &packet.VRRPEntry{Interval: interval})
		return l
	}
	stream := func(turns int, gap time.Duration) {
		for range turns {
			now += int64(gap)
			e.streaming(now, 1)
		}
	}
	want := func(what string, nap time.Duration) {
		t.Helper()
		if got := e.nap(now); got != nap {
			t.Errorf("%s: nap %v, want %v", what, got, nap)
		}
	}
	line(time.Second)
	stream(3, time.Millisecond)
	want("few packets", 0)
	stream(20, time.Millisecond)
	want("a stream", longNap)
	e.streaming(now, 0)
	want("a turn without packets does not end it", longNap)
	brisk := line(200 * time.Millisecond)
	want("an interval below a second", shortNap)
	hasty := line(10 * time.Millisecond)
	want("an interval below 100 ms", 0)
	e.pace(hasty, nil)
	want("that line is gone", shortNap)
	e.pace(brisk, nil)
	want("and the other", longNap)
	now += int64(3 * time.Millisecond)
	want("the stream paused", 0)
	stream(20, 3*time.Millisecond)
	want("single packets", 0)
}
