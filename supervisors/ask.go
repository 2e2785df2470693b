package supervisors

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

const (
	askDefault = 2 * time.Second
	askPrefix  = "ask"

	// lettersPerSecond is how many dead letters a second become events; all
	// are counted.
	lettersPerSecond = 5
)

// Tell sends msg to the actor at path. It never blocks and may be called from
// any goroutine. Mail for an actor that is restarting waits; mail for an
// unknown, stopped or quarantined one is a dead letter.
func (s *System) Tell(path string, msg any) {
	if e, ok := s.paths.Load(path); ok {
		e.(*entry).post(msg)
		return
	}
	s.deadLetter(path, msg, "no such actor")
}

// Ask sends msg to the actor at path and waits for what it gives to
// ctx.Respond. Limit 0 is 2 s. It fails at once with ErrUnknownPath,
// ErrNotRunning or ErrCrashed, else after limit with ErrTimeout. For the edges
// of the program only: an actor that asks another one blocks its mailbox.
func (s *System) Ask(path string, limit time.Duration, msg any) (any, error) {
	e, err := s.find(path)
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	if limit <= 0 {
		limit = askDefault
	}
	box := &replyBox{answer: make(chan any, 1)}
	pid, ok := s.sys.ProcessRegistry.Add(box, askPrefix+s.sys.ProcessRegistry.NextId())
	if !ok {
		return nil, fmt.Errorf("ask %s: reply address %s is taken", path, pid.Id)
	}
	defer s.sys.ProcessRegistry.Remove(pid)
	e.post(&actor.MessageEnvelope{Message: msg, Sender: pid})
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case v := <-box.answer:
		switch v := v.(type) {
		case *actor.DeadLetterResponse:
			return nil, fmt.Errorf("ask %s: %w", path, ErrNotRunning)
		case *crashed:
			return nil, fmt.Errorf("ask %s: %w", path, ErrCrashed)
		default:
			return v, nil
		}
	case <-t.C:
		return nil, fmt.Errorf("ask %s: %w", path, ErrTimeout)
	case <-s.closed:
		return nil, fmt.Errorf("ask %s: %w", path, ErrClosed)
	}
}

// replyBox is the process that one Ask answers to. Only the first answer counts.
type replyBox struct{ answer chan any }

var _ actor.Process = (*replyBox)(nil)

func (b *replyBox) SendUserMessage(_ *actor.PID, msg any) {
	select {
	case b.answer <- actor.UnwrapEnvelopeMessage(msg):
	default:
	}
}

func (b *replyBox) SendSystemMessage(*actor.PID, any) {}
func (b *replyBox) Stop(*actor.PID)                   {}

// crashed answers an Ask whose message was lost in a panic.
type crashed struct{}

func (s *System) answerCrash(ctx actor.Context) {
	if to := ctx.Sender(); isAsk(to) {
		s.sys.Root.Send(to, &crashed{})
	}
}

func isAsk(pid *actor.PID) bool {
	return pid != nil && strings.HasPrefix(pid.Id, askPrefix+"$")
}

// deadLetters counts, and thins out what becomes an event.
type deadLetters struct {
	count atomic.Uint64

	mu         sync.Mutex
	second     int64 // of now
	shown      int
	suppressed int
}

// admit reports whether the next dead letter may be shown, and how many were
// not since the last one that was.
func (d *deadLetters) admit(second int64) (suppressed int, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if second != d.second {
		d.second, d.shown = second, 0
	}
	if d.shown == lettersPerSecond {
		d.suppressed++
		return 0, false
	}
	d.shown++
	suppressed, d.suppressed = d.suppressed, 0
	return suppressed, true
}

// deadLetter counts a message that reached nobody and tells an asking sender.
func (s *System) deadLetter(path string, msg any, cause string) {
	_, content, sender := actor.UnwrapEnvelope(msg)
	s.letters.count.Add(1)
	if isAsk(sender) {
		s.sys.Root.Send(sender, &actor.DeadLetterResponse{})
	}
	suppressed, ok := s.letters.admit(s.now() / int64(time.Second))
	if !ok {
		return
	}
	text := fmt.Sprintf("%T: %s", content, cause)
	if suppressed > 0 {
		text += fmt.Sprintf(" (and %d more not shown)", suppressed)
	}
	s.emit(Event{Path: path, Kind: EventDeadLetter, Cause: text})
}

// lost hears of sends to a PID that is gone. Answers without an asker and
// answers after the limit are nobody's concern, system messages the runtime's.
func (s *System) lost(ev any) {
	d, ok := ev.(*actor.DeadLetterEvent)
	if !ok || d.PID == nil || isAsk(d.PID) {
		return
	}
	switch m := d.Message.(type) {
	case *actor.Watch:
		if w, ok := s.sys.ProcessRegistry.Get(m.Watcher); ok {
			w.SendSystemMessage(m.Watcher, &actor.Terminated{Who: d.PID, Why: actor.TerminatedReason_NotFound})
		}
		return
	case actor.SystemMessage, actor.MailboxMessage, *actor.Terminated:
		return
	}
	s.deadLetter(d.PID.Id, d.Message, "process is gone")
}
