package address

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ha/understudy/actors/address/plan"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
)

// bubble runs a test in virtual time.
func bubble(t *testing.T, name string, f func(w *world)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(newWorld(t, trap{})) })
	})
}

func TestClaimAndRelease(t *testing.T) {
	one, two := addr("eth0", "192.0.2.1/24"), addr("eth1", "2001:db8::2/64")
	bubble(t, "a claim adds, announces and answers", func(w *world) {
		w.tell(claim(ownerA, 5, one, two))
		w.want("kernel", w.kernel(), "1 192.0.2.1/24, 2 2001:db8::2/64")
		w.want("announced", w.announced(), "192.0.2.1 x5, 2001:db8::2 x5")
		w.want("told", w.got(ownerA), "applied true 2")
		w.tell(claim(ownerA, 0, one, two))
		w.want("announced", w.announced(), "")
		w.want("told", w.got(ownerA), "applied true 2")
		w.tell(&messages.AnnounceAddresses{Owner: ownerA, Repeat: 2})
		w.want("announced", w.announced(), "192.0.2.1 x2, 2001:db8::2 x2")
		w.tell(&messages.ReleaseAddresses{Owner: ownerA})
		w.want("kernel", w.kernel(), "")
		w.want("told", w.got(ownerA), "applied false 0")
	})
	bubble(t, "the second owner of an address is refused", func(w *world) {
		w.tell(claim(ownerA, 1, one), claim(ownerB, 1, one))
		w.want("told", w.got(ownerB), "applied true 0 192.0.2.1/24: address is held by /vrrp/a")
		w.tell(&messages.ReleaseOwner{Owner: ownerA})
		w.want("kernel", w.kernel(), "1 192.0.2.1/24")
	})
	bubble(t, "what the kernel refuses does not stop the others", func(w *world) {
		w.with(func() { w.refuse[one.Prefix.Addr()] = fmt.Errorf("no buffer space") })
		w.tell(claim(ownerA, 1, one, two))
		w.want("told", w.got(ownerA), "applied true 1 192.0.2.1/24: no buffer space")
	})
	bubble(t, "keep forgets and leaves the kernel alone", func(w *world) {
		w.tell(claim(ownerA, 1, one))
		w.tell(&messages.ReleaseAddresses{Owner: ownerA, Keep: true})
		w.want("kernel", w.kernel(), "1 192.0.2.1/24")
	})
	bubble(t, "await is answered after what was ordered", func(w *world) {
		w.tell(claim(ownerB, 1, addr("eth0", "192.0.2.9/24")))
		w.with(func() { w.forms = nil })
		w.sys.Tell(messages.PathAddress, claim(ownerA, 1, one))
		if _, err := w.sys.Ask(messages.PathAddress, time.Second, &messages.AwaitAddresses{}); err != nil {
			w.t.Fatal(err)
		}
		w.want("kernel", w.kernel(), "1 192.0.2.1/24")
	})
	bubble(t, "a renamed owner keeps what it has", func(w *world) {
		w.with(func() { w.held = true })
		w.tell(claim(ownerA, 1, one), &messages.RenameOwner{From: ownerA, To: ownerB})
		w.with(func() { w.held = false })
		synctest.Wait()
		w.want("told", w.got(ownerB), "applied true 1")
		w.tell(claim(ownerB, 0, one))
		w.want("told", w.got(ownerB), "applied true 1")
		w.tell(&messages.ReleaseAddresses{Owner: ownerB})
		w.want("kernel", w.kernel(), "")
	})
}

func TestOptionsReachTheKernel(t *testing.T) {
	v4 := config.Address{
		Prefix: netip.MustParsePrefix("192.0.2.1/32"), Interface: "eth0", Scope: 253, Label: "eth0:v",
		Peer: netip.MustParsePrefix("192.0.2.9/30"), PreferredLifetime: config.Forever, AutoJoin: true, Home: true,
	}
	v6 := config.Address{Prefix: netip.MustParsePrefix("2001:db8::1/64"), DAD: false, PreferredLifetime: 90 * time.Second, MngTmpAddr: true, PrefixRoute: true}
	dad := config.Address{Prefix: netip.MustParsePrefix("2001:db8::2/64"), DAD: true, PreferredLifetime: 0, PrefixRoute: true}
	got := wishesOf([]config.Address{v4, v6, dad})
	want := []plan.Form{
		{
			Prefix: netip.MustParsePrefix("192.0.2.1/30"), Peer: netip.MustParseAddr("192.0.2.9"), Label: "eth0:v", Scope: 253, Protocol: 18,
			AutoJoin: true, Home: true, NoPrefixRoute: true, Preferred: plan.Forever, Valid: plan.Forever,
		},
		{Prefix: v6.Prefix, Protocol: 18, NoDAD: true, ManageTemp: true, Preferred: 90, Valid: plan.Forever},
		{Prefix: dad.Prefix, Protocol: 18, Preferred: 0, Valid: plan.Forever},
	}
	for i := range want {
		if got[i].Form != want[i] {
			t.Errorf("address %d:\n got %+v\nwant %+v", i, got[i].Form, want[i])
		}
	}
}

func TestRemovalByOthers(t *testing.T) {
	one, two := addr("eth0", "192.0.2.1/24"), addr("eth0", "192.0.2.2/24")
	quiet := two
	quiet.Tracked = false
	gone := func(w *world, p netip.Prefix) *messages.AddressRemoved {
		w.with(func() { w.drop(plan.Form{Index: 1, Prefix: p}) })
		return &messages.AddressRemoved{Ifindex: 1, Prefix: p}
	}
	bubble(t, "a tracked address is reported once and not put back", func(w *world) {
		w.tell(claim(ownerA, 1, one, two))
		w.got(ownerA)
		m := gone(w, one.Prefix)
		w.tell(m)
		w.tell(m)
		w.want("told", w.got(ownerA), "lost 192.0.2.1/24")
		w.want("kernel", w.kernel(), "1 192.0.2.2/24")
	})
	bubble(t, "an untracked one is not, and stays away until released", func(w *world) {
		w.tell(claim(ownerA, 1, quiet))
		w.got(ownerA)
		w.tell(gone(w, quiet.Prefix))
		w.tell(claim(ownerA, 0, quiet))
		w.want("told", w.got(ownerA), "applied true 0")
		w.want("kernel", w.kernel(), "")
		w.tell(&messages.ReleaseAddresses{Owner: ownerA}, claim(ownerA, 1, quiet))
		w.want("kernel", w.kernel(), "1 192.0.2.2/24")
	})
	bubble(t, "our own removal and addition is none", func(w *world) {
		w.tell(claim(ownerA, 1, one), &messages.ReleaseAddresses{Owner: ownerA}, claim(ownerA, 1, one))
		w.got(ownerA)
		w.tell(&messages.AddressRemoved{Ifindex: 1, Prefix: one.Prefix}) // the echo of the release
		w.want("told", w.got(ownerA), "")
		w.want("kernel", w.kernel(), "1 192.0.2.1/24")
	})
	bubble(t, "a resync finds what was missed", func(w *world) {
		w.tell(claim(ownerA, 1, one, two))
		w.got(ownerA)
		gone(w, two.Prefix)
		w.tell(&messages.LinkResynced{})
		w.want("told", w.got(ownerA), "lost 192.0.2.2/24")
	})
	bubble(t, "what our removal took along is put back, not lost", func(w *world) {
		w.tell(claim(ownerA, 1, one), claim(ownerB, 3, two))
		w.announced()
		w.with(func() { w.taken = []plan.Form{{Index: 1, Prefix: two.Prefix}} })
		w.got(ownerB)
		w.tell(&messages.ReleaseAddresses{Owner: ownerA}, &messages.AddressRemoved{Ifindex: 1, Prefix: two.Prefix})
		w.want("told", w.got(ownerB), "")
		w.want("kernel", w.kernel(), "1 192.0.2.2/24")
		w.want("announced", w.announced(), "192.0.2.2 x3")
	})
	bubble(t, "a dump that fails is tried again", func(w *world) {
		w.with(func() { w.refuse[netip.IPv4Unspecified()] = fmt.Errorf("first dump") })
		w.tell(claim(ownerA, 1, one))
		w.got(ownerA)
		w.tell(gone(w, one.Prefix))
		w.want("told", w.got(ownerA), "")
		time.Sleep(retryAfter)
		synctest.Wait()
		w.want("told", w.got(ownerA), "lost 192.0.2.1/24")
	})
}

func TestAdoption(t *testing.T) {
	one := addr("eth0", "192.0.2.1/24")
	bubble(t, "the same options are adopted, others replaced", func(w *world) {
		right := plan.Form{Index: 1, Prefix: one.Prefix, Preferred: plan.Forever, Valid: plan.Forever, Label: "eth0"}
		wrong := plan.Form{Index: 1, Prefix: netip.MustParsePrefix("192.0.2.2/24"), Preferred: plan.Forever, Valid: plan.Forever, Label: "eth0:old"}
		w.with(func() { w.forms = []plan.Form{right, wrong} })
		w.tell(claim(ownerA, 1, one, addr("eth0", "192.0.2.2/24")))
		w.with(func() {
			if w.forms[0] != right {
				t.Errorf("adopted address became %+v", w.forms[0])
			}
			if w.forms[1].Label != "" || w.forms[1].Protocol != plan.ProtocolOurs {
				t.Errorf("other address is still %+v", w.forms[1])
			}
		})
	})
}

func TestQuietAdoption(t *testing.T) {
	bubble(t, "a master that resumes announces only what was missing", func(w *world) {
		there, missing := addr("eth0", "192.0.2.1/24"), addr("eth0", "192.0.2.2/24")
		left := plan.Form{Index: 1, Prefix: there.Prefix, Preferred: plan.Forever, Valid: plan.Forever, Label: "eth0"}
		w.with(func() { w.forms = []plan.Form{left} })
		w.tell(claim(ownerA, 0, there, missing)) // link has not told of eth0 yet
		w.want("announced", w.announced(), "192.0.2.2 x1")
		w.want("kernel", w.kernel(), "1 192.0.2.1/24, 1 192.0.2.2/24")
		w.want("told", w.got(ownerA), "applied true 2")
		w.tell(&messages.ReleaseAddresses{Owner: ownerA})
		w.want("kernel", w.kernel(), "")
		w.with(func() { w.forms = []plan.Form{left} })
		w.tell(claim(ownerA, 3, there)) // a takeover announces whatever was there
		w.want("announced", w.announced(), "192.0.2.1 x3")
	})
}

func TestInterfaces(t *testing.T) {
	late := addr("eth9", "192.0.2.1/24")
	bubble(t, "a wish waits for its interface and follows it", func(w *world) {
		w.tell(claim(ownerA, 3, late))
		w.want("told", w.got(ownerA), "applied true 0 192.0.2.1/24: interface eth9 is not there")
		w.with(func() {
			w.ifaces["eth9"] = messages.Interface{Name: "eth9", Index: 9, MAC: [6]byte{2, 9}, HasMAC: true}
		})
		w.tell(w.link("eth9"))
		w.want("kernel", w.kernel(), "9 192.0.2.1/24")
		w.want("announced", w.announced(), "192.0.2.1 x3")
		w.want("told once more", w.got(ownerA), "applied true 1")
		w.with(func() { delete(w.ifaces, "eth9"); w.forms = nil })
		w.tell(w.link("eth9"), &messages.AddressRemoved{Ifindex: 9, Prefix: late.Prefix})
		w.want("told", w.got(ownerA), "")
		w.with(func() { w.ifaces["eth9"] = messages.Interface{Name: "eth9", Index: 10} })
		w.tell(w.link("eth9"))
		w.want("kernel", w.kernel(), "10 192.0.2.1/24")
		w.want("announced without a MAC", w.announced(), "")
	})
	bubble(t, "a released wish is not performed later", func(w *world) {
		w.tell(claim(ownerA, 3, late), &messages.ReleaseAddresses{Owner: ownerA})
		w.with(func() { w.ifaces["eth9"] = messages.Interface{Name: "eth9", Index: 9} })
		w.tell(w.link("eth9"))
		w.want("kernel", w.kernel(), "")
	})
	bubble(t, "a source is announced, once its interface is known", func(w *world) {
		w.tell(&messages.AnnounceSource{Interface: "eth0", Address: netip.MustParseAddr("192.0.2.77")})
		w.want("announced", w.announced(), "192.0.2.77 x1")
		w.want("kernel", w.kernel(), "")
	})
}

func TestCleaning(t *testing.T) {
	bubble(t, "left-overs go, wishes and others' addresses stay", func(w *world) {
		held := addr("eth0", "192.0.2.1/24")
		w.tell(claim(ownerA, 1, held))
		w.with(func() {
			for _, p := range []string{"192.0.2.2/24", "192.0.2.3/24", "192.0.2.4/24"} {
				w.forms = append(w.forms, plan.Form{Index: 2, Prefix: netip.MustParsePrefix(p)})
			}
			w.forms[2].Protocol = plan.ProtocolOurs
		})
		answer, err := w.sys.Ask(messages.PathAddress, time.Second, &messages.CleanAddresses{
			Addresses: []config.Address{addr("eth1", "192.0.2.2/24"), addr("eth7", "192.0.2.4/24"), held},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.want("removed", fmt.Sprint(answer.(*messages.AddressesCleaned).Removed), "[192.0.2.2/24]")
		w.want("kernel", w.kernel(), "1 192.0.2.1/24, 2 192.0.2.3/24, 2 192.0.2.4/24")
	})
}
