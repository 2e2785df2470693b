package lab

import (
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Stalls measures how late this machine wakes a thread that asked for each
// millisecond. A measurement of a daemon's timing means little while it is
// high: someone else had the processors.
type Stalls struct {
	stop  chan struct{}
	ended chan struct{}
	once  sync.Once

	mu    sync.Mutex
	worst time.Duration
}

// WatchStalls starts measuring; Stop ends it.
func WatchStalls() *Stalls {
	s := &Stalls{stop: make(chan struct{}), ended: make(chan struct{})}
	go s.measure() // ends with Stop
	return s
}

func (s *Stalls) measure() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.ended)
	const step = time.Millisecond
	for {
		select {
		case <-s.stop:
			return
		default:
		}
		before := time.Now()
		ts := unix.NsecToTimespec(int64(step))
		_ = unix.Nanosleep(&ts, nil) // cut short by a signal: early, never late
		if late := time.Since(before) - step; late > 0 {
			s.mu.Lock()
			s.worst = max(s.worst, late)
			s.mu.Unlock()
		}
	}
}

// Worst is the longest lateness so far.
func (s *Stalls) Worst() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.worst
}

// Stop ends the measurement.
func (s *Stalls) Stop() {
	s.once.Do(func() { close(s.stop) })
	<-s.ended
}
