package config

import "path/filepath"

// Host answers what only the machine knows. It is asked once per use; an
// implementation that reads the kernel should remember.
type Host interface {
	HostName() string
	// Interface returns the facts about an interface; false: there is none.
	Interface(name string) (HostInterface, bool)
	// UserExists and GroupExists take names as the admin socket's options have them.
	UserExists(name string) bool
	GroupExists(name string) bool
	// DirectoryExists reports whether path is a directory.
	DirectoryExists(path string) bool
}

// HostInterface is what the judgement needs of an interface.
type HostInterface struct {
	Loopback bool
	MTU      int // octets; 0 = unknown
}

// judgeInterfaces compares the interfaces named with those there are.
func (n *instanceBuilder) judgeInterfaces() {
	if n.raw.iface.set {
		n.judgeInterface(n.raw.iface, true)
	}
	for _, list := range [][]val[rawAddress]{n.raw.virtuals.v, n.raw.excluded.v} {
		for i := range list {
			if own := list[i].v.iface; own.set && own.v != n.out.Interface {
				n.judgeInterface(own, false)
			}
		}
	}
}

func (n *instanceBuilder) judgeInterface(name val[string], adverts bool) {
	switch i, ok := n.host.Interface(name.v); {
	case !ok && !n.builder.raw.vrrp.v.interfaces.v.dynamic.v:
		n.add(Error, name.at, true, "found %q, which this host does not have (vrrp.interfaces.dynamic: true waits for it)", name.v)
	case ok && i.Loopback && adverts:
		n.add(Error, name.at, true, "found %q, a loopback interface; adverts need a network", name.v)
	}
}

// judgeAccounts compares accounts and directories with those there are.
func (b *builder) judgeAccounts(c *Config) {
	s := &b.raw.admin.v.socket.v
	if !s.user.bad && !b.host.UserExists(s.user.v) {
		b.add(Error, s.user.at, true, "found %q, an account that this host does not have", s.user.v)
	}
	if !s.group.bad && !b.host.GroupExists(s.group.v) {
		b.add(Error, s.group.at, true, "found %q, a group that this host does not have", s.group.v)
	}
	// run_dir is made at start.
	if dir := filepath.Dir(c.Admin.SocketPath); s.path.set && dir != c.Global.RunDir && !b.host.DirectoryExists(dir) {
		b.add(Error, s.path.at, true, "found %q, but there is no directory %s", s.path.v, dir)
	}
}
