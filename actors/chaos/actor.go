// Package chaos is the actor that breaks others on purpose: it takes kill
// orders from the operator and repeats them on schedule. The breaking itself
// is the supervisors' work. It is part of the tree only when enabled.
package chaos

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/understudy-ha/understudy/actors/timer"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/supervisors"
)

// Limits of orders.
const (
	mostOrders = 64   // that run at the same time
	mostTimes  = 1000 // kills of one order
)

// Killer breaks the actor at a path; *supervisors.System is one.
type Killer interface {
	Kill(path string, spec supervisors.KillSpec) error
}

// Actor runs the orders.
type Actor struct {
	killer Killer
	cell   *supervisors.Cell
	log    *slog.Logger
	timers *timer.Set[uint64]
	state  state
}

// state is what the memory cell keeps: a kill of the supervisor above must
// not end the orders.
type state struct {
	Last   uint64  // number of the newest order
	Orders []order // copied on write
}

// order is a repeated kill with something left to do.
type order struct {
	Number uint64
	Path   string
	Mode   string
	Count  bool
	Left   int
	Every  time.Duration
	Next   time.Time // when the next is due
}

// New returns the actor.
func New(c supervisors.Child, k Killer) *Actor {
	return &Actor{
		killer: k,
		cell:   c.Cell,
		log:    c.Log,
		timers: timer.New[uint64](func(msg any) { c.Tell(c.Path, msg) }),
	}
}

// Receive handles one message.
func (a *Actor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		a.resume()
	case *actor.Stopping, *actor.Restarting:
		a.timers.StopAll()
	case *messages.ChaosKill:
		err := a.accept(msg)
		done := &messages.Done{}
		if err != nil {
			done.Error = err.Error()
			done.Conflict = errors.Is(err, supervisors.ErrProtected) || errors.Is(err, supervisors.ErrNotRunning) || errors.Is(err, errBusy)
		}
		ctx.Respond(done)
	case *timer.Fired[uint64]:
		if a.timers.Take(msg) {
			a.again(msg.ID)
		}
	}
}

var errBusy = errors.New("too many kill orders are running")

// resume arms what was left; overdue kills happen now.
func (a *Actor) resume() {
	a.state, _ = supervisors.Recall[state](a.cell)
	for _, o := range a.state.Orders {
		a.timers.Arm(o.Number, time.Until(o.Next))
	}
}

// accept does the first kill of an order and schedules the others.
func (a *Actor) accept(k *messages.ChaosKill) error {
	times := max(k.Times, 1)
	switch {
	case times > mostTimes:
		return fmt.Errorf("kill %s: %d times is more than %d", k.Path, times, mostTimes)
	case k.Every < 0:
		return fmt.Errorf("kill %s: negative interval %v", k.Path, k.Every)
	case k.Every == 0: // one after the other, without a schedule
		return a.killer.Kill(k.Path, supervisors.KillSpec{Mode: k.Mode, Times: times, Count: k.Count})
	case times > 1 && len(a.state.Orders) == mostOrders:
		return fmt.Errorf("kill %s: %w", k.Path, errBusy)
	}
	if err := a.killer.Kill(k.Path, supervisors.KillSpec{Mode: k.Mode, Times: 1, Count: k.Count}); err != nil {
		return err
	}
	if times == 1 {
		return nil
	}
	a.state.Last++
	a.book(order{
		Number: a.state.Last, Path: k.Path, Mode: k.Mode, Count: k.Count,
		Left: times - 1, Every: k.Every, Next: time.Now().Add(k.Every),
	})
	return nil
}

// again does the next kill of an order. One that fails, since the actor has
// been removed or given up, ends its order. It is booked first: whatever
// crashes, no kill is done twice.
func (a *Actor) again(number uint64) {
	i := slices.IndexFunc(a.state.Orders, func(o order) bool { return o.Number == number })
	if i < 0 {
		return
	}
	o := a.state.Orders[i]
	o.Left--
	o.Next = o.Next.Add(o.Every)
	a.book(o)
	if err := a.killer.Kill(o.Path, supervisors.KillSpec{Mode: o.Mode, Times: 1, Count: o.Count}); err != nil {
		a.log.Info("kill order ended early", "path", o.Path, "left", o.Left, "err", err)
		o.Left = 0
		a.book(o)
	}
}

// book keeps what is left of an order and arms its next kill.
func (a *Actor) book(o order) {
	orders := slices.DeleteFunc(slices.Clone(a.state.Orders), func(old order) bool { return old.Number == o.Number })
	if o.Left > 0 {
		orders = append(orders, o)
		a.timers.Arm(o.Number, time.Until(o.Next))
	} else {
		a.timers.Stop(o.Number)
	}
	a.state.Orders = orders
	supervisors.Remember(a.cell, a.state)
}
