package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

const (
	demoPace    = 3 * time.Second  // between two steps on the screen
	demoMaxPace = time.Minute      // keeps what the client notes bounded
	demoCurtain = 30 * time.Second // the last picture, unless a key is pressed

	demoMinAdvert = 20 * time.Millisecond
	demoMaxAdvert = 2 * time.Second
	demoAdvertBy  = 10 * time.Millisecond // the unit of version 3 (RFC 9568 section 5.2.7)
)

// demoFlags are the options of `understudy demo`.
type demoFlags struct {
	headless bool
	advert   time.Duration
	pace     time.Duration
}

func newDemoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a takeover live: two routers, a client, crashes (root)",
		Long: `Build two routers, a client and a switch out of network namespaces on this
machine and show live who is master, while the client asks the virtual address
100 times a second. Then:

  1  both routers start; the one of higher priority becomes master
  2  the master's actor is crashed, five times: the client notices nothing
  3  the master is killed (kill -9, and its service falls silent with it): the
     outage is measured beside the least that the protocol allows
  4  it is started again and takes over without an outage

Each step checks what it shows; if that fails the exit code is 1. Everything
that was made is removed at the end, also on an error and on Ctrl-C. Nothing
outside the namespaces is touched.

A key ends a pause early. Without a terminal it runs as with --headless.`,
		Example: "  understudy demo\n  understudy demo --headless\n  understudy demo --advert 1s --pace 6s",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runDemo(cmd, f) },
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.BoolVar(&f.headless, "headless", false, "print timeline and measurements as lines, without pauses")
	fl.DurationVar(&f.advert, "advert", 100*time.Millisecond, "advert interval of both routers, 20ms to 2s in steps of 10ms")
	fl.DurationVar(&f.pace, "pace", demoPace, "pause before each step on the screen, at most 1m")
	return cmd
}

func (f demoFlags) check() error {
	if f.advert < demoMinAdvert || f.advert > demoMaxAdvert || f.advert%demoAdvertBy != 0 {
		return fmt.Errorf("--advert %v: want %v to %v in steps of %v", f.advert, demoMinAdvert, demoMaxAdvert, demoAdvertBy)
	}
	if f.pace < 0 || f.pace > demoMaxPace {
		return fmt.Errorf("--pace %v: want 0s to %v", f.pace, demoMaxPace)
	}
	return nil
}

func runDemo(cmd *cobra.Command, f demoFlags) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	if err := demoPossible(); err != nil {
		return err
	}
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	s, err := newDemoShow(binary, f.advert)
	if errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("the demo needs CAP_SYS_ADMIN and CAP_NET_ADMIN, which a container may lack even for root: %w", err)
	}
	if err != nil {
		return fmt.Errorf("build the network of the demo: %w", err)
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if f.headless || !isTerminal(os.Stdout) {
		return demoHeadless(ctx, s, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return demoLive(ctx, s, f.pace, cmd.OutOrStdout(), cmd.ErrOrStderr())
}

var errInterrupted = errors.New("interrupted")

// play goes through the steps. before is called ahead of each, after is told
// what each has shown.
func (s *demoShow) play(ctx context.Context, steps []demoStep, before func(i int, title string) error, after func(i int, o demoOutcome, err error)) error {
	s.mu.Lock()
	for _, st := range steps {
		s.steps = append(s.steps, demoProgress{title: st.title})
	}
	s.mu.Unlock()
	for i, st := range steps {
		s.progress(i, demoRunning, "")
		err := before(i, st.title)
		var o demoOutcome
		if err == nil {
			o, err = st.run(s, ctx)
		}
		if ctx.Err() != nil {
			return errInterrupted
		}
		for _, r := range s.routers() {
			r.poll() // what the timeline lacks of this step
		}
		if err != nil {
			s.progress(i, demoFailed, err.Error())
		} else {
			s.progress(i, demoDone, o.short)
		}
		after(i, o, err)
		if err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// demoHeadless prints each step as it ends: its timeline, then its measurements.
func demoHeadless(ctx context.Context, s *demoShow, out, errOut io.Writer) error {
	from := s.began
	before := func(i int, title string) error {
		fmt.Fprintf(out, "%d. %s\n", i+1, title)
		return nil
	}
	after := func(_ int, o demoOutcome, _ error) {
		for _, l := range s.lines.since(from) {
			fmt.Fprintln(out, demoLineView{at: l.at.Sub(s.began), who: l.who, text: l.text}.row().encode(demoReportWidth, false))
			from = l.at.Add(1)
		}
		demoPrintFacts(out, o)
	}
	return demoReport(s, errOut, s.play(ctx, demoSteps(), before, after))
}

const demoReportWidth = 1 << 10 // lines of a report are not cut

func demoPrintFacts(out io.Writer, o demoOutcome) {
	for _, f := range o.facts {
		fmt.Fprintf(out, "   %-26s %s\n", f.label, f.value)
	}
}

// demoReport adds what the daemons logged to a failure.
func demoReport(s *demoShow, errOut io.Writer, err error) error {
	if err != nil && !errors.Is(err, errInterrupted) {
		fmt.Fprint(errOut, s.logs())
	}
	return err
}

// demoLive plays on the screen, waits at the end, and leaves the measurements
// on the terminal.
func demoLive(ctx context.Context, s *demoShow, pace time.Duration, out, errOut io.Writer) error {
	t, err := openDemoTerminal(os.Stdin, os.Stdout)
	if err != nil {
		return err
	}
	drawing, stop := context.WithCancel(ctx)
	key, drawn := make(chan struct{}, 1), make(chan error, 1)
	go func() { drawn <- t.play(drawing, s.view, key) }() // ends with drawing

	outcomes := make([]demoOutcome, 0, len(demoSteps()))
	before := func(i int, _ string) error {
		if i == 0 {
			return nil
		}
		return demoPause(ctx, pace, key)
	}
	err = s.play(ctx, demoSteps(), before, func(_ int, o demoOutcome, _ error) { outcomes = append(outcomes, o) })
	if !errors.Is(err, errInterrupted) {
		_ = demoPause(ctx, demoCurtain, key) // ended early by a key or a signal: the show is over anyway
	}
	stop()
	err = errors.Join(err, <-drawn, t.close())
	for i, o := range outcomes {
		fmt.Fprintf(out, "%d. %s\n", i+1, demoSteps()[i].title)
		demoPrintFacts(out, o)
	}
	return demoReport(s, errOut, err)
}

// demoPause lets the time pass. A key ends it early; the context too, with an error.
func demoPause(ctx context.Context, d time.Duration, key <-chan struct{}) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-key:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
