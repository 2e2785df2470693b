package vrrp

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/actors/vrrp/fsm"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/packet"
)

// sender is a line that has sent and heard.
type sender struct {
	Line
	sent, heard int64
}

func (s *sender) LastSent() int64  { return s.sent }
func (s *sender) LastHeard() int64 { return s.heard }

// kept is the state of an instance as the next process reads it.
func kept(t *testing.T, m memory, line Line) (messages.InstanceState, fsm.Saved) {
	t.Helper()
	b, err := json.Marshal(stateOf(&m, machine(m.Instance, 0), line))
	if err != nil {
		t.Fatal(err)
	}
	var o messages.InstanceState
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	return o, savedOf(&o)
}

func TestWhatIsKeptComesBack(t *testing.T) {
	full := fsm.State{
		Role: fsm.Backup, Since: 11, Effective: 90, Dropped: true, Ready: true, Held: true, Yielding: true,
		MasterAddr: netip.MustParseAddr("fe80::2%eth0"), MasterPriority: 200, MasterInterval: 3 * time.Second, LastHeard: 12,
		DownAt: 13, Form: packet.ChecksumPseudo, LowerAddr: netip.MustParseAddr("192.0.2.3"), LowerPriority: 7,
		Preempting: fsm.PreemptWaiting, OwnerRival: netip.MustParseAddr("192.0.2.4"),
	}
	for n := range fsm.Timers {
		full.Deadline[n] = 100 + int64(n)
	}
	for role := fsm.Init; role <= fsm.Fault; role++ {
		for phase := range phases {
			s := full
			s.Role, s.Preempting = role, fsm.PreemptPhase(phase)
			last := messages.Transition{At: time.Now().UTC(), From: "init", To: role.String(), Cause: "test"}
			m := memory{Instance: instance(), State: s, Holding: true, Transitions: []messages.Transition{{}, last}}
			o, got := kept(t, m, &sender{sent: 99})
			if !reflect.DeepEqual(got.State, s) {
				t.Fatalf("state\n%+v\ncame back as\n%+v", s, got.State)
			}
			if want := map[bool]int64{true: 99}[role == fsm.Master]; got.LastSent != want || got.Priority != 100 {
				t.Errorf("%s: last sent %d of priority %d, want %d of 100", role, got.LastSent, got.Priority, want)
			}
			if o.Identity != m.Instance.Identity() || o.Last == nil || *o.Last != last {
				t.Errorf("identity %q, last transition %+v", o.Identity, o.Last)
			}
			if len(o.Addresses) != 1 || o.Addresses[0].Prefix != m.Instance.VirtualIPs[0].Prefix {
				t.Errorf("addresses held %+v", o.Addresses)
			}
		}
	}
}

func TestOnlyWhatIsTrueIsKept(t *testing.T) {
	i := instance()
	own := fsm.State{Role: fsm.Master, Since: 1, MasterInterval: i.AdvertInterval}
	o, _ := kept(t, memory{Instance: i, State: own, SentBefore: 50}, &sender{})
	if o.LearnedInterval != 0 || len(o.Addresses) != 0 {
		t.Errorf("own interval kept as learned (%v), or addresses that are not held: %+v", o.LearnedInterval, o.Addresses)
	}
	if o.LastSent != 50 {
		t.Errorf("before its first advert a resumed master last sent at %d, want that of the process before, 50", o.LastSent)
	}
	backup := fsm.State{
		Role: fsm.Backup, Since: 1, Ready: true, MasterAddr: netip.MustParseAddr("192.0.2.2"), MasterPriority: 200,
		MasterInterval: i.AdvertInterval, LastHeard: 10, DownAt: 10 + int64(3*time.Second),
	}
	i.DownTimerAdverts = 3
	_, got := kept(t, memory{Instance: i, State: backup}, &sender{heard: int64(time.Second)})
	down := fsm.DownInterval(machine(i, 0), backup)
	if got.State.LastHeard != int64(time.Second) || got.State.DownAt != int64(time.Second+down) {
		t.Errorf("adverts that the watch absorbed do not count: %+v", got.State)
	}
}

func TestNonsenseCountsAsNothing(t *testing.T) {
	got := savedOf(&messages.InstanceState{
		Role: "king", Form: "thick", Preempt: "perhaps", LearnedInterval: time.Hour, Deadlines: map[string]int64{"egg": 1, "garp-second": -5},
	})
	if !reflect.DeepEqual(got, fsm.Saved{}) {
		t.Errorf("got %+v, want nothing", got)
	}
}

func TestASeedOfAnotherBootHasNoRole(t *testing.T) {
	now := int64(time.Hour)
	i := instance()
	i.DownTimerAdverts = 3
	o := &messages.InstanceState{
		Role: "master", Since: 1, BasePriority: 100, Priority: 100, LastSent: now - int64(time.Second),
		Form: "plain", LearnedInterval: 2 * time.Second, Held: true, Ready: true,
	}
	if s := SeedOf(i, o, now, true); !s.Adopts() {
		t.Error("a young master of this boot does not resume")
	}
	if s := SeedOf(i, o, now+int64(time.Minute), true); s.Adopts() {
		t.Error("an old master resumes")
	}
	s := SeedOf(i, o, now, false)
	if want := (fsm.State{Form: packet.ChecksumPlain, MasterInterval: 2 * time.Second}); s.Adopts() || !reflect.DeepEqual(s.saved.State, want) {
		t.Errorf("of another boot: adopts %t, state %+v, want %+v", s.Adopts(), s.saved.State, want)
	}
	if (&Seed{memory: &memory{}}).Adopts() {
		t.Error("a renamed instance adopts")
	}
}
