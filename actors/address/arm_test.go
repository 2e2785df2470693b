package address

import (
	"testing"
	"testing/synctest"

	"github.com/understudy-ha/understudy/messages"
)

// trigger takes the trigger that an owner was given.
func (w *world) trigger(owner string) func() {
	w.t.Helper()
	for {
		select {
		case m := <-w.mail[owner]:
			if m, ok := m.(*messages.ClaimArmed); ok {
				return m.Fire
			}
		default:
			w.t.Fatal("no trigger")
		}
	}
}

func TestArmedClaim(t *testing.T) {
	one := addr("eth0", "192.0.2.1/24")
	arm := &messages.ArmClaim{Owner: ownerA, Addresses: claim("", 0, one).Addresses, Announce: 5}
	bubble(t, "fires once, and the claim that follows has nothing to do", func(w *world) {
		w.tell(arm)
		fire := w.trigger(ownerA)
		w.want("kernel before", w.kernel(), "")
		fire()
		fire()
		synctest.Wait()
		w.want("kernel", w.kernel(), "1 192.0.2.1/24")
		w.want("announced", w.announced(), "192.0.2.1 x5")
		w.tell(claim(ownerA, 5, one))
		w.want("announced again", w.announced(), "")
		w.want("told", w.got(ownerA), "applied true 1")
		w.tell(&messages.ReleaseAddresses{Owner: ownerA})
		w.want("kernel", w.kernel(), "")
	})
	bubble(t, "is answered for while its job is under way", func(w *world) {
		w.tell(arm)
		fire := w.trigger(ownerA)
		w.with(func() { w.held = true })
		fire()
		w.tell(claim(ownerA, 5, one))
		w.want("told", w.got(ownerA), "")
		w.with(func() { w.held = false })
		synctest.Wait()
		w.want("told", w.got(ownerA), "applied true 1")
		w.want("announced", w.announced(), "192.0.2.1 x5")
	})
	bubble(t, "withdrawn it does not fire", func(w *world) {
		w.tell(arm)
		fire := w.trigger(ownerA)
		w.tell(&messages.DisarmClaim{Owner: ownerA})
		fire()
		synctest.Wait()
		w.want("kernel", w.kernel(), "")
	})
	bubble(t, "fired before it was withdrawn it is taken back", func(w *world) {
		w.tell(arm)
		w.trigger(ownerA)()
		w.tell(&messages.DisarmClaim{Owner: ownerA})
		w.want("kernel", w.kernel(), "")
		w.tell(arm)
		w.trigger(ownerA)()
		w.tell(claim(ownerA, 5, one), &messages.DisarmClaim{Owner: ownerA})
		w.want("kernel of a master", w.kernel(), "1 192.0.2.1/24")
	})
	bubble(t, "the owner's end withdraws it", func(w *world) {
		w.tell(arm)
		fire := w.trigger(ownerA)
		w.tell(&messages.ReleaseOwner{Owner: ownerA})
		fire()
		synctest.Wait()
		w.want("kernel", w.kernel(), "")
	})
	bubble(t, "follows its interface", func(w *world) {
		w.tell(arm)
		fire := w.trigger(ownerA)
		w.with(func() {
			w.ifaces["eth0"] = messages.Interface{Name: "eth0", Index: 11, MAC: [6]byte{2, 7}, HasMAC: true}
		})
		w.tell(w.link("eth0"))
		fire()
		synctest.Wait()
		w.want("kernel", w.kernel(), "11 192.0.2.1/24")
		w.want("told", w.got(ownerA), "")
	})
	bubble(t, "does not take another's address", func(w *world) {
		w.tell(claim(ownerB, 1, one), arm)
		w.announced()
		w.trigger(ownerA)()
		synctest.Wait()
		w.want("announced", w.announced(), "")
		w.tell(claim(ownerA, 5, one))
		w.want("told", w.got(ownerA), "applied true 0 192.0.2.1/24: address is held by /vrrp/b")
	})
	bubble(t, "outlives the actor, before and after it fires", func(w *world) {
		w.tell(arm)
		fire := w.trigger(ownerA)
		w.kill()
		fire()
		synctest.Wait()
		w.want("kernel", w.kernel(), "1 192.0.2.1/24")
		w.want("announced", w.announced(), "192.0.2.1 x5")
		w.kill()
		w.tell(claim(ownerA, 5, one))
		w.settle()
		w.want("announced again", w.announced(), "")
		w.tell(&messages.ReleaseAddresses{Owner: ownerA})
		w.want("kernel", w.kernel(), "")
	})
}
