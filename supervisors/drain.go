package supervisors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// drainGrace is what a stage gets after its context ended, to finish what it
// must do; then it is left behind.
const drainGrace = 250 * time.Millisecond

// Stage is one step of an ordered stop. Do gives its orders first and then
// waits for what they bring; when ctx ends it must return at once. After Skip
// its context has ended before it begins: the orders are still given.
type Stage struct {
	Name     string
	Deadline time.Duration
	Do       func(ctx context.Context) error
}

type drainer struct {
	mu      sync.Mutex
	skipped bool
	cancel  context.CancelFunc // of the stage that runs
}

// Drain runs the stages one after the other and returns what went wrong in
// any of them; a stage that fails or runs out of time stops none after it.
// From its beginning a crash stops an actor and does not restart it, except
// the sole writers, which owe their releases, and nothing is spawned.
func (s *System) Drain(stages []Stage) error {
	s.draining.Store(true)
	s.kills.stop()
	var errs []error
	for _, st := range stages {
		if err := s.drain.stage(st); err != nil {
			s.log.Error("drain stage incomplete", "stage", st.Name, "err", err)
			errs = append(errs, fmt.Errorf("drain %s: %w", st.Name, err))
		}
	}
	return errors.Join(errs...)
}

// Skip ends all waiting of the drain, now and in the stages to come.
func (s *System) Skip() {
	d := &s.drain
	d.mu.Lock()
	defer d.mu.Unlock()
	d.skipped = true
	if d.cancel != nil {
		d.cancel()
	}
}

func (d *drainer) stage(st Stage) error {
	ctx, cancel := context.WithTimeout(context.Background(), st.Deadline)
	defer cancel()
	d.mu.Lock()
	d.cancel = cancel
	if d.skipped {
		cancel()
	}
	d.mu.Unlock()
	ended := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				ended <- fmt.Errorf("panic: %s", describe(r))
			}
		}()
		ended <- st.Do(ctx)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace := time.NewTimer(drainGrace)
	defer grace.Stop()
	select {
	case err := <-ended:
		return err
	case <-grace.C:
		return fmt.Errorf("left behind: %w", context.Cause(ctx))
	}
}
