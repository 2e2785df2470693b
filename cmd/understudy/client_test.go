package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/spf13/cobra"
	"go.uber.org/goleak"

	"github.com/understudy-ha/understudy/actors/admin"
	"github.com/understudy-ha/understudy/messages"
	"github.com/understudy-ha/understudy/netio/web"
)

// The two sides of the API fit, though neither imports the other.
var (
	_ web.Backend    = (*admin.Backend)(nil)
	_ admin.Listener = (*web.Server)(nil)
)

// fakeDaemon answers the API from fields.
type fakeDaemon struct {
	instances []messages.InstanceStatus
	err       error
	reload    messages.ReloadDone
	orders    []string
	onStop    func()
	cut       bool
	draws     atomic.Int32
}

func newFakeDaemon() *fakeDaemon {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	return &fakeDaemon{
		reload: messages.ReloadDone{OK: true, Plan: messages.Plan{
			Start: []string{"/vrrp/instance/new"}, Stop: []string{"/vrrp/instance/old"},
			Change: []messages.PlanChange{{Path: "/vrrp/instance/web", Keys: []string{"priority", "virtual_ips"}}}, Unchanged: 2,
		}},
		instances: []messages.InstanceStatus{
			{
				Name: "db/1", State: "fault", Since: ago(26*time.Hour + time.Minute), VRID: 52, Version: 3, Family: "ipv6", Interface: "eth1",
				Priority: messages.Priority{Base: 100, Effective: 80}, Faults: []messages.Fault{{Cause: "interface_down", Object: "eth1"}},
			},
			{
				Name: "web", State: "backup", Since: ago(2*time.Hour + 30*time.Minute + time.Second), VRID: 51, Version: 3, Family: "ipv4", Interface: "eth0", Source: "192.0.2.2",
				Priority: messages.Priority{Base: 100, Effective: 100}, Master: &messages.MasterOf{Address: "192.0.2.1", Priority: 150}, Held: true,
				AdvertInterval: 1, DownInterval: 3.609375, Addresses: []string{"192.0.2.100/24", "192.0.2.101/24"}, Excluded: []string{"198.51.100.1/32"},
				Peers:       []messages.Peer{{Address: "192.0.2.1", Priority: 150, LastHeard: ago(40*time.Minute + 500*time.Millisecond)}},
				Transitions: []messages.Transition{{At: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC), From: "master", To: "backup", Cause: "switchover"}},
			},
		},
	}
}

func (f *fakeDaemon) order(format string, args ...any) error {
	f.orders = append(f.orders, fmt.Sprintf(format, args...))
	return f.err
}

func (f *fakeDaemon) Status() messages.DaemonStatus {
	f.draws.Add(1)
	return messages.DaemonStatus{
		Version: "v1.2.3", PID: 4711, Started: time.Now().Add(-3 * time.Hour), Health: "degraded", Reasons: []string{"instance db/1 is in fault"},
		Config: messages.ConfigStatus{File: "/etc/understudy/understudy.yaml", Loaded: time.Now().Add(-2*time.Hour - time.Second), Generation: 3},
	}
}

func (f *fakeDaemon) Ready() (bool, string) { return true, "" }

func (f *fakeDaemon) Objects() []messages.Object {
	out := []messages.Object{{Kind: "actor", Name: "/net/pacer", Path: "/net/pacer"}}
	for _, i := range f.instances {
		out = append(out, messages.Object{Kind: "vrrp", Name: i.Name, Path: messages.InstancePath(i.Name)})
	}
	return out
}

func (f *fakeDaemon) Instances() []messages.InstanceStatus { return f.instances }

func (f *fakeDaemon) Instance(path string) (messages.InstanceStatus, error) {
	for _, i := range f.instances {
		if messages.InstancePath(i.Name) == path {
			return i, nil
		}
	}
	return messages.InstanceStatus{}, &messages.Refusal{Kind: messages.ErrUnknown, Text: "gone"}
}

func (f *fakeDaemon) Tree() *messages.ActorNode {
	started := time.Now().Add(-90*time.Minute - time.Second)
	node := func(path string, children ...*messages.ActorNode) *messages.ActorNode {
		return &messages.ActorNode{Path: path, Kind: "x", State: "running", Started: &started, Children: children}
	}
	bad := node("/vrrp/instance/web")
	bad.State, bad.Restarts, bad.Mailbox, bad.Started = "quarantined", 8, 2, nil
	bad.LastCrash = &messages.Crash{At: started, Reason: "boom\nand more"}
	return node("/", node("/net", node("/net/pacer"), node("/net/link")), node("/vrrp", bad))
}

func (f *fakeDaemon) Explain(o messages.Object) (messages.Explanation, error) {
	return messages.Explanation{Name: o.Name, Kind: o.Kind, State: "backup", Cause: "c", Text: o.Path + " is BACKUP.\nCause: c.\n"}, nil
}

func (f *fakeDaemon) Events(s messages.Since) (messages.Events, error) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 123456789, time.UTC)
	if err := f.order("events since %d", s.Seq); err != nil {
		return messages.Events{}, err
	}
	return messages.Events{Last: 2, Events: []messages.Event{
		{Seq: 1, At: at, Kind: "transition", Object: "/vrrp/instance/web", From: "backup", To: "master", Cause: "no advert for 3.609s"},
		{Seq: 2, At: at, Kind: "reload", Object: "/edge/reload", To: "applied", Cause: "generation 2"},
	}}, nil
}

func (f *fakeDaemon) Follow(s messages.Since, fo *messages.Follower) (messages.Events, error) {
	fo.Offer(messages.Event{Seq: 3, At: time.Date(2026, 1, 2, 15, 4, 6, 0, time.UTC), Kind: "notice", Object: "/x", Cause: "followed"})
	if f.cut {
		fo.Cut("too slow")
	}
	return f.Events(s)
}

func (f *fakeDaemon) Unfollow(*messages.Follower) {}

func (f *fakeDaemon) Reload(file string, dryRun bool) (messages.ReloadDone, error) {
	return f.reload, f.order("reload %q dry %v", file, dryRun)
}

func (f *fakeDaemon) Stop(handover bool) error {
	err := f.order("stop handover %v", handover)
	if f.onStop != nil {
		f.onStop()
	}
	return err
}

func (f *fakeDaemon) Switchover(path string, o messages.Switchover) error {
	return f.order("switchover %s %+v", path, o)
}
func (f *fakeDaemon) Garp(path string) error          { return f.order("garp %s", path) }
func (f *fakeDaemon) Kill(k messages.Kill) error      { return f.order("kill %+v", k) }
func (f *fakeDaemon) Metrics() messages.MetricsSample { return messages.MetricsSample{} }

// serveFake answers on a socket until the test ends.
func serveFake(t *testing.T, f *fakeDaemon) (socket string, server *web.Server) {
	t.Helper()
	before := goleak.IgnoreCurrent() // servers of the same test
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	path := filepath.Join(t.TempDir(), "admin.sock")
	s, err := web.Open(web.SocketOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	server = web.NewServer(s, f, web.Switches{Chaos: true}, slog.New(slog.DiscardHandler))
	if err := server.Start(func(err error) { t.Errorf("serving ended: %v", err) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return path, server
}

// commands is a root with the commands that ask a daemon.
func commands() *cobra.Command {
	root := &cobra.Command{Use: "understudy", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(newStatusCommand(), newExplainCommand(), newTreeCommand(), newEventsCommand(), newReloadCommand(), newStopCommand(),
		newKillCommand(), newGarpCommand(), newSwitchoverCommand(), newPlanCommand(), newVersionCommand(), newCheckCommand())
	return root
}

// run runs a command line and shows its output, errors and exit code.
func run(ctx context.Context, args ...string) string {
	var out, errs bytes.Buffer
	root := commands()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetContext(ctx)
	code := execute(root)
	text := out.String()
	for line := range strings.Lines(errs.String()) {
		text += "stderr: " + line
	}
	return fmt.Sprintf("%sexit %d\n", text, code)
}

// TestCommands runs command lines against a daemon on a real socket.
func TestCommands(t *testing.T) {
	datadriven.RunTest(t, "testdata/commands", func(t *testing.T, d *datadriven.TestData) string {
		fake := newFakeDaemon()
		socket, server := serveFake(t, fake)
		args := strings.Fields(d.Input)
		fake.onStop = func() { go server.Close() }
		for _, a := range d.CmdArgs {
			switch a.Key {
			case "conflict":
				fake.err = &messages.Refusal{Kind: messages.ErrConflict, Text: "web is backup, not master"}
			case "invalid":
				fake.reload = messages.ReloadDone{Error: "configuration /a.yaml is refused", Findings: []messages.Finding{
					{File: "/a.yaml", Line: 3, Column: 5, Severity: "error", Key: "k", Text: "0 is not in 1..255"},
				}}
			case "warned":
				fake.reload.Findings = []messages.Finding{{File: "/a.yaml", Line: 1, Column: 1, Severity: "warning", Text: "odd"}}
			case "empty":
				fake.instances = nil
			case "cut":
				fake.cut = true
			default:
				d.Fatalf(t, "unknown setting %s", a.Key)
			}
		}
		out := run(t.Context(), append(args, "--admin-socket", socket)...)
		for _, o := range fake.orders {
			out += "order: " + o + "\n"
		}
		return hide(out, socket)
	})
}

// hide replaces what differs from run to run.
func hide(text, socket string) string {
	text = strings.ReplaceAll(text, socket, "SOCKET")
	if dir, err := os.Getwd(); err == nil {
		text = strings.ReplaceAll(text, dir, "DIR")
	}
	text = regexp.MustCompile(`("(since|started|loaded|last_heard|at)": )"20[^"]*"`).ReplaceAllString(text, `$1"INSTANT"`)
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestNobodyAnswers(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		"absent": "no such file or directory", "file": "connection refused",
	} {
		path := filepath.Join(dir, name)
		if name == "file" {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, args := range [][]string{{"status"}, {"explain", "web"}, {"tree"}, {"events", "--follow"}, {"reload"}, {"stop"}, {"garp", "web"}} {
			got := run(t.Context(), append(args, "--admin-socket", path)...)
			if got != fmt.Sprintf("stderr: understudy: no daemon answers on %s: %s\nexit 1\n", path, want) {
				t.Errorf("%v: got %s", args, got)
			}
		}
	}
}

// A daemon that may not be asked is not one that does not answer.
func TestForbiddenSocket(t *testing.T) {
	c := &client{socket: "/run/x.sock"}
	got := c.unreachable(&net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.EACCES)}).Error()
	if want := "admin socket /run/x.sock: permission denied: it is for its owner and group"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStopTellsWhenTheDaemonStays(t *testing.T) {
	socket, _ := serveFake(t, newFakeDaemon())
	got := run(t.Context(), "stop", "--timeout", "300ms", "--admin-socket", socket)
	if got != fmt.Sprintf("stderr: understudy: the daemon still answers on %s after 300ms\nexit 1\n", socket) {
		t.Errorf("got %s", got)
	}
}

// frames ends a watch after two frames.
type frames struct {
	bytes.Buffer
	left int
	stop context.CancelFunc
}

func (f *frames) Write(b []byte) (int, error) {
	if f.left--; f.left == 0 {
		f.stop()
	}
	return f.Buffer.Write(b)
}

func TestWatchDrawsAgain(t *testing.T) {
	fake := newFakeDaemon()
	socket, _ := serveFake(t, fake)
	for _, args := range [][]string{{"status", "--watch"}, {"tree", "--watch"}} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		out := &frames{left: 2, stop: cancel}
		root := commands()
		root.SetArgs(append(args, "--admin-socket", socket))
		root.SetOut(out)
		root.SetContext(ctx)
		if code := execute(root); code != exitOK {
			t.Errorf("%v: exit %d", args, code)
		}
		if n := strings.Count(out.String(), clearScreen); n != 2 {
			t.Errorf("%v: %d frames", args, n)
		}
		cancel()
	}
	if fake.draws.Load() != 2 {
		t.Errorf("the daemon was asked %d times", fake.draws.Load())
	}
}

func TestSinceQuery(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for in, want := range map[string]string{
		"": "", "7": "?since=7", "0": "?since=0", "10m": "?since=2026-01-02T14%3A54%3A05Z",
		"2026-01-02T15:04:05+01:00": "?since=2026-01-02T15%3A04%3A05%2B01%3A00",
	} {
		if got := sinceQuery(in, now); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestAgeText(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		-time.Second: "0.0s", 1500 * time.Millisecond: "1.5s", 59 * time.Second: "59s", 61 * time.Second: "1m01s",
		time.Hour: "1h00m", 25*time.Hour + time.Minute: "1d01h",
	} {
		if got := ageText(now.Add(-d), now); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
	if got := ageText(time.Time{}, now); got != "-" {
		t.Errorf("never: got %s", got)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("vrrp: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := run(t.Context(), "check", "--no-host", bad); !strings.Contains(got, bad+":") || !strings.Contains(got, ": error: ") || !strings.HasSuffix(got, "exit 2\n") || strings.Contains(got, "stderr") {
		t.Errorf("got %s", got)
	}
	var found []messages.Finding
	raw, code, _ := strings.Cut(run(t.Context(), "check", "--json", bad), "exit ")
	if err := json.Unmarshal([]byte(raw), &found); err != nil || len(found) == 0 || found[0].File != bad || code != "2\n" {
		t.Errorf("got %s%s, %v", raw, code, err)
	}
	absent := filepath.Join(dir, "absent.yaml")
	if got := run(t.Context(), "check", absent); !strings.Contains(got, absent) || !strings.HasSuffix(got, "exit 1\n") {
		t.Errorf("got %s", got)
	}
	if got := run(t.Context(), "check", "--no-host", absent, bad); !strings.Contains(got, absent) || !strings.Contains(got, bad+":") || !strings.HasSuffix(got, "exit 2\n") {
		t.Errorf("an absent file hides the findings of the other: %s", got)
	}
}

func TestVersion(t *testing.T) {
	if got := run(t.Context(), "version"); !regexp.MustCompile(`^understudy \S+\ncommit .+\ngo1\.\S+.*\nexit 0\n$`).MatchString(got) {
		t.Errorf("got %q", got)
	}
}
