package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/netio/rawsock"
)

// monitored are the groups of the monitor.
const monitored = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR

// Monitor follows links and addresses. Run reads the kernel's events as they
// come and never waits for the consumer, who takes what changed, one entry an
// object, with Take. When events were lost, Take says so (Events.Resync).
type Monitor struct {
	shift

	// Under mu.
	dirty  dirty
	told   bool // the consumer knows that something waits
	notify func()
}

// MonitorOptions are the options of OpenMonitor.
type MonitorOptions struct {
	ReceiveBuffer int // bytes; 0: DefaultReceiveBuffer
	// NoAddsOf is the PortID of a Writer whose additions need not be told:
	// each would wake a thread while the writer is at work. 0: none.
	NoAddsOf uint32
}

// OpenMonitor subscribes in the network namespace of the calling thread. What
// happens from now on is not missed, even before Run.
func OpenMonitor(o MonitorOptions) (*Monitor, error) {
	if o.ReceiveBuffer == 0 {
		o.ReceiveBuffer = DefaultReceiveBuffer
	}
	fd, err := openRoute(monitored, o.ReceiveBuffer)
	if err != nil {
		return nil, err
	}
	if o.NoAddsOf != 0 {
		if err := rawsock.Attach(fd, withoutAddsOf(o.NoAddsOf)); err != nil {
			_ = unix.Close(fd)
			return nil, fmt.Errorf("open netlink monitor: %w", err)
		}
	}
	m := &Monitor{}
	if m.shift, err = newShift(fd); err != nil {
		return nil, err
	}
	return m, nil
}

// withoutAddsOf drops RTM_NEWADDR that answers the port. Classic BPF loads in
// network order, the header is in the host's.
func withoutAddsOf(port uint32) []bpf.Instruction {
	swapped := func(b []byte) uint32 {
		if len(b) == 2 {
			return uint32(binary.BigEndian.Uint16(b))
		}
		return binary.BigEndian.Uint32(b)
	}
	const kindAt, portAt = 4, 12 // of struct nlmsghdr
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: kindAt, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: swapped(binary.NativeEndian.AppendUint16(nil, unix.RTM_NEWADDR)), SkipTrue: 3},
		bpf.LoadAbsolute{Off: portAt, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: swapped(binary.NativeEndian.AppendUint32(nil, port)), SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: 1 << 30},
	}
}

// Run reads events until Stop or a later Run; then it returns nil. A panic is
// returned as an error; Run may be called again. notify is called when
// something begins to wait for Take; it must not block. Whoever starts Run
// must dump after the call: what an earlier consumer took is not repeated.
func (m *Monitor) Run(notify func()) (err error) {
	mine, ok := m.begin()
	if !ok {
		return nil
	}
	defer m.running.Unlock()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("netlink monitor panicked: %v\n%s", p, debug.Stack())
		}
	}()
	m.mu.Lock()
	m.notify, m.told = notify, false
	m.mu.Unlock()
	m.tell()
	buf := make([]byte, 64<<10)
	for {
		m.mu.Lock()
		over := m.over(mine)
		m.mu.Unlock()
		if over {
			return nil
		}
		ready, err := wait(m.fd, m.bell.fd)
		if err != nil {
			return fmt.Errorf("wait for netlink events: %w", err)
		}
		if ready[1] {
			m.bell.hush()
		}
		if ready[0] {
			if err := m.read(buf); err != nil {
				return fmt.Errorf("read netlink events: %w", err)
			}
		}
	}
}

// read takes what the socket holds, a bounded number of datagrams at a time so
// that Stop is seen, then tells the consumer once.
func (m *Monitor) read(buf []byte) error {
	defer m.tell()
	const batch = 1024
	for range batch {
		n, err := receive(m.fd, buf, false)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.EMSGSIZE):
			m.mu.Lock()
			m.dirty.lost()
			m.mu.Unlock()
			continue
		case err != nil:
			return err
		}
		m.mu.Lock()
		for msg := range messagesIn(buf[:n]) {
			m.dirty.add(msg)
		}
		m.mu.Unlock()
	}
	return nil
}

func (m *Monitor) tell() {
	m.mu.Lock()
	due := !m.dirty.empty() && !m.told && m.notify != nil
	m.told = m.told || due
	notify := m.notify
	m.mu.Unlock()
	if due {
		notify()
	}
}

// Take returns what changed since the last Take.
func (m *Monitor) Take() Events {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = false
	return m.dirty.take()
}

// Stop ends Run; the subscription stays.
func (m *Monitor) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.run++
		m.bell.ring()
	}
}
