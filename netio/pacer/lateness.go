package pacer

import (
	"sync/atomic"
	"time"
)

// latenessBuckets is the number of bounds, the unbounded one included.
const latenessBuckets = 14

// latenessBounds are the upper bounds of all buckets but the last.
func latenessBounds() [latenessBuckets - 1]time.Duration {
	const us, ms = time.Microsecond, time.Millisecond
	return [...]time.Duration{
		50 * us, 100 * us, 250 * us, 500 * us, ms, 2500 * us, 5 * ms, 10 * ms, 25 * ms, 50 * ms, 100 * ms, 250 * ms, time.Second,
	}
}

// Lateness counts how late scheduled adverts left.
type Lateness struct {
	buckets [latenessBuckets]atomic.Uint64
	sum     atomic.Int64
}

func (h *Lateness) observe(d time.Duration) {
	d = max(d, 0)
	i := 0
	for _, bound := range latenessBounds() {
		if d <= bound {
			break
		}
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
}

// Histogram is a reading of Lateness.
type Histogram struct {
	Bounds []time.Duration // upper, inclusive
	Counts []uint64        // of each bound, not cumulative, and one more for the rest
	Sum    time.Duration
	Count  uint64
}

// Read returns the counts of now.
func (h *Lateness) Read() Histogram {
	bounds := latenessBounds()
	out := Histogram{Bounds: bounds[:], Counts: make([]uint64, latenessBuckets), Sum: time.Duration(h.sum.Load())}
	for i := range h.buckets {
		out.Counts[i] = h.buckets[i].Load()
		out.Count += out.Counts[i]
	}
	return out
}
