package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of the reader.
const (
	dumpTries   = 5               // of a dump that changes interrupt
	readTimeout = 2 * time.Second // for an answer of the kernel
	forwardAge  = 5 * time.Second // how long the router flag is believed
	readBuffer  = 1 << 20         // largest datagram of a dump is far smaller
	maxForward  = 4096            // interfaces whose flag is remembered
	netconfSize = 4               // struct netconfmsg with its padding
	rtmGetConf  = unix.RTM_GETNETCONF
	confIndex   = 1 // NETCONFA_IFINDEX
	confForward = 2 // NETCONFA_FORWARDING
)

// ErrInterrupted tells that a dump kept being interrupted by changes.
var ErrInterrupted = errors.New("dump interrupted by changes")

// Reader dumps links and addresses and knows which interfaces forward IPv6.
// Its methods may be called from any goroutine; dumps take turns. It reads the
// network namespace in which it was opened.
type Reader struct {
	mu  sync.Mutex // of fd, seq, buf
	fd  int
	seq uint32
	buf []byte

	confMu  sync.Mutex
	confFD  int
	confSeq uint32
	forward map[int]forwarding
}

type forwarding struct {
	on bool
	at time.Time
}

// OpenReader opens a Reader in the network namespace of the calling thread.
func OpenReader() (*Reader, error) {
	fd, err := openRoute(0, DefaultReceiveBuffer)
	if err != nil {
		return nil, err
	}
	conf, err := openRoute(0, 0)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	for _, s := range [...]int{fd, conf} {
		if err := setTimeout(s, readTimeout); err != nil {
			_, _ = unix.Close(fd), unix.Close(conf)
			return nil, err
		}
	}
	return &Reader{fd: fd, confFD: conf, buf: make([]byte, readBuffer), forward: map[int]forwarding{}}, nil
}

// Close closes the reader; it must not be in use.
func (r *Reader) Close() error {
	return errors.Join(unix.Close(r.fd), unix.Close(r.confFD))
}

// DumpLinks returns all interfaces, in the kernel's order.
func (r *Reader) DumpLinks() ([]Link, error) {
	var links []Link
	body := make([]byte, unix.SizeofIfInfomsg)
	err := r.dump(unix.RTM_GETLINK, body, func() { links = links[:0] }, func(m message) {
		if l, ok := parseLink(m.body); ok && m.kind == unix.RTM_NEWLINK {
			links = append(links, l)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("dump links: %w", err)
	}
	return links, nil
}

// Found is an address as the kernel reports it.
type Found struct {
	Address
	Tentative bool // duplicate address detection is not over
	Failed    bool // and it found a duplicate
	Secondary bool // IPv4: goes when the primary of its subnet goes
}

// Usable says that the address can be the source of packets.
func (f Found) Usable() bool { return !f.Tentative && !f.Failed }

// DumpAddresses returns all addresses of both families, in the kernel's order.
func (r *Reader) DumpAddresses() ([]Found, error) {
	var all []Found
	for _, family := range [...]byte{unix.AF_INET, unix.AF_INET6} {
		kept := len(all)
		body := make([]byte, ifaSize)
		body[0] = family
		err := r.dump(unix.RTM_GETADDR, body, func() { all = all[:kept] }, func(m message) {
			if f, ok := found(m); ok && m.kind == unix.RTM_NEWADDR {
				all = append(all, f)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("dump addresses: %w", err)
		}
	}
	return all, nil
}

func found(m message) (Found, bool) {
	a, s, ok := parseAddress(m.body)
	return Found{Address: a, Tentative: s.tentative, Failed: s.failed, Secondary: s.secondary}, ok
}

// dump runs a dump and hands over its messages; begin is called before each try.
func (r *Reader) dump(kind uint16, body []byte, begin func(), each func(message)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range dumpTries {
		begin()
		err := r.dumpOnce(kind, body, each)
		if !errors.Is(err, ErrInterrupted) {
			return err
		}
	}
	return ErrInterrupted
}

func (r *Reader) dumpOnce(kind uint16, body []byte, each func(message)) error {
	r.seq++
	if err := send(r.fd, request(kind, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, r.seq, body)); err != nil {
		return err
	}
	interrupted := false
	for {
		n, err := receive(r.fd, r.buf, true)
		if err != nil {
			return err // what is left of this dump carries an old sequence number
		}
		for m := range messagesIn(r.buf[:n]) {
			if m.seq != r.seq {
				continue
			}
			interrupted = interrupted || m.flags&unix.NLM_F_DUMP_INTR != 0
			switch {
			case m.kind == unix.NLMSG_DONE && interrupted:
				return ErrInterrupted
			case m.kind == unix.NLMSG_DONE:
				return nil
			case m.kind == unix.NLMSG_ERROR:
				return parseError(m)
			default:
				each(m)
			}
		}
	}
}

func request(kind, flags uint16, seq uint32, body []byte) []byte {
	b := append(appendMessage(nil, kind, flags), body...)
	setSeq(b, seq)
	finish(b)
	return b
}

// Forwarding reports whether the interface forwards IPv6, which is the Router
// flag of its neighbour advertisements. It reads the kernel at most every five
// seconds an interface; an interface that cannot be asked does not forward.
func (r *Reader) Forwarding(ifindex int) bool {
	r.confMu.Lock()
	defer r.confMu.Unlock()
	f, known := r.forward[ifindex]
	if known && time.Since(f.at) < forwardAge {
		return f.on
	}
	if !known && len(r.forward) >= maxForward {
		clear(r.forward)
	}
	on, err := r.askForwarding(ifindex)
	f = forwarding{on: err == nil && on, at: time.Now()}
	r.forward[ifindex] = f
	return f.on
}

func (r *Reader) askForwarding(ifindex int) (bool, error) {
	body := make([]byte, netconfSize)
	body[0] = unix.AF_INET6
	body = appendAttr(body, confIndex, binary.NativeEndian.AppendUint32(nil, uint32(ifindex)))
	r.confSeq++
	if err := send(r.confFD, request(rtmGetConf, unix.NLM_F_REQUEST, r.confSeq, body)); err != nil {
		return false, err
	}
	var buf [4096]byte
	for {
		n, err := receive(r.confFD, buf[:], true)
		if err != nil {
			return false, err
		}
		for m := range messagesIn(buf[:n]) {
			if m.seq != r.confSeq {
				continue
			}
			if m.kind == unix.NLMSG_ERROR {
				return false, parseError(m)
			}
			return forwards(m.body), nil
		}
	}
}

func forwards(body []byte) bool {
	if len(body) < netconfSize {
		return false
	}
	for kind, v := range attributes(body[netconfSize:]) {
		if kind == confForward && len(v) >= 4 {
			return binary.NativeEndian.Uint32(v) != 0
		}
	}
	return false
}
