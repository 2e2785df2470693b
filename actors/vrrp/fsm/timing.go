package fsm

import (
	"net/netip"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// ownerPriority is that of the owner of the addresses (RFC 9568 section 5.2.4);
// it cannot be reached by contributions.
const ownerPriority = 255

// AdvertPriority is the priority of the instance's adverts: the effective
// priority, 1 to 255. Before the start it is the configured one.
func AdvertPriority(cfg Config, s State) uint8 {
	if s.Effective == 0 {
		return cfg.Priority
	}
	return s.Effective
}

// MasterInterval is the advert interval that the timers count in: version 2 the
// own one, version 3 the master's, as far as one was heard.
func MasterInterval(cfg Config, s State) time.Duration {
	if cfg.Version == 2 || s.MasterInterval == 0 {
		return cfg.Interval
	}
	return s.MasterInterval
}

// Skew is Skew_Time, the shorter the higher the priority (RFC 9568 section 6.1;
// version 2: a share of one second, whatever the interval is).
func Skew(cfg Config, s State) time.Duration {
	return skew(cfg.Version, AdvertPriority(cfg, s), MasterInterval(cfg, s))
}

func skew(version, priority uint8, interval time.Duration) time.Duration {
	unit := interval
	if version == 2 {
		unit = time.Second
	}
	return time.Duration(256-int(priority)) * unit / 256
}

// DownInterval is Master_Down_Interval: after so long a silence a backup takes
// over (RFC 9568 section 6.1, with the configured number of adverts).
func DownInterval(cfg Config, s State) time.Duration {
	return time.Duration(cfg.DownTimerAdverts)*MasterInterval(cfg, s) + Skew(cfg, s)
}

// WatchOf is the watch of a backup as it should be now, for the caller that
// starts it again after a crash; lastHeard is when the line last absorbed an
// advert, 0 = not known.
func WatchOf(cfg Config, s State, lastHeard Instant) packet.Watch {
	w := packet.Watch{
		Interval: MasterInterval(cfg, s),
		Form:     s.Form,
		Timeout:  DownInterval(cfg, s),
		Deadline: s.DownAt,
	}
	if absorbs(cfg, s) {
		w.Master, w.Priority = s.MasterAddr, s.MasterPriority
		if lastHeard > s.LastHeard {
			w.Deadline = max(w.Deadline, lastHeard+Instant(w.Timeout))
		}
	}
	return w
}

// MayArm reports whether the line may send the first advert of a takeover by
// itself at the end of the watch, with AdvertPriority.
func MayArm(cfg Config, s State) bool {
	// An owner that dropped to 254 advertises 255 when it becomes master.
	return s.Role == Backup && s.DownAt != 0 && !s.Dropped
}

// StallLimit is the silence of a stalled master after which the others must
// have taken over: three adverts, whatever the configured number is, and the
// skew time of the priority assumed of them. 0: it goes on after any stall.
func StallLimit(cfg Config) time.Duration {
	if cfg.Preempt || cfg.TimerExpired <= 0 {
		return 0
	}
	assumed := uint8(min(cfg.TimerExpired, ownerPriority-1))
	return 3*cfg.Interval + skew(cfg.Version, assumed, cfg.Interval)
}

// preempts reports whether a master of lower priority is to be replaced.
func preempts(cfg Config, s State) bool { return cfg.Preempt && !s.Held }

// accepts reports whether a backup submits to a master of the given priority.
func accepts(cfg Config, s State, priority uint8) bool {
	return priority >= AdvertPriority(cfg, s) || !preempts(cfg, s) || s.Preempting == PreemptWaiting
}

// absorbs reports whether the watch may take the adverts of the known master
// as they come: the machine would accept each of them and learn nothing.
func absorbs(cfg Config, s State) bool {
	return s.MasterAddr.IsValid() && s.MasterPriority != 0 && accepts(cfg, s, s.MasterPriority)
}

// compareAddr orders addresses as unsigned numbers; the zone says where an
// address was heard and does not count.
func compareAddr(a, b netip.Addr) int {
	return a.Unmap().WithZone("").Compare(b.Unmap().WithZone(""))
}

// heardAt is when an advert arrived; the future is taken for now.
func (m *machine) heardAt(h packet.VRRPHeard) Instant {
	if h.At <= 0 || h.At > m.now {
		return m.now
	}
	return h.At
}

// after is an instant so long from now.
func (m *machine) after(d time.Duration) Instant { return m.now + Instant(d) }
