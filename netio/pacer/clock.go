package pacer

import (
	"time"

	"golang.org/x/sys/unix"
)

// Clock reads CLOCK_MONOTONIC without a system call. Two clocks of one process
// differ by less than the time of a system call.
type Clock struct {
	start  time.Time
	offset int64
}

// NewClock calibrates a clock.
func NewClock() Clock {
	c := Clock{start: time.Now()}
	best := time.Duration(1<<63 - 1)
	for range 5 { // the narrowest bracket is the best reading
		var ts unix.Timespec
		before := time.Since(c.start)
		if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
			continue
		}
		if after := time.Since(c.start); after-before < best {
			best = after - before
			c.offset = ts.Nano() - int64(before+best/2)
		}
	}
	return c
}

// Now is the present instant.
func (c Clock) Now() int64 { return c.offset + int64(time.Since(c.start)) }
