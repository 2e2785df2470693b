package fsm

import (
	"fmt"

	"github.com/understudy-ha/understudy/netio/packet"
)

// switchover hands mastership over: the priority-0 advert makes another router
// take over within its skew time. Unless forced the addresses stay until that
// router is heard, so an order that nobody answers costs nothing.
func (m *machine) switchover(force bool) {
	if m.s.Yielding && !force {
		return
	}
	m.resign()
	if force {
		m.leaveMaster()
		m.s.Held = true
		m.becomeBackup("switchover ordered", m.after(DownInterval(m.cfg, m.s)))
		return
	}
	m.do(StopAdverts{})
	m.s.Yielding = true
	m.setTimer(YieldOver, m.after(DownInterval(m.cfg, m.s)))
}

// yieldedTo submits to whoever took over, whatever its priority.
func (m *machine) yieldedTo(h packet.VRRPHeard) {
	if h.Priority == 0 {
		return
	}
	m.learnForm(h)
	at := m.heardAt(h)
	m.leaveMaster()
	m.s.Held = true
	m.accept(h, at)
	m.becomeBackup(fmt.Sprintf("switchover: %s took over", h.Src), at+Instant(DownInterval(m.cfg, m.s)))
}

// resume goes on as master after a switchover that nobody answered.
func (m *machine) resume() {
	m.s.Yielding = false
	priority := AdvertPriority(m.cfg, m.s)
	m.do(SendAdvert{Priority: priority}, StartAdverts{Interval: m.cfg.Interval, Priority: priority},
		Notice{Key: NobodyTookOver, From: m.s.Source, Text: fmt.Sprintf(
			"nobody took over within %s: master as before", seconds(DownInterval(m.cfg, m.s)))})
}

// NobodyTookOver is the key of the notice that a switchover failed.
const NobodyTookOver = "switchover without a taker"

// announce sends a burst, unless another router is about to take over.
func (m *machine) announce(repeat int) {
	if !m.s.Yielding {
		m.do(Announce{Repeat: repeat})
	}
}
