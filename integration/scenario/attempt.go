// Package scenario holds the acceptance scenarios that need real daemons. Each
// is written once, for any pair of daemons and any variant of the protocol, and
// is run by the tests in integration/netns and integration/interop. The numbers
// are those of the table in docs/TESTING.md.
package scenario

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
)

const (
	maxAttempts  = 3
	maxStall     = 5 * time.Millisecond // above it this machine, not the daemon, may be late
	slack        = 100 * time.Millisecond
	binaryEnv    = "UNDERSTUDY_BIN"
	shownLog     = 4000 // bytes of each daemon's log in a failure
	shownAdverts = 30
)

// Attempt is one try of a scenario. A failed one is repeated if the machine
// stalled meanwhile, at most twice; so it collects what a test would report.
type Attempt struct {
	mu     sync.Mutex
	failed bool
	lines  []string
	undo   []func()
}

// Errorf notes a failure and goes on.
func (a *Attempt) Errorf(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = true
	a.lines = append(a.lines, "FAILED: "+fmt.Sprintf(format, args...))
}

// Fatalf notes a failure and ends the attempt.
func (a *Attempt) Fatalf(format string, args ...any) {
	a.Errorf(format, args...)
	runtime.Goexit()
}

// Logf notes a line that is shown with a failure, or with -v.
func (a *Attempt) Logf(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lines = append(a.lines, fmt.Sprintf(format, args...))
}

// Check ends the attempt on an error.
func (a *Attempt) Check(err error) {
	if err != nil {
		a.Fatalf("%v", err)
	}
}

// Cleanup has f run at the end of the attempt, last to first.
func (a *Attempt) Cleanup(f func()) { a.undo = append(a.undo, f) }

// try runs body to its end and reports whether it failed.
func (a *Attempt) try(body func()) bool {
	ended := make(chan struct{})
	go func() { // ends with body, or by Fatalf
		defer close(ended)
		defer func() {
			for _, v := range slices.Backward(a.undo) {
				v()
			}
		}()
		body()
	}()
	<-ended
	return a.failed
}

// Repeat runs body until it passes, until it fails on a machine that did not
// stall, or three times.
func Repeat(t *testing.T, body func(*Attempt)) {
	t.Helper()
	for n := 1; ; n++ {
		stalls := lab.WatchStalls()
		a := &Attempt{}
		failed := a.try(func() { body(a) })
		stalls.Stop()
		text := strings.Join(a.lines, "\n")
		switch {
		case !failed:
			t.Logf("%s", text)
			return
		case n == maxAttempts || stalls.Worst() <= maxStall:
			t.Fatalf("attempt %d, machine stalled for up to %v:\n%s", n, stalls.Worst(), text)
		}
		t.Logf("attempt %d failed, but the machine stalled for %v: once more\n%s", n, stalls.Worst(), text)
	}
}

// Binary is the daemon under test. The test is skipped if none was named.
func Binary(t *testing.T) string {
	t.Helper()
	bin := os.Getenv(binaryEnv)
	if bin == "" {
		t.Skip(binaryEnv + " is not set: run by make test-netns, test-interop or test-chaos")
	}
	if _, err := os.Stat(bin); err != nil {
		t.Fatalf("%s: %v", binaryEnv, err)
	}
	return bin
}
