package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"go.uber.org/goleak"

	"github.com/understudy-ha/understudy/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// rig is a server on a real socket, and a client of it.
type rig struct {
	path   string
	server *Server
	client *http.Client
}

func serve(t *testing.T, b Backend, sw Switches) *rig {
	t.Helper()
	path := filepath.Join(t.TempDir(), "admin.sock")
	socket, err := Open(SocketOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{path: path, server: NewServer(socket, b, sw, slog.New(slog.DiscardHandler))}
	if err := r.server.Start(func(err error) { t.Errorf("serving ended: %v", err) }); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	r.client = &http.Client{Transport: transport, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := r.server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

// ask returns status line and body, the body indented if it is JSON.
func (r *rig) ask(t *testing.T, method, path, body string) string {
	t.Helper()
	req, err := http.NewRequest(method, "http://u"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	for _, h := range []string{"Allow", "Understudy-Events-Lost"} {
		if v := resp.Header.Get(h); v != "" {
			fmt.Fprintf(&b, " %s=%s", h, v)
		}
	}
	b.WriteByte('\n')
	if resp.Header.Get("Content-Type") != "application/json" || json.Indent(&b, raw, "", "  ") != nil {
		b.Write(raw)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// TestAPI asks every endpoint and compares the answers.
func TestAPI(t *testing.T) {
	datadriven.Walk(t, "testdata/api", func(t *testing.T, path string) {
		fake := newFake()
		r := serve(t, fake, Switches{Metrics: true, Chaos: true})
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "set":
				return set(t, fake, r.server, d)
			case "get", "post", "delete":
				if len(d.CmdArgs) != 1 {
					t.Fatalf("%s: want one path", d.Pos)
				}
				out := r.ask(t, strings.ToUpper(d.Cmd), d.CmdArgs[0].String(), d.Input)
				for _, o := range fake.taken() {
					out += "order: " + o + "\n"
				}
				return out
			}
			t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
			return ""
		})
	})
}

// set changes what the backend answers.
func set(t *testing.T, f *fakeBackend, s *Server, d *datadriven.TestData) string {
	for _, a := range d.CmdArgs {
		v := strings.Join(a.Vals, ",")
		switch a.Key {
		case "health":
			f.health = v
		case "not-ready":
			f.notReady = v
		case "err":
			f.err = map[string]error{
				"none": nil, "conflict": &messages.Refusal{Kind: messages.ErrConflict, Text: "web is backup, not master"},
				"unknown": &messages.Refusal{Kind: messages.ErrUnknown, Text: "no actor at /x"}, "internal": errors.New("ask /x: no answer in time"),
				"forbidden": &messages.Refusal{Kind: messages.ErrForbidden, Text: "not for you"},
			}[v]
		case "reload":
			f.reload = map[string]messages.ReloadDone{
				"invalid": {Findings: []messages.Finding{{File: "/a.yaml", Line: 3, Column: 5, Severity: "error", Key: "vrrp.instances[0].vrid", Text: "0 is not in 1..255"}}, Error: "configuration /a.yaml is refused"},
				"busy":    {Error: "two reloads are already under way"},
				"warned":  {OK: true, Findings: []messages.Finding{{File: "/a.yaml", Line: 1, Column: 1, Severity: "warning", Text: "odd"}}},
			}[v]
		case "instances":
			f.instances, f.objects = nil, nil
		case "lost":
			f.events.Lost = true
		case "panics":
			f.panics = v == "true"
		case "switches":
			s.Switch(Switches{Metrics: v == "on", Pprof: v == "on", Chaos: v == "on"})
		default:
			t.Fatalf("%s: unknown setting %s", d.Pos, a.Key)
		}
	}
	return ""
}

func TestMetrics(t *testing.T) {
	r := serve(t, newFake(), Switches{Metrics: true})
	datadriven.RunTest(t, "testdata/metrics", func(t *testing.T, d *datadriven.TestData) string {
		answer := r.ask(t, http.MethodGet, "/metrics", "")
		for _, foreign := range []string{"go_goroutines ", "process_start_time_seconds "} {
			if !strings.Contains(answer, "\n"+foreign) {
				t.Errorf("no metric %s", foreign)
			}
		}
		var own []string
		for line := range strings.Lines(answer) {
			if strings.Contains(line, "understudy_") {
				own = append(own, line)
			}
		}
		return strings.Join(own, "")
	})
}

func TestMetricsSurviveAPanicOfTheBackend(t *testing.T) {
	fake := newFake()
	fake.panics = true
	r := serve(t, fake, Switches{Metrics: true})
	answer := r.ask(t, http.MethodGet, "/metrics", "")
	if !strings.HasPrefix(answer, "200 ") || !strings.Contains(answer, "go_goroutines") || strings.Contains(answer, "understudy_vrrp_state{") {
		t.Errorf("want the other metrics alone, got %.300s", answer)
	}
}

func TestPprofAnswersOnlyWhenSwitchedOn(t *testing.T) {
	r := serve(t, newFake(), Switches{Pprof: true})
	if got := r.ask(t, http.MethodGet, "/debug/pprof/cmdline", ""); !strings.HasPrefix(got, "200 ") {
		t.Errorf("switched on: got %.100s", got)
	}
	if got := r.ask(t, http.MethodGet, "/debug/pprof/goroutine?debug=1", ""); !strings.Contains(got, "goroutine profile") {
		t.Errorf("switched on: got %.100s", got)
	}
	r.server.Switch(Switches{})
	if got := r.ask(t, http.MethodGet, "/debug/pprof/cmdline", ""); !strings.HasPrefix(got, "404 ") {
		t.Errorf("switched off: got %.100s", got)
	}
}

func TestBodyAtTheLimit(t *testing.T) {
	r := serve(t, newFake(), Switches{})
	fill := func(n int) string { return `{"handover":false}` + strings.Repeat(" ", n-len(`{"handover":false}`)) }
	if got := r.ask(t, http.MethodPost, "/v1/stop", fill(maxBody)); !strings.HasPrefix(got, "200 ") {
		t.Errorf("%d bytes: got %s", maxBody, got)
	}
	if got := r.ask(t, http.MethodPost, "/v1/stop", fill(maxBody+1)); !strings.HasPrefix(got, "413 ") {
		t.Errorf("%d bytes: got %s", maxBody+1, got)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	r := serve(t, newFake(), Switches{})
	conns := make([]net.Conn, 0, maxConns)
	for range maxConns {
		c, err := net.Dial("unix", r.path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	// Each connection of the full house is served: a request on the last proves it.
	request := func(c net.Conn) error {
		if _, err := fmt.Fprintf(c, "GET /readyz HTTP/1.1\r\nHost: u\r\n\r\n"); err != nil {
			return err
		}
		_, err := io.ReadAtLeast(c, make([]byte, 64), 12)
		return err
	}
	last := conns[maxConns-1]
	last.SetDeadline(time.Now().Add(patience))
	if err := request(last); err != nil {
		t.Fatalf("connection %d: %v", maxConns, err)
	}
	extra, err := net.Dial("unix", r.path)
	if err != nil {
		t.Fatal(err)
	}
	defer extra.Close()
	extra.SetDeadline(time.Now().Add(200 * time.Millisecond))
	var late net.Error
	if err := request(extra); !errors.As(err, &late) || !late.Timeout() {
		t.Fatalf("connection %d must wait, got %v", maxConns+1, err)
	}
	conns[0].Close()
	extra.SetDeadline(time.Now().Add(patience))
	if _, err := io.ReadAtLeast(extra, make([]byte, 64), 12); err != nil {
		t.Fatalf("after one left: %v", err)
	}
}
