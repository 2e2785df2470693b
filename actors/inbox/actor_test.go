package inbox

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"

	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const path = "/net/inbox/vrrp4"

var group, other = netip.MustParseAddr("224.0.0.18"), netip.MustParseAddr("224.0.0.81")

// kernel is the socket and what it has joined. It panics at its nth call.
type kernel struct {
	mu     sync.Mutex
	opened int
	joined map[membership]bool
	calls  []string
	refuse map[string]error // by call

	at, n int // the nth call panics: at 1 before, 2 after it was done
	hit   string
}

func (k *kernel) call(what string, do func()) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls = append(k.calls, what)
	n := len(k.calls)
	if k.at == 1 && k.n == n {
		k.hit = "before " + what
		panic(what)
	}
	if err := k.refuse[what]; err != nil {
		return err
	}
	do()
	if k.at == 2 && k.n == n {
		k.hit = "after " + what
		panic(what)
	}
	return nil
}

func (k *kernel) open() (Socket, error) {
	if err := k.call("open", func() { k.opened++ }); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *kernel) Join(ifindex int, g netip.Addr) error {
	return k.call(fmt.Sprintf("join %d %s", ifindex, g), func() { k.joined[membership{ifindex, g}] = true })
}

func (k *kernel) Leave(ifindex int, g netip.Addr) error {
	return k.call(fmt.Sprintf("leave %d %s", ifindex, g), func() { delete(k.joined, membership{ifindex, g}) })
}

// members lists the memberships, sorted.
func (k *kernel) members() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for m := range k.joined {
		out = append(out, fmt.Sprintf("%d %s", m.ifindex, m.group))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func (k *kernel) with(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
}

type world struct {
	*kernel
	t   *testing.T
	sys *supervisors.System

	message, count int // the nth message panics, before it is handled
	late           bool
}

func virtual(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, kernel: &kernel{joined: map[membership]bool{}, refuse: map[string]error{}}}
		w.start()
		f(w)
	})
}

func (w *world) start() {
	shell := func(c supervisors.Child) actor.Actor {
		a := New(w.open)(c)
		return actor.ReceiveFunc(func(ctx actor.Context) {
			if _, restarting := ctx.Message().(*actor.Restarting); !restarting {
				w.count++
				if w.count == w.message && !w.late {
					panic("before a message")
				}
			}
			n := w.count
			a.Receive(ctx)
			if n == w.message && w.late {
				w.message = 0
				panic("after a message")
			}
		})
	}
	sys, err := supervisors.Start(supervisors.Node{Name: "understudy", Children: []supervisors.Node{
		{Name: "net", Children: []supervisors.Node{{Name: "inbox/vrrp4", New: shell}}},
	}}, supervisors.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.sys = sys
	w.t.Cleanup(func() { _ = sys.Close(time.Second); synctest.Wait() })
	synctest.Wait()
}

func (w *world) tell(msgs ...any) {
	for _, m := range msgs {
		w.sys.Tell(path, m)
	}
	synctest.Wait()
}

func (w *world) want(what, got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func (w *world) status() string {
	r, _ := w.sys.Registry().Record(path)
	s := r.Snapshot.(Status)
	return fmt.Sprintf("open %v, %d joined, %d refused, %q", s.Open, s.Memberships, s.Refused, s.LastError)
}

func join(owner string, ifindex int, g netip.Addr) *messages.JoinGroup {
	return &messages.JoinGroup{Owner: owner, Ifindex: ifindex, Group: g}
}

func TestMembershipsAreWhatOwnersWish(t *testing.T) {
	virtual(t, func(w *world) {
		w.want("without an owner", w.status(), `open false, 0 joined, 0 refused, ""`)
		w.tell(join("/a", 1, group), join("/b", 1, group), join("/c", 2, group))
		w.want("shared", w.members(), "1 224.0.0.18, 2 224.0.0.18")
		w.want("status", w.status(), `open true, 2 joined, 0 refused, ""`)
		w.tell(&messages.LeaveGroup{Owner: "/a"})
		w.want("one of two left", w.members(), "1 224.0.0.18, 2 224.0.0.18")
		w.tell(&messages.LeaveGroup{Owner: "/b"}, &messages.LeaveGroup{Owner: "/nobody"})
		w.want("both left", w.members(), "2 224.0.0.18")
		w.tell(join("/c", 3, other))
		w.want("moved", w.members(), "3 224.0.0.81")
		w.tell(join("/c", 0, group))
		w.want("its interface is gone", w.members(), "")
		w.tell(join("/d", 1, netip.Addr{}))
		w.want("without a group", w.members(), "")
		before := len(w.calls)
		w.tell(join("/e", 1, netip.Addr{}), join("/e", 1, netip.Addr{}))
		if len(w.calls) != before || w.opened != 1 {
			t.Errorf("needless calls %v, opened %d times", w.calls[before:], w.opened)
		}
	})
}

func TestWhatIsRefusedIsTriedAgain(t *testing.T) {
	virtual(t, func(w *world) {
		w.with(func() {
			w.refuse["open"], w.refuse["join 1 224.0.0.18"] = errors.New("no socket"), errors.New("no such device")
		})
		w.tell(join("/a", 1, group), join("/b", 2, group))
		w.want("no socket", w.status(), `open false, 0 joined, 0 refused, "no socket"`)
		w.with(func() { delete(w.refuse, "open") })
		time.Sleep(retryAfter)
		synctest.Wait()
		w.want("one refused", w.status(), `open true, 1 joined, 1 refused, "no such device"`)
		w.with(func() { w.refuse["leave 2 224.0.0.18"] = errors.New("gone") })
		w.tell(&messages.LeaveGroup{Owner: "/b"})
		w.with(func() { delete(w.refuse, "join 1 224.0.0.18") })
		time.Sleep(retryAfter)
		synctest.Wait()
		w.want("all well", w.status(), `open true, 1 joined, 0 refused, ""`)
		before := len(w.calls)
		time.Sleep(time.Minute)
		if len(w.calls) != before {
			t.Errorf("tried again without need: %v", w.calls[before:])
		}
	})
}

// life is what owners wish, and what it must come to.
func life() ([]any, string) {
	return []any{
		join("/a", 1, group), join("/b", 1, group), join("/c", 2, group), join("/a", 3, group),
		&messages.LeaveGroup{Owner: "/c"}, join("/c", 2, other), join("/b", 3, group), join("/d", 0, group),
	}, "2 224.0.0.81, 3 224.0.0.18"
}

// A panic at each message and at each call to the kernel costs at most the
// message that it swallows, which its owner repeats: memberships converge.
func TestACrashAnywhere(t *testing.T) {
	steps, want := life()
	run := func(w *world) {
		for _, m := range steps {
			w.tell(m)
			time.Sleep(10 * time.Second)
		}
		w.tell(steps[6:]...) // the last words of each, again
		w.tell(steps[5], steps[3])
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := w.members(); got != want {
			t.Errorf("%s, message %d: members %q, want %q", w.hit, w.message, got, want)
		}
		if w.opened > 2 || w.at != 2 && w.opened != 1 {
			t.Errorf("%s: opened %d times", w.hit, w.opened)
		}
		w.want("status of "+w.hit, w.status(), `open true, 2 joined, 0 refused, ""`)
	}
	for at := 1; at <= 2; at++ {
		for n, more := 1, true; more; n++ {
			virtual(t, func(w *world) {
				w.at, w.n = at, n
				run(w)
				more = w.hit != ""
			})
		}
	}
	for _, late := range []bool{false, true} {
		for n := 2; n <= len(steps)+1; n++ { // the first is the start
			virtual(t, func(w *world) {
				w.message, w.late = n, late
				run(w)
				if r, _ := w.sys.Registry().Record(path); r.Restarts != 1 {
					t.Errorf("message %d: %d restarts", n, r.Restarts)
				}
			})
		}
	}
}

func TestAKillBeforeTheStartIsSurvived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, kernel: &kernel{joined: map[membership]bool{}, refuse: map[string]error{}}, message: 1}
		w.start()
		w.tell(join("/a", 1, group))
		w.want("members", w.members(), "1 224.0.0.18")
	})
}

func TestAHungReaderIsReplaced(t *testing.T) {
	virtual(t, func(w *world) {
		w.tell(join("/a", 1, group))
		if err := w.sys.Kill(path, supervisors.KillSpec{Mode: supervisors.KillHang}); err != nil {
			t.Fatal(err)
		}
		w.tell(join("/b", 2, group))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		w.want("members", w.members(), "1 224.0.0.18, 2 224.0.0.18")
		time.Sleep(2 * time.Minute)
		w.want("status", w.status(), `open true, 2 joined, 0 refused, ""`)
	})
}
