package inspect

import (
	"fmt"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

var epoch = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// filled holds n events, one a second from epoch on.
func filled(n int) *timeline {
	t := newTimeline()
	for i := range n {
		t.append(messages.Event{At: epoch.Add(time.Duration(i+1) * time.Second), Kind: "notice"})
	}
	return t
}

func TestSince(t *testing.T) {
	for _, tc := range []struct {
		claim       string
		events      int
		since       messages.Since
		first, last uint64 // 0: none
		lost        bool
	}{
		{"nothing happened", 0, messages.Since{}, 0, 0, false},
		{"all", 3, messages.Since{}, 1, 3, false},
		{"after a number", 3, messages.Since{Seq: 2}, 3, 3, false},
		{"after the newest there is none", 3, messages.Since{Seq: 3}, 0, 0, false},
		{"a number from an earlier daemon gives all, and says so", 3, messages.Since{Seq: 9}, 1, 3, true},
		{"from an instant on", 3, messages.Since{At: epoch.Add(2 * time.Second)}, 2, 3, false},
		{"an instant goes before a number", 3, messages.Since{Seq: 3, At: epoch}, 1, 3, false},
		{"a full ring has lost nothing", Kept, messages.Since{}, 1, Kept, false},
		{"one more drops the oldest", Kept + 1, messages.Since{}, 2, Kept + 1, true},
		{"what comes after the oldest is complete", Kept + 1, messages.Since{Seq: 1}, 2, Kept + 1, false},
		{"an instant before the oldest lost some", Kept + 5, messages.Since{At: epoch}, 6, Kept + 5, true},
		{"one after the oldest did not", Kept + 5, messages.Since{At: epoch.Add(10 * time.Second)}, 10, Kept + 5, false},
		{"twice around", 2*Kept + 3, messages.Since{Seq: 2*Kept + 1}, 2*Kept + 2, 2*Kept + 3, false},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			got := filled(tc.events).since(tc.since)
			var first, last uint64
			if n := len(got.Events); n > 0 {
				first, last = got.Events[0].Seq, got.Events[n-1].Seq
				if last-first != uint64(n-1) {
					t.Errorf("%d events from %d to %d", n, first, last)
				}
			}
			if first != tc.first || last != tc.last || got.Lost != tc.lost || got.Last != uint64(tc.events) {
				t.Errorf("got %d..%d of %d, lost %v", first, last, got.Last, got.Lost)
			}
			if got.Events == nil {
				t.Error("no events are an empty list")
			}
		})
	}
}

func TestAppendFillsInTheInstant(t *testing.T) {
	l := newTimeline()
	before := time.Now()
	l.append(messages.Event{Kind: "notice", Seq: 99})
	e := l.since(messages.Since{}).Events[0]
	if e.Seq != 1 || e.At.Before(before) || e.At.After(time.Now()) {
		t.Errorf("got %+v", e)
	}
}

func TestASlowFollowerIsCutOffAndDelaysNobody(t *testing.T) {
	l := filled(2)
	slow, quick := messages.NewFollower(2), messages.NewFollower(8)
	if got := l.follow(messages.Since{Seq: 1}, slow); len(got.Events) != 1 || got.Error != "" {
		t.Fatalf("backlog: %+v", got)
	}
	l.follow(messages.Since{}, quick)
	for range 4 {
		l.append(messages.Event{Kind: "notice"})
	}
	if got := drain(slow); got != "[3 4]" || slow.Reason() == "" {
		t.Errorf("slow: got %s, reason %q", got, slow.Reason())
	}
	if quick.Reason() != "" {
		t.Errorf("quick was cut off: %s", quick.Reason())
	}
	if len(l.followers) != 1 {
		t.Errorf("%d followers are kept", len(l.followers))
	}
	l.cut("stopping")
	if got := drain(quick); got != "[3 4 5 6]" || quick.Reason() != "stopping" {
		t.Errorf("quick: got %s, reason %q", got, quick.Reason())
	}
	if quick.Offer(messages.Event{}) {
		t.Error("a follower that was cut off takes events")
	}
}

// drain reads the numbers of what is queued.
func drain(f *messages.Follower) string {
	seqs := []uint64{}
	for e := range f.Events() {
		seqs = append(seqs, e.Seq)
	}
	return fmt.Sprint(seqs)
}

func TestFollowersAreBounded(t *testing.T) {
	l := newTimeline()
	var last *messages.Follower
	for i := range MaxFollowers {
		last = messages.NewFollower(1)
		if got := l.follow(messages.Since{}, last); got.Error != "" {
			t.Fatalf("follower %d: %s", i+1, got.Error)
		}
	}
	if got := l.follow(messages.Since{}, messages.NewFollower(1)); got.Error == "" {
		t.Errorf("follower %d is accepted", MaxFollowers+1)
	}
	l.unfollow(last)
	if got := l.follow(messages.Since{}, messages.NewFollower(1)); got.Error != "" {
		t.Errorf("after one left: %s", got.Error)
	}
}
