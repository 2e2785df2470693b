package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Kind is a program that speaks VRRP.
type Kind string

// The kinds.
const (
	Understudy Kind = "understudy"
	Keepalived Kind = "keepalived"
)

// Daemon is one of them, running on a host.
type Daemon struct {
	*Process
	Kind  Kind
	Host  *Host
	Admin *Admin // nil for keepalived
	Conf  string // path of its configuration
}

// Router describes a daemon to start.
type Router struct {
	Kind      Kind
	Binary    string // of Understudy
	Instances []Instance
	VRRPKeys  []string // further lines under vrrp: of Understudy's configuration
}

const adminWait = 10 * time.Second

// StartRouter writes the configuration of the router and starts it on the host.
// Start it again after its end to let it come back.
func (h *Host) StartRouter(r Router) (*Daemon, error) {
	if r.Kind == Keepalived {
		return h.startKeepalived(r)
	}
	return h.startUnderstudy(r)
}

func (h *Host) startKeepalived(r Router) (*Daemon, error) {
	dir, err := h.dir(r.Kind)
	if err != nil {
		return nil, err
	}
	d := &Daemon{Kind: r.Kind, Host: h, Conf: filepath.Join(dir, "keepalived.conf")}
	if err := writeFile(d.Conf, KeepalivedConf(h.Host, r.Instances...)); err != nil {
		return nil, err
	}
	pid, vrrp := filepath.Join(dir, "main.pid"), filepath.Join(dir, "vrrp.pid")
	_ = os.Remove(pid) // of a killed run: keepalived would think it lives
	_ = os.Remove(vrrp)
	// -G: without a syslogd each line would go to the console, a millisecond each.
	d.Process, err = h.Start(h.Host+"-keepalived", "keepalived", "-n", "-l", "-D", "-G", "-P", "-f", d.Conf, "-p", pid, "-r", vrrp)
	return d, err
}

func (h *Host) startUnderstudy(r Router) (*Daemon, error) {
	dir, err := h.dir(r.Kind)
	if err != nil {
		return nil, err
	}
	d := &Daemon{Kind: r.Kind, Host: h, Conf: filepath.Join(dir, "understudy.yaml")}
	if err := writeFile(d.Conf, r.yaml(h.Host)); err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "admin.sock")
	d.Admin = NewAdmin(socket)
	d.Process, err = h.Start(h.Host+"-understudy", r.Binary, "run", "-f", d.Conf, "--admin-socket", socket, "--state-dir", filepath.Join(dir, "state"))
	return d, err
}

// WaitAdmin waits until the admin socket answers, or the daemon has ended.
func (d *Daemon) WaitAdmin() error {
	if d.Admin == nil {
		return nil
	}
	ok := Until(adminWait, func() bool { return !d.Alive() || d.Admin.Get("/v1/status", nil) == nil })
	if !ok || !d.Alive() {
		return fmt.Errorf("%s: no admin socket (alive %t, exit code %d); log:\n%s", d.Name, d.Alive(), d.ExitCode(), d.Log())
	}
	return nil
}

// Reload writes another configuration text and has Understudy load it. The
// error wraps *Refused if the daemon said no.
func (d *Daemon) Reload(text string) error {
	if err := writeFile(d.Conf, text); err != nil {
		return err
	}
	return d.Admin.Post("/v1/reload", nil, nil)
}

func (h *Host) dir(k Kind) (string, error) {
	dir := filepath.Join(h.lab.dir, h.Host+"-"+string(k[:2]))
	if err := os.MkdirAll(filepath.Join(dir, "state"), 0o755); err != nil {
		return "", fmt.Errorf("make the folder of %s: %w", h.Name, err)
	}
	return dir, nil
}

func writeFile(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

// Skew is the skew time of a router of this priority (RFC 9568 section 6.1;
// version 2 counts in seconds whatever the interval, RFC 3768 section 6.1).
func Skew(version, priority int, interval time.Duration) time.Duration {
	if version == 2 {
		interval = time.Second
	}
	return time.Duration(256-priority) * interval / 256
}

// DownInterval is how long a backup of this priority waits for a silent master.
func DownInterval(version, priority int, interval time.Duration) time.Duration {
	return 3*interval + Skew(version, priority, interval)
}

// Millis formats a duration for a table.
func Millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64) + " ms"
}
