package address_test

import (
	"time"

	"github.com/understudy-ha/understudy/actors/address"
	"github.com/understudy-ha/understudy/actors/address/plan"
	"github.com/understudy-ha/understudy/actors/link"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/kernel"
)

// addressWriter lets the address actor use the kernel's writer.
type addressWriter struct{ *kernel.Writer }

func (w addressWriter) Prepare(j address.Job) func() bool {
	k := kernel.Job{ID: j.ID, Owner: j.Owner, Cancel: j.Cancel, Repeat: j.Repeat}
	for _, f := range j.Dels {
		k.Dels = append(k.Dels, kernel.Address(f))
	}
	for _, a := range j.Adds {
		k.Adds = append(k.Adds, kernel.Add{Address: kernel.Address(a.Form), Held: a.Held, Frame: a.Frame})
	}
	k.Done = func(r kernel.Result) { j.Done(addressResult(r)) }
	p := kernel.Prepare(k)
	return func() bool { return w.Submit(p) }
}

func (w addressWriter) Stop(limit time.Duration) bool { return w.Writer.Stop(limit) }

func addressResult(r kernel.Result) address.Result {
	out := address.Result{
		Failed: map[int]error{}, DelFailed: map[int]error{}, Existed: map[int]bool{},
		Unsure: r.Unsure, Unsent: r.Unsent, SendErr: r.SendErr,
	}
	for _, f := range r.Failed {
		out.Failed[f.Index] = f.Err
	}
	for _, f := range r.DelFailed {
		out.DelFailed[f.Index] = f.Err
	}
	for _, i := range r.Existed {
		out.Existed[i] = true
	}
	for _, a := range r.Collateral {
		out.Collateral = append(out.Collateral, plan.Form(a))
	}
	return out
}

// addressReader lets the address actor dump.
type addressReader struct{ *kernel.Reader }

func (r addressReader) Addresses() ([]plan.Form, error) {
	all, err := r.DumpAddresses()
	if err != nil {
		return nil, err
	}
	forms := make([]plan.Form, len(all))
	for i := range all {
		forms[i] = plan.Form(all[i].Address)
	}
	return forms, nil
}

// linkMonitor and linkReader let the link actor follow the kernel.
type linkMonitor struct{ *kernel.Monitor }

func (m linkMonitor) Take() link.Events {
	e := m.Monitor.Take()
	out := link.Events{Resync: e.Resync}
	for _, l := range e.Links {
		out.Links = append(out.Links, link.LinkEvent{Link: linkInterface(l.Link), Deleted: l.Deleted})
	}
	for _, a := range e.Addresses {
		out.Addresses = append(out.Addresses, link.AddressEvent{Address: linkAddress(a.Address), Present: a.Present, Removed: a.Removed})
	}
	return out
}

type linkReader struct{ *kernel.Reader }

func (r linkReader) Links() ([]messages.Interface, error) {
	all, err := r.DumpLinks()
	if err != nil {
		return nil, err
	}
	out := make([]messages.Interface, len(all))
	for i := range all {
		out[i] = linkInterface(all[i])
	}
	return out, nil
}

func (r linkReader) Addresses() ([]link.Address, error) {
	all, err := r.DumpAddresses()
	if err != nil {
		return nil, err
	}
	out := make([]link.Address, len(all))
	for i := range all {
		out[i] = linkAddress(all[i])
	}
	return out, nil
}

func linkInterface(l kernel.Link) messages.Interface {
	return messages.Interface{
		Name: l.Name, Index: l.Index, MAC: l.MAC, HasMAC: l.HasMAC, MTU: l.MTU,
		Loopback: l.Loopback, Multicast: l.Multicast, Up: l.Up,
	}
}

func linkAddress(f kernel.Found) link.Address {
	return link.Address{Ifindex: f.Index, Prefix: f.Prefix, Peer: f.Peer, Protocol: f.Protocol, Usable: f.Usable()}
}
