package supervisors

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestWorkersNeverWaitForOneAnother(t *testing.T) {
	w := newWorkers()
	defer w.close()
	const blocked = 2 * idleWorkers
	release, ran := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Add(blocked)
	for range blocked {
		w.Schedule(func() { defer all.Done(); <-release })
	}
	w.Schedule(func() { close(ran) })
	<-ran // while all the others block
	close(release)
	all.Wait()
}

func TestWorkersAreReusedUpToALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorkers()
		var done atomic.Int32
		for range 2 * idleWorkers {
			w.Schedule(func() { done.Add(1) })
		}
		synctest.Wait()
		if n := done.Load(); n != 2*idleWorkers {
			t.Fatalf("%d of %d ran", n, 2*idleWorkers)
		}
		if n := w.waiting.Load(); n < 1 || n > idleWorkers {
			t.Errorf("%d workers wait, want 1 to %d", n, idleWorkers)
		}
		before := w.waiting.Load()
		for range 10 { // one at a time: no new goroutine is needed
			w.Schedule(func() {})
			synctest.Wait()
		}
		if n := w.waiting.Load(); n != before {
			t.Errorf("%d workers wait after ten more turns, %d before", n, before)
		}
		w.close() // the bubble ends only when all goroutines have
	})
}
