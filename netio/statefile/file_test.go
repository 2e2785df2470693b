package statefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func open(t *testing.T, dir, name string) *File {
	t.Helper()
	f, err := Open(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
	return f
}

func TestFileIsReplacedAndReadAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "state")
	f := open(t, dir, "")
	var got content
	if _, err := f.Read(&got); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("read of nothing: %v", err)
	}
	for n, note := range []string{"a longer first note", "second"} {
		if err := f.Write(n == 1, int64(n), content{Note: note}); err != nil {
			t.Fatal(err)
		}
		h, err := f.Read(&got)
		if err != nil || got.Note != note || h.Handover != (n == 1) || h.Written != int64(n) {
			t.Fatalf("read %+v %+v: %v", h, got, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("in the directory: %v %v, want the file and its lock", left, err)
	}
}

func TestModesDoNotDependOnTheUmask(t *testing.T) {
	for _, mask := range []int{0o000, 0o177} { // of the process: no test of this package is parallel
		old := syscall.Umask(mask)
		dir := filepath.Join(t.TempDir(), "state")
		f, err := Open(dir, "x")
		if err == nil {
			err = f.Write(false, 1, content{})
		}
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]fs.FileMode{dir: 0o700, f.Path(): 0o600} {
			st, err := os.Stat(path)
			if err != nil || st.Mode().Perm() != want {
				t.Errorf("umask %o, %s: mode %v, want %v (%v)", mask, path, st.Mode().Perm(), want, err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOneProcessHasTheFile(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, "a")
	if _, err := Open(dir, "a"); !errors.Is(err, ErrInUse) {
		t.Fatalf("second open: %v, want %v", err, ErrInUse)
	}
	b := open(t, dir, "b") // another daemon of the host
	if a.Path() == b.Path() {
		t.Errorf("both write %s", a.Path())
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, "a")
}

func TestUnusablePlacesAreNamed(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(plain, "state"), ""); err == nil || !strings.Contains(err.Error(), plain) {
		t.Errorf("directory below a file: %v", err)
	}
	if _, err := Open(t.TempDir(), "../x"); err == nil {
		t.Error("a name with a slash was taken")
	}
	f := open(t, t.TempDir(), "")
	if err := os.Mkdir(f.Path(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(false, 1, content{}); err == nil || !strings.Contains(err.Error(), f.Path()) {
		t.Errorf("written over a directory: %v", err)
	}
	if _, err := os.Stat(f.Path() + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the draft stays: %v", err)
	}
}
