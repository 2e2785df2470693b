package kernel

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of the writer.
const (
	maxJobs    = 1 << 16 // waiting
	chunkFirst = 8       // changes in the first call to the kernel after a pause: the first announcement is near
	chunkLeast = 4
	chunkMost  = 64
	fullTries  = 20 // of a socket that is full
	fullPause  = 100 * time.Microsecond
	chunkShort = 400 * time.Microsecond // a chunk below it may grow
	chunkLong  = time.Millisecond       // a chunk above it shrinks
)

// Writer changes addresses and announces them, on a thread of its own. Jobs are done
// in the order of Submit, in chunks: the changes of a chunk in one call,
// without acknowledgement (rtnetlink works inside the call; only errors are
// queued), then their announcements in one more. Repeats go out while nothing
// else waits.
type Writer struct {
	shift
	sender Sender

	standby atomic.Int64 // until then the thread looks for jobs instead of sleeping; nanoseconds since epoch
	waiting atomic.Bool  // jobs came since next took some
	epoch   time.Time

	// Under mu.
	jobs     []*task
	idle     bool // the thread waits, or is about to
	stopping bool

	// Of the running thread alone.
	seq     uint32
	chunk   []operation
	out     []byte
	in      []byte
	frames  []Frame
	senders []*task // of frames
	limit   int
	repeats repeats
	turns   uint64
}

// operation is one change of a task.
type operation struct {
	task *task
	n    int
	last bool // of the task
}

// OpenWriter opens a writer in the network namespace of the calling thread.
func OpenWriter(s Sender) (*Writer, error) {
	fd, err := openRoute(0, DefaultReceiveBuffer)
	if err != nil {
		return nil, err
	}
	w := &Writer{sender: s, in: make([]byte, 64<<10), epoch: time.Now()}
	if w.shift, err = newShift(fd); err != nil {
		return nil, err
	}
	return w, nil
}

// PortID is the address of the writer's socket: the kernel's messages about
// its changes bear it.
func (w *Writer) PortID() (uint32, error) {
	a, err := unix.Getsockname(w.fd)
	if err != nil {
		return 0, fmt.Errorf("read port of rtnetlink socket: %w", err)
	}
	nl, ok := a.(*unix.SockaddrNetlink)
	if !ok {
		return 0, fmt.Errorf("read port of rtnetlink socket: got %T", a)
	}
	return nl.Pid, nil
}

// Submit queues a job. It never blocks and may be called from any thread.
// False: the queue is full or the writer closed, and nothing will happen.
func (w *Writer) Submit(p *Prepared) bool {
	t := newTask(p)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.jobs) >= maxJobs {
		return false
	}
	w.jobs = append(w.jobs, t)
	w.waiting.Store(true)
	if w.idle {
		w.idle = false
		w.bell.ring()
	}
	return true
}

// standbyFor is how long the thread stays awake after Standby.
const standbyFor = time.Millisecond

// Standby wakes the thread for a job that is expected within a quarter of a
// millisecond: waking it costs more than the job. It never blocks and may be
// called from any thread. With one CPU it does nothing: the thread would stand
// in the way of whoever brings the job.
func (w *Writer) Standby() {
	if runtime.NumCPU() == 1 {
		return
	}
	w.standby.Store(int64(time.Since(w.epoch) + standbyFor))
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.idle && !w.closed {
		w.idle = false
		w.bell.ring()
	}
}

func (w *Writer) onStandby() bool { return int64(time.Since(w.epoch)) < w.standby.Load() }

// alert waits awake for a job while on standby; false: not, or no longer.
func (w *Writer) alert() bool {
	if !w.onStandby() {
		return false
	}
	for !w.waiting.Load() && w.onStandby() {
	}
	return true
}

// Run does the jobs until Stop or a later Run, then returns nil. A panic is
// returned as an error: the changes of that moment are lost without a word
// (their owner must compare with a dump), the jobs behind them are kept for
// the next Run.
func (w *Writer) Run() (err error) {
	mine, ok := w.begin()
	if !ok {
		return nil
	}
	defer w.running.Unlock()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("address writer panicked: %v\n%s", p, debug.Stack())
		}
	}()
	w.limit = chunkFirst
	for {
		more, over := w.next(mine)
		switch {
		case over:
			return nil
		case more:
			w.perform()
		case w.again():
			if err := w.rest(); err != nil {
				return err
			}
		case w.alert():
		default:
			w.limit = chunkFirst
			if _, err := wait(w.bell.fd); err != nil {
				return fmt.Errorf("wait for jobs: %w", err)
			}
			w.bell.hush()
		}
	}
}

// Stop lets Run finish the jobs that wait, without their repeats, and end. It
// waits for that at most for limit; false: it was not enough.
func (w *Writer) Stop(limit time.Duration) bool {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return true
	}
	w.stopping = true
	w.bell.ring()
	w.mu.Unlock()
	ended := make(chan struct{})
	go func() { // ends with Run
		w.running.Lock()
		defer w.running.Unlock()
		w.mu.Lock()
		w.stopping = false
		w.mu.Unlock()
		close(ended)
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}
