package pacer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawNear is how near the next turn must be for the raw wait: over longer
// waits it costs more than it saves.
const rawNear = 5 * time.Millisecond

var errClosed = errors.New("closed")

// What an epoll event stands for, beside the families 0 and 1.
const (
	eventTimer = 2 + iota
	eventWake
)

// poll waits for the sockets, for wake and for an instant. Timer and eventfd
// are edge-triggered and never read: setting the timer, or writing, arms them
// anew.
type poll struct {
	raw              bool
	epoll, timer, ev int
	quiet            int   // an epoll without the sockets
	alarm            int64 // what the timer is set to, 0 = nothing
	events           [8]unix.EpollEvent

	mu     sync.RWMutex // guards the descriptors against close, for other threads than the pacer's
	closed bool
}

func newPoll(raw bool) (*poll, error) {
	p := &poll{raw: raw, epoll: -1, quiet: -1, timer: -1, ev: -1}
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, errors.Join(fmt.Errorf("create epoll: %w", err), p.close())
	}
	if p.quiet, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, errors.Join(fmt.Errorf("create epoll: %w", err), p.close())
	}
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return nil, errors.Join(fmt.Errorf("create timerfd: %w", err), p.close())
	}
	if p.ev, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, errors.Join(fmt.Errorf("create eventfd: %w", err), p.close())
	}
	for fd, event := range map[int]int32{p.timer: eventTimer, p.ev: eventWake} {
		for _, epoll := range [...]int{p.epoll, p.quiet} {
			e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: event}
			if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
				return nil, errors.Join(fmt.Errorf("add to epoll: %w", err), p.close())
			}
		}
	}
	return p, nil
}

func (p *poll) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var err error
	for _, fd := range []*int{&p.epoll, &p.quiet, &p.timer, &p.ev} {
		if *fd >= 0 {
			err = errors.Join(err, unix.Close(*fd))
			*fd = -1
		}
	}
	return err
}

// add waits for fd, level-triggered: what a turn leaves unread is ready again.
func (p *poll) add(fd, family int) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(family)}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		return fmt.Errorf("add descriptor %d to epoll: %w", fd, err)
	}
	return nil
}

// remove forgets fd; a closed one is forgotten already.
func (p *poll) remove(fd int) { _ = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, fd, nil) }

// wake ends a wait, or the next one.
func (p *poll) wake() {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	// The counter cannot overflow in the life of a machine, so nothing is lost.
	_, _ = unix.Write(p.ev, one[:])
}

// wait returns when a socket is readable, wake was called, or next has come.
// Next 0 never comes.
func (p *poll) wait(now, next int64) (Ready, error) {
	if p.epoll < 0 {
		return Ready{}, errClosed
	}
	timeout := -1
	if next != 0 && next <= now {
		timeout = 0
	} else if next != p.alarm {
		if err := p.setAlarm(next); err != nil {
			return Ready{}, err
		}
	}
	near := timeout == 0 || (next != 0 && next-now < int64(rawNear))
	n, errno := p.epollWait(p.epoll, timeout, p.raw && near)
	if errno == unix.EINTR {
		return Ready{}, nil // a turn too many does no harm
	}
	if errno != 0 {
		return Ready{}, fmt.Errorf("wait for events: %w", errno)
	}
	var r Ready
	for _, e := range p.events[:max(n, 0)] {
		switch e.Fd {
		case 0:
			r.IPv4 = true
		case 1:
			r.IPv6 = true
		case eventTimer:
			p.alarm = 0 // spent
		}
	}
	return r, nil
}

// doze waits for wake and until at, whatever arrives meanwhile.
func (p *poll) doze(now, at int64) error {
	if p.epoll < 0 {
		return errClosed
	}
	if at <= now {
		return nil
	}
	if at != p.alarm {
		if err := p.setAlarm(at); err != nil {
			return err
		}
	}
	n, errno := p.epollWait(p.quiet, -1, p.raw)
	if errno != 0 && errno != unix.EINTR {
		return fmt.Errorf("wait for events: %w", errno)
	}
	for _, e := range p.events[:max(n, 0)] {
		if e.Fd == eventTimer {
			p.alarm = 0 // spent
		}
	}
	return nil
}

// epollWait waits without end or, with timeout 0, not at all. Raw keeps the wait
// from Go's scheduler; its signals end it.
func (p *poll) epollWait(epoll, timeout int, raw bool) (int, unix.Errno) {
	if raw {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&p.events[0])),
			uintptr(len(p.events)), uintptr(timeout), 0, 0)
		return int(n), errno
	}
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&p.events[0])),
		uintptr(len(p.events)), uintptr(timeout), 0, 0)
	return int(n), errno
}

// setAlarm sets the timer to an instant, 0 = off.
func (p *poll) setAlarm(at int64) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(at)}
	if err := unix.TimerfdSettime(p.timer, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		return fmt.Errorf("set timer: %w", err)
	}
	p.alarm = at
	return nil
}
