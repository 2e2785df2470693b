package lab

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	prefix   = "us-"        // of every namespace this package makes
	maxTag   = 40           // characters
	runNetns = "/run/netns" // where named namespaces are mounted
)

// Lab owns everything it made: namespaces, processes, sockets, files. Close
// removes it all.
type Lab struct {
	tag string
	dir string

	mu      sync.Mutex
	closed  bool
	undo    []func() error // run last to first by Close
	spaces  []*Namespace
	running []*Process
}

// New starts a lab whose namespaces are named us-TAG.PID-…. What a lab of the
// same tag left behind is removed first if its process is gone, with whatever
// still runs in it; so two runs side by side do not disturb each other. Tag is
// 1 to 40 characters of a-z, 0-9 and -, and one process has one lab of a tag at a time.
func New(tag string) (*Lab, error) {
	if err := checkTag(tag); err != nil {
		return nil, err
	}
	if err := removeLeftovers(prefix + tag + "."); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", prefix+"lab-")
	if err != nil {
		return nil, fmt.Errorf("make the folder of lab %s: %w", tag, err)
	}
	return &Lab{tag: tag, dir: dir}, nil
}

func checkTag(tag string) error {
	if tag == "" || len(tag) > maxTag || strings.Trim(tag, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("lab tag %q: want 1..%d characters of a-z, 0-9 and -", tag, maxTag)
	}
	return nil
}

// namespaceName is the full name of one of the lab's namespaces.
func (l *Lab) namespaceName(name string) string {
	return fmt.Sprintf("%s%s.%d-%s", prefix, l.tag, os.Getpid(), name)
}

// Dir is the lab's folder for configurations, logs and sockets; Close removes it.
func (l *Lab) Dir() string { return l.dir }

// onClose has f run by Close, after what was registered later. It runs f at
// once if the lab is closed already.
func (l *Lab) onClose(f func() error) {
	l.mu.Lock()
	if !l.closed {
		l.undo = append(l.undo, f)
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	_ = f() // the caller learns of the closed lab from what it tries next
}

// Close kills what still runs and removes everything. It may be called from
// any goroutine, and more than once.
func (l *Lab) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	running, undo, spaces := l.running, l.undo, l.spaces
	l.mu.Unlock()

	var errs []error
	for _, p := range running {
		p.Kill()
	}
	for _, u := range slices.Backward(undo) {
		errs = append(errs, u())
	}
	for _, n := range spaces {
		errs = append(errs, n.remove())
	}
	errs = append(errs, os.RemoveAll(l.dir))
	return errors.Join(errs...)
}

// Until asks cond every 5 ms until it holds, and reports whether it did within limit.
func Until(limit time.Duration, cond func() bool) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if cond() {
			return true
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return cond()
		}
	}
}

// Wait lets limit pass. It is for watching that nothing happens; to wait for
// something, use Until or one of the Wait methods.
func Wait(limit time.Duration) {
	t := time.NewTimer(limit)
	<-t.C
}

// WaitUntil lets the time pass until t.
func WaitUntil(t time.Time) { Wait(time.Until(t)) }
