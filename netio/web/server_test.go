package web

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

func TestServingEndsAndGoesOnOverTheSameDescriptor(t *testing.T) {
	r := serve(t, newFake(), Switches{})
	listener := r.server.socket.listener
	ask := func() { // panics inside are t.Fatal
		if got := r.ask(t, http.MethodGet, "/readyz", ""); !strings.HasPrefix(got, "200 ") {
			t.Fatalf("got %s", got)
		}
	}
	ask()
	for range 3 {
		r.server.Stop(time.Second)
		if err := r.server.Start(func(err error) { t.Errorf("serving ended: %v", err) }); err != nil {
			t.Fatal(err)
		}
		ask()
	}
	if r.server.socket.listener != listener {
		t.Error("the descriptor was replaced")
	}
}

func TestACrashOfTheServingIsReportedOnceAndCanBeRepaired(t *testing.T) {
	fake := newFake()
	r := serve(t, fake, Switches{})
	failed := make(chan error, 4)
	if err := r.server.Start(func(err error) { failed <- err }); err != nil { // takes over what serves
		t.Fatal(err)
	}
	r.server.run.http.Close() // the serving ends without an order
	select {
	case err := <-failed:
		if !strings.Contains(err.Error(), r.path) {
			t.Errorf("error names no socket: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the failure is not reported")
	}
	if err := r.server.Start(func(err error) { failed <- err }); err != nil {
		t.Fatal(err)
	}
	if got := r.ask(t, http.MethodGet, "/readyz", ""); !strings.HasPrefix(got, "200 ") {
		t.Errorf("after the repair: %s", got)
	}
	if len(failed) > 0 {
		t.Errorf("reported twice: %v", <-failed)
	}
}

// follow opens the event stream and returns its lines.
func follow(t *testing.T, r *rig, fake *fakeBackend, header ...string) (<-chan string, *messages.Follower) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://u/v1/events?since=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("got %s %v", resp.Status, resp.Header)
	}
	lines, ended := make(chan string), make(chan struct{})
	go func() {
		defer close(ended)
		defer close(lines)
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended; resp.Body.Close() })
	return lines, <-fake.followed
}

// want reads lines up to an empty one.
func want(t *testing.T, lines <-chan string, block ...string) {
	t.Helper()
	deadline := time.After(patience)
	for _, w := range append(block, "") {
		select {
		case got, open := <-lines:
			if !open || got != w {
				t.Fatalf("got %q (%v), want %q", got, open, w)
			}
		case <-deadline:
			t.Fatalf("no line, want %q", w)
		}
	}
}

const (
	first  = `data: {"seq":1,"at":"2026-01-02T15:04:05.123456789Z","kind":"transition","object":"/vrrp/instance/web","from":"init","to":"backup","cause":"started"}`
	second = `data: {"seq":2,"at":"2026-01-02T15:04:05.123456789Z","kind":"transition","object":"/vrrp/instance/web","from":"backup","to":"master","cause":"no advert for 3.609s"}`
	third  = `data: {"seq":3,"at":"2026-01-02T15:04:05.123456789Z","kind":"notice","object":"/x","cause":"c"}`
)

func TestFollowersGetTheBacklogAndThenEachEvent(t *testing.T) {
	fake := newFake()
	r := serve(t, fake, Switches{})
	lines, f := follow(t, r, fake, "Last-Event-ID", "5")
	if got := fake.taken(); got[0] != "follow 5" {
		t.Errorf("a reconnect must go on after the last event: %q", got)
	}
	want(t, lines, "id: 1", first)
	want(t, lines, "id: 2", second)
	f.Offer(messages.Event{Seq: 3, At: epoch, Kind: "notice", Object: "/x", Cause: "c"})
	want(t, lines, "id: 3", third)
}

func TestASlowFollowerIsCutOffAndTold(t *testing.T) {
	fake := newFake()
	r := serve(t, fake, Switches{})
	lines, f := follow(t, r, fake)
	want(t, lines, "id: 1", first)
	want(t, lines, "id: 2", second)
	f.Cut("too slow: the queue of events is full")
	want(t, lines, "event: cut_off", `data: {"ok":false,"error":"too slow: the queue of events is full"}`)
	select {
	case l, open := <-lines:
		if open {
			t.Errorf("the stream goes on: %q", l)
		}
	case <-time.After(patience):
		t.Error("the stream does not end")
	}
}

func TestStopEndsTheStreams(t *testing.T) {
	fake := newFake()
	r := serve(t, fake, Switches{})
	lines, _ := follow(t, r, fake)
	want(t, lines, "id: 1", first)
	want(t, lines, "id: 2", second)
	began := time.Now()
	r.server.Stop(patience)
	if took := time.Since(began); took > patience/2 {
		t.Errorf("stop waited %v for a stream", took)
	}
	if _, open := <-lines; open {
		t.Error("the stream goes on")
	}
	if got := fake.taken(); got[len(got)-1] != "unfollow" {
		t.Errorf("the follower is not taken off: %q", got)
	}
}
