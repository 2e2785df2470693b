package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/understudy-ha/understudy/integration/lab"
	"github.com/understudy-ha/understudy/messages"
)

const (
	demoKills     = 5
	demoKillPause = 250 * time.Millisecond // between two kills, and after the last
	demoSettle    = 300 * time.Millisecond // after a handover, for what is still on its way
	demoSlack     = time.Second            // above what the protocol takes, for a busy machine
	demoMaxGap    = 250 * time.Millisecond // without an answer while a router preempts
	demoEarly     = 5 * time.Millisecond   // how much too early a takeover may look
)

// demoFact is one line of the report.
type demoFact struct{ label, value string }

// demoOutcome is what a step has shown.
type demoOutcome struct {
	short string // one phrase
	facts []demoFact
}

func (o *demoOutcome) fact(label, format string, args ...any) {
	o.facts = append(o.facts, demoFact{label, fmt.Sprintf(format, args...)})
}

// demoStep is a part of the show. It fails if what it shows is not so.
type demoStep struct {
	title string
	run   func(*demoShow, context.Context) (demoOutcome, error)
}

func demoSteps() []demoStep {
	return []demoStep{
		{"Two routers start; a has the higher priority", (*demoShow).start},
		{fmt.Sprintf("The master's actor crashes, %d times", demoKills), (*demoShow).crash},
		{"The master dies: kill -9", (*demoShow).die},
		{"It comes back, and is master again", (*demoShow).comeBack},
	}
}

func (s *demoShow) start(ctx context.Context) (demoOutcome, error) {
	var o demoOutcome
	for _, r := range s.routers() {
		if _, err := r.start(ctx, s.binary); err != nil {
			return o, err
		}
	}
	began := s.a.running().Started
	if err := s.rolesWithin(ctx, s.down(s.b)+demoSlack, s.a, s.b); err != nil {
		return o, err
	}
	first, ok := s.capture.WaitAdvert(demoSlack, lab.From("a"))
	if !ok {
		return o, errors.New("the network carries no advert of a")
	}
	c, err := s.ask()
	if err != nil {
		return o, err
	}
	err = demoUntil(ctx, demoSlack, func() bool { by, _ := c.tally(time.Now()); return by["a"] > 0 })
	if err != nil {
		return o, fmt.Errorf("wait for an answer of a from %v: %w", s.vip, err)
	}
	took := first.At.Sub(began)
	o.short = fmt.Sprintf("a is master after %s", lab.Millis(took))
	o.fact("a is master", "%s after its start", lab.Millis(took))
	o.fact("Master_Down_Interval of a", "%s of that, to hear whether there is a master", lab.Millis(s.down(s.a)))
	return o, nil
}

// crash kills the actor behind the master's virtual router. The adverts go on,
// the successor resumes, nobody notices.
func (s *demoShow) crash(ctx context.Context) (demoOutcome, error) {
	var o demoOutcome
	transitions, err := s.transitions()
	if err != nil {
		return o, err
	}
	before, err := s.a.restarts()
	if err != nil {
		return o, err
	}
	from := time.Now()
	for range demoKills {
		if err := s.killActor(ctx); err != nil {
			return o, err
		}
	}
	to := time.Now()
	after, err := s.a.restarts()
	if err != nil {
		return o, err
	}
	// The last requests may be on their way.
	_ = demoUntil(ctx, demoLostIn, func() bool { return demoUnanswered(s.asking().between(from, to)) == 0 })
	asks := s.asking().between(from, to)
	lost, strays := demoUnanswered(asks), demoStrays(asks, "a")
	gap, _ := s.capture.MaxGap(lab.From("a"), lab.After(from.Add(-2*s.advert)))
	o.short = fmt.Sprintf("%d of %d requests lost, no transition", lost, len(asks))
	o.fact("crashes", "%d of %s, restarted each time", after-before, messages.InstancePath(demoInstance))
	o.fact("requests meanwhile", "%d, lost: %d", len(asks), lost)
	o.fact("longest pause of adverts", "%s (interval %s)", lab.Millis(gap), lab.Millis(s.advert))
	now, err := s.transitions()
	switch {
	case err != nil:
		return o, err
	case after-before != demoKills:
		return o, fmt.Errorf("%d crashes led to %d restarts", demoKills, after-before)
	case lost > 0 || strays > 0:
		return o, fmt.Errorf("of %d requests %d were lost and %d answered by b", len(asks), lost, strays)
	case now != transitions:
		return o, fmt.Errorf("the routers changed their state: %d transitions before, %d after", transitions, now)
	case len(s.capture.Adverts(lab.From("b"), lab.After(from))) > 0:
		return o, errors.New("b sent adverts")
	}
	o.fact("transitions", "none")
	return o, nil
}

// killActor makes the actor of the master panic and waits for the next incarnation.
func (s *demoShow) killActor(ctx context.Context) error {
	before, err := s.a.restarts()
	if err != nil {
		return err
	}
	path := messages.InstancePath(demoInstance)
	s.lines.add(time.Now(), "a", "kill "+path)
	if err := s.a.running().Admin.Kill(path, "panic"); err != nil {
		return fmt.Errorf("kill %s: %w", path, err)
	}
	err = demoUntil(ctx, demoSlack, func() bool { n, err := s.a.restarts(); return err == nil && n > before })
	if err != nil {
		return fmt.Errorf("wait for the restart of %s: %w", path, err)
	}
	return demoPause(ctx, demoKillPause, nil)
}

// die kills the master's process; the other takes over when the protocol allows it.
func (s *demoShow) die(ctx context.Context) (demoOutcome, error) {
	var o demoOutcome
	died, err := s.a.die()
	if err != nil {
		return o, err
	}
	down := s.down(s.b)
	if err := demoUntil(ctx, down+demoSlack, func() bool { return s.answeredBy("b", died) }); err != nil {
		return o, fmt.Errorf("wait for b to answer: %w", err)
	}
	first, ok := s.capture.WaitAdvert(demoSlack, lab.From("b"), lab.After(died))
	last, heard := s.capture.Last(lab.From("a"), lab.Active())
	if !ok || !heard {
		return o, errors.New("the network carries no adverts of both routers")
	}
	if err := s.rolesWithin(ctx, demoSlack, s.b, nil); err != nil {
		return o, err
	}
	if err := demoPause(ctx, demoSettle, nil); err != nil {
		return o, err
	}
	outage, ok := demoOutage(s.asking().between(died.Add(-time.Second), time.Now()), "a", "b")
	if !ok {
		return o, errors.New("the client got no answers of both routers")
	}
	silence, age := first.At.Sub(last.At), died.Sub(last.At)
	o.short = fmt.Sprintf("outage %s, the protocol's minimum %s", lab.Millis(outage), lab.Millis(down-age))
	o.fact("outage of the client", "%s (it asks every %s)", lab.Millis(outage), lab.Millis(demoAskEvery))
	o.fact("the protocol's minimum", "%s", lab.Millis(down-age))
	o.fact("Master_Down_Interval of b", "%s, of which %s were over when a died", lab.Millis(down), lab.Millis(age))
	o.fact("first advert of b", "%s after the last of a", lab.Millis(silence))
	switch {
	case silence < down-demoEarly:
		return o, fmt.Errorf("b took over %s after the last advert of a, before its Master_Down_Interval of %s", lab.Millis(silence), lab.Millis(down))
	case outage > down+demoSlack:
		return o, fmt.Errorf("the outage of %s is longer than %s", lab.Millis(outage), lab.Millis(down+demoSlack))
	}
	return o, nil
}

// comeBack starts the dead router again: its priority is the higher one.
func (s *demoShow) comeBack(ctx context.Context) (demoOutcome, error) {
	var o demoOutcome
	from := time.Now()
	d, err := s.a.start(ctx, s.binary)
	if err != nil {
		return o, err
	}
	if err := s.rolesWithin(ctx, s.down(s.a)+demoSlack, s.a, s.b); err != nil {
		return o, err
	}
	if err := demoUntil(ctx, demoSlack, func() bool { return s.answeredBy("a", from) }); err != nil {
		return o, fmt.Errorf("wait for a to answer: %w", err)
	}
	if err := demoPause(ctx, demoSettle, nil); err != nil {
		return o, err
	}
	first, ok := s.capture.WaitAdvert(demoSlack, lab.From("a"), lab.After(from))
	if !ok {
		return o, errors.New("the network carries no advert of a")
	}
	asks := s.asking().between(from, time.Now().Add(-demoSettle/2))
	outage, ok := demoOutage(asks, "b", "a")
	if !ok {
		return o, errors.New("the client got no answers of both routers")
	}
	lost := demoUnanswered(asks)
	o.short = fmt.Sprintf("%d of %d requests lost, %s between answers", lost, len(asks), lab.Millis(outage))
	o.fact("a is master", "%s after its start", lab.Millis(first.At.Sub(d.Started)))
	o.fact("requests meanwhile", "%d, lost: %d", len(asks), lost)
	o.fact("last of b to first of a", "%s (it asks every %s)", lab.Millis(outage), lab.Millis(demoAskEvery))
	if outage > demoMaxGap {
		return o, fmt.Errorf("%s without an answer while a took over, want at most %s", lab.Millis(outage), lab.Millis(demoMaxGap))
	}
	return o, nil
}

// rolesWithin waits until one router is master with the address and the other
// is backup; nil: there is no other.
func (s *demoShow) rolesWithin(ctx context.Context, limit time.Duration, master, backup *demoRouter) error {
	err := demoUntil(ctx, limit, func() bool {
		m, ok := master.ask()
		if !ok || m.State != "master" || !m.AddressesHeld {
			return false
		}
		if backup == nil {
			return true
		}
		b, ok := backup.ask()
		return ok && b.State == "backup"
	})
	if err == nil {
		return nil
	}
	a, _ := s.a.now()
	b, _ := s.b.now()
	return fmt.Errorf("wait for %s to be master (a is %q, b is %q): %w", master.name, a.State, b.State, err)
}

// answeredBy reports whether a router has answered a request sent after an instant.
func (s *demoShow) answeredBy(router string, after time.Time) bool {
	for _, a := range s.asking().between(after, time.Now()) {
		if a.by == router {
			return true
		}
	}
	return false
}

// transitions counts those of both routers.
func (s *demoShow) transitions() (int, error) {
	n := 0
	for _, r := range s.routers() {
		st, ok := r.ask()
		if !ok {
			return 0, fmt.Errorf("router %s does not answer", r.name)
		}
		n += len(st.Transitions)
	}
	return n, nil
}
