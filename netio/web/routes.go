package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// route is one endpoint: every path has one method.
type route struct {
	method, pattern string
	handle          http.HandlerFunc
}

func (s *Server) routes() http.Handler {
	table := []route{
		{http.MethodGet, "/v1/status", s.status},
		{http.MethodGet, "/v1/vrrp", s.instances},
		{http.MethodGet, "/v1/vrrp/{name...}", s.instance},
		{http.MethodGet, "/v1/tree", s.tree},
		{http.MethodGet, "/v1/events", s.events},
		{http.MethodGet, "/v1/explain/{name...}", s.explain},
		{http.MethodGet, "/v1/explain", unnamed},
		{http.MethodGet, "/v1/plan", s.plan},
		{http.MethodPost, "/v1/reload", s.reload},
		{http.MethodPost, "/v1/stop", s.stop},
		{http.MethodPost, "/v1/switchover/{name...}", s.switchover},
		{http.MethodPost, "/v1/garp/{name...}", s.garp},
		{http.MethodPost, "/v1/switchover", unnamed},
		{http.MethodPost, "/v1/garp", unnamed},
		{http.MethodPost, "/v1/chaos/kill", s.kill},
		{http.MethodGet, "/metrics", s.metrics()},
		{http.MethodGet, "/healthz", s.healthz},
		{http.MethodGet, "/readyz", s.readyz},
		{http.MethodGet, "/debug/pprof/", s.pprof(pprof.Index)},
		{http.MethodGet, "/debug/pprof/cmdline", s.pprof(pprof.Cmdline)},
		{http.MethodGet, "/debug/pprof/profile", s.pprof(pprof.Profile)},
		{http.MethodGet, "/debug/pprof/trace", s.pprof(pprof.Trace)},
	}
	for _, part := range []string{"groups", "bfd", "services", "track"} {
		h := notBuilt(part)
		table = append(table, route{http.MethodGet, "/v1/" + part, h}, route{"", "/v1/" + part + "/{rest...}", h})
	}
	mux := http.NewServeMux()
	for _, r := range table {
		mux.HandleFunc(r.pattern, only(r.method, r.handle))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, http.StatusNotFound, fmt.Sprintf("no endpoint %s", r.URL.Path))
	})
	return s.guard(oneSlash(mux))
}

// unnamed answers an endpoint that stands for nothing without a name.
func unnamed(w http.ResponseWriter, r *http.Request) {
	writeError(w, http.StatusNotFound, fmt.Sprintf("%s wants a name after it", r.URL.Path))
}

// oneSlash takes several slashes for one: a tree path that is put after an
// endpoint brings its own, and the multiplexer would answer with a redirection.
// Encoded ones are left alone.
func oneSlash(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := r.URL.EscapedPath(); strings.Contains(path, "//") {
			for strings.Contains(path, "//") {
				path = strings.ReplaceAll(path, "//", "/")
			}
			plain, err := url.PathUnescape(path)
			if err != nil {
				writeError(w, http.StatusBadRequest, "path: "+err.Error())
				return
			}
			u := *r.URL
			u.Path, u.RawPath = plain, path
			r = r.Clone(r.Context())
			r.URL = &u
		}
		next.ServeHTTP(w, r)
	})
}

// only answers 405 to other methods; empty allows all.
func only(method string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if method == "" || r.Method == method || r.Method == http.MethodHead && method == http.MethodGet {
			h(w, r)
			return
		}
		w.Header().Set("Allow", method)
		writeError(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s wants %s", r.URL.Path, method))
	}
}

func notBuilt(part string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusNotFound, part+": this part is not built yet")
	}
}

// guard sets the limits of every request and turns a panic into an answer:
// one bad request ends neither the server nor its owner.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.log.Error("admin request panicked", "path", r.URL.Path, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			writeError(w, http.StatusInternalServerError, "internal error: see the log")
		}()
		extend(w, answerTimeout)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if r.Method == http.MethodPost {
			s.log.Info("operator order", "path", r.URL.Path, "uid", caller(r.Context()))
		}
		next.ServeHTTP(w, r)
	})
}

// extend gives the answer limit from now on to be written. Only a writer
// without deadlines, in tests, refuses; then there is none.
func extend(w http.ResponseWriter, limit time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit))
}

func (s *Server) metrics() http.HandlerFunc {
	h := promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
	})
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.switches.Load().Metrics {
			writeError(w, http.StatusNotFound, "metrics are switched off (admin.metrics.enabled)")
			return
		}
		h.ServeHTTP(w, r)
	}
}

const profileTimeout = 5 * time.Minute // profiles collect for as long as asked

func (s *Server) pprof(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.switches.Load().Pprof {
			writeError(w, http.StatusNotFound, "profiling is switched off (admin.pprof)")
			return
		}
		extend(w, profileTimeout)
		h(w, r)
	}
}
