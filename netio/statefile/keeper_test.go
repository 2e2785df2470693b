package statefile

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestKeeperWritesOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var writes atomic.Int64
		k := Keep(func() error { writes.Add(1); return nil }, func(err error) { t.Error(err) })
		defer k.Stop()
		wait := func(d time.Duration, want int64) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := writes.Load(); got != want {
				t.Fatalf("%d writes, want %d", got, want)
			}
		}
		wait(time.Hour, 0)
		for range 4000 {
			k.Note()
		}
		wait(Pause-1, 0)
		k.Note()
		wait(1, 1)
		wait(time.Hour, 1)
		for range 50 { // a flapping instance: 2 s of a change each 40 ms
			k.Note()
			time.Sleep(40 * time.Millisecond)
		}
		synctest.Wait()
		if got := writes.Load(); got < 8 || got > 11 {
			t.Fatalf("%d writes in 2 s, want one each %v", got-1, Pause)
		}
	})
}

func TestKeeperReportsAFailureOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Bool
		var reports atomic.Int64
		k := Keep(func() error {
			if fails.Load() {
				return errors.New("no space left")
			}
			return nil
		}, func(error) { reports.Add(1) })
		defer k.Stop()
		for _, row := range []struct {
			fails bool
			want  int64
		}{{false, 0}, {true, 1}, {true, 1}, {true, 1}, {false, 1}, {true, 2}} {
			fails.Store(row.fails)
			k.Note()
			time.Sleep(Pause)
			synctest.Wait()
			if got := reports.Load(); got != row.want {
				t.Fatalf("%d reports, want %d", got, row.want)
			}
		}
	})
}

func TestNothingIsWrittenAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := make(chan struct{})
		var writes atomic.Int64
		k := Keep(func() error { writes.Add(1); <-busy; return nil }, func(error) {})
		k.Note()
		time.Sleep(Pause)
		synctest.Wait()
		stopped := make(chan struct{})
		go func() { k.Stop(); close(stopped) }()
		synctest.Wait()
		select {
		case <-stopped:
			t.Fatal("stopped in the middle of a write")
		default:
		}
		close(busy)
		<-stopped
		k.Note()
		k.Stop()
		time.Sleep(time.Hour)
		if writes.Load() != 1 {
			t.Fatalf("%d writes, want 1", writes.Load())
		}
	})
}
