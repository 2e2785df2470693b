package lab

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Instance is one virtual router, to be written in either daemon's language.
type Instance struct {
	Name          string // empty: web
	VRID          int    // 0: 51
	Priority      int    // 0: 100
	Version       int    // 2 or 3
	Interval      time.Duration
	State         string // empty: backup
	NoPreempt     bool
	PreemptDelay  time.Duration
	Peers         []netip.Addr // unicast
	Source        netip.Addr   // invalid: the daemon's choice
	VIPs          []netip.Prefix
	Untracked     bool     // nobody watches the addresses
	UnderstudyKey []string // further lines of the instance in YAML, without indentation
}

func (i Instance) name() string {
	if i.Name == "" {
		return "web"
	}
	return i.Name
}

func (i Instance) vrid() int {
	if i.VRID == 0 {
		return 51
	}
	return i.VRID
}

func (i Instance) priority() int {
	if i.Priority == 0 {
		return 100
	}
	return i.Priority
}

// UnderstudyYAML is a whole configuration with these instances, fault injection allowed.
func UnderstudyYAML(router string, instances ...Instance) string {
	return Router{Instances: instances}.yaml(router)
}

func (r Router) yaml(router string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nglobal: {router_id: %s}\nadmin: {chaos: {enabled: true}}\nvrrp:\n", router)
	for _, l := range r.VRRPKeys {
		b.WriteString("  " + l + "\n")
	}
	b.WriteString("  instances:\n")
	for _, i := range r.Instances {
		lines := append([]string{
			"- name: " + i.name(),
			"  interface: eth0",
			fmt.Sprintf("  vrid: %d", i.vrid()),
			fmt.Sprintf("  priority: %d", i.priority()),
			fmt.Sprintf("  version: %d", i.Version),
			fmt.Sprintf("  advert_interval: %s", i.Interval),
		}, i.options()...)
		for _, l := range lines {
			b.WriteString("    " + l + "\n")
		}
	}
	return b.String()
}

// options are the lines that not every instance has.
func (i Instance) options() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, "  "+fmt.Sprintf(format, args...)) }
	if i.State != "" {
		add("state: %s", i.State)
	}
	if i.NoPreempt {
		add("preempt: false")
	}
	if i.PreemptDelay > 0 {
		add("preempt_delay: %s", i.PreemptDelay)
	}
	if i.Source.IsValid() {
		add("source_ip: %q", i.Source)
	}
	if len(i.Peers) > 0 {
		add("unicast: {peers: [%s]}", quoted(i.Peers))
	}
	for _, l := range i.UnderstudyKey {
		add("%s", l)
	}
	if len(i.VIPs) > 0 {
		add("virtual_ips:")
		for _, v := range i.VIPs {
			add("  - {address: %q, tracked: %t}", v, !i.Untracked)
		}
	}
	return out
}

func quoted(list []netip.Addr) string {
	out := make([]string, len(list))
	for n, a := range list {
		out[n] = fmt.Sprintf("%q", a)
	}
	return strings.Join(out, ", ")
}

// KeepalivedConf is the same for keepalived.
func KeepalivedConf(router string, instances ...Instance) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  router_id %s\n}\n", router)
	for _, i := range instances {
		fmt.Fprintf(&b, "vrrp_instance %s {\n  interface eth0\n  virtual_router_id %d\n  priority %d\n  version %d\n  advert_int %g\n",
			i.name(), i.vrid(), i.priority(), i.Version, i.Interval.Seconds())
		state := "BACKUP"
		if i.State != "" {
			state = strings.ToUpper(i.State)
		}
		fmt.Fprintf(&b, "  state %s\n", state)
		if i.NoPreempt {
			b.WriteString("  nopreempt\n")
		}
		if i.PreemptDelay > 0 {
			fmt.Fprintf(&b, "  preempt_delay %g\n", i.PreemptDelay.Seconds())
		}
		i.keepalivedAddresses(&b)
		b.WriteString("}\n")
	}
	return b.String()
}

func (i Instance) keepalivedAddresses(b *strings.Builder) {
	if len(i.Peers) > 0 {
		if i.Source.IsValid() {
			fmt.Fprintf(b, "  unicast_src_ip %v\n", i.Source)
		}
		b.WriteString("  unicast_peer {\n")
		for _, p := range i.Peers {
			fmt.Fprintf(b, "    %v\n", p)
		}
		b.WriteString("  }\n")
	} else if i.Source.IsValid() {
		fmt.Fprintf(b, "  mcast_src_ip %v\n", i.Source)
	}
	b.WriteString("  virtual_ipaddress {\n")
	for _, v := range i.VIPs {
		fmt.Fprintf(b, "    %v dev eth0", v)
		if i.Untracked {
			b.WriteString(" no_track")
		}
		b.WriteString("\n")
	}
	b.WriteString("  }\n")
}
