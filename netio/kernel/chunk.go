package kernel

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// next takes the next chunk from the queue. A removal, and what cancels
// repeats, never shares a chunk with an addition before it: nothing is
// announced that is gone again.
func (w *Writer) next(mine uint64) (more, over bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.chunk = w.chunk[:0]
	w.waiting.Store(false)
	if w.over(mine) {
		return false, true
	}
	done, added := 0, false
	for _, t := range w.jobs {
		if len(w.chunk) >= w.limit || added && (t.job.Cancel || len(t.job.Dels) > 0) {
			break
		}
		if t.next == 0 {
			w.repeats.begin(t)
		}
		if len(t.msgs) == 0 {
			w.chunk = append(w.chunk, operation{task: t, n: -1, last: true})
		}
		for !t.over() && len(w.chunk) < w.limit {
			added = added || !t.isDel(t.next)
			t.next++
			w.chunk = append(w.chunk, operation{task: t, n: t.next - 1, last: t.over()})
		}
		if !t.over() {
			break
		}
		done++
	}
	w.jobs = slices.Delete(w.jobs, 0, done)
	w.idle = len(w.chunk) == 0 && len(w.repeats.turn) == 0 && !w.onStandby()
	if w.stopping && len(w.chunk) == 0 {
		return false, true
	}
	return len(w.chunk) > 0, false
}

// restFor is the pause after each chunk of repeats: sent as fast as possible
// they overrun the queue of an interface, and nobody waits for them.
const restFor = time.Millisecond

// rest pauses unless a job comes.
func (w *Writer) rest() error {
	w.mu.Lock()
	w.idle = len(w.jobs) == 0 && !w.stopping && !w.closed
	idle := w.idle
	w.mu.Unlock()
	if !idle {
		return nil
	}
	ready, err := waitUpTo(restFor, w.bell.fd)
	if err != nil {
		return fmt.Errorf("wait for jobs: %w", err)
	}
	if ready[0] {
		w.bell.hush()
	}
	return nil
}

// again sends the next repeats; false: there are none.
func (w *Writer) again() bool {
	w.turns++
	w.frames = w.repeats.take(w.frames[:0], chunkMost, w.turns)
	if len(w.frames) == 0 {
		return false
	}
	w.send(func(int, error) {}) // what failed in the first round was reported
	return true
}

// perform does one chunk.
func (w *Writer) perform() {
	began := time.Now()
	w.write()
	w.frames, w.senders = w.frames[:0], w.senders[:0]
	for _, op := range w.chunk {
		if op.n < 0 {
			continue
		}
		if f, ok := op.task.frame(op.n); ok {
			w.frames, w.senders = append(w.frames, f), append(w.senders, op.task)
		}
	}
	w.send(func(i int, err error) {
		r := &w.senders[i].result
		if r.Unsent++; r.SendErr == nil {
			r.SendErr = err
		}
	})
	for _, op := range w.chunk {
		if !op.last {
			continue
		}
		w.repeats.add(op.task)
		if op.task.job.Done != nil {
			op.task.job.Done(op.task.result)
		}
	}
	switch took := time.Since(began); {
	case took > chunkLong:
		w.limit = max(chunkLeast, w.limit/2)
	case took < chunkShort:
		w.limit = min(chunkMost, w.limit*2)
	}
	clear(w.chunk)
	clear(w.senders)
}

// write hands the messages of the chunk to the kernel and notes its answers.
func (w *Writer) write() {
	w.out = w.out[:0]
	first := w.seq + 1
	for _, op := range w.chunk {
		w.seq++
		if op.n < 0 {
			continue
		}
		if err := op.task.errs[op.n]; err != nil {
			op.task.outcome(op.n, err)
		} else if msg := op.task.msgs[op.n]; msg != nil {
			start := len(w.out)
			w.out = append(w.out, msg...)
			setSeq(w.out[start:], w.seq)
		}
	}
	if len(w.out) == 0 {
		return
	}
	if err := send(w.fd, w.out); err != nil {
		for _, op := range w.chunk {
			if op.n >= 0 && op.task.msgs[op.n] != nil {
				op.task.outcome(op.n, err)
			}
		}
		return
	}
	w.answers(first)
}

// answers reads what the kernel has to say about the messages from first on:
// errors, and what it removed.
func (w *Writer) answers(first uint32) {
	for {
		n, err := receive(w.fd, w.in, false)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return
		case err != nil: // ENOBUFS: some answers are lost
			for _, op := range w.chunk {
				op.task.result.Unsure = true
			}
			if !errors.Is(err, unix.ENOBUFS) {
				return
			}
			continue
		}
		for m := range messagesIn(w.in[:n]) {
			i := int(m.seq - first)
			if i < 0 || i >= len(w.chunk) || w.chunk[i].n < 0 {
				continue
			}
			op := w.chunk[i]
			switch m.kind {
			case unix.NLMSG_ERROR:
				op.task.outcome(op.n, parseError(m))
			case unix.RTM_DELADDR:
				if a, _, ok := parseAddress(m.body); ok && keyOf(a) != keyOf(op.task.address(op.n)) {
					op.task.result.Collateral = append(op.task.result.Collateral, a)
				}
			}
		}
	}
}

// send sends w.frames; one that cannot be sent is left out and reported. A
// full socket gets time to empty.
func (w *Writer) send(failed func(i int, err error)) {
	for at, full := 0, 0; at < len(w.frames); {
		n, err := w.sender.Send(w.frames[at:])
		if n > 0 {
			at, full = min(at+n, len(w.frames)), 0
		}
		switch {
		case at == len(w.frames) || err == nil && n > 0:
		case full < fullTries && (errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS)):
			full++
			time.Sleep(fullPause)
		default:
			failed(at, err)
			at++
		}
	}
}
