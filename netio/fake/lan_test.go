package fake_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ha/understudy/netio/fake"
	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/packet"
)

// listeners are hosts a, b and c that hear VRID 1 in plain multicast or at
// their own address.
func listeners(t *testing.T, lan *fake.LAN) map[string]*pacer.Session {
	out := map[string]*pacer.Session{}
	for i, name := range []string{"a", "b", "c"} {
		own := netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})
		p := lan.Join(fake.Host{Name: name, Ifindex: i + 1, Addrs: []netip.Addr{own}, Options: pacer.Options{
			Check: func(_ *packet.VRRPEntry, d packet.VRRPDatagram, _ *packet.VRRPStats) (packet.VRRPHeard, packet.Verdict) {
				return packet.VRRPHeard{Src: d.Src, Priority: d.Payload[2], At: d.At}, packet.Verdict{}
			},
		}})
		s := p.Open("/"+name, nil)
		s.Listen(&packet.VRRPEntry{VRID: 1}, []packet.VRRPKey{{VRID: 1, Ifindex: i + 1}, {VRID: 1, Local: own}})
		out[name] = s
		t.Cleanup(p.Leave)
	}
	synctest.Wait()
	return out
}

func send(s *pacer.Session, priority byte, dst string) {
	s.Send(&packet.Frame{Dsts: []netip.Addr{netip.MustParseAddr(dst)}, Payload: []byte{0x31, 1, priority}}, false)
}

func TestLANCarriesCutsAndLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := fake.NewLAN()
		hosts := listeners(t, lan)
		heard := func(name string, want int) {
			t.Helper()
			synctest.Wait()
			if got := hosts[name].Take(); len(got) != want {
				t.Errorf("%s heard %d adverts, want %d", name, len(got), want)
			}
		}
		const group = "224.0.0.18"
		send(hosts["a"], 1, group)
		heard("a", 0)
		heard("b", 1)
		heard("c", 1)

		send(hosts["a"], 2, "10.0.0.3") // unicast
		heard("b", 0)
		heard("c", 1)

		lan.Cut("a", "b")
		send(hosts["a"], 3, group)
		heard("b", 0)
		heard("c", 1)
		send(hosts["b"], 3, group) // the other direction works
		heard("a", 1)
		heard("c", 1)
		lan.Heal("a", "b")

		lan.Partition([]string{"a", "b"})
		send(hosts["a"], 4, group)
		heard("b", 1)
		heard("c", 0)
		lan.Partition(nil)

		lan.Lose(func(s fake.Sent, to string) bool { return to == "c" && s.Payload[2] == 5 })
		send(hosts["a"], 5, group)
		heard("b", 1)
		heard("c", 0)
		lan.Lose(nil)

		lan.Delay(3 * time.Millisecond)
		send(hosts["a"], 6, group)
		heard("b", 0)
		time.Sleep(3 * time.Millisecond)
		synctest.Wait()
		got := hosts["b"].Take()
		if sent := lan.SentBy("a"); len(sent) != 6 || len(got) != 1 || got[0].At != sent[5].At+int64(3*time.Millisecond) {
			t.Errorf("sent %d, heard %v", len(sent), got)
		}
		if got[0].Src != netip.MustParseAddr("10.0.0.1") {
			t.Errorf("source %v", got[0].Src)
		}
		heard("c", 1)
		lan.Forget()
		if n := len(lan.Sent()); n != 0 {
			t.Errorf("%d remembered", n)
		}
	})
}
