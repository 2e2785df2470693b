package web

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// SocketOptions says where the API listens and who may connect.
type SocketOptions struct {
	Path    string      // absolute, at most 107 bytes
	Mode    fs.FileMode // permission bits; 0: 0660
	User    string      // account name or number; empty: unchanged
	Group   string      // group name or number; empty: unchanged
	PIDFile string      // empty: beside the socket, same base name, .pid
}

// Socket is a listening Unix socket. Its file is the lock of the daemon: while
// one answers on it no second one starts. It outlives the servers that borrow it.
type Socket struct {
	path, pidFile string
	file          os.FileInfo // of the socket: only this one is removed
	listener      *net.UnixListener
	closeOnce     sync.Once
	closeErr      error
}

// RunningError tells that another living daemon answers on the socket.
type RunningError struct {
	Path string
	PID  int // 0: not known, e.g. in another PID namespace
}

func (e *RunningError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("already running (another daemon answers on %s)", e.Path)
	}
	return fmt.Sprintf("already running (pid %d answers on %s)", e.PID, e.Path)
}

const (
	maxSocketPath = 107 // sun_path less its final zero
	backlog       = 128
	probeLimit    = time.Second     // for another daemon to accept
	lockLimit     = 5 * time.Second // for another start or stop in the same directory
)

// Open takes the lock and listens. Connections queue until a Server is
// started. It returns a *RunningError when another daemon has the socket; the
// file of a dead one is replaced.
func Open(o SocketOptions) (*Socket, error) {
	if len(o.Path) > maxSocketPath {
		return nil, fmt.Errorf("open admin socket %s: path is longer than %d bytes", o.Path, maxSocketPath)
	}
	s := &Socket{path: o.Path, pidFile: o.PIDFile}
	if s.pidFile == "" {
		s.pidFile = strings.TrimSuffix(o.Path, filepath.Ext(o.Path)) + ".pid"
	}
	unlock, err := lockDir(filepath.Dir(o.Path))
	if err != nil {
		return nil, fmt.Errorf("open admin socket %s: %w", o.Path, err)
	}
	defer unlock()
	if err := clearStale(o.Path); err != nil {
		return nil, err
	}
	if err := s.listen(o); err != nil {
		return nil, fmt.Errorf("open admin socket %s: %w", o.Path, err)
	}
	if err := writePID(s.pidFile); err != nil {
		s.listener.Close()
		os.Remove(o.Path)
		return nil, fmt.Errorf("write pid file: %w", err)
	}
	return s, nil
}

// Path is where the socket stands.
func (s *Socket) Path() string { return s.path }

// Close gives up the lock: it removes the files, unless others took their
// place, and closes the descriptor. Only the first call has an effect.
func (s *Socket) Close() error {
	s.closeOnce.Do(func() {
		// Without the directory lock a starting daemon could slip in between;
		// it would then be told that we run, which is true until the last line.
		if unlock, err := lockDir(filepath.Dir(s.path)); err == nil {
			defer unlock()
		}
		if b, err := os.ReadFile(s.pidFile); err == nil && string(b) == pidText() {
			os.Remove(s.pidFile)
		}
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.file) {
			os.Remove(s.path)
		}
		s.closeErr = s.listener.Close()
	})
	return s.closeErr
}

// listen binds, sets the rights and only then listens: before that nobody can connect.
func (s *Socket) listen(o SocketOptions) (err error) {
	uid, gid, err := account(o.User, o.Group)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	f := os.NewFile(uintptr(fd), o.Path)
	defer f.Close() // FileListener works on a duplicate
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: o.Path}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(o.Path)
		}
	}()
	mode := o.Mode.Perm()
	if mode == 0 {
		mode = 0o660
	}
	if err := os.Chmod(o.Path, mode); err != nil {
		return err
	}
	if err := own(o.Path, uid, gid); err != nil {
		return err
	}
	if s.file, err = os.Lstat(o.Path); err != nil {
		return err
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	l, err := net.FileListener(f)
	if err != nil {
		return err
	}
	s.listener = l.(*net.UnixListener)
	return nil
}

// own gives the socket to an account. root, who could open it anyway, stands
// for a daemon without privileges itself: it need not own what it serves.
func own(path string, uid, gid int) error {
	if os.Geteuid() != 0 {
		if uid == 0 {
			uid = -1
		}
		if gid == 0 {
			gid = -1
		}
	}
	return os.Chown(path, uid, gid)
}

// clearStale removes the socket file of a dead daemon.
func clearStale(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open admin socket: %w", err)
	}
	if st.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("open admin socket %s: exists and is not a socket", path)
	}
	conn, err := net.DialTimeout("unix", path, probeLimit)
	for end := time.Now().Add(dyingLimit); err == nil && dying(peerPID(conn)) && time.Now().Before(end); {
		conn.Close()
		time.Sleep(dyingPause)
		conn, err = net.DialTimeout("unix", path, probeLimit)
	}
	switch {
	case err == nil:
		defer conn.Close()
		return &RunningError{Path: path, PID: peerPID(conn)}
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, os.ErrDeadlineExceeded): // its queue is full: it lives
		return &RunningError{Path: path}
	case errors.Is(err, unix.ECONNREFUSED):
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove stale admin socket: %w", err)
		}
		return nil
	}
	return fmt.Errorf("probe admin socket %s: %w", path, err)
}

// A killed daemon's socket accepts until the kernel has torn the process down.
const (
	dyingLimit = 2 * time.Second
	dyingPause = 10 * time.Millisecond
)

// dying reports that the process is dead or has a SIGKILL waiting.
func dying(pid int) bool {
	if pid == 0 {
		return false
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "State":
			if strings.HasPrefix(value, "Z") || strings.HasPrefix(value, "X") {
				return true
			}
		case "SigPnd", "ShdPnd":
			pending, err := strconv.ParseUint(value, 16, 64)
			if err == nil && pending&(1<<(unix.SIGKILL-1)) != 0 {
				return true
			}
		}
	}
	return false
}

// mkdirs makes a directory and what is missing above it, for all to enter: the
// umask is about files.
func mkdirs(dir string) error {
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return nil
	}
	if up := filepath.Dir(dir); up != dir {
		if err := mkdirs(up); err != nil {
			return err
		}
	}
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) { // another start was quicker, or it is a file
		st, statErr := os.Stat(dir)
		if statErr == nil && st.IsDir() {
			return nil
		}
		return err
	}
	if err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// lockDir keeps other starts and stops in the directory away for a moment.
func lockDir(dir string) (unlock func(), err error) {
	if err := mkdirs(dir); err != nil {
		return nil, err
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(lockLimit)
	for {
		err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { d.Close() }, nil
		}
		if time.Now().After(deadline) || !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			d.Close()
			return nil, fmt.Errorf("lock directory %s: %w", dir, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func pidText() string { return strconv.Itoa(os.Getpid()) + "\n" }

// writePID replaces the file in one step, so that no reader sees half a number.
func writePID(path string) error {
	if err := mkdirs(filepath.Dir(path)); err != nil {
		return err
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, []byte(pidText()), 0o644); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return err
	}
	return nil
}
