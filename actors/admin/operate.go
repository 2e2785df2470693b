package admin

import (
	"errors"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

// Reload applies or plans a configuration.
func (b *Backend) Reload(file string, dryRun bool) (messages.ReloadDone, error) {
	if err := b.orders(); err != nil && !dryRun {
		return messages.ReloadDone{}, err
	}
	d, err := ask[*messages.ReloadDone](b, messages.PathReload, reloadLimit, &messages.Reload{File: file, DryRun: dryRun})
	if err != nil {
		return messages.ReloadDone{}, err
	}
	return *d, nil
}

// Stop begins the drain. From then on orders are refused.
func (b *Backend) Stop(handover bool) error {
	if !b.leaving.CompareAndSwap(false, true) {
		return b.orders()
	}
	if err := b.stop(handover); err != nil {
		b.leaving.Store(false)
		return err
	}
	return nil
}

// Leave is told when the drain begins by other means, e.g. a signal.
func (b *Backend) Leave() { b.leaving.Store(true) }

// Switchover hands the mastership of the instance over, or takes it back. It
// waits up to a down interval for the other router.
func (b *Backend) Switchover(path string, order messages.Switchover) error {
	st, err := b.Instance(path)
	if err != nil {
		return err
	}
	wait := time.Duration(st.DownInterval * float64(time.Second))
	return b.order(path, wait+askLimit, &order)
}

// Garp announces the addresses of the instance once.
func (b *Backend) Garp(path string) error { return b.order(path, askLimit, &messages.Garp{}) }

func (b *Backend) order(path string, limit time.Duration, msg any) error {
	if err := b.orders(); err != nil {
		return err
	}
	d, err := ask[*messages.Done](b, path, limit, msg)
	switch {
	case err != nil:
		return err
	case d.Error == "":
		return nil
	case d.Conflict:
		return refuse(messages.ErrConflict, "%s", d.Error)
	}
	return errors.New(d.Error)
}

// orders refuses while the daemon stops.
func (b *Backend) orders() error {
	if b.leaving.Load() {
		return refuse(messages.ErrConflict, "the daemon is stopping")
	}
	return nil
}

// Kill injects a failure. The API itself and the injector are spared.
func (b *Backend) Kill(order messages.Kill) error {
	if err := b.orders(); err != nil {
		return err
	}
	if order.Path == messages.PathAdmin || order.Path == messages.PathChaos {
		return refuse(messages.ErrConflict, "%s cannot be killed", order.Path)
	}
	s := b.system.Load()
	if s == nil {
		return refuse(messages.ErrConflict, "the daemon is starting")
	}
	if err := (*s).Kill(order); err != nil {
		return refusalOf(order.Path, err)
	}
	return nil
}
