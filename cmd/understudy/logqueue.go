package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	logWaiting = 4096        // lines that wait for a slow reader of the log; newer ones are dropped and counted
	logFlush   = time.Second // for what waits at the end
)

// logQueue lets everybody log without waiting for who reads the log: a stuck
// terminal, pipe or disk must hold up no actor.
type logQueue struct {
	w     io.Writer
	ended chan struct{}

	mu      sync.Mutex
	lines   chan []byte // nil: closed
	dropped int
}

// newLogQueue starts the writer of w, which ends with Close.
func newLogQueue(w io.Writer) *logQueue {
	q := &logQueue{w: w, ended: make(chan struct{}), lines: make(chan []byte, logWaiting)}
	go q.run(q.lines)
	return q
}

// Write implements io.Writer: one call is one line. It never blocks and never fails.
func (q *logQueue) Write(line []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lines == nil {
		return len(line), nil
	}
	select {
	case q.lines <- append([]byte(nil), line...):
	default:
		q.dropped++
	}
	return len(line), nil
}

func (q *logQueue) run(lines <-chan []byte) {
	defer close(q.ended)
	for line := range lines {
		q.put(line)
		if len(lines) > 0 {
			continue
		}
		q.mu.Lock()
		n := q.dropped
		q.dropped = 0
		q.mu.Unlock()
		if n > 0 {
			q.put(fmt.Appendf(nil, "%d log lines dropped: the reader of the log was too slow\n", n))
		}
	}
}

// put writes one line. An error has nobody to be told to.
func (q *logQueue) put(line []byte) { _, _ = q.w.Write(line) }

// Close writes what waits, for at most limit, and drops what comes later. It
// may be called once.
func (q *logQueue) Close(limit time.Duration) {
	q.mu.Lock()
	close(q.lines)
	q.lines = nil
	q.mu.Unlock()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-q.ended:
	case <-t.C:
	}
}
