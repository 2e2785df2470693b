package config

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"
)

const pairText = `
version: 1
vrrp:
  instances:
    - {name: a, interface: eth0, vrid: 1, virtual_ips: [192.0.2.1]}
    - {name: b, interface: eth0, vrid: 2, virtual_ips: [192.0.2.2]}
    - {name: u, interface: eth0, vrid: 3, source_ip: 192.0.2.3, unicast: {peers: [192.0.2.9]}, virtual_ips: [192.0.2.4]}
`

func TestDesiredHasOneSpecPerInstance(t *testing.T) {
	c := load(t, pairText)
	specs := Desired(c)
	paths := slices.Sorted(maps.Keys(specs))
	if want := []string{"/vrrp/instance/a", "/vrrp/instance/b", "/vrrp/instance/u"}; !slices.Equal(paths, want) {
		t.Fatalf("paths %v, want %v", paths, want)
	}
	if s := specs["/vrrp/instance/b"]; s.Path != "/vrrp/instance/b" || s.Instance.VRID != 2 {
		t.Errorf("got %+v", s)
	}
	if len(Desired(nil)) != 0 {
		t.Error("no configuration has specs")
	}
}

func TestEscape(t *testing.T) {
	for name, want := range map[string]string{
		"web4": "web4", "A.z_0:9-": "A.z_0:9-", "a/b c%": "a%2Fb%20c%25", "é": "%C3%A9", "": "",
	} {
		if got := Escape(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestCompare(t *testing.T) {
	const a, b, u = "/vrrp/instance/a", "/vrrp/instance/b", "/vrrp/instance/u"
	tests := []struct {
		name string
		edit func(c *Config)
		want Diff
	}{
		{"nothing", func(*Config) {}, Diff{Unchanged: 3}},
		{"priority and addresses", func(c *Config) {
			c.VRRP.Instances[0].Priority = 50
			c.VRRP.Instances[0].VirtualIPs = nil
		}, Diff{Changed: []Change{{a, []string{"priority", "virtual_ips"}}}, Unchanged: 2}},
		{"an owner starts as master by itself", func(c *Config) {
			c.VRRP.Instances[0].Priority, c.VRRP.Instances[0].StartMaster = 255, true
		}, Diff{Changed: []Change{{a, []string{"priority"}}}, Unchanged: 2}},
		{
			"a new name", func(c *Config) { c.VRRP.Instances[0].Name = "z" },
			Diff{Renamed: []Rename{{a, "/vrrp/instance/z", nil}}, Unchanged: 2},
		},
		{
			"a new name and priority", func(c *Config) { c.VRRP.Instances[0].Name, c.VRRP.Instances[0].Priority = "z", 1 },
			Diff{Renamed: []Rename{{a, "/vrrp/instance/z", []string{"priority"}}}, Unchanged: 2},
		},
		{
			"names swapped", func(c *Config) { c.VRRP.Instances[0].Name, c.VRRP.Instances[1].Name = "b", "a" },
			Diff{Renamed: []Rename{{b, a, nil}, {a, b, nil}}, Unchanged: 1},
		},
		{
			"another vrid", func(c *Config) { c.VRRP.Instances[0].VRID = 9 },
			Diff{Started: []string{a}, Stopped: []string{a}, Unchanged: 2},
		},
		{
			"another interface", func(c *Config) { c.VRRP.Instances[0].Interface = "eth1" },
			Diff{Started: []string{a}, Stopped: []string{a}, Unchanged: 2},
		},
		{
			"another family", func(c *Config) { c.VRRP.Instances[0].Family = IPv6 },
			Diff{Started: []string{a}, Stopped: []string{a}, Unchanged: 2},
		},
		{
			"another group", func(c *Config) { c.VRRP.Instances[0].McastGroup = netip.MustParseAddr("224.0.0.19") },
			Diff{Started: []string{a}, Stopped: []string{a}, Unchanged: 2},
		},
		{
			"multicast becomes unicast", func(c *Config) { c.VRRP.Instances[0].Unicast = &Unicast{} },
			Diff{Started: []string{a}, Stopped: []string{a}, Unchanged: 2},
		},
		{
			"another source of multicast", func(c *Config) { c.VRRP.Instances[0].SourceIP = netip.MustParseAddr("192.0.2.7") },
			Diff{Changed: []Change{{a, []string{"source_ip"}}}, Unchanged: 2},
		},
		{
			"another source of unicast", func(c *Config) { c.VRRP.Instances[2].SourceIP = netip.MustParseAddr("192.0.2.7") },
			Diff{Started: []string{u}, Stopped: []string{u}, Unchanged: 2},
		},
		{
			"another peer", func(c *Config) { c.VRRP.Instances[2].Unicast = &Unicast{Peers: []Peer{{MaxTTL: 255}}, TTL: 255} },
			Diff{Changed: []Change{{u, []string{"unicast"}}}, Unchanged: 2},
		},
		{"one less, one more", func(c *Config) {
			c.VRRP.Instances[1] = Instance{Name: "n", VRID: 77}
		}, Diff{Started: []string{"/vrrp/instance/n"}, Stopped: []string{b}, Unchanged: 2}},
		{
			"options that are taken over", func(c *Config) { c.Global.StopTimeout, c.VRRP.LogUnknownVRIDs = time.Second, true },
			Diff{Unchanged: 3, Options: []string{"global.stop_timeout", "vrrp.log_unknown_vrids"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			old, next := load(t, pairText), load(t, pairText)
			tt.edit(next)
			if got := Compare(old, next); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestCompareWithNothing(t *testing.T) {
	c := load(t, pairText)
	all := []string{"/vrrp/instance/a", "/vrrp/instance/b", "/vrrp/instance/u"}
	if d := Compare(nil, c); !reflect.DeepEqual(d, Diff{Started: all}) {
		t.Errorf("start: %+v", d)
	}
	if d := Compare(c, nil); !reflect.DeepEqual(d, Diff{Stopped: all}) {
		t.Errorf("stop: %+v", d)
	}
}

// Keys of class [restart] refuse the reload, those of class [start] wait; both
// are said where they stand in the new file.
func TestCompareNamesWhatAReloadCannotDo(t *testing.T) {
	old := load(t, "version: 1\nglobal: {instance: x}\n")
	next := load(t, `version: 1
global:
  run_dir: /run/x
  state_dir: /srv/x
  umask: "0022"
admin: {chaos: {enabled: true}}
vrrp: {delay_after_boot: 1s}
`)
	d := Compare(old, next)
	refused := `u.yaml:3:3: error: global.instance: the changed value needs a restart
u.yaml:3:12: error: global.run_dir: the changed value needs a restart
u.yaml:4:14: error: global.state_dir: the changed value needs a restart
u.yaml:6:26: error: admin.chaos.enabled: the changed value needs a restart
`
	if got := lines(d.Refused); got != refused {
		t.Errorf("got:\n%swant:\n%s", got, refused)
	}
	notes := `u.yaml:5:10: note: global.umask: the changed value waits for the next start
u.yaml:7:26: note: vrrp.delay_after_boot: the changed value waits for the next start
`
	if got := lines(d.Notes); got != notes {
		t.Errorf("got:\n%swant:\n%s", got, notes)
	}
}

// A field that no key of the tables covers would change unnoticed.
func TestEveryFieldIsCompared(t *testing.T) {
	t.Run("instance", func(t *testing.T) {
		for i := range reflect.TypeFor[Instance]().NumField() {
			var a, b Instance
			f := reflect.TypeFor[Instance]().Field(i)
			change(reflect.ValueOf(&b).Elem().Field(i))
			if keys := changedKeys(&a, &b); len(keys) != 1 && f.Name != "Name" {
				t.Errorf("%s: changed keys %v", f.Name, keys)
			}
		}
	})
	t.Run("unicast", func(t *testing.T) {
		for i := range reflect.TypeFor[Unicast]().NumField() {
			var a, b Unicast
			change(reflect.ValueOf(&b).Elem().Field(i))
			if sameUnicast(&a, &b) {
				t.Errorf("%s is not compared", reflect.TypeFor[Unicast]().Field(i).Name)
			}
		}
	})
	for _, section := range []string{"Global", "Admin", "VRRP"} {
		t.Run(section, func(t *testing.T) {
			var zero Config
			s := reflect.ValueOf(&zero).Elem().FieldByName(section)
			for i := range s.NumField() {
				if n := s.Type().Field(i).Name; n == "Instances" || n == "Pacer" {
					continue
				}
				compareOption(t, section, i, -1)
			}
		})
	}
	for i := range reflect.TypeFor[Thread]().NumField() {
		compareOption(t, "Global", slices.Index(fieldNames(reflect.TypeFor[Global]()), "Pacer"), i)
	}
}

// compareOption changes one field, or a field of it, and wants Compare to notice.
func compareOption(t *testing.T, section string, field, inner int) {
	t.Helper()
	var a, b Config
	v := reflect.ValueOf(&b).Elem().FieldByName(section).Field(field)
	if inner >= 0 {
		v = v.Field(inner)
	}
	change(v)
	d := Compare(&a, &b)
	if len(d.Options)+len(d.Refused)+len(d.Notes) != 1 {
		t.Errorf("%s field %d.%d: %+v", section, field, inner, d)
	}
}

func fieldNames(t reflect.Type) []string {
	var out []string
	for f := range t.Fields() {
		out = append(out, f.Name)
	}
	return out
}

// change gives v another value than its zero.
func change(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Struct:
		if a, ok := reflect.TypeAssert[*netip.Addr](v.Addr()); ok {
			*a = netip.MustParseAddr("192.0.2.1")
			return
		}
		change(v.Field(0))
	}
}

// The class of an option is the same in the schema and in the comparison.
func TestClassesAgree(t *testing.T) {
	compared := map[string]Class{}
	for _, o := range optionKeys {
		compared[o.key] = o.class
	}
	for _, o := range Options() {
		if c, ok := compared[o.Key]; ok && c != o.Class {
			t.Errorf("%s is [%s] in the schema and [%s] in the comparison", o.Key, o.Class, c)
		}
		delete(compared, o.Key)
	}
	if len(compared) > 0 {
		t.Errorf("no options: %v", slices.Sorted(maps.Keys(compared)))
	}
}
