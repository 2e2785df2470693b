package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
)

const testNow = int64(1000 * time.Second)

func testInstance(name string, vrid uint8, vips ...string) config.Instance {
	i := config.Instance{
		Name: name, Interface: "eth0", VRID: vrid, Family: config.IPv4, Version: 3, Priority: 100,
		AdvertInterval: time.Second, DownTimerAdverts: 3, McastGroup: netip.MustParseAddr("224.0.0.18"),
	}
	for _, v := range vips {
		i.VirtualIPs = append(i.VirtualIPs, config.Address{Prefix: netip.MustParsePrefix(v), Interface: "eth0"})
	}
	return i
}

// testState is what a run left of an instance that was master until age ago.
func testState(i config.Instance, age time.Duration) messages.InstanceState {
	s := messages.InstanceState{
		Identity: i.Identity(), Name: i.Name, Role: "master", Since: 1, BasePriority: i.Priority, Priority: i.Priority,
		Ready: true, LastSent: testNow - int64(age),
	}
	for _, a := range i.VirtualIPs {
		s.Addresses = append(s.Addresses, messages.HeldAddress{Interface: a.Interface, Prefix: a.Prefix})
	}
	return s
}

func cleaned(in inheritance) string {
	var out []string
	for _, a := range in.clean {
		out = append(out, a.Interface+" "+a.Prefix.String())
	}
	return strings.Join(out, ", ")
}

func TestInheritance(t *testing.T) {
	web, mail := testInstance("web", 51, "192.0.2.1/24", "192.0.2.2/24"), testInstance("mail", 52, "192.0.2.3/24")
	of := func(list ...config.Instance) *config.Config {
		return &config.Config{VRRP: config.VRRP{Instances: list}}
	}
	renamed := web
	renamed.Name = "shop"
	fewer := web
	fewer.VirtualIPs = web.VirtualIPs[:1]
	longer := testInstance("web", 51, "192.0.2.1/32", "192.0.2.2/24")
	moved := testInstance("mail", 52, "192.0.2.2/24", "192.0.2.3/24")
	for _, row := range []struct {
		name     string
		config   *config.Config
		last     []messages.InstanceState
		reboot   bool
		clean    string
		numbers  string // masters stale gone
		seedless string // paths without seed, comma separated
	}{
		{"nothing left", of(web), nil, false, "eth0 192.0.2.1/24, eth0 192.0.2.2/24", "0 0 0", "/vrrp/instance/web"},
		{
			"a young master keeps its addresses", of(web, mail),
			[]messages.InstanceState{testState(web, time.Second), testState(mail, time.Minute)},
			false,
			"eth0 192.0.2.3/24", "1 1 0", "",
		},
		{
			"another boot keeps none and removes only its own", of(mail),
			[]messages.InstanceState{testState(web, time.Second), testState(mail, time.Second)},
			true,
			"eth0 192.0.2.3/24", "0 1 1", "",
		},
		{
			"a removed instance leaves nothing", of(mail),
			[]messages.InstanceState{testState(web, time.Second), testState(mail, time.Second)},
			false,
			"eth0 192.0.2.1/24, eth0 192.0.2.2/24", "1 0 1", "",
		},
		{"a name is not the identity", of(renamed), []messages.InstanceState{testState(web, time.Second)}, false, "", "1 0 0", ""},
		{
			"nor is an identity the name", of(testInstance("web", 53, "192.0.2.1/24")),
			[]messages.InstanceState{testState(web, time.Second)},
			false,
			"eth0 192.0.2.1/24, eth0 192.0.2.2/24", "0 0 1", "/vrrp/instance/web",
		},
		{"an address less", of(fewer), []messages.InstanceState{testState(web, time.Second)}, false, "eth0 192.0.2.2/24", "1 0 0", ""},
		{"another prefix length is another address", of(longer), []messages.InstanceState{testState(web, time.Second)}, false, "eth0 192.0.2.1/24", "1 0 0", ""},
		{
			"an address that moves to another master stays", of(fewer, moved),
			[]messages.InstanceState{testState(web, time.Second), testState(mail, time.Second)},
			false,
			"", "2 0 0", "",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := inherit(row.config, row.last, testNow, !row.reboot)
			if got := cleaned(in); got != row.clean {
				t.Errorf("to remove: %s\nwant       %s", got, row.clean)
			}
			if got := fmt.Sprint(in.masters, in.stale, in.gone); got != row.numbers {
				t.Errorf("masters, stale, gone: %s, want %s", got, row.numbers)
			}
			var without []string
			for p := range config.Desired(row.config) {
				if in.seeds[p] == nil {
					without = append(without, p)
				}
			}
			if got := strings.Join(without, ","); got != row.seedless {
				t.Errorf("without seed: %s, want %s", got, row.seedless)
			}
		})
	}
}

// testRun is the state of one process of a daemon.
func testRun(t *testing.T, dir, instance string, now int64, states ...messages.InstanceState) (*state, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	c := &config.Config{Global: config.Global{StateDir: dir, Instance: instance}}
	s := openState(c, slog.New(slog.NewTextHandler(&log, nil)), func() int64 { return now }, func() []messages.InstanceState { return states })
	t.Cleanup(func() { _ = s.close() }) // most are closed already
	return s, &log
}

func TestLastWrite(t *testing.T) {
	web, mail := testInstance("web", 51, "192.0.2.1/24"), testInstance("mail", 52, "192.0.2.3/24")
	dir := t.TempDir()
	c := &config.Config{VRRP: config.VRRP{Instances: []config.Instance{web, mail}}}
	for _, handover := range []bool{true, false} {
		s, _ := testRun(t, dir, "", testNow)
		was := testState(web, time.Second)
		s.hand("/vrrp/instance/web", &was)
		s.hand("/vrrp/instance/mail", nil)
		stopped := testState(web, time.Second)
		stopped.Role = "init"
		s.freeze()
		if err := errors.Join(s.finish(handover, []messages.InstanceState{stopped, testState(mail, time.Second)}), s.close()); err != nil {
			t.Fatal(err)
		}
		next, log := testRun(t, dir, "", testNow+int64(time.Second))
		in := next.inherit(c)
		if want := map[bool]int{true: 2}[handover]; in.masters != want {
			t.Errorf("hand-over %t: %d masters resume, want %d; log: %s", handover, in.masters, want, log)
		}
		if want := fmt.Sprintf("handover=%t age=1s", handover); !strings.Contains(log.String(), want) {
			t.Errorf("log %q does not say %s", log, want)
		}
		if err := next.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWithoutAPlaceForTheStateTheDaemonRuns(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, log := testRun(t, filepath.Join(plain, "state"), "", testNow)
	s.note()
	s.freeze()
	if err := errors.Join(s.finish(false, nil), s.close()); err != nil {
		t.Error(err)
	}
	if in := s.inherit(&config.Config{}); len(in.clean) != 0 || len(in.seeds) != 0 {
		t.Errorf("inherited %+v", in)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("log %q, want one warning", log)
	}
	d := &daemon{state: s, stops: make(chan bool, 1)}
	if err := d.orderStop(true); !errors.Is(err, messages.ErrConflict) || len(d.stops) != 0 {
		t.Errorf("hand-over without a state file: %v, want a conflict", err)
	}
	if err := d.orderStop(false); err != nil || len(d.stops) != 1 {
		t.Errorf("ordered stop: %v", err)
	}
}

func TestInstancesOfADaemonHaveFilesOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	one, _ := testRun(t, dir, "one", testNow)
	two, log := testRun(t, dir, "two/x", testNow)
	if one.file == nil || two.file == nil || one.file.Path() == two.file.Path() {
		t.Fatalf("files %v %v: %s", one.file, two.file, log)
	}
	again, log := testRun(t, dir, "one", testNow)
	if again.file != nil || !strings.Contains(log.String(), "in use") {
		t.Errorf("a second daemon of the same name got the file: %s", log)
	}
}

// Four thousand instances of five addresses fit, with room.
func TestManyInstancesFit(t *testing.T) {
	var all []messages.InstanceState
	for n := range 4000 {
		i := testInstance(fmt.Sprintf("instance-with-a-long-name-%d", n), uint8(n))
		for a := range 5 {
			i.VirtualIPs = append(i.VirtualIPs, config.Address{
				Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(a), byte(n >> 8), byte(n)}), 8), Interface: "eth0",
			})
		}
		all = append(all, testState(i, time.Second))
	}
	s, _ := testRun(t, t.TempDir(), "", testNow)
	began := time.Now()
	if err := s.finish(true, all); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(s.file.Path())
	if err != nil || st.Size() > 8<<20 {
		t.Errorf("%d bytes, want at most 8 MiB (%v)", st.Size(), err)
	}
	t.Logf("%d bytes in %v", st.Size(), time.Since(began))
}
