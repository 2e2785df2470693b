package main

import (
	"github.com/understudy-ha/understudy/actors/address"
	"github.com/understudy-ha/understudy/actors/address/plan"
	"github.com/understudy-ha/understudy/actors/link"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/kernel"
)

// addressWriter is kernel.Writer in the words of the address actor.
type addressWriter struct{ *kernel.Writer }

// Prepare implements address.Writer.
func (w addressWriter) Prepare(j address.Job) func() bool {
	k := kernel.Job{ID: j.ID, Owner: j.Owner, Cancel: j.Cancel, Repeat: j.Repeat, Quiet: j.Quiet}
	for _, f := range j.Dels {
		k.Dels = append(k.Dels, kernel.Address(f))
	}
	for _, a := range j.Adds {
		k.Adds = append(k.Adds, kernel.Add{Address: kernel.Address(a.Form), Held: a.Held, Frame: a.Frame})
	}
	if done := j.Done; done != nil {
		k.Done = func(r kernel.Result) { done(result(r)) }
	}
	p := kernel.Prepare(k)
	return func() bool { return w.Submit(p) }
}

func result(r kernel.Result) address.Result {
	out := address.Result{
		Failed: failures(r.Failed), DelFailed: failures(r.DelFailed), Existed: map[int]bool{},
		Unsure: r.Unsure, Unsent: r.Unsent, SendErr: r.SendErr,
	}
	for _, i := range r.Existed {
		out.Existed[i] = true
	}
	for _, a := range r.Collateral {
		out.Collateral = append(out.Collateral, plan.Form(a))
	}
	return out
}

func failures(list []kernel.Failure) map[int]error {
	out := map[int]error{}
	for _, f := range list {
		out[f.Index] = f.Err
	}
	return out
}

// addressReader is kernel.Reader in the words of the address actor.
type addressReader struct{ *kernel.Reader }

// Addresses implements address.Reader.
func (r addressReader) Addresses() ([]plan.Form, error) {
	found, err := r.DumpAddresses()
	out := make([]plan.Form, len(found))
	for i, f := range found {
		out[i] = plan.Form(f.Address)
	}
	return out, err
}

// linkReader is kernel.Reader in the words of the link actor.
type linkReader struct{ *kernel.Reader }

// Links implements link.Reader.
func (r linkReader) Links() ([]messages.Interface, error) {
	links, err := r.DumpLinks()
	out := make([]messages.Interface, len(links))
	for i, l := range links {
		out[i] = interfaceOf(l)
	}
	return out, err
}

// Addresses implements link.Reader.
func (r linkReader) Addresses() ([]link.Address, error) {
	found, err := r.DumpAddresses()
	out := make([]link.Address, len(found))
	for i, f := range found {
		out[i] = addressOf(f)
	}
	return out, err
}

// linkMonitor is kernel.Monitor in the words of the link actor.
type linkMonitor struct{ *kernel.Monitor }

// Take implements link.Monitor.
func (m linkMonitor) Take() link.Events {
	e := m.Monitor.Take()
	out := link.Events{Resync: e.Resync}
	for _, l := range e.Links {
		out.Links = append(out.Links, link.LinkEvent{Link: interfaceOf(l.Link), Deleted: l.Deleted})
	}
	for _, a := range e.Addresses {
		out.Addresses = append(out.Addresses, link.AddressEvent{Address: addressOf(a.Address), Present: a.Present, Removed: a.Removed})
	}
	return out
}

func interfaceOf(l kernel.Link) messages.Interface {
	return messages.Interface{
		Name: l.Name, Index: l.Index, MAC: l.MAC, HasMAC: l.HasMAC, MTU: l.MTU,
		Loopback: l.Loopback, Multicast: l.Multicast, Up: l.Up,
	}
}

func addressOf(f kernel.Found) link.Address {
	return link.Address{Ifindex: f.Index, Prefix: f.Prefix, Peer: f.Peer, Protocol: f.Protocol, Usable: f.Usable()}
}
