package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/understudy-ha/understudy/messages"
)

// answer is what orders and errors are answered with.
type answer struct {
	OK       bool               `json:"ok"`
	Error    string             `json:"error,omitempty"`
	Findings []messages.Finding `json:"findings,omitempty"`
}

// writeJSON sends v. The write error is dropped: the client is gone.
func writeJSON(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // e.g. a duration that is NaN
		code, b = http.StatusInternalServerError, []byte(`{"ok":false,"error":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n'))
}

func writeError(w http.ResponseWriter, code int, text string) {
	writeJSON(w, code, answer{Error: text})
}

// refuse answers with the status that stands for the kind of err.
func refuse(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	switch {
	case errors.Is(err, messages.ErrUnknown):
		code = http.StatusNotFound
	case errors.Is(err, messages.ErrConflict):
		code = http.StatusConflict
	case errors.Is(err, messages.ErrForbidden):
		code = http.StatusForbidden
	}
	writeError(w, code, err.Error())
}

// done answers an order.
func done(w http.ResponseWriter, err error) {
	if err != nil {
		refuse(w, err)
		return
	}
	writeJSON(w, http.StatusOK, answer{OK: true})
}

// readBody decodes the body into v; an empty one leaves v alone. It has
// answered when it returns false.
func readBody(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if errors.Is(err, io.EOF) {
		return true
	}
	var tooLong *http.MaxBytesError
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return true
		}
		if !errors.As(err, &tooLong) {
			err = errors.New("something follows the object")
		}
	}
	if errors.As(err, &tooLong) {
		writeError(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("body is longer than %d bytes", tooLong.Limit))
		return false
	}
	writeError(w, http.StatusBadRequest, "body: "+err.Error())
	return false
}

// tidy makes absent lists empty ones and puts all instants in UTC.
func tidy(s messages.InstanceStatus) messages.InstanceStatus {
	s.Since = s.Since.UTC()
	s.Priority.Contributions = list(s.Priority.Contributions)
	s.Addresses, s.Excluded = list(s.Addresses), list(s.Excluded)
	s.Faults = list(s.Faults)
	for i := range s.Faults {
		s.Faults[i].Since = s.Faults[i].Since.UTC()
	}
	if s.Counters == nil {
		s.Counters = map[string]uint64{}
	}
	s.Peers = list(s.Peers)
	for i := range s.Peers {
		s.Peers[i].LastHeard = s.Peers[i].LastHeard.UTC()
	}
	s.Conflict.With, s.Conflict.Reasons = list(s.Conflict.With), list(s.Conflict.Reasons)
	if s.Conflict.Since != nil {
		at := s.Conflict.Since.UTC()
		s.Conflict.Since = &at
	}
	if s.Margin.At != nil {
		at := s.Margin.At.UTC()
		s.Margin.At = &at
	}
	s.Transitions = list(s.Transitions)
	for i := range s.Transitions {
		s.Transitions[i].At = s.Transitions[i].At.UTC()
	}
	return s
}

// list is a copy of l that is written as [] when it is empty.
func list[T any](l []T) []T { return append([]T{}, l...) }
