package config

import (
	"path/filepath"
	"slices"
)

// Load reads the YAML file at path and what it includes, and judges it. read
// returns a file's content, glob the files that match a pattern of include. A
// nil host judges the text alone. All findings come at once, sorted by place.
// The Config is nil if one of them is an Error.
func Load(read func(path string) ([]byte, error), glob func(pattern string) ([]string, error), path string, host Host) (*Config, []Finding) {
	rep := &report{}
	r := newReader(rep, read, glob)
	tree := r.tree(path, place{position: &position{file: path}})
	if tree == nil {
		return nil, tidy(rep.findings)
	}
	tree.line, tree.col = 1, 1 // what is missing at the top stands nowhere
	raw := &rawConfig{}
	configKind.decode(&decoder{rep}, tree, tree.at(nil), raw)
	b := &builder{report: rep, host: host, raw: raw}
	c := b.config()
	c.File, c.Files, c.Hash = path, r.files, r.sum()
	findings := tidy(rep.findings)
	if Failed(findings) {
		return nil, findings
	}
	return c, findings
}

// builder turns the file as written into the Config that is used.
type builder struct {
	*report
	host Host // nil: unknown
	raw  *rawConfig
}

// maxSocketPath is what fits sun_path of a Unix socket address.
const maxSocketPath = 107

func (b *builder) config() *Config {
	c := &Config{places: map[string]position{}}
	g, a := &b.raw.global.v, &b.raw.admin.v
	c.Global = Global{
		RouterID: g.routerID.v, Instance: g.instance.v,
		RunDir: filepath.Clean(g.runDir.v), StateDir: filepath.Clean(g.stateDir.v),
		StopTimeout: g.stopTimeout.v, Umask: g.umask.v,
		LockMemory: g.process.v.lockMemory.v,
		Pacer:      b.thread(&g.process.v.vrrp.v),
	}
	if !g.routerID.set && b.host != nil {
		c.Global.RouterID = b.host.HostName()
	}
	s := &a.socket.v
	c.Admin = Admin{
		SocketPath: socketPath(c.Global.RunDir, c.Global.Instance, s.path.v),
		SocketMode: s.mode.v, SocketUser: s.user.v, SocketGroup: s.group.v,
		Metrics: a.metrics.v.enabled.v, Pprof: a.pprof.v, Chaos: a.chaos.v.enabled.v,
	}
	if n := len(c.Admin.SocketPath); n > maxSocketPath {
		b.errorf(s.path.at, "found a path of %d characters, %s; a socket's has at most %d", n, clip(c.Admin.SocketPath), maxSocketPath)
	}
	b.vrrp(&c.VRRP)
	b.remember(c)
	if b.host != nil {
		b.judgeAccounts(c)
	}
	return c
}

// socketPath is where the admin socket is: relative to run_dir, and with the
// name of the instance if the file names no path.
func socketPath(runDir, instance, path string) string {
	switch {
	case path == "" && instance != "":
		path = "admin-" + instance + ".sock"
	case path == "":
		path = "admin.sock"
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(runDir, path)
}

func (b *builder) thread(r *rawThread) Thread {
	t := Thread{Name: r.name.v, Nice: r.nice.v, RTPriority: r.priority.v}
	for _, cpu := range r.affinity.v {
		if slices.Contains(t.CPUs, cpu.v) {
			b.errorf(cpu.at, "CPU %d is listed twice", cpu.v)
			continue
		}
		t.CPUs = append(t.CPUs, cpu.v)
	}
	return t
}

// remember keeps the places of the keys that a reload may not take over.
func (b *builder) remember(c *Config) {
	g, a, v := &b.raw.global.v, &b.raw.admin.v, &b.raw.vrrp.v
	for _, p := range []place{
		b.raw.version.at, g.instance.at, g.runDir.at, g.stateDir.at, g.umask.at, a.chaos.v.enabled.at, v.delayAfterBoot.at,
	} {
		c.places[p.full().String()] = *p.position // no more: the tree must not stay
	}
}
