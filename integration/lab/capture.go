package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/netio/rawsock"
)

const (
	captureBuffer = 8 << 20 // bytes of kernel buffer
	maxRecords    = 1 << 18 // of each kind; later ones are dropped and counted
	maxFrame      = 9216
)

// Capture records what enters the switch at each port: what each host sends,
// whether it arrives anywhere or not.
type Capture struct {
	fd    int
	ports map[int32]string
	ended chan struct{}

	mu            sync.Mutex
	adverts       []Advert
	announcements []Announcement
	echoes        []Echo
	lost          int
	changed       chan struct{} // closed and replaced at each record
}

// Capture starts recording; the lab ends it.
func (s *Segment) Capture() (*Capture, error) {
	c := &Capture{ports: map[int32]string{}, ended: make(chan struct{}), changed: make(chan struct{})}
	for _, h := range s.Hosts {
		c.ports[int32(h.port.Attrs().Index)] = h.Host
	}
	err := s.Switch.Do(c.open)
	if err != nil {
		return nil, fmt.Errorf("open capture in %s: %w", s.Switch.Name, err)
	}
	stop := make(chan struct{})
	go c.read(stop) // ends with stop
	s.Switch.lab.onClose(func() error {
		close(stop)
		<-c.ended
		return unix.Close(c.fd)
	})
	return c, nil
}

func (c *Capture) open() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL)))
	if err != nil {
		return err
	}
	c.fd = fd
	return errors.Join(
		rawsock.SetReceiveBuffer(fd, captureBuffer),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}))
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

func (c *Capture) read(stop <-chan struct{}) {
	defer close(c.ended)
	buf, oob := make([]byte, maxFrame), make([]byte, 128)
	for {
		select {
		case <-stop:
			return
		default:
		}
		n, oobn, _, from, err := unix.Recvmsg(c.fd, buf, oob, 0)
		if err != nil {
			if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENETDOWN) {
				continue
			}
			return
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		if !ok || ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		host, ok := c.ports[int32(ll.Ifindex)]
		if !ok {
			continue // br0 sees everything a second time
		}
		if v := decode(stamp(oob[:oobn]), host, buf[:n]); v != nil {
			c.add(v)
		}
	}
}

// stamp is the kernel's receive time, or now where it is missing.
func stamp(oob []byte) time.Time {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err == nil {
		for _, m := range msgs {
			if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
				sec := int64(binary.NativeEndian.Uint64(m.Data))
				nsec := int64(binary.NativeEndian.Uint64(m.Data[8:]))
				return time.Unix(sec, nsec)
			}
		}
	}
	return time.Now().Round(0)
}

func (c *Capture) add(v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch v := v.(type) {
	case *Advert:
		c.adverts = keep(c.adverts, *v, &c.lost)
	case *Announcement:
		c.announcements = keep(c.announcements, *v, &c.lost)
	case *Echo:
		c.echoes = keep(c.echoes, *v, &c.lost)
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

func keep[T any](list []T, v T, lost *int) []T {
	if len(list) == maxRecords {
		*lost++
		return list
	}
	return append(list, v)
}

// Lost is how many records did not fit.
func (c *Capture) Lost() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

// wait asks cond after each record until it holds or the limit is over.
func (c *Capture) wait(limit time.Duration, cond func() bool) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	for {
		c.mu.Lock()
		ok, changed := cond(), c.changed
		c.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-t.C:
			return false
		}
	}
}

// Match selects adverts. All of several must hold.
type Match func(*Advert) bool

// From selects what a host sent.
func From(host string) Match { return func(a *Advert) bool { return a.Host == host } }

// After selects what was sent strictly after an instant.
func After(t time.Time) Match { return func(a *Advert) bool { return a.At.After(t) } }

// Priority selects by the priority of the advert.
func Priority(p uint8) Match { return func(a *Advert) bool { return a.Priority == p } }

// VRID selects by the virtual router.
func VRID(v uint8) Match { return func(a *Advert) bool { return a.VRID == v } }

// Active selects all but resignations.
func Active() Match { return func(a *Advert) bool { return a.Priority != 0 } }

func all(ms []Match, a *Advert) bool {
	for _, m := range ms {
		if !m(a) {
			return false
		}
	}
	return true
}

// Adverts lists the adverts that match, oldest first.
func (c *Capture) Adverts(ms ...Match) []Advert {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Advert
	for i := range c.adverts {
		if all(ms, &c.adverts[i]) {
			out = append(out, c.adverts[i])
		}
	}
	return out
}

// WaitAdvert waits for the first advert that matches; one that is recorded
// already counts.
func (c *Capture) WaitAdvert(limit time.Duration, ms ...Match) (Advert, bool) {
	var found Advert
	seen := 0
	ok := c.wait(limit, func() bool {
		for ; seen < len(c.adverts); seen++ {
			if all(ms, &c.adverts[seen]) {
				found = c.adverts[seen]
				return true
			}
		}
		return false
	})
	return found, ok
}

// Last is the newest advert that matches.
func (c *Capture) Last(ms ...Match) (Advert, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.adverts) - 1; i >= 0; i-- {
		if all(ms, &c.adverts[i]) {
			return c.adverts[i], true
		}
	}
	return Advert{}, false
}

// MaxGap is the longest time between two following adverts that match, and
// when it began. It is 0 for fewer than two.
func (c *Capture) MaxGap(ms ...Match) (time.Duration, time.Time) {
	list := c.Adverts(ms...)
	var gap time.Duration
	var at time.Time
	for i := 1; i < len(list); i++ {
		if d := list[i].At.Sub(list[i-1].At); d > gap {
			gap, at = d, list[i-1].At
		}
	}
	return gap, at
}

// Announcements lists those of one address from one host after an instant.
func (c *Capture) Announcements(host string, addr netip.Addr, after time.Time) []Announcement {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.announced(host, addr, after)
}

func (c *Capture) announced(host string, addr netip.Addr, after time.Time) []Announcement {
	var out []Announcement
	for _, a := range c.announcements {
		if a.Host == host && a.Addr == addr && a.At.After(after) {
			out = append(out, a)
		}
	}
	return out
}

// WaitAnnouncements waits until there are n of them.
func (c *Capture) WaitAnnouncements(limit time.Duration, n int, host string, addr netip.Addr, after time.Time) ([]Announcement, bool) {
	var out []Announcement
	ok := c.wait(limit, func() bool {
		out = c.announced(host, addr, after)
		return len(out) >= n
	})
	return out, ok
}

// WaitEcho waits for an answer to a ping from an address after an instant.
func (c *Capture) WaitEcho(limit time.Duration, addr netip.Addr, after time.Time) (Echo, bool) {
	var found Echo
	seen := 0
	ok := c.wait(limit, func() bool {
		for ; seen < len(c.echoes); seen++ {
			if e := c.echoes[seen]; e.Src == addr && e.At.After(after) {
				found = e
				return true
			}
		}
		return false
	})
	return found, ok
}
