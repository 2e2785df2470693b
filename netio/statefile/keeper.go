package statefile

import (
	"sync"
	"time"
)

// Pause is the shortest time between a change and the write that shows it:
// what thousands of instances do at once is written once.
const Pause = 200 * time.Millisecond

// Keeper writes the state some time after it was told of a change, on a
// goroutine of its own. It holds no state: what is written is read when it is
// written.
type Keeper struct {
	write   func() error
	problem func(error)
	changed chan struct{}
	quit    chan struct{}
	ended   chan struct{}
	stop    sync.Once
}

// Keep starts a keeper. Write reads the state and writes it; problem is told
// of the first failure of several in a row. Both run on the keeper's goroutine.
func Keep(write func() error, problem func(error)) *Keeper {
	k := &Keeper{
		write: write, problem: problem,
		changed: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	go k.run() // ends with Stop
	return k
}

// Note tells of a change. It never blocks and may be called from any thread.
func (k *Keeper) Note() {
	select {
	case k.changed <- struct{}{}:
	default: // one is noted already
	}
}

// Stop ends the keeper and waits until a write under way is done. A change
// that was noted and not written is left to the caller.
func (k *Keeper) Stop() {
	k.stop.Do(func() { close(k.quit) })
	<-k.ended
}

func (k *Keeper) run() {
	defer close(k.ended)
	failed := false
	pause := time.NewTimer(Pause)
	defer pause.Stop()
	for {
		select {
		case <-k.changed:
		case <-k.quit:
			return
		}
		pause.Reset(Pause)
		select {
		case <-pause.C:
		case <-k.quit:
			return
		}
		select {
		case <-k.changed: // it is in what is read now
		default:
		}
		err := k.write()
		if err != nil && !failed {
			k.problem(err)
		}
		failed = err != nil
	}
}
