package inspect

import (
	"sync"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

// The limits of the timeline.
const (
	Kept         = 4096 // events
	MaxFollowers = 32
)

// timeline is the ring of the last events and those who follow it. It lives in
// the memory cell and so outlives the actor; its lock is for an incarnation
// that hung, was replaced and still finishes its turn.
type timeline struct {
	mu        sync.Mutex
	ring      []messages.Event // the event with number n is at (n-1) % Kept
	last      uint64           // sequence number of the newest; the first event is 1
	followers []*messages.Follower
}

func newTimeline() *timeline { return &timeline{} }

// append numbers the event and hands it to the followers. Those that are cut
// off, by this event or before, are forgotten.
func (t *timeline) append(e messages.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	e.Seq = t.last
	if e.At.IsZero() {
		e.At = time.Now()
	}
	if len(t.ring) < Kept {
		t.ring = append(t.ring, e)
	} else {
		t.ring[(e.Seq-1)%Kept] = e
	}
	kept := t.followers[:0]
	for _, f := range t.followers {
		if f.Offer(e) {
			kept = append(kept, f)
		}
	}
	clear(t.followers[len(kept):])
	t.followers = kept
}

// since selects, oldest first.
func (t *timeline) since(s messages.Since) *messages.Events {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.selected(s)
}

func (t *timeline) selected(s messages.Since) *messages.Events {
	out := &messages.Events{Events: []messages.Event{}, Last: t.last}
	if len(t.ring) == 0 {
		return out
	}
	oldest := t.last - uint64(len(t.ring)) + 1
	from := max(oldest, s.Seq+1)
	switch {
	case !s.At.IsZero():
		from = oldest
		out.Lost = oldest > 1 && t.at(oldest).At.After(s.At)
	case s.Seq > t.last: // a number from before the daemon started again
		from, out.Lost = oldest, true
	default:
		out.Lost = s.Seq+1 < oldest
	}
	for seq := from; seq <= t.last; seq++ {
		if e := t.at(seq); s.At.IsZero() || !e.At.Before(s.At) {
			out.Events = append(out.Events, e)
		}
	}
	return out
}

func (t *timeline) at(seq uint64) messages.Event { return t.ring[(seq-1)%Kept] }

// follow selects and adds the follower in one step, so that it misses nothing.
func (t *timeline) follow(s messages.Since, f *messages.Follower) *messages.Events {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.followers) >= MaxFollowers {
		return &messages.Events{Error: "too many follow the events already"}
	}
	t.followers = append(t.followers, f)
	return t.selected(s)
}

func (t *timeline) unfollow(f *messages.Follower) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, g := range t.followers {
		if g == f {
			t.followers = append(t.followers[:i], t.followers[i+1:]...)
			return
		}
	}
}

// cut ends all followers.
func (t *timeline) cut(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.followers {
		f.Cut(reason)
	}
	t.followers = nil
}
