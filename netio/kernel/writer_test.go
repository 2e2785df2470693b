package kernel

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tape is a Sender that records what is sent and may be made to wait or fail.
type tape struct {
	mu    sync.Mutex
	sent  []string
	calls int
	enter chan struct{} // told of each call; nil: nobody waits
	gate  chan struct{} // then lets it go on
	fail  map[string]error
	crash bool
}

func (s *tape) Send(frames []Frame) (int, error) {
	if s.enter != nil {
		s.enter <- struct{}{}
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.crash {
		s.crash = false
		panic("sender")
	}
	for i, f := range frames {
		if err := s.fail[string(f.Data)]; err != nil {
			return i, err
		}
		s.sent = append(s.sent, string(f.Data))
	}
	return len(frames), nil
}

func (s *tape) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.sent, " ")
}

// tapeWriter writes to nothing but the tape: all its jobs announce only.
func tapeWriter(t *testing.T, s *tape) *Writer {
	t.Helper()
	w, err := OpenWriter(s)
	check(t, err)
	return w
}

func say(owner string, repeat int, names ...string) Job {
	j := Job{Owner: owner, Repeat: repeat}
	for i, n := range names {
		a := vip(1, fmt.Sprintf("192.0.2.%d/24", i+1))
		j.Adds = append(j.Adds, Add{Address: a, Held: true, Frame: []byte(n)})
	}
	return j
}

// settle stops the writer, which first does what waits.
func settle(t *testing.T, w *Writer) {
	t.Helper()
	if !w.Stop(deadline) {
		t.Fatal("writer did not stop")
	}
}

func TestRepeatsComeInRoundsAfterEverythingUrgent(t *testing.T) {
	s := &tape{}
	w := tapeWriter(t, s)
	done := make(chan Result, 8)
	for _, j := range []Job{say("a", 3, "a1", "a2"), say("b", 2, "b1")} {
		j.Done = func(r Result) { done <- r }
		w.Submit(Prepare(j))
	}
	run(t, w)
	<-done
	<-done
	waitFor(t, func() bool { return s.count() == 8 })
	if got, want := s.String(), "a1 a2 b1 a1 a2 b1 a1 a2"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func (s *tape) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

// waitFor waits until ok, with a deadline; it yields between looks.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	limit := time.Now().Add(deadline)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(limit) {
			t.Fatal("waited in vain")
		}
		<-tick.C
	}
}

func TestUrgentJobOvertakesRepeats(t *testing.T) {
	s := &tape{enter: make(chan struct{}), gate: make(chan struct{})}
	w := run(t, tapeWriter(t, s))
	w.Submit(Prepare(say("a", 3, "a1")))
	for i := range 4 {
		<-s.enter
		if i == 1 { // within the second round of a
			w.Submit(Prepare(say("b", 1, "b1")))
		}
		s.gate <- struct{}{}
	}
	waitFor(t, func() bool { return s.count() == 4 })
	if got, want := s.String(), "a1 a1 b1 a1"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestReleaseCancelsRepeats(t *testing.T) {
	s := &tape{}
	w := tapeWriter(t, s)
	w.Submit(Prepare(say("a", 5, "a1")))
	w.Submit(Prepare(say("b", 2, "b1")))
	w.Submit(Prepare(Job{Owner: "a", Cancel: true}))
	run(t, w)
	waitFor(t, func() bool { return s.count() == 3 })
	settle(t, w)
	if got, want := s.String(), "a1 b1 b1"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestPartialReleaseCancelsItsRepeatsAlone(t *testing.T) {
	var r repeats
	claim := say("a", 3, "a1", "a2")
	r.add(newTask(Prepare(claim)))
	r.begin(newTask(Prepare(Job{Owner: "a", Dels: []Address{claim.Adds[0].Address}})))
	var got []string
	for i := uint64(1); len(r.turn) > 0; i++ {
		for _, f := range r.take(nil, 10, i) {
			got = append(got, string(f.Data))
		}
	}
	if fmt.Sprint(got) != "[a2 a2]" {
		t.Errorf("repeated %v, want a2 twice", got)
	}
}

func TestANewerBurstReplacesTheFramesOfTheOlder(t *testing.T) {
	var r repeats
	r.add(newTask(Prepare(say("a", 2, "old1", "old2"))))
	r.add(newTask(Prepare(say("a", 3, "new1"))))
	var got []string
	for i := uint64(1); len(r.turn) > 0; i++ {
		for _, f := range r.take(nil, 1, i) { // one frame a call
			got = append(got, string(f.Data))
		}
	}
	if fmt.Sprint(got) != "[new1 old2 new1 old2]" {
		t.Errorf("repeated %v", got)
	}
}

func TestAFrameThatCannotBeSentIsLeftOut(t *testing.T) {
	s := &tape{fail: map[string]error{"a2": unix.ENETDOWN}}
	w := run(t, tapeWriter(t, s))
	res := do(t, w, say("a", 1, "a1", "a2", "a3"))
	if res.Unsent != 1 || !errors.Is(res.SendErr, unix.ENETDOWN) || s.String() != "a1 a3" {
		t.Errorf("sent %q, result %+v", s, res)
	}
}

func TestPanicEndsRunAndKeepsTheJobsBehind(t *testing.T) {
	s := &tape{crash: true}
	w := tapeWriter(t, s)
	first := say("a", 1)
	for i := range chunkFirst { // fills the first chunk
		first.Adds = append(first.Adds, Add{Address: vip(1, "192.0.2.1/24"), Held: true, Frame: fmt.Appendf(nil, "a%d", i)})
	}
	w.Submit(Prepare(first))
	w.Submit(Prepare(say("b", 1, "b1")))
	if err := w.Run(); err == nil || !strings.Contains(err.Error(), "sender") {
		t.Fatalf("run ended with %v, want the panic", err)
	}
	run(t, w)
	waitFor(t, func() bool { return s.String() == "b1" })
}

func TestALaterRunTakesOver(t *testing.T) {
	s := &tape{}
	w := tapeWriter(t, s)
	first := make(chan error, 1)
	go func() { first <- w.Run() }()
	do(t, w, say("a", 1, "a1"))
	run(t, w)
	select {
	case err := <-first:
		check(t, err)
	case <-time.After(deadline):
		t.Fatal("the first run goes on")
	}
	do(t, w, say("a", 1, "a2"))
}

func TestAFullQueueRefuses(t *testing.T) {
	w := tapeWriter(t, &tape{})
	p := Prepare(Job{})
	for i := range maxJobs {
		if !w.Submit(p) {
			t.Fatalf("refused job %d", i)
		}
	}
	if w.Submit(p) {
		t.Fatal("took more than the limit")
	}
	check(t, w.Close())
	if w.Submit(p) {
		t.Fatal("a closed writer took a job")
	}
	check(t, w.Run())
}
