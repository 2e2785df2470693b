package config

import (
	"fmt"
	"strings"
)

// Spec is what one actor shall be.
type Spec struct {
	Path     string // of the actor
	Identity string // equal: the same object, whatever its name
	Instance *Instance
}

// Desired returns the spec of every actor that comes from the configuration,
// by path.
func Desired(c *Config) map[string]Spec {
	out := map[string]Spec{}
	if c == nil {
		return out
	}
	for i := range c.VRRP.Instances {
		n := &c.VRRP.Instances[i]
		p := InstancePath(n.Name)
		out[p] = Spec{Path: p, Identity: n.Identity(), Instance: n}
	}
	return out
}

// Identity tells whether a reload goes on with a running instance. The name is
// not part of it; nor is the source address of a multicast instance, nor the
// group of a unicast one.
func (n *Instance) Identity() string {
	if n.Unicast != nil {
		return fmt.Sprintf("%d %s %q unicast %s", n.VRID, n.Family, n.Interface, n.SourceIP)
	}
	return fmt.Sprintf("%d %s %q multicast %s", n.VRID, n.Family, n.Interface, n.McastGroup)
}

// InstancePath is the path of the actor of a VRRP instance.
func InstancePath(name string) string { return "/vrrp/instance/" + Escape(name) }

// Escape percent-encodes the bytes of a name that are not of A-Za-z0-9_.:- .
func Escape(name string) string {
	var out strings.Builder
	for i := range len(name) {
		if strings.IndexByte(nameBytes, name[i]) >= 0 {
			out.WriteByte(name[i])
		} else {
			fmt.Fprintf(&out, "%%%02X", name[i])
		}
	}
	return out.String()
}
