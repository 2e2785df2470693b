package kernel

import (
	"errors"
	"sync"

	"golang.org/x/sys/unix"
)

// shift is what the thread of a Writer or Monitor works under: of several Runs
// the newest alone goes on, and Close ends it before the socket goes.
type shift struct {
	fd   int
	bell bell

	running sync.Mutex // held by Run

	mu     sync.Mutex // of what follows and of the owner's own fields
	run    uint64     // newest Run; an older one ends
	closed bool
}

// newShift takes the socket over, also on an error.
func newShift(fd int) (shift, error) {
	b, err := newBell()
	if err != nil {
		return shift{fd: -1}, errors.Join(err, unix.Close(fd))
	}
	return shift{fd: fd, bell: b}, nil
}

// begin starts a Run as the newest once the one before has ended; false: it is
// closed. The caller unlocks running at its end.
func (s *shift) begin() (mine uint64, ok bool) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return 0, false
	}
	s.run++
	mine = s.run
	s.bell.ring()
	s.mu.Unlock()
	s.running.Lock()
	return mine, true
}

// over reports whether a Run has to end; the caller holds mu.
func (s *shift) over(mine uint64) bool { return s.closed || s.run != mine }

// Close ends Run at once and closes the socket.
func (s *shift) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.bell.ring()
	s.mu.Unlock()
	s.running.Lock()
	defer s.running.Unlock()
	return errors.Join(unix.Close(s.fd), unix.Close(s.bell.fd))
}
