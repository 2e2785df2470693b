package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
)

const maxChanges = 1 << 16 // of addresses kept by one watch

// AddressChange is one address that came or went.
type AddressChange struct {
	At      time.Time // when the report was read
	Addr    netip.Addr
	Present bool
}

// AddressWatch follows the addresses of a namespace.
type AddressWatch struct {
	mu      sync.Mutex
	changes []AddressChange
	present map[netip.Addr]bool
	failure error
	changed chan struct{}
}

// WatchAddresses starts following; the lab ends it.
func (n *Namespace) WatchAddresses() (*AddressWatch, error) {
	w := &AddressWatch{present: map[netip.Addr]bool{}, changed: make(chan struct{})}
	updates, stop := make(chan netlink.AddrUpdate, 64), make(chan struct{})
	fd := n.fd
	err := netlink.AddrSubscribeWithOptions(updates, stop, netlink.AddrSubscribeOptions{
		Namespace:     &fd,
		ListExisting:  true,
		ErrorCallback: w.failed,
	})
	if err != nil {
		return nil, fmt.Errorf("watch addresses of %s: %w", n.Name, err)
	}
	go w.follow(updates) // ends when the library closes updates, after stop
	n.lab.onClose(func() error { close(stop); return nil })
	return w, nil
}

func (w *AddressWatch) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure == nil {
		w.failure = err
	}
}

func (w *AddressWatch) follow(updates <-chan netlink.AddrUpdate) {
	for u := range updates {
		at := time.Now().Round(0)
		addr := prefixOf(&u.LinkAddress).Addr()
		w.mu.Lock()
		if w.present[addr] != u.NewAddr && len(w.changes) < maxChanges {
			w.changes = append(w.changes, AddressChange{At: at, Addr: addr, Present: u.NewAddr})
		}
		w.present[addr] = u.NewAddr
		close(w.changed)
		w.changed = make(chan struct{})
		w.mu.Unlock()
	}
}

// Present reports whether the address is there now.
func (w *AddressWatch) Present(addr netip.Addr) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.present[addr]
}

// Changes lists what happened to an address after an instant.
func (w *AddressWatch) Changes(addr netip.Addr, after time.Time) []AddressChange {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []AddressChange
	for _, c := range w.changes {
		if c.Addr == addr && c.At.After(after) {
			out = append(out, c)
		}
	}
	return out
}

// Wait waits until the address is there (or gone) and says since when; an
// address that was never there is gone since the zero time.
func (w *AddressWatch) Wait(limit time.Duration, addr netip.Addr, present bool) (time.Time, error) {
	t := time.NewTimer(limit)
	defer t.Stop()
	for {
		w.mu.Lock()
		ok, since, changed, failure := w.present[addr] == present, w.since(addr), w.changed, w.failure
		w.mu.Unlock()
		switch {
		case ok:
			return since, nil
		case failure != nil:
			return time.Time{}, fmt.Errorf("watch address %v: %w", addr, failure)
		}
		select {
		case <-changed:
		case <-t.C:
			return time.Time{}, fmt.Errorf("address %v: present is not %t after %v", addr, present, limit)
		}
	}
}

func (w *AddressWatch) since(addr netip.Addr) time.Time {
	for _, v := range slices.Backward(w.changes) {
		if v.Addr == addr {
			return v.At
		}
	}
	return time.Time{}
}
