package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/understudy-ha/understudy/messages"
)

var demoEpoch = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

func ms(n int) time.Time { return demoEpoch.Add(time.Duration(n) * time.Millisecond) }

// asked is requests written as "SENT ANSWERED BY" in milliseconds, or "SENT" for a lost one.
func asked(t *testing.T, text ...string) []demoAsk {
	t.Helper()
	var out []demoAsk
	for _, s := range text {
		var sent, answered int
		var by string
		switch n, err := fmt.Sscanf(s, "%d %d %s", &sent, &answered, &by); n {
		case 3:
			out = append(out, demoAsk{ms(sent), ms(answered), by})
		case 1:
			out = append(out, demoAsk{sent: ms(sent)})
		default:
			t.Fatalf("%q: %v", s, err)
		}
	}
	return out
}

func TestDemoOutage(t *testing.T) {
	for _, row := range []struct {
		name string
		asks []demoAsk
		want time.Duration
		ok   bool
	}{
		{"from the last answer of one to the first of the other", asked(t, "0 1 a", "10 11 a", "20", "30", "40 42 b", "50 51 b"), 31 * time.Millisecond, true},
		{"answers out of order", asked(t, "0 25 a", "10 11 a", "20", "30 48 b", "40 42 b"), 17 * time.Millisecond, true},
		{"both answered at the same time", asked(t, "0 1 a", "10 19 b", "20 21 a"), -2 * time.Millisecond, true},
		{"later requests are lost without an outage of the handover", asked(t, "0 1 a", "10 11 b", "20"), 10 * time.Millisecond, true},
		{"the other never answered", asked(t, "0 1 a", "10"), 0, false},
		{"the first never answered", asked(t, "0", "10 11 b"), 0, false},
		{"no requests", nil, 0, false},
	} {
		got, ok := demoOutage(row.asks, "a", "b")
		if got != row.want || ok != row.ok {
			t.Errorf("%s: %v %t, want %v %t", row.name, got, ok, row.want, row.ok)
		}
	}
}

func TestDemoStrip(t *testing.T) {
	for _, row := range []struct {
		name string
		asks []demoAsk
		now  int
		want string
	}{
		{"nothing asked", nil, 500, "      "},
		{"handover with a lost request", asked(t, "0 1 a", "50 51 a", "110 111 a", "160", "230", "320 321 b", "400 401 b"), 500, "a××bb "},
		{"one lost request marks its cell", asked(t, "410", "420 421 a", "430 431 a"), 500, "    × "},
		{"a young request is not lost yet", asked(t, "500 501 a", "510"), 520, "     a"},
		{"the same request is lost when it is older", asked(t, "500 501 a", "510"), 570, "     ×"},
		{"old requests are out of sight", asked(t, "0 1 a", "100 101 b"), 650, "b     "},
	} {
		if got := demoStrip(row.asks, ms(row.now), 6, 100*time.Millisecond); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

func TestDemoClientCounts(t *testing.T) {
	c := &demoClient{asks: asked(t, "0", "10", "20", "900"), counts: map[string]int{}}
	c.note(0, "a", ms(2))
	c.note(0, "b", ms(3)) // a second answer
	c.note(7, "a", ms(3)) // never asked
	check := func(wantA, wantB, wantLost int) {
		t.Helper()
		by, lost := c.tally(ms(1000))
		if by["a"] != wantA || by["b"] != wantB || lost != wantLost {
			t.Errorf("answered %v, lost %d; want a:%d b:%d, lost %d", by, lost, wantA, wantB, wantLost)
		}
	}
	check(1, 0, 2)
	c.note(1, "b", ms(1001)) // late, so not lost after all
	check(1, 1, 1)
	if got := c.between(ms(10), ms(900)); len(got) != 2 || got[0].sent != ms(10) || got[1].sent != ms(20) {
		t.Errorf("between 10 and 900: %v", got)
	}
	if n := demoUnanswered(c.asks); n != 2 {
		t.Errorf("%d unanswered, want 2", n)
	}
	if n := demoStrays(c.asks, "a"); n != 1 {
		t.Errorf("%d answered by another than a, want 1", n)
	}
}

func TestDemoTimelineIsMergedByTime(t *testing.T) {
	var l demoTimeline
	l.add(ms(20), "a", "second")
	l.add(ms(10), "b", "first")
	l.add(ms(20), "b", "third, told later of the same instant")
	var got []string
	for _, x := range l.since(ms(0)) {
		got = append(got, x.text)
	}
	if want := "first|second|third, told later of the same instant"; strings.Join(got, "|") != want {
		t.Errorf("%q, want %q", got, want)
	}
	if x := l.since(ms(20)); len(x) != 2 {
		t.Errorf("%d lines since the second, want 2", len(x))
	}
	for i := range demoMaxLines {
		l.add(ms(100+i), "a", "more")
	}
	if x := l.since(time.Time{}); len(x) != demoMaxLines || x[0].text != "more" {
		t.Errorf("%d lines, oldest %q: want the newest %d", len(x), x[0].text, demoMaxLines)
	}
}

func TestDemoEventText(t *testing.T) {
	web := messages.InstancePath(demoInstance)
	for _, row := range []struct {
		e    messages.Event
		want string
	}{
		{messages.Event{Kind: "transition", Object: web, From: "backup", To: "master", Cause: "no advert"}, "BACKUP → MASTER: no advert"},
		{messages.Event{Kind: "restart", Object: web, Cause: "injected"}, "restart: injected"},
		{messages.Event{Kind: "reload", Object: "/edge/reload", To: "ok"}, "/edge/reload reload ok"},
		{messages.Event{Kind: "notice", Object: web, Cause: "read /tmp/lab/a/x.yaml"}, "notice: read a/x.yaml"},
	} {
		if got := demoEventText(row.e, "/tmp/lab"); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}

// demoMoment is a view in the middle of the third step.
func demoMoment() demoView {
	return demoView{
		elapsed: 12340 * time.Millisecond, vip: "192.0.2.100", hint: "Ctrl-C ends the demo",
		routers: []demoRouterView{
			{name: "a", addr: "192.0.2.1", priority: 150},
			{name: "b", addr: "192.0.2.2", priority: 100, state: "master", holds: true, since: 1200 * time.Millisecond},
		},
		asking: true, by: map[string]int{"a": 800, "b": 34}, lost: 29,
		strip: strings.Repeat("a", 30) + "×××" + strings.Repeat("b", 37),
		steps: []demoProgress{
			{"Two routers start", demoDone, "a is master after 380.0 ms"},
			{"The master dies", demoRunning, ""},
			{"It comes back", demoAhead, ""},
		},
		lines: []demoLineView{{9204 * time.Millisecond, "a", "kill -9"}, {9565 * time.Millisecond, "b", "BACKUP → MASTER: no advert"}},
	}
}

const demoMomentDrawn = `
 Understudy: one address, two routers                                   12.3 s

  router a   192.0.2.1   priority 150   gone
  router b   192.0.2.2   priority 100   MASTER   has 192.0.2.100  for 1 s
  client     asks 192.0.2.100 100 times a second: answered 834, lost 29
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa×××bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb

  ✓ 1  Two routers start
       a is master after 380.0 ms
  ▸ 2  The master dies
    3  It comes back

 Timeline
   9.204  a  kill -9
   9.565  b  BACKUP → MASTER: no advert


 Ctrl-C ends the demo
`

func drawn(rows []demoRow, width int, color bool) string {
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(strings.TrimRight(r.encode(width, color), " ") + "\n")
	}
	return b.String()
}

func TestDemoFrame(t *testing.T) {
	got := drawn(demoFrame(demoMoment(), 18), demoWidth, false)
	if want := demoMomentDrawn[1:]; got != want {
		t.Errorf("drawn:\n%s\nwant:\n%s", got, want)
	}
}

func TestDemoFrameInColourSaysTheSame(t *testing.T) {
	rows := demoFrame(demoMoment(), 18)
	coloured := drawn(rows, demoWidth, true)
	for _, want := range []string{"\x1b[31m×××\x1b[0m", "\x1b[1;36mMASTER", "\x1b[31mlost 29\x1b[0m"} {
		if !strings.Contains(coloured, want) {
			t.Errorf("%q is not in %q", want, coloured)
		}
	}
	plain := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(coloured, "")
	if got, want := strings.Fields(plain), strings.Fields(drawn(rows, demoWidth, false)); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDemoFrameFitsTheScreen(t *testing.T) {
	v := demoMoment()
	for i := range 50 {
		v.lines = append(v.lines, demoLineView{time.Duration(i) * time.Second, "b", strings.Repeat("long ", 40)})
	}
	for _, height := range []int{18, 24, 60} {
		rows := demoFrame(v, height)
		if len(rows) > height {
			t.Errorf("%d rows on a screen of %d", len(rows), height)
		}
		for _, r := range rows {
			if n := utf8.RuneCountInString(r.encode(40, false)); n > 40 {
				t.Errorf("%d columns on a screen of 40: %q", n, r.encode(40, false))
			}
		}
	}
	if last := v.lines[len(v.lines)-1]; !strings.Contains(drawn(demoFrame(v, 18), demoWidth, false), last.row().encode(demoWidth, false)) {
		t.Error("the newest line of the timeline is not on the screen")
	}
}

func TestDemoHint(t *testing.T) {
	done, running, failed := demoProgress{state: demoDone}, demoProgress{state: demoRunning}, demoProgress{state: demoFailed}
	for _, row := range []struct {
		steps []demoProgress
		want  string
	}{
		{[]demoProgress{done, running}, "Ctrl-C"},
		{[]demoProgress{done, failed, {}}, "It failed"},
		{[]demoProgress{done, done}, "The end"},
	} {
		if got := demoHint(row.steps); !strings.HasPrefix(got, row.want) {
			t.Errorf("%v: %q, want %s…", row.steps, got, row.want)
		}
	}
}

func TestDemoFlags(t *testing.T) {
	for _, row := range []struct {
		f    demoFlags
		want string
	}{
		{demoFlags{advert: 100 * time.Millisecond, pace: demoPace}, ""},
		{demoFlags{advert: demoMinAdvert}, ""},
		{demoFlags{advert: 10 * time.Millisecond}, "--advert"},
		{demoFlags{advert: 3 * time.Second}, "--advert"},
		{demoFlags{advert: 105 * time.Millisecond}, "--advert"},
		{demoFlags{advert: time.Second, pace: -1}, "--pace"},
		{demoFlags{advert: time.Second, pace: time.Hour}, "--pace"},
	} {
		err := row.f.check()
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.HasPrefix(err.Error(), row.want)) {
			t.Errorf("%+v: %v, want %q", row.f, err, row.want)
		}
	}
	var out, errOut bytes.Buffer
	cmd := newDemoCommand()
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	cmd.SetArgs([]string{"--advert", "1ms"})
	if err := cmd.Execute(); err == nil {
		t.Error("--advert 1ms was taken")
	}
}

func TestDemoUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		err := demoUntil(t.Context(), time.Second, func() bool { return time.Since(begin) >= 300*time.Millisecond })
		if took := time.Since(begin); err != nil || took > 310*time.Millisecond {
			t.Errorf("held after %v: %v", took, err)
		}
		begin = time.Now()
		err = demoUntil(t.Context(), time.Second, func() bool { return false })
		if took := time.Since(begin); err == nil || took != time.Second {
			t.Errorf("%v after %v, want an error after 1s", err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := demoUntil(ctx, time.Second, func() bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the end of the context", err)
		}
	})
}

func TestDemoPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := make(chan struct{}, 1)
		begin := time.Now()
		if err := demoPause(t.Context(), time.Second, key); err != nil || time.Since(begin) != time.Second {
			t.Errorf("%v after %v, want 1s", err, time.Since(begin))
		}
		begin = time.Now()
		key <- struct{}{}
		if err := demoPause(t.Context(), time.Second, key); err != nil || time.Since(begin) != 0 {
			t.Errorf("%v after %v, want an end at the key", err, time.Since(begin))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := demoPause(ctx, time.Second, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want the end of the context", err)
		}
	})
}

func TestDemoStopsAtTheStepThatFails(t *testing.T) {
	good := func(*demoShow, context.Context) (demoOutcome, error) { return demoOutcome{short: "fine"}, nil }
	bad := func(*demoShow, context.Context) (demoOutcome, error) { return demoOutcome{}, errors.New("b is gone") }
	s := &demoShow{a: &demoRouter{}, b: &demoRouter{}}
	told := 0
	err := s.play(t.Context(), []demoStep{{"one", good}, {"two", bad}, {"three", good}},
		func(int, string) error { return nil }, func(int, demoOutcome, error) { told++ })
	if err == nil || err.Error() != "step 2: b is gone" {
		t.Errorf("%v, want step 2 to fail", err)
	}
	want := []demoProgress{{"one", demoDone, "fine"}, {"two", demoFailed, "b is gone"}, {"three", demoAhead, ""}}
	if fmt.Sprint(s.steps) != fmt.Sprint(want) || told != 2 {
		t.Errorf("%v, %d told; want %v, 2 told", s.steps, told, want)
	}
}

func TestDemoInterruptedIsNoFailureOfTheStep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &demoShow{a: &demoRouter{}, b: &demoRouter{}}
	step := func(*demoShow, context.Context) (demoOutcome, error) { cancel(); return demoOutcome{}, ctx.Err() }
	err := s.play(ctx, []demoStep{{"one", step}}, func(int, string) error { return nil }, func(int, demoOutcome, error) { t.Error("told of the step") })
	if !errors.Is(err, errInterrupted) {
		t.Errorf("%v, want %v", err, errInterrupted)
	}
}
