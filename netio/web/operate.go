package web

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/understudy-ha/understudy/messages"
)

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	var body struct {
		File string `json:"file"`
	}
	if !readBody(w, r, &body) || !absolute(w, body.File) {
		return
	}
	if d, ok := s.load(w, body.File, false); ok {
		writeJSON(w, http.StatusOK, answer{OK: true, Findings: d.Findings})
	}
}

// load asks for a reload, or with dry for what it would do. False: it is
// refused, and answered.
func (s *Server) load(w http.ResponseWriter, file string, dry bool) (messages.ReloadDone, bool) {
	d, err := s.backend.Reload(file, dry)
	switch {
	case err != nil:
		refuse(w, err)
	case !d.OK:
		rejected(w, d)
	}
	return d, err == nil && d.OK
}

// rejected answers a reload that changed nothing: 422 when the text is wrong,
// 409 when the text is right and the moment is not.
func rejected(w http.ResponseWriter, d messages.ReloadDone) {
	invalid := slices.ContainsFunc(d.Findings, func(f messages.Finding) bool { return f.Severity == "error" })
	code, text := http.StatusConflict, d.Error
	if invalid {
		code = http.StatusUnprocessableEntity
	}
	if text == "" {
		text = "the configuration was rejected"
	}
	writeJSON(w, code, answer{Error: text, Findings: d.Findings})
}

func (s *Server) stop(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Handover bool `json:"handover"`
	}
	if readBody(w, r, &body) {
		done(w, s.backend.Stop(body.Handover))
	}
}

func (s *Server) switchover(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Back  bool `json:"back"`
		Force bool `json:"force"`
	}
	if !readBody(w, r, &body) {
		return
	}
	if o, ok := s.find(w, kindVRRP, r.PathValue("name")); ok {
		done(w, s.backend.Switchover(o.Path, messages.Switchover{Back: body.Back, Force: body.Force}))
	}
}

func (s *Server) garp(w http.ResponseWriter, r *http.Request) {
	if !readBody(w, r, &struct{}{}) {
		return
	}
	if o, ok := s.find(w, kindVRRP, r.PathValue("name")); ok {
		done(w, s.backend.Garp(o.Path))
	}
}

// The limits of an injected failure.
const (
	maxKills     = 1000
	maxKillEvery = time.Hour
)

func (s *Server) kill(w http.ResponseWriter, r *http.Request) {
	if !s.switches.Load().Chaos {
		writeError(w, http.StatusForbidden, "fault injection is switched off (admin.chaos.enabled)")
		return
	}
	body := struct {
		Path  string  `json:"path"`
		Mode  string  `json:"mode"`
		Count bool    `json:"count"`
		Times int     `json:"times"`
		Every float64 `json:"every"` // seconds
	}{Mode: "panic", Times: 1}
	if !readBody(w, r, &body) {
		return
	}
	every := time.Duration(body.Every * float64(time.Second))
	switch {
	case body.Path == "":
		writeError(w, http.StatusBadRequest, "path: which actor? / is all of them")
	case !slices.Contains([]string{"panic", "hang", "slow"}, body.Mode):
		writeError(w, http.StatusBadRequest, fmt.Sprintf("mode: %q is none of panic, hang, slow", body.Mode))
	case body.Times < 1 || body.Times > maxKills:
		writeError(w, http.StatusBadRequest, fmt.Sprintf("times: %d outside 1..%d", body.Times, maxKills))
	case !(body.Every >= 0) || body.Every > maxKillEvery.Seconds():
		writeError(w, http.StatusBadRequest, fmt.Sprintf("every: %v outside 0..%v seconds", body.Every, maxKillEvery.Seconds()))
	default:
		if o, ok := s.find(w, anyKind, body.Path); ok {
			done(w, s.backend.Kill(messages.Kill{Path: o.Path, Mode: body.Mode, Count: body.Count, Times: body.Times, Every: every}))
		}
	}
}
