package supervisors

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

// crash writes the post-mortem and what the supervisor needs to judge it.
func (i *incarnation) crash(msg, reason any) {
	e := i.e
	kill, byKill := reason.(*injection)
	f := failure{
		closing:  i.closing,
		resuming: i.resuming(e.sys.now()),
		injected: byKill && !kill.count,
		reason:   describe(reason),
	}
	stack := string(debug.Stack())
	if t, ok := reason.(*taskFailed); ok {
		f.reason, stack = describe(t.reason), t.stack
	}
	c := messages.Crash{
		At: time.Now().UTC(), Message: fmt.Sprintf("%T", msg), Reason: f.reason,
		Stack: clip(stack, stackKept), State: e.stateBefore(), Generation: i.gen, Injected: byKill,
	}
	if !isLifecycle(msg) && !isInternal(msg) {
		e.dropped.Add(1)
	}
	if !i.closing {
		i.dead.Store(true)
		e.setState(Restarting)
	}
	e.mu.Lock()
	e.last = f
	e.keep(c)
	e.mu.Unlock()
	e.sys.cameUp(e)
}

// keep adds a post-mortem; the caller holds e.mu.
func (e *entry) keep(c messages.Crash) {
	if len(e.crashes) == crashesKept {
		e.crashes = append(e.crashes[:0], e.crashes[1:]...)
	}
	e.crashes = append(e.crashes, c)
}

// stateBefore shows the memory cell: it is written after each step, so it
// holds the state before the step that failed. Values behind pointers belong
// to others and are shown only if they know how.
func (e *entry) stateBefore() string {
	v := e.cell.load()
	if _, ok := v.(fmt.Stringer); !ok && v != nil && reflect.TypeOf(v).Kind() == reflect.Pointer {
		return fmt.Sprintf("%T", v)
	}
	if v == nil {
		return ""
	}
	return clip(fmt.Sprintf("%+v", v), stateKept)
}

func describe(reason any) string { return clip(fmt.Sprint(reason), reasonKept) }

func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
