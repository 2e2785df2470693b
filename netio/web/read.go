package web

import (
	"net/http"
	"path/filepath"

	"github.com/understudy-ha/understudy/messages"
)

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	st := s.backend.Status()
	st.Started, st.Config.Loaded = st.Started.UTC(), st.Config.Loaded.UTC()
	st.Reasons = list(st.Reasons)
	writeJSON(w, http.StatusOK, st)
}

func (s *Server) instances(w http.ResponseWriter, _ *http.Request) {
	all := list(s.backend.Instances())
	for i := range all {
		all[i] = tidy(all[i])
	}
	writeJSON(w, http.StatusOK, all)
}

func (s *Server) instance(w http.ResponseWriter, r *http.Request) {
	o, ok := s.find(w, kindVRRP, r.PathValue("name"))
	if !ok {
		return
	}
	st, err := s.backend.Instance(o.Path)
	if err != nil {
		refuse(w, err)
		return
	}
	writeJSON(w, http.StatusOK, tidy(st))
}

// find resolves a name of the request; it has answered when it returns false.
func (s *Server) find(w http.ResponseWriter, kind, name string) (messages.Object, bool) {
	o, err := resolve(s.backend.Objects(), kind, name)
	if err != nil {
		refuse(w, err)
		return o, false
	}
	return o, true
}

func (s *Server) tree(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.backend.Tree())
}

func (s *Server) explain(w http.ResponseWriter, r *http.Request) {
	o, ok := s.find(w, anyKind, r.PathValue("name"))
	if !ok {
		return
	}
	e, err := s.backend.Explain(o)
	if err != nil {
		refuse(w, err)
		return
	}
	if e.Instance != nil {
		st := tidy(*e.Instance)
		e.Instance = &st
	}
	writeJSON(w, http.StatusOK, e)
}

func (s *Server) plan(w http.ResponseWriter, r *http.Request) {
	file := r.URL.Query().Get("file")
	if !absolute(w, file) {
		return
	}
	d, ok := s.load(w, file, true)
	if !ok {
		return
	}
	p := d.Plan
	p.Start, p.Stop, p.Change = list(p.Start), list(p.Stop), list(p.Change)
	for i := range p.Change {
		p.Change[i].Keys = list(p.Change[i].Keys)
	}
	writeJSON(w, http.StatusOK, p)
}

// absolute refuses a relative file name: the daemon's directory is not the caller's.
func absolute(w http.ResponseWriter, file string) bool {
	if file == "" || filepath.IsAbs(file) {
		return true
	}
	writeError(w, http.StatusBadRequest, "file: must be an absolute path")
	return false
}

// healthz tells whether the daemon works at all; a degraded one does.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	st := s.backend.Status()
	code := http.StatusOK
	if st.Health == "failed" {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, struct {
		Health  string   `json:"health"`
		Reasons []string `json:"reasons"`
	}{st.Health, list(st.Reasons)})
}

// readyz tells whether the configuration is in effect.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	ready, why := s.backend.Ready()
	if !ready {
		writeError(w, http.StatusServiceUnavailable, why)
		return
	}
	writeJSON(w, http.StatusOK, answer{OK: true})
}
