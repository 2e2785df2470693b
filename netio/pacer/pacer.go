package pacer

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Config of a Pacer.
type Config struct {
	Options        // Now nil = CLOCK_MONOTONIC
	Thread  Thread // of the thread that Run makes

	// RawWait hides short waits from Go's scheduler. It saves CPU where turns
	// follow each other within 5 ms; GOMAXPROCS should then be one more.
	RawWait bool

	// Problem is told what the thread does without, such as a refused
	// real-time priority. nil = nobody. It may be called from the thread.
	Problem func(error)
}

// Socket is a Port that epoll can wait for.
type Socket interface {
	Port
	FD() int
}

// Pacer is an Engine on a thread of its own. Lines, schedules and sockets stay
// in it when the thread dies, and go on with the next Run.
type Pacer struct {
	*Engine
	config Config
	poll   *poll

	running sync.Mutex // held by Run
	stops   atomic.Uint64
	woken   atomic.Bool

	attach sync.Mutex
	fds    [2]int // attached descriptors, -1 = none
}

// Panic is the error of a Run that ended by a panic.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("pacer: panic: %v", p.Value) }

// New makes a pacer whose thread does not run yet.
func New(c Config) (*Pacer, error) {
	if c.Now == nil {
		c.Now = NewClock().Now
	}
	if c.Problem == nil {
		c.Problem = func(error) {}
	}
	poll, err := newPoll(c.RawWait)
	if err != nil {
		return nil, fmt.Errorf("make pacer: %w", err)
	}
	p := &Pacer{config: c, poll: poll, fds: [2]int{-1, -1}}
	p.Engine = NewEngine(c.Options, p.signal)
	return p, nil
}

// Close ends Run for good, waits for it and frees what New made. The attached
// sockets stay open.
func (p *Pacer) Close() error {
	p.Stop()
	p.running.Lock()
	defer p.running.Unlock()
	p.attach.Lock()
	defer p.attach.Unlock()
	return p.poll.close()
}

// Stop makes the present Run return. It does not wait.
func (p *Pacer) Stop() {
	p.stops.Add(1)
	p.woken.Store(true)
	p.poll.wake()
}

// signal wakes the thread unless somebody has since its last turn.
func (p *Pacer) signal() {
	if !p.woken.Swap(true) {
		p.poll.wake()
	}
}

// Attach makes s the socket of a family, nil: none. It may be called while the
// pacer runs and replaces the socket before, which the caller closes.
func (p *Pacer) Attach(ipv6 bool, s Socket) error {
	p.attach.Lock()
	defer p.attach.Unlock()
	f := family(ipv6)
	if p.fds[f] >= 0 {
		p.poll.remove(p.fds[f])
		p.fds[f] = -1
	}
	if s == nil {
		p.Engine.Attach(ipv6, nil)
		return nil
	}
	if err := p.poll.add(s.FD(), f); err != nil {
		return fmt.Errorf("attach socket: %w", err)
	}
	p.fds[f] = s.FD()
	p.Engine.Attach(ipv6, s)
	return nil
}

// Run works on a thread of its own until Stop, then returns nil. A panic, ours
// or of a function we were given, ends it with a *Panic; Run may then be
// called again and goes on where it was. A second Run waits for the first.
func (p *Pacer) Run() error {
	mine := p.stops.Load()
	p.running.Lock()
	defer p.running.Unlock()
	done := make(chan error, 1)
	go func() { // ends with Run; its thread, with all that Thread set, ends with it
		runtime.LockOSThread()
		done <- p.loop(mine)
	}()
	return <-done
}

// await waits for the next turn. While packets stream in it looks for them only
// now and then: waking up costs more than reading.
func (p *Pacer) await(next int64) (Ready, error) {
	now := p.config.Now()
	nap := p.nap(now)
	if nap == 0 {
		return p.poll.wait(now, next)
	}
	at := now + int64(nap)
	if next != 0 {
		at = min(at, next)
	}
	return Ready{IPv4: true, IPv6: true}, p.poll.doze(now, at)
}

func (p *Pacer) loop(mine uint64) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{Value: v, Stack: debug.Stack()}
		}
	}()
	p.config.Thread.apply(p.config.Problem)
	next := p.config.Now() // look around first: this may be a second Run
	for p.stops.Load() == mine {
		ready, err := p.await(next)
		if errors.Is(err, errClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("pacer: %w", err)
		}
		p.woken.Store(false) // what is ordered from here on wakes again
		next = p.Turn(ready)
	}
	return nil
}
