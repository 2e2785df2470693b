package web

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func open(t *testing.T, o SocketOptions) *Socket {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSecondDaemonIsToldWhoAnswers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	open(t, SocketOptions{Path: path})
	_, err := Open(SocketOptions{Path: path})
	var running *RunningError
	if !errors.As(err, &running) || running.PID != os.Getpid() {
		t.Fatalf("got %v", err)
	}
	want := fmt.Sprintf("already running (pid %d answers on %s)", os.Getpid(), path)
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if b, err := os.ReadFile(filepath.Join(filepath.Dir(path), "admin.pid")); err != nil || string(b) != pidText() {
		t.Errorf("the refused start must leave the pid file alone: %q, %v", b, err)
	}
}

// stale leaves the socket file of a daemon that died.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
}

func TestSocketOfADeadDaemonIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	stale(t, path)
	open(t, SocketOptions{Path: path})
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("nobody listens: %v", err)
	}
	conn.Close()
}

func TestAnotherFileIsNotReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(SocketOptions{Path: path}); err == nil || !strings.Contains(err.Error(), "is not a socket") {
		t.Errorf("got %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Errorf("the file now holds %q", b)
	}
}

func TestOneOfManyStartsGetsTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	stale(t, path)
	const starts = 8
	results := make(chan error, starts)
	for range starts {
		go func() {
			s, err := Open(SocketOptions{Path: path})
			if err == nil {
				t.Cleanup(func() { s.Close() })
			}
			results <- err
		}()
	}
	won := 0
	for range starts {
		err := <-results
		var running *RunningError
		switch {
		case err == nil:
			won++
		case !errors.As(err, &running):
			t.Errorf("got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d starts got the lock", won)
	}
}

func TestCloseRemovesWhatIsOurs(t *testing.T) {
	dir := t.TempDir()
	path, pid := filepath.Join(dir, "admin.sock"), filepath.Join(dir, "run", "own.pid")
	s := open(t, SocketOptions{Path: path, PIDFile: pid})
	if b, err := os.ReadFile(pid); err != nil || string(b) != strconv.Itoa(os.Getpid())+"\n" {
		t.Fatalf("pid file: %q, %v", b, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, pid} {
		if _, err := os.Lstat(p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", p, err)
		}
	}
	open(t, SocketOptions{Path: path, PIDFile: pid})
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("a second close must not touch the successor: %v", err)
	}
}

func TestCloseLeavesWhatIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	path, pid := filepath.Join(dir, "admin.sock"), filepath.Join(dir, "admin.pid")
	s := open(t, SocketOptions{Path: path})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	stale(t, path)
	if err := os.WriteFile(pid, []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, pid} {
		if _, err := os.Lstat(p); err != nil {
			t.Errorf("%s of another process is gone: %v", p, err)
		}
	}
}

func TestRights(t *testing.T) {
	dir := t.TempDir()
	for mode, want := range map[fs.FileMode]fs.FileMode{0: 0o660, 0o600: 0o600, 0o666: 0o666} {
		path := filepath.Join(dir, fmt.Sprintf("%o.sock", mode))
		open(t, SocketOptions{Path: path, Mode: mode, User: strconv.Itoa(os.Getuid()), Group: strconv.Itoa(os.Getgid())})
		if st, err := os.Lstat(path); err != nil || st.Mode().Perm() != want {
			t.Errorf("mode %o: got %v, %v", mode, st.Mode().Perm(), err)
		}
	}
	path := filepath.Join(dir, "nobody.sock")
	if _, err := Open(SocketOptions{Path: path, User: "no-such-account"}); err == nil {
		t.Error("an unknown account is refused")
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused start leaves a file: %v", err)
	}
}

// Whatever the umask, the directories of the socket and of the pid file can be entered.
func TestDirectoriesAreMadeForAllToEnter(t *testing.T) {
	dir := t.TempDir()
	defer syscall.Umask(syscall.Umask(0o177))
	open(t, SocketOptions{Path: filepath.Join(dir, "a/b/admin.sock"), PIDFile: filepath.Join(dir, "p/q/x.pid")})
	for _, made := range []string{"a", "a/b", "p", "p/q"} {
		if st, err := os.Stat(filepath.Join(dir, made)); err != nil || st.Mode().Perm() != 0o755 {
			t.Errorf("%s: got %v, %v; want 0755", made, st.Mode(), err)
		}
	}
	if _, err := Open(SocketOptions{Path: filepath.Join(dir, "p/q/x.pid/admin.sock")}); err == nil {
		t.Error("below a file there is no directory to make")
	}
}

// An ordinary user, with whatever capabilities, can serve under the default
// owner: root:root is not asked of the kernel then.
func TestAnOrdinaryUserServesUnderTheDefaultOwner(t *testing.T) {
	const again = "UNDERSTUDY_TEST_SOCKET"
	if path := os.Getenv(again); path != "" {
		open(t, SocketOptions{Path: path, User: "root", Group: "root"})
		return
	}
	dir, err := os.MkdirTemp("", "us-web-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if os.Geteuid() != 0 { // an ordinary user already
		open(t, SocketOptions{Path: filepath.Join(dir, "admin.sock"), User: "root", Group: "root"})
		return
	}
	const nobody = 65534
	err = os.Chown(dir, nobody, nobody)
	if errors.Is(err, syscall.EINVAL) {
		t.Skip("this user namespace has nobody else to become")
	}
	if err := errors.Join(err, copyFile(os.Args[0], filepath.Join(dir, "test"))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "test"), "-test.run", "^"+t.Name()+"$")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), again+"="+filepath.Join(dir, "admin.sock"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as an ordinary user: %v\n%s", err, out)
	}
}

// copyFile makes an executable that any user may run.
func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}

func TestPathAtTheLimit(t *testing.T) {
	dir := t.TempDir()
	if len(dir) > maxSocketPath-3 {
		t.Skipf("temporary directory %s is too long for the test", dir)
	}
	longest := filepath.Join(dir, strings.Repeat("a", maxSocketPath-len(dir)-1))
	open(t, SocketOptions{Path: longest})
	if _, err := Open(SocketOptions{Path: longest + "a"}); err == nil || !strings.Contains(err.Error(), "longer than 107") {
		t.Errorf("got %v", err)
	}
}

func TestDyingTellsTheDeadFromTheLiving(t *testing.T) {
	if dying(os.Getpid()) {
		t.Error("this process is taken for dying")
	}
	if dying(0) {
		t.Error("an unknown process is taken for dying")
	}
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if dying(child.Process.Pid) {
		t.Error("a sleeping child is taken for dying")
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); !dying(child.Process.Pid); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("a killed child is not taken for dying")
		}
	}
	_ = child.Wait()
}
