package web

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The limits of the server.
const (
	maxConns      = 128
	maxHeader     = 16 << 10
	maxBody       = 64 << 10
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	idleTimeout   = 60 * time.Second
	answerTimeout = 30 * time.Second // a whole answer; a reload takes up to 10 s, a switchover a down interval
	writeTimeout  = 10 * time.Second // one piece of a stream
)

// Switches turns parts of the API on.
type Switches struct {
	Metrics bool // /metrics
	Pprof   bool // /debug/pprof/
	Chaos   bool // /v1/chaos/kill
}

// Server serves the API on a borrowed Socket.
type Server struct {
	socket   *Socket
	backend  Backend
	log      *slog.Logger
	handler  http.Handler
	registry *prometheus.Registry
	switches atomic.Pointer[Switches]

	mu     sync.Mutex
	failed func(error)
	run    *serving // nil: not serving
}

// serving is one life of the HTTP server.
type serving struct {
	http   *http.Server
	cancel context.CancelFunc // ends the streams
	done   chan struct{}
}

// NewServer makes a server that does not serve yet.
func NewServer(socket *Socket, backend Backend, sw Switches, log *slog.Logger) *Server {
	s := &Server{socket: socket, backend: backend, log: log}
	s.Switch(sw)
	s.registry = newRegistry(backend)
	s.handler = s.routes()
	return s
}

// Switch changes the switches of a running server.
func (s *Server) Switch(sw Switches) { s.switches.Store(&sw) }

// Start begins to serve. While it already serves, only failed is replaced: a
// restarted owner takes over what still works. failed is called once, from
// another goroutine, when serving ended by itself; Start may then be called again.
func (s *Server) Start(failed func(error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = failed
	if s.run != nil {
		return nil
	}
	lent, err := lend(s.socket.listener)
	if err != nil {
		return fmt.Errorf("serve admin socket %s: %w", s.socket.path, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	run := &serving{cancel: cancel, done: make(chan struct{}), http: &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       withCaller,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}}
	s.run = run
	go s.serve(run, lent)
	return nil
}

func (s *Server) serve(run *serving, l net.Listener) {
	defer close(run.done)
	err := serveRecovered(run.http, l)
	s.mu.Lock()
	failed, byItself := s.failed, s.run == run // an order takes it away first
	if byItself {
		s.run = nil
	}
	s.mu.Unlock()
	if byItself {
		run.cancel()
		run.http.Close()
		failed(fmt.Errorf("serve admin socket %s: %w", s.socket.path, err))
	}
}

func serveRecovered(h *http.Server, l net.Listener) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return h.Serve(l)
}

// Stop ends serving and the streams; answers under way get up to limit to
// leave. The socket stays open: see Close.
func (s *Server) Stop(limit time.Duration) {
	s.mu.Lock()
	run := s.run
	s.run = nil
	s.mu.Unlock()
	if run == nil {
		return
	}
	run.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if run.http.Shutdown(ctx) != nil {
		run.http.Close()
	}
	<-run.done
}

// Close is Stop, and gives up the socket and with it the lock.
func (s *Server) Close() error {
	s.Stop(time.Second)
	return s.socket.Close()
}

// lentListener bounds the connections, and its Close only ends the accepting:
// the descriptor belongs to the Socket.
type lentListener struct {
	*net.UnixListener
	slots     chan struct{}
	closed    chan struct{}
	closeOnce sync.Once
}

func lend(l *net.UnixListener) (*lentListener, error) {
	if err := l.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return &lentListener{UnixListener: l, slots: make(chan struct{}, maxConns), closed: make(chan struct{})}, nil
}

func (l *lentListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.UnixListener.AcceptUnix()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: conn, free: func() { <-l.slots }}, nil
}

func (l *lentListener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return l.UnixListener.SetDeadline(time.Unix(1, 0))
}

type limitedConn struct {
	net.Conn
	once sync.Once
	free func()
}

func (c *limitedConn) Close() error {
	c.once.Do(c.free)
	return c.Conn.Close()
}
