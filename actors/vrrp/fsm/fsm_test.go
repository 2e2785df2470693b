package fsm

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/understudy-ha/understudy/netio/packet"
)

// TestScripts runs the scripts in testdata. Each command is one event; the
// output is every action in order, instants as distances from now. After each
// event the invariants of ground are checked. Commands:
//
//	config KEY=VALUE…        start anew with this configuration (defaults: see defaults)
//	start source=A [fault=KIND[:OBJECT]]…
//	advance D                time passes
//	advert from=A priority=N [interval=D] [form=F] [ago=D]
//	absorb                   the watch absorbs an advert now; the machine is told
//	expire [armed] [absorbed-ago=D] [early]   time passes to the watch's end (early: does not)
//	timer NAME [early]       time passes to the timer's deadline (early: does not)
//	fault|clear KIND[:OBJECT]
//	source A|none, priority N, lost A, stalled D, switchover, switchback, announce, stop [keep]
//	reconfigure KEY=VALUE… [added]
//	restart PAUSE [sent=D] [source=A|none] [fault=…] [KEY=VALUE…]
//	                         another process starts after the pause, perhaps configured
//	                         otherwise; the last advert left so long before it
//	state                    prints the state
func TestScripts(t *testing.T) {
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.IsDir() {
			continue // what rapid keeps of its failures
		}
		t.Run(f.Name(), func(t *testing.T) {
			r := &rig{}
			datadriven.RunTest(t, filepath.Join("testdata", f.Name()), func(t *testing.T, d *datadriven.TestData) string {
				return r.run(t, d)
			})
		})
	}
}

// rig is one machine and the ground its actions act on.
type rig struct {
	cfg    Config
	s      State
	now    Instant
	did    []Action // by the last event
	ground ground
}

func defaults() Config {
	return Config{
		Version: 2, Priority: 100, Interval: time.Second, Preempt: true, DownTimerAdverts: 3,
		AdvertToLower: true, Reannounce: true, SourceRequired: true,
		GARPDelay: 5 * time.Second, GARPRepeat: 5, GARPRefreshRepeat: 1,
		LowerGARPDelay: 5 * time.Second, LowerGARPRepeat: 5,
	}
}

func (r *rig) run(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	switch d.Cmd {
	case "config":
		*r = rig{cfg: defaults(), now: Instant(1000 * time.Second)}
		r.configure(t, d)
		return ""
	case "advance":
		r.now += Instant(r.duration(t, d, d.CmdArgs[0].Key))
		return ""
	case "state":
		return r.print()
	case "restart":
		return r.step(t, d, r.restarted(t, d))
	}
	return r.step(t, d, r.event(t, d))
}

func (r *rig) step(t *testing.T, d *datadriven.TestData, ev Event) string {
	t.Helper()
	if err := r.happen(ev); err != nil {
		d.Fatalf(t, "%v", err)
	}
	var b strings.Builder
	for _, a := range r.did {
		fmt.Fprintln(&b, r.action(a))
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

// happen lets an event happen, performs what follows on the ground and
// compares the two.
func (r *rig) happen(ev Event) error {
	switch ev := ev.(type) {
	case WatchExpired:
		r.ground.expire(ev.Armed)
	case TimerFired:
		r.ground.timers[ev.Timer] = 0
	}
	before := r.s
	r.s, r.did = Step(r.cfg, r.s, r.now, ev)
	r.ground.perform(r.did)
	if left := time.Duration(r.s.DownAt - r.now); left > DownInterval(r.cfg, r.s) {
		return fmt.Errorf("after %#v: down timer has %s to go, more than the down interval", ev, left)
	}
	return r.ground.check(r.cfg, r.s, before, ev)
}

func (r *rig) event(t *testing.T, d *datadriven.TestData) Event {
	t.Helper()
	word := ""
	if len(d.CmdArgs) > 0 {
		word = d.CmdArgs[0].Key
	}
	switch d.Cmd {
	case "start":
		return r.started(t, d)
	case "advert":
		return r.advert(t, d)
	case "absorb":
		return AdvertsAbsorbed{Last: r.now}
	case "expire":
		return r.expire(t, d)
	case "timer":
		for tm := range Timers {
			if tm.String() == word {
				if !d.HasArg("early") {
					r.now = max(r.now, r.s.Deadline[tm])
				}
				return TimerFired{tm}
			}
		}
	case "fault":
		return FaultRaised{cause(word)}
	case "clear":
		c := cause(word)
		return FaultCleared{c.Kind, c.Object}
	case "source":
		if word == "none" {
			return SourceChanged{}
		}
		return SourceChanged{netip.MustParseAddr(word)}
	case "priority":
		return PriorityChanged{uint8(r.number(t, d, word))}
	case "lost":
		return AddressLost{netip.MustParseAddr(word)}
	case "stalled":
		return Stalled{LastSent: r.now - Instant(r.duration(t, d, word))}
	case "switchover":
		return SwitchoverOrdered{Force: word == "force"}
	case "switchback":
		return SwitchbackOrdered{}
	case "announce":
		return AnnounceOrdered{}
	case "stop":
		return Stopped{Release: word != "keep"}
	case "reconfigure":
		ev := Reconfigured{Old: r.cfg, AddressesAdded: d.HasArg("added")}
		r.configure(t, d)
		return ev
	}
	d.Fatalf(t, "unknown command %s %s", d.Cmd, word)
	return nil
}

func (r *rig) started(t *testing.T, d *datadriven.TestData) Event {
	t.Helper()
	var ev Started
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "source":
			ev.Source = netip.MustParseAddr(a.Vals[0])
		case "fault":
			ev.Faults = append(ev.Faults, cause(a.Vals[0]))
		default:
			d.Fatalf(t, "start: unknown key %s", a.Key)
		}
	}
	return ev
}

func (r *rig) advert(t *testing.T, d *datadriven.TestData) Event {
	t.Helper()
	h := packet.VRRPHeard{Version: r.cfg.Version, Interval: r.cfg.Interval, Form: r.s.Form, At: r.now}
	for _, a := range d.CmdArgs {
		v := a.Vals[0]
		switch a.Key {
		case "from":
			h.Src = netip.MustParseAddr(v)
		case "priority":
			h.Priority = uint8(r.number(t, d, v))
		case "interval":
			h.Interval = r.duration(t, d, v)
		case "ago":
			h.At -= Instant(r.duration(t, d, v))
		case "form":
			for f := packet.ChecksumPlain; f <= packet.ChecksumKernel; f++ {
				if f.String() == v {
					h.Form = f
				}
			}
		default:
			d.Fatalf(t, "advert: unknown key %s", a.Key)
		}
	}
	return AdvertHeard{h}
}

func (r *rig) expire(t *testing.T, d *datadriven.TestData) Event {
	t.Helper()
	var ev WatchExpired
	early := d.HasArg("early")
	if !early {
		r.now = max(r.now, r.s.DownAt)
	}
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "early":
		case "armed":
			ev.Armed = true
		case "absorbed-ago":
			ev.LastHeard = r.now - Instant(r.duration(t, d, a.Vals[0]))
		default:
			d.Fatalf(t, "expire: unknown key %s", a.Key)
		}
	}
	return ev
}

func cause(word string) Cause {
	kind, object, _ := strings.Cut(word, ":")
	return Cause{Kind: kind, Object: object}
}

// configure sets fields of the configuration by name.
func (r *rig) configure(t *testing.T, d *datadriven.TestData) {
	t.Helper()
	for _, a := range d.CmdArgs {
		if a.Key == "added" {
			continue
		}
		v := a.Vals[0]
		if a.Key == "startup-delay" {
			r.cfg.StartupUntil = r.now + Instant(r.duration(t, d, v))
			continue
		}
		f := reflect.ValueOf(&r.cfg).Elem().FieldByNameFunc(func(name string) bool {
			return strings.EqualFold(name, strings.ReplaceAll(a.Key, "-", ""))
		})
		switch {
		case !f.IsValid():
			d.Fatalf(t, "unknown key %s", a.Key)
		case f.Type() == reflect.TypeFor[time.Duration]():
			f.SetInt(int64(r.duration(t, d, v)))
		case f.Kind() == reflect.Bool:
			f.SetBool(v == "on")
		case f.Kind() == reflect.Uint8:
			f.SetUint(uint64(r.number(t, d, v)))
		default:
			f.SetInt(int64(r.number(t, d, v)))
		}
	}
}

func (r *rig) duration(t *testing.T, d *datadriven.TestData, v string) time.Duration {
	t.Helper()
	x, err := time.ParseDuration(v)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	return x
}

func (r *rig) number(t *testing.T, d *datadriven.TestData, v string) int {
	t.Helper()
	var n int
	if _, err := fmt.Sscan(v, &n); err != nil {
		d.Fatalf(t, "%q: %v", v, err)
	}
	return n
}
