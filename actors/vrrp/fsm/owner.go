package fsm

import (
	"fmt"
	"net/netip"

	"github.com/understudy-ha/understudy/netio/packet"
)

// ownerHeard is the meeting of two owners, of which we have the higher
// address. The other should step back on hearing us; if it does not, we fall
// to 254 rather than fight for the addresses.
func (m *machine) ownerHeard(h packet.VRRPHeard) {
	if end := m.s.Deadline[OwnerWait]; end != 0 && m.heardAt(h) <= end {
		m.s.Dropped, m.s.Effective, m.s.OwnerRival = true, ownerPriority-1, h.Src
		m.do(Notice{Key: "address owner dropped", From: h.Src, Text: fmt.Sprintf(
			"%s insists on owning the addresses: our priority falls to %d", h.Src, m.s.Effective)})
		m.yield(h, fmt.Sprintf("second address owner %s does not step back", h.Src))
		return
	}
	m.s.OwnerRival = h.Src
	m.do(Notice{Key: "two address owners", From: h.Src, Text: fmt.Sprintf(
		"%s claims to own the addresses too; its address is lower, so it should step back", h.Src)})
	m.do(SendAdvert{Priority: ownerPriority})
	m.lowerHeard(h, true)
	window := max(m.cfg.Interval, h.Interval) * 6 / 5
	m.setTimer(OwnerWait, m.after(window))
}

// regainOwnership is the return of an owner that had dropped to 254.
func (m *machine) regainOwnership() {
	if m.s.Dropped {
		m.s.Dropped, m.s.Effective, m.s.OwnerRival = false, ownerPriority, netip.Addr{}
	}
}
