package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/understudy-ha/understudy/actors/reload"
	"github.com/understudy-ha/understudy/config"
	"github.com/understudy-ha/understudy/messages"
)

// runFlags are the options of `understudy run`; those with a keepalived
// spelling take it too.
type runFlags struct {
	file        string
	adminSocket string
	stateDir    string
	logFormat   string
	logLevel    string
	pidFile     string
	umask       string
	keep        bool // --dont-release-vrrp
	verbose     int
}

func newRunCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon in the foreground",
		Long: `Run the daemon in the foreground until SIGTERM or SIGINT; SIGHUP reloads.

Without -f the first of these is read: understudy.yaml in /etc/understudy,
then in /etc/keepalived. The admin socket is the lock: while a daemon answers on it,
a second one ends with "already running".

It needs CAP_NET_ADMIN and CAP_NET_RAW.`,
		Example: `  understudy run -f understudy.yaml
  understudy run -f a.yaml --admin-socket /run/a.sock --state-dir /var/lib/a`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDaemon(cmd, &f) },
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVarP(&f.file, "config", "f", "", "configuration `FILE`")
	fl.StringVar(&f.file, "use-file", "", "the same, as keepalived spells it")
	fl.StringVar(&f.adminSocket, "admin-socket", "", "`PATH` of the admin socket, in place of admin.socket.path")
	fl.StringVar(&f.stateDir, "state-dir", "", "`DIR` in place of global.state_dir")
	fl.StringVar(&f.logFormat, "log-format", "text", "text, json or keepalived")
	fl.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	fl.StringVarP(&f.pidFile, "pid", "p", "", "pid `FILE`; default: beside the admin socket")
	fl.StringVarP(&f.umask, "umask", "u", "", "umask, octal, in place of global.umask")
	fl.BoolVarP(&f.keep, "dont-release-vrrp", "V", false, "keep the addresses and send no priority 0 at the stop")
	fl.CountVarP(&f.verbose, "log-detail", "D", "log in detail (= --log-level debug)")
	for _, same := range []struct{ long, short, text string }{
		{"dont-fork", "n", "stay in the foreground: it always does"},
		{"log-console", "l", "log to standard error: it always does"},
		{"no-syslog", "G", "no syslog: it never does"},
	} {
		fl.BoolP(same.long, same.short, false, same.text)
	}
	return cmd
}

// defaultFiles are read in this order when no file is named.
var defaultFiles = [...]string{"/etc/understudy/understudy.yaml", "/etc/keepalived/understudy.yaml"}

func runDaemon(cmd *cobra.Command, f *runFlags) error {
	startRuntime()
	path, err := configPath(f.file)
	if err != nil {
		return err
	}
	if err := readable(path); err != nil {
		return err
	}
	c, findings := loadConfig(path)
	for _, x := range findings {
		fmt.Fprintln(cmd.ErrOrStderr(), findingLine(x))
	}
	if c == nil {
		return &exitCodeError{code: exitInvalid}
	}
	if err := override(c, f); err != nil {
		return err
	}
	level := f.logLevel
	if f.verbose > 0 {
		level = "debug"
	}
	out := newLogQueue(cmd.ErrOrStderr())
	defer out.Close(time.Second)
	log, err := newLogger(out, f.logFormat, level)
	if err != nil {
		return err
	}
	if err := checkCapabilities(); err != nil {
		return err
	}
	tuneProcess(c, log)

	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	d, err := newDaemon(c, f, log)
	if err != nil {
		return err
	}
	return d.run(signals)
}

// configPath is the named file, or the first default that exists; absolute,
// so that a reload finds it from anywhere.
func configPath(named string) (string, error) {
	if named != "" {
		abs, err := filepath.Abs(named)
		if err != nil {
			return "", fmt.Errorf("configuration %s: %w", named, err)
		}
		return abs, nil
	}
	for _, p := range defaultFiles {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("no configuration: name one with -f (looked for %s and %s)", defaultFiles[0], defaultFiles[1])
}

// readable tells a file that cannot be read from one that is not valid.
func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return f.Close()
}

// loadConfig reads and judges a file against this host.
func loadConfig(path string) (*config.Config, []messages.Finding) {
	c, found := config.Load(os.ReadFile, filepath.Glob, path, newLocalHost())
	out := make([]messages.Finding, 0, len(found))
	for _, x := range found {
		out = append(out, reload.Finding(x))
	}
	return c, out
}

// loadWith is loadConfig under the options of the command line, which hold for
// the life of the daemon.
func loadWith(f *runFlags) func(string) (*config.Config, []messages.Finding) {
	return func(path string) (*config.Config, []messages.Finding) {
		c, found := loadConfig(path)
		if c != nil {
			_ = override(c, f) // it was judged at the start
		}
		return c, found
	}
}

// override lets the command line win over the file.
func override(c *config.Config, f *runFlags) error {
	if f.adminSocket != "" {
		abs, err := filepath.Abs(f.adminSocket)
		if err != nil {
			return fmt.Errorf("admin socket %s: %w", f.adminSocket, err)
		}
		c.Admin.SocketPath = abs
	}
	if f.stateDir != "" {
		c.Global.StateDir = f.stateDir
	}
	if f.umask != "" {
		var mask uint32
		if _, err := fmt.Sscanf(f.umask, "%o", &mask); err != nil || mask > 0o777 {
			return fmt.Errorf("umask %q: want octal digits up to 777", f.umask)
		}
		c.Global.Umask = mask
	}
	if f.keep {
		c.VRRP.ReleaseOnStop = false
	}
	return nil
}

// checkCapabilities names what is missing before anything is opened.
func checkCapabilities() error {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	has := func(c uint) bool { return data[c/32].Effective&(1<<(c%32)) != 0 }
	missing := ""
	if !has(unix.CAP_NET_ADMIN) {
		missing = "CAP_NET_ADMIN"
	}
	if !has(unix.CAP_NET_RAW) {
		if missing != "" {
			missing += " and "
		}
		missing += "CAP_NET_RAW"
	}
	if missing != "" {
		return fmt.Errorf("missing %s: start as root or give the binary these capabilities", missing)
	}
	return nil
}

// memoryLimit is where the collector begins to work harder; the live heap
// stays far below it.
const memoryLimit = 128 << 20

// startRuntime lets the collector and the pacer's thread run at the same time,
// and holds the collector back while the daemon starts: nearly all that is
// made then stays.
func startRuntime() {
	runtime.GOMAXPROCS(max(4, runtime.NumCPU()))
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(2 * memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(-1) // up to the limit
	}
}

// settleAfter the first commit the daemon is in steady state: the first down
// interval at the default of 1 s has passed.
const settleAfter = 5 * time.Second

// settleRuntime sets how often is collected from then on: rarely.
func settleRuntime() {
	time.AfterFunc(settleAfter, func() {
		if os.Getenv("GOMEMLIMIT") == "" {
			debug.SetMemoryLimit(memoryLimit)
		}
		if os.Getenv("GOGC") == "" {
			debug.SetGCPercent(400)
		}
	})
}

// tuneProcess applies what the configuration says of the process.
func tuneProcess(c *config.Config, log *slog.Logger) {
	unix.Umask(int(c.Global.Umask))
	if c.Global.LockMemory {
		if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE); err != nil {
			log.Warn("memory not locked", "err", err)
		}
	}
}
