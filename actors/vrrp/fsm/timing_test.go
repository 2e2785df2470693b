package fsm

import (
	"testing"
	"time"

	"github.com/understudy-ha/understudy/netio/packet"
)

// TestDownInterval holds the timers against RFC 9568 section 6.1 and, for
// version 2, RFC 3768 section 6.1.
func TestDownInterval(t *testing.T) {
	for _, c := range []struct {
		name       string
		version    uint8
		priority   uint8
		interval   time.Duration
		learned    time.Duration
		skew, down time.Duration
	}{
		{"version 2, priority 100", 2, 100, time.Second, 0, 609375 * time.Microsecond, 3609375 * time.Microsecond},
		{"version 2, priority 150", 2, 150, time.Second, 0, 414062500, 3414062500},
		{"version 2, priority 254", 2, 254, time.Second, 0, 7812500, 3007812500},
		{"version 2, owner", 2, 255, time.Second, 0, 3906250, 3003906250},
		{"version 2, skew in seconds", 2, 128, 10 * time.Second, 0, 500 * time.Millisecond, 30500 * time.Millisecond},
		{"version 2, nothing is learned", 2, 128, 10 * time.Second, time.Second, 500 * time.Millisecond, 30500 * time.Millisecond},
		{"version 3, own interval", 3, 128, 10 * time.Second, 0, 5 * time.Second, 35 * time.Second},
		{"version 3, learned interval", 3, 128, 10 * time.Second, 100 * time.Millisecond, 50 * time.Millisecond, 350 * time.Millisecond},
		{"version 3, lowest priority", 3, 1, 10 * time.Millisecond, 0, 9960937, 39960937},
	} {
		cfg := Config{Version: c.version, Priority: c.priority, Interval: c.interval, DownTimerAdverts: 3}
		s := State{MasterInterval: c.learned}
		if got := Skew(cfg, s); got != c.skew {
			t.Errorf("%s: skew %s, want %s", c.name, got, c.skew)
		}
		if got := DownInterval(cfg, s); got != c.down {
			t.Errorf("%s: down interval %s, want %s", c.name, got, c.down)
		}
	}
}

// TestWatchOf: a resumed watch ends one down interval after the last advert
// that was absorbed, and only then.
func TestWatchOf(t *testing.T) {
	cfg := defaults()
	s := State{
		Role: Backup, Ready: true, Effective: 100, MasterAddr: someAddrs[1], MasterPriority: 150,
		MasterInterval: time.Second, LastHeard: 10e9, DownAt: 13609375e3, Form: packet.ChecksumPlain,
	}
	want := packet.Watch{
		Master: someAddrs[1], Priority: 150, Interval: time.Second, Form: packet.ChecksumPlain,
		Timeout: 3609375 * time.Microsecond, Deadline: 13609375e3,
	}
	if got := WatchOf(cfg, s, 0); got != want {
		t.Errorf("nothing absorbed: %+v", got)
	}
	if got := WatchOf(cfg, s, 9e9); got != want {
		t.Errorf("absorbed before: %+v", got)
	}
	want.Deadline = 23609375e3
	if got := WatchOf(cfg, s, 20e9); got != want {
		t.Errorf("absorbed since: %+v", got)
	}
	s.MasterPriority = 90
	want.Master, want.Priority, want.Deadline = someAddrs[0], 0, 13609375e3
	if got := WatchOf(cfg, s, 20e9); got != want {
		t.Errorf("a master to be preempted: %+v", got)
	}
}

// TestMayArm: only a backup whose watch runs, and which would send at the end
// what it sends now.
func TestMayArm(t *testing.T) {
	s := State{Role: Backup, Ready: true, DownAt: 1}
	for _, c := range []struct {
		name string
		mod  func(*State)
		want bool
	}{
		{"watching", func(*State) {}, true},
		{"held by a switchover", func(s *State) { s.Held = true }, true},
		{"in the start-up delay", func(s *State) { s.DownAt, s.Ready = 0, false }, false},
		{"an owner that dropped to 254", func(s *State) { s.Dropped = true }, false},
		{"fault", func(s *State) { s.Role, s.DownAt = Fault, 0 }, false},
		{"master", func(s *State) { s.Role, s.DownAt = Master, 0 }, false},
	} {
		x := s
		c.mod(&x)
		if got := MayArm(defaults(), x); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
