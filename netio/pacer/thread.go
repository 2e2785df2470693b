package pacer

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Thread is how the pacer's thread is scheduled. Zero values leave what is.
type Thread struct {
	Name       string // as ps and top show it, cut to 15 bytes
	Nice       int    // -20..19
	RTPriority int    // SCHED_FIFO, 1..99; only for this thread: it must sleep when idle, which it does
	CPUs       []int  // CPUs it may run on
}

// apply sets up the calling thread, which must be locked. What the kernel
// refuses is reported and done without.
func (t Thread) apply(report func(error)) {
	try := func(what string, err error) {
		if err != nil {
			report(fmt.Errorf("set %s of the pacer's thread: %w", what, err))
		}
	}
	if t.Name != "" {
		name := append([]byte(t.Name), 0)
		if len(name) > 16 {
			name = append(name[:15], 0)
		}
		try("name", unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0))
	}
	if len(t.CPUs) > 0 {
		var set unix.CPUSet
		for _, c := range t.CPUs {
			set.Set(c)
		}
		try("cpu affinity", unix.SchedSetaffinity(0, &set))
	}
	if t.Nice != 0 {
		try("nice value", unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), t.Nice))
	}
	if t.RTPriority != 0 {
		try("real-time priority", unix.SchedSetAttr(0, &unix.SchedAttr{
			Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: uint32(t.RTPriority),
			Flags: unix.SCHED_FLAG_RESET_ON_FORK,
		}, 0))
	}
}
