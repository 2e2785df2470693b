package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	maxTree  = 256 // processes looked at when a tree is killed
	reapTime = 5 * time.Second
)

// Process is a program running in a namespace, its output going to a file.
type Process struct {
	Name    string
	Started time.Time // just before the program was started
	LogFile string    // standard output and error

	cmd  *exec.Cmd
	done chan struct{} // closed when it was reaped
}

// Start runs a program in the namespace. Name names its log file in the lab's
// folder: NAME.log.
func (n *Namespace) Start(name string, argv ...string) (*Process, error) {
	path := filepath.Join(n.lab.dir, name+".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log of %s: %w", name, err)
	}
	defer log.Close() // the program has its own descriptor
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C at the terminal is for us alone
	p := &Process{Name: name, LogFile: path, cmd: cmd, done: make(chan struct{})}
	err = n.Do(func() error {
		p.Started = time.Now()
		return cmd.Start()
	})
	if err != nil {
		return nil, fmt.Errorf("start %s in %s: %w", name, n.Name, err)
	}
	go func() { // ends with the program, which Close kills
		_ = cmd.Wait() // the exit code is read from ProcessState
		close(p.done)
	}()
	n.lab.mu.Lock()
	closed := n.lab.closed
	n.lab.running = append(n.lab.running, p)
	n.lab.mu.Unlock()
	if closed {
		p.Kill()
		return nil, fmt.Errorf("start %s in %s: the lab is closed", name, n.Name)
	}
	return p, nil
}

// Run runs a program in the namespace to its end and returns what it printed.
func (n *Namespace) Run(argv ...string) (string, error) {
	var out []byte
	err := n.Do(func() error {
		var err error
		out, err = exec.Command(argv[0], argv[1:]...).CombinedOutput()
		return err
	})
	if err != nil {
		return string(out), fmt.Errorf("run %s in %s: %w: %s", strings.Join(argv, " "), n.Name, err, out)
	}
	return string(out), nil
}

// PID is its process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Alive reports whether it still runs.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// ExitCode is the exit code, or -1 while it runs or when a signal ended it.
func (p *Process) ExitCode() int {
	if p.Alive() {
		return -1
	}
	return p.cmd.ProcessState.ExitCode()
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("send %v to %s: %w", s, p.Name, err)
	}
	return nil
}

// Stop sends TERM and waits for the end, at most limit. It returns the instant
// of the signal.
func (p *Process) Stop(limit time.Duration) (time.Time, error) {
	at := time.Now()
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return at, err
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-p.done:
		return at, nil
	case <-t.C:
		return at, fmt.Errorf("stop %s: still there after %v", p.Name, limit)
	}
}

// Kill ends the process and all its children at once, as a power cut would:
// the whole tree is stopped first, so that none of it sees another die and says
// farewell. It returns the instant of the kill; the process is reaped then.
func (p *Process) Kill() time.Time {
	if !p.Alive() {
		return time.Now()
	}
	pids := tree(p.PID())
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGSTOP) // one that has just ended needs no stop
	}
	at := time.Now()
	for _, pid := range slices.Backward(pids) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	t := time.NewTimer(reapTime)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C: // the kernel has it; nothing more to do from here
	}
	return at
}

// Log is what the process printed so far.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.LogFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err.Error()
	}
	return string(b)
}

// tree lists root and its descendants, parents first.
func tree(root int) []int {
	children := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return []int{root}
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if parent, ok := parentOf(pid); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	pids := []int{root}
	for i := 0; i < len(pids) && len(pids) < maxTree; i++ {
		pids = append(pids, children[pids[i]]...)
	}
	return pids
}

// parentOf reads the parent of a process from /proc/PID/stat, whose second
// field may hold anything in parentheses.
func parentOf(pid int) (int, bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	s := string(b)
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(f) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(f[1])
	return parent, err == nil
}
