package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

const (
	followQueue = 256              // events a follower may lag behind
	followIdle  = 15 * time.Second // between signs of life on a quiet stream
)

// events answers the timeline as JSON lines, or as a stream of server-sent
// events that goes on.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	text := r.URL.Query().Get("since")
	stream := strings.Contains(r.Header.Get("Accept"), "text/event-stream")
	if last := r.Header.Get("Last-Event-ID"); stream && last != "" {
		text = last // a browser that lost its connection
	}
	since, err := parseSince(text)
	if err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	if stream {
		s.follow(w, r, since)
		return
	}
	part, err := s.backend.Events(since)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	markLost(w, part)
	for _, e := range part.Events {
		if _, err := w.Write(append(line(e), '\n')); err != nil {
			return
		}
	}
}

// parseSince reads a sequence number (the events after it) or an instant (the
// events from then on); empty selects all.
func parseSince(text string) (messages.Since, error) {
	if text == "" {
		return messages.Since{}, nil
	}
	if seq, err := strconv.ParseUint(text, 10, 64); err == nil {
		return messages.Since{Seq: seq}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return messages.Since{}, fmt.Errorf("since: %q is neither a sequence number nor an RFC 3339 instant", text)
	}
	return messages.Since{At: at}, nil
}

// markLost tells that some of what was asked for is forgotten.
func markLost(w http.ResponseWriter, part messages.Events) {
	if part.Lost {
		w.Header().Set("Understudy-Events-Lost", "true")
	}
}

// line is one event as JSON. Data that JSON cannot hold is left out.
func line(e messages.Event) []byte {
	e.At = e.At.UTC()
	b, err := json.Marshal(e)
	if err != nil {
		e.Data = nil
		b, _ = json.Marshal(e)
	}
	return b
}

func (s *Server) follow(w http.ResponseWriter, r *http.Request, since messages.Since) {
	f := messages.NewFollower(followQueue)
	part, err := s.backend.Follow(since, f)
	if err != nil {
		refuse(w, err)
		return
	}
	defer s.backend.Unfollow(f)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	markLost(w, part)
	w.WriteHeader(http.StatusOK)
	out := stream{w: w, c: http.NewResponseController(w)}
	for _, e := range part.Events {
		out.event(e)
	}
	out.flush()
	idle := time.NewTicker(followIdle)
	defer idle.Stop()
	for out.err == nil {
		select {
		case e, open := <-f.Events():
			if !open {
				out.piece("event: cut_off\ndata: %s\n\n", answerLine(f.Reason()))
				out.flush()
				return
			}
			out.event(e)
		case <-idle.C:
			out.piece(": still here\n\n")
		case <-r.Context().Done():
			return
		}
		out.flush()
	}
}

func answerLine(text string) []byte {
	b, _ := json.Marshal(answer{Error: text}) // strings always marshal
	return b
}

// stream writes pieces until the first error.
type stream struct {
	w   http.ResponseWriter
	c   *http.ResponseController
	err error
}

func (s *stream) event(e messages.Event) { s.piece("id: %d\ndata: %s\n\n", e.Seq, line(e)) }

func (s *stream) piece(format string, args ...any) {
	if s.err == nil {
		extend(s.w, writeTimeout)
		_, s.err = fmt.Fprintf(s.w, format, args...)
	}
}

func (s *stream) flush() {
	if s.err == nil {
		s.err = s.c.Flush()
	}
}
