package kernel

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/netio/rawsock"
)

// Frame is an Ethernet frame with its header, to be sent on an interface.
type Frame = rawsock.LinkFrame

// Sender is rawsock.Link: it sends frames without blocking and returns how
// many went out; with fewer than all, err is why the next one did not.
type Sender interface {
	Send(frames []Frame) (int, error)
}

// Job is what the writer does in one go: removals, then additions, each
// announced as soon as it is there.
type Job struct {
	ID    uint64
	Owner string // repeats of an owner can be cancelled

	// Cancel forgets the repeats that the owner still has waiting.
	Cancel bool
	Dels   []Address // a missing one is no failure
	Adds   []Add     // one that is there already is no failure
	Repeat int       // messages per address; those after the first wait for everything urgent
	Quiet  bool      // an addition that is there already is not announced; Repeat is 1

	// Done is called on the writer's thread once all is done but the repeats.
	// It must not block. nil: nobody wants to know.
	Done func(Result)
}

// Add is one address to add and announce.
type Add struct {
	Address Address
	Held    bool   // it is there: announce only
	Frame   []byte // the announcement; nil: none
}

// Failure is one refused change.
type Failure struct {
	Index int // in Job.Dels or Job.Adds
	Err   error
}

// Result is the outcome of a job.
type Result struct {
	ID         uint64
	Owner      string
	Failed     []Failure // of Adds
	DelFailed  []Failure // of Dels
	Existed    []int     // of Adds: were there already, perhaps with other options
	Collateral []Address // addresses that the kernel removed along with Dels
	Unsure     bool      // answers of the kernel were lost: compare with a dump
	Unsent     int       // announcements that could not be sent
	SendErr    error     // why, of the first
}

// Prepared is a job with its messages built. It does not change and may be
// submitted from any thread.
type Prepared struct {
	job  Job
	msgs [][]byte // of Dels, then of Adds; nil: nothing to write
	errs []error  // why a message could not be built
}

// Prepare builds the messages of j, whose slices must not change any more.
func Prepare(j Job) *Prepared {
	n := len(j.Dels) + len(j.Adds)
	p := &Prepared{job: j, msgs: make([][]byte, n), errs: make([]error, n)}
	buf := make([]byte, 0, n*128)
	build := func(i int, a Address, f func([]byte, Address) ([]byte, error)) {
		start := len(buf)
		if buf, p.errs[i] = f(buf, a); p.errs[i] == nil {
			p.msgs[i] = buf[start:len(buf):len(buf)]
		}
	}
	for i, a := range j.Dels {
		build(i, a, appendDelete)
	}
	for i, a := range j.Adds {
		if !a.Held {
			build(len(j.Dels)+i, a.Address, appendAdd)
		}
	}
	return p
}

// task is a submitted job under way.
type task struct {
	*Prepared
	next   int // operation: Dels, then Adds
	result Result
	silent []bool // by Add, made at the first that is not announced
}

func newTask(p *Prepared) *task {
	return &task{Prepared: p, result: Result{ID: p.job.ID, Owner: p.job.Owner}}
}

func (t *task) over() bool { return t.next == len(t.msgs) }

// isDel says whether operation i is a removal.
func (t *task) isDel(i int) bool { return i < len(t.job.Dels) }

// address of operation i.
func (t *task) address(i int) Address {
	if t.isDel(i) {
		return t.job.Dels[i]
	}
	return t.job.Adds[i-len(t.job.Dels)].Address
}

// outcome notes what became of operation i.
func (t *task) outcome(i int, err error) {
	if t.isDel(i) {
		gone := errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENODEV)
		if err != nil && !gone {
			err = fmt.Errorf("remove %v from interface %d: %w", t.address(i).Prefix, t.address(i).Index, err)
			t.result.DelFailed = append(t.result.DelFailed, Failure{i, err})
		}
		return
	}
	n := i - len(t.job.Dels)
	switch {
	case errors.Is(err, unix.EEXIST):
		t.result.Existed = append(t.result.Existed, n)
		if t.job.Quiet {
			t.hush(n)
		}
	case err != nil:
		err = fmt.Errorf("add %v to interface %d: %w", t.address(i).Prefix, t.address(i).Index, err)
		t.result.Failed = append(t.result.Failed, Failure{n, err})
		t.hush(n)
	}
}

// hush lets an addition go unannounced.
func (t *task) hush(n int) {
	if t.silent == nil {
		t.silent = make([]bool, len(t.job.Adds))
	}
	t.silent[n] = true
}

// frame of operation i; false: nothing to announce.
func (t *task) frame(i int) (Frame, bool) {
	if t.isDel(i) {
		return Frame{}, false
	}
	n := i - len(t.job.Dels)
	a := t.job.Adds[n]
	if a.Frame == nil || t.silent != nil && t.silent[n] {
		return Frame{}, false
	}
	return Frame{Ifindex: a.Address.Index, Data: a.Frame}, true
}
