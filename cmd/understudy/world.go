package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/understudy-ha/understudy/actors/address"
	"github.com/understudy-ha/understudy/actors/admin"
	"github.com/understudy-ha/understudy/actors/chaos"
	"github.com/understudy-ha/understudy/actors/inbox"
	"github.com/understudy-ha/understudy/actors/inspect"
	"github.com/understudy-ha/understudy/actors/link"
	pactor "github.com/understudy-ha/understudy/actors/pacer"
	"github.com/understudy-ha/understudy/actors/reload"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/netio/kernel"
	"github.com/understudy-ha/understudy/netio/pacer"
	"github.com/understudy-ha/understudy/netio/rawsock"
	"github.com/understudy-ha/understudy/supervisors"

	"github.com/asynkron/protoactor-go/actor"
)

// world is what the actors work with and what outlives them: the pacer and
// its sockets, the writer, the monitor.
type world struct {
	log     *slog.Logger
	now     func() int64
	pacer   *pacer.Pacer
	lines   lines
	sockets [2]*rawsock.VRRP // IPv4, IPv6; opened when first wanted
	frames  *rawsock.Link
	writer  *kernel.Writer
	reader  *kernel.Reader
	monitor *kernel.Monitor
}

// openWorld opens all that may be refused, so that a refusal is an error of
// the start and not a crash loop.
func openWorld(d *daemon) (*world, error) {
	clock := pacer.NewClock()
	w := &world{log: d.log, now: clock.Now}
	err := w.open(d, clock)
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *world) open(d *daemon, clock pacer.Clock) error {
	t := d.config.Global.Pacer
	var err error
	w.pacer, err = pacer.New(pacer.Config{
		Options: pacer.Options{Now: clock.Now, OnLeaseEnd: d.leaseEnded, OnMissed: d.missed, OnUnknown: d.unknownVRID, OnNear: w.near},
		Thread:  pacer.Thread{Name: t.Name, Nice: t.Nice, RTPriority: t.RTPriority, CPUs: t.CPUs},
		Problem: func(err error) { d.log.Warn("pacer thread runs with less than asked for", "err", err) },
	})
	if err != nil {
		return err
	}
	w.lines = lines{pacer: w.pacer, post: d.post}
	if w.frames, err = rawsock.OpenLink(); err != nil {
		return err
	}
	if w.writer, err = kernel.OpenWriter(w.frames); err != nil {
		return err
	}
	if w.reader, err = kernel.OpenReader(); err != nil {
		return err
	}
	port, err := w.writer.PortID()
	if err != nil {
		return err
	}
	if w.monitor, err = kernel.OpenMonitor(kernel.MonitorOptions{NoAddsOf: port}); err != nil {
		return err
	}
	for i := range d.config.VRRP.Instances {
		if _, err := w.socket(d.config.VRRP.Instances[i].Family == config.IPv6); err != nil {
			return err
		}
	}
	return nil
}

// socket opens the receive socket of a family once and lends it to the pacer.
func (w *world) socket(ipv6 bool) (*rawsock.VRRP, error) {
	open, f := rawsock.OpenVRRP4, 0
	if ipv6 {
		open, f = rawsock.OpenVRRP6, 1
	}
	if w.sockets[f] != nil {
		return w.sockets[f], nil
	}
	s, err := open(rawsock.Options{Now: w.now})
	if err != nil {
		return nil, err
	}
	if err := w.pacer.Attach(ipv6, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	w.sockets[f] = s
	return s, nil
}

// near keeps the writer awake for a takeover that may follow.
func (w *world) near() { w.writer.Standby() }

// close ends what the actors used; they are gone by now.
func (w *world) close() error {
	var errs []error
	add := func(err error) { errs = append(errs, err) }
	if w.pacer != nil {
		add(w.pacer.Close())
	}
	for _, s := range w.sockets {
		if s != nil {
			add(s.Close())
		}
	}
	if w.writer != nil {
		add(w.writer.Close())
	}
	if w.monitor != nil {
		add(w.monitor.Close())
	}
	if w.reader != nil {
		add(w.reader.Close())
	}
	if w.frames != nil {
		add(w.frames.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close sockets: %w", err)
	}
	return nil
}

// parts are the constructors of the static actors.
func (d *daemon) parts() supervisors.Parts {
	w := d.world
	open := func(ipv6 bool) inbox.Open {
		return func() (inbox.Socket, error) {
			s, err := w.socket(ipv6)
			if err != nil {
				return nil, err
			}
			return s, nil
		}
	}
	p := supervisors.Parts{
		Pacer:      pactor.New(w.pacer, w.lines),
		Link:       link.New(linkMonitor{w.monitor}, linkReader{w.reader}),
		Address:    address.New(addressWriter{w.writer}, addressReader{w.reader}),
		InboxVRRP4: inbox.New(open(false)),
		InboxVRRP6: inbox.New(open(true)),
		Inspect:    inspect.New(d.backend.Records),
		Reload:     reload.New(loadWith(d.flags), d.fleet, d.config),
		Admin:      admin.New(d.server),
	}
	if d.config.Admin.Chaos {
		p.Chaos = func(c supervisors.Child) actor.Actor { return chaos.New(c, killer{d}) }
	}
	return p
}

// killer reaches the system, which is not known yet when the tree is made.
type killer struct{ d *daemon }

func (k killer) Kill(path string, s supervisors.KillSpec) error {
	return k.d.system.Load().Kill(path, s)
}

// missed reports an actor that did not answer the pacer to the supervisors.
func (d *daemon) missed(path string) {
	if s := d.system.Load(); s != nil {
		s.ReportHang(path)
	}
}

// unknownVRID logs an advert of a virtual router that is not configured here.
func (d *daemon) unknownVRID(vrid uint8, src netip.Addr, ifindex int) {
	if d.fleet.options.Load().LogUnknownVRIDs {
		d.log.Info("advert of a virtual router that is not configured here", "vrid", vrid, "peer", src.String(), "ifindex", ifindex)
	}
}
