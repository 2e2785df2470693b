package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
)

// demoShow is the whole demo: the network, the two routers, the client, and
// what the screen tells of them.
type demoShow struct {
	binary  string // of the daemons: this one
	vip     netip.Addr
	advert  time.Duration
	a, b    *demoRouter
	host    *lab.Host // of the client
	capture *lab.Capture
	lines   *demoTimeline
	began   time.Time

	lab   *lab.Lab
	stop  context.CancelFunc
	ended sync.WaitGroup

	mu     sync.Mutex
	client *demoClient // nil: not started yet
	steps  []demoProgress
}

// demoProgress is how far a step is.
type demoProgress struct {
	title  string
	state  demoStepState
	result string // one phrase, also of a failure
}

type demoStepState int

const (
	demoAhead demoStepState = iota
	demoRunning
	demoDone
	demoFailed
)

// newDemoShow builds the network and starts the services on both routers; no
// daemon runs yet. The caller closes the show.
func newDemoShow(binary string, advert time.Duration) (*demoShow, error) {
	l, err := lab.New("demo")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &demoShow{
		binary: binary, vip: netip.MustParseAddr("192.0.2.100"), advert: advert,
		lines: &demoTimeline{}, began: time.Now(), lab: l, stop: stop,
	}
	if err := s.build(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *demoShow) build(ctx context.Context) error {
	addr := netip.MustParseAddr
	a, b, c := addr("192.0.2.1"), addr("192.0.2.2"), addr("192.0.2.10")
	spec := func(host string, addr netip.Addr) lab.HostSpec {
		return lab.HostSpec{Host: host, Addrs: []netip.Prefix{netip.PrefixFrom(addr, 24)}}
	}
	segment, err := s.lab.Segment(spec("a", a), spec("b", b), spec("client", c))
	if err != nil {
		return err
	}
	if s.capture, err = segment.Capture(); err != nil {
		return err
	}
	s.host = segment.Find("client")
	if s.a, err = s.router(segment.Find("a"), a, 150); err != nil {
		return err
	}
	if s.b, err = s.router(segment.Find("b"), b, 100); err != nil {
		return err
	}
	for _, r := range s.routers() {
		s.ended.Go(func() { r.watch(ctx) }) // ends with close
	}
	s.began = time.Now()
	return nil
}

func (s *demoShow) router(h *lab.Host, addr netip.Addr, priority int) (*demoRouter, error) {
	service, err := startDemoService(h)
	if err != nil {
		return nil, err
	}
	return &demoRouter{
		name: h.Host, addr: addr, host: h, service: service, timeline: s.lines, dir: s.lab.Dir(),
		instance: lab.Instance{Name: demoInstance, Version: 3, Priority: priority, Interval: s.advert, VIPs: []netip.Prefix{netip.PrefixFrom(s.vip, 24)}},
	}, nil
}

func (s *demoShow) routers() []*demoRouter { return []*demoRouter{s.a, s.b} }

// close ends and removes all that the show made. The daemons go first: then
// nobody waits for an answer of theirs.
func (s *demoShow) close() error {
	s.stop()
	err := s.lab.Close()
	s.ended.Wait()
	for _, r := range s.routers() {
		if r != nil {
			r.service.close()
		}
	}
	if c := s.asking(); c != nil {
		c.close()
	}
	if err != nil {
		return fmt.Errorf("clean up: %w", err)
	}
	return nil
}

// ask lets the client begin.
func (s *demoShow) ask() (*demoClient, error) {
	c, err := startDemoClient(s.host, s.vip)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = c
	return c, nil
}

// asking is the client, nil before it began.
func (s *demoShow) asking() *demoClient {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.client
}

func (s *demoShow) progress(i int, state demoStepState, result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps[i].state, s.steps[i].result = state, result
}

// down is how long a router of the demo waits for a silent master.
func (s *demoShow) down(r *demoRouter) time.Duration {
	return lab.DownInterval(3, r.instance.Priority, s.advert)
}

// logs is the end of what the daemons logged, for a report of a failure.
func (s *demoShow) logs() string {
	const most = 4096 // bytes of each
	var out strings.Builder
	for _, r := range s.routers() {
		d := r.running()
		if d == nil {
			continue
		}
		text := d.Log()
		fmt.Fprintf(&out, "log of router %s:\n%s\n", r.name, text[max(0, len(text)-most):])
	}
	return out.String()
}

// demoPossible tells what is missing on this machine, before anything is made.
func demoPossible() error {
	if os.Geteuid() != 0 {
		return errors.New("the demo makes network namespaces and needs root: try sudo")
	}
	if _, err := os.Stat("/proc/self/ns/net"); err != nil {
		return fmt.Errorf("this kernel has no network namespaces: %w", err)
	}
	return nil
}
