package statefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrInUse is the error of a state file that another process has open.
var ErrInUse = errors.New("in use by another process")

// File is the state file of one daemon, locked against any other: two that
// share a name would take each other's addresses for left-overs.
type File struct {
	path string
	here Origin
	lock *os.File
}

// Open locks the state file of a daemon in dir, which is made if it is not
// there. Name tells daemons that share dir apart; it may be empty and has no
// slash. The error wraps ErrInUse if another process has it. Close ends it.
func Open(dir, name string) (*File, error) {
	here, err := origin()
	if err != nil {
		return nil, err
	}
	if strings.ContainsRune(name, '/') {
		return nil, fmt.Errorf("state file name %q: has a slash", name)
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	base := filepath.Join(dir, "state")
	if name != "" {
		base += "-" + name
	}
	lock, err := os.OpenFile(base+".lock", os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock state file: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrInUse
		}
		return nil, errors.Join(fmt.Errorf("lock %s: %w", lock.Name(), err), lock.Close())
	}
	return &File{path: base + ".json", here: here, lock: lock}, nil
}

// makeDir makes dir usable for its owner whatever the umask is.
func makeDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make state directory: %w", err)
	}
	switch err := os.Mkdir(dir, 0o700); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return fmt.Errorf("make state directory: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("make state directory: %w", err)
	}
	return nil
}

// Path of the document.
func (f *File) Path() string { return f.path }

// Read decodes the content of the document into v. The error wraps
// fs.ErrNotExist if there is none, else one of those of Parse; with
// ErrElsewhere the content is valid all the same.
func (f *File) Read(v any) (Header, error) {
	b, err := readAll(f.path)
	if err != nil {
		return Header{}, fmt.Errorf("read state: %w", err)
	}
	h, err := Parse(b, f.here, v)
	if err != nil {
		return h, fmt.Errorf("state file %s: %w", f.path, err)
	}
	return h, nil
}

func readAll(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, MaxSize+1))
}

// Write replaces the document by one with the content v, at once: a reader
// finds the old one or the new one. Written is the present instant. At a
// hand-over it does not wait for the disk: the silence of the daemon counts, and
// after a power cut no role is handed over anyway.
func (f *File) Write(handover bool, written int64, v any) error {
	b, err := Format(Header{f.here, handover, written}, v)
	if err != nil {
		return err
	}
	draft := f.path + ".new"
	if err := writeAll(draft, b, !handover); err != nil {
		return errors.Join(fmt.Errorf("write state: %w", err), forget(draft))
	}
	if err := os.Rename(draft, f.path); err != nil {
		return errors.Join(fmt.Errorf("write state: %w", err), forget(draft))
	}
	return nil
}

func writeAll(path string, b []byte, sync bool) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	err = out.Chmod(0o600) // of a draft that was there
	if err == nil {
		_, err = out.Write(b)
	}
	if err == nil && sync {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

func forget(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Close ends the lock. The document stays.
func (f *File) Close() error {
	if err := f.lock.Close(); err != nil {
		return fmt.Errorf("unlock state file: %w", err)
	}
	return nil
}

// origin is where this process runs.
func origin() (Origin, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Origin{}, fmt.Errorf("read boot id: %w", err)
	}
	ns, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		return Origin{}, fmt.Errorf("read network namespace: %w", err)
	}
	return Origin{Boot: strings.TrimSpace(string(boot)), Namespace: ns}, nil
}
