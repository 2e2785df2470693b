package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Namespace is a network namespace.
type Namespace struct {
	Name string // as in `ip netns`

	lab *Lab
	fd  netns.NsHandle
	nl  *netlink.Handle
}

// Namespace makes the namespace us-TAG.PID-name with its loopback up and duplicate
// address detection off.
func (l *Lab) Namespace(name string) (*Namespace, error) {
	n := &Namespace{Name: l.namespaceName(name), lab: l}
	if err := onThread(n.make); err != nil {
		return nil, errors.Join(err, n.remove())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.Join(fmt.Errorf("make namespace %s: the lab is closed", n.Name), n.remove())
	}
	l.spaces = append(l.spaces, n)
	return n, nil
}

// make makes the namespace; its thread is in it then.
func (n *Namespace) make() error {
	fd, err := netns.NewNamed(n.Name)
	if err != nil {
		return fmt.Errorf("make namespace %s: %w", n.Name, err)
	}
	n.fd = fd
	return n.prepare()
}

// prepare runs inside the new namespace.
func (n *Namespace) prepare() error {
	for _, s := range [...][2]string{
		{"net/ipv6/conf/all/accept_dad", "0"},
		{"net/ipv6/conf/default/accept_dad", "0"},
		{"net/ipv6/conf/default/dad_transmits", "0"},
		{"net/ipv6/conf/default/addr_gen_mode", "1"}, // no link-local address but ours
		{"net/ipv6/conf/default/router_solicitations", "0"},
		{"net/ipv4/igmp_max_memberships", "4096"},
	} {
		if err := os.WriteFile("/proc/sys/"+s[0], []byte(s[1]), 0); err != nil {
			return fmt.Errorf("set sysctl in %s: %w", n.Name, err)
		}
	}
	nl, err := netlink.NewHandleAt(n.fd)
	if err != nil {
		return fmt.Errorf("open netlink in %s: %w", n.Name, err)
	}
	n.nl = nl
	lo, err := nl.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find lo in %s: %w", n.Name, err)
	}
	if err := nl.LinkSetUp(lo); err != nil {
		return fmt.Errorf("set lo up in %s: %w", n.Name, err)
	}
	return nil
}

// Do runs f on a thread of its own inside the namespace. Sockets that f opens,
// processes that it starts and /proc/sys/net that it sees are the namespace's.
func (n *Namespace) Do(f func() error) error {
	return onThread(func() error {
		if err := netns.Set(n.fd); err != nil {
			return fmt.Errorf("enter namespace %s: %w", n.Name, err)
		}
		return f()
	})
}

// onThread runs f on a thread that ends with it, so that a namespace entered
// by f is left with it.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() { // ends with f
		runtime.LockOSThread() // never unlocked: the thread dies with the goroutine
		done <- f()
	}()
	return <-done
}

// Sysctl writes a value, its key with slashes ("net/ipv4/ip_forward").
func (n *Namespace) Sysctl(key, value string) error {
	return n.Do(func() error {
		if err := os.WriteFile("/proc/sys/"+key, []byte(value), 0); err != nil {
			return fmt.Errorf("set sysctl in %s: %w", n.Name, err)
		}
		return nil
	})
}

// Netlink is a handle inside the namespace; the lab closes it.
func (n *Namespace) Netlink() *netlink.Handle { return n.nl }

func (n *Namespace) remove() error {
	if n.nl != nil {
		n.nl.Close()
		n.nl = nil
	}
	if n.fd > 0 {
		n.fd.Close()
		n.fd = 0
	}
	return removeNamed(n.Name)
}

func removeNamed(name string) error {
	path := filepath.Join(runNetns, name)
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unmount namespace %s: %w", name, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove namespace %s: %w", name, err)
	}
	return nil
}

// removeLeftovers removes the namespaces head + PID + "-…" of processes that are gone,
// and kills what lives in them: it is of a lab that could not clean up.
func removeLeftovers(head string) error {
	paths, err := filepath.Glob(filepath.Join(runNetns, head+"*"))
	if err != nil {
		return fmt.Errorf("list namespaces %s*: %w", head, err)
	}
	var errs []error
	for _, path := range paths {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), head), "-")
		pid, err := strconv.Atoi(owner)
		if err != nil || pid != os.Getpid() && syscall.Kill(pid, 0) == nil {
			continue
		}
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err == nil {
			for _, pid := range processesIn(st.Ino) {
				_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is as good
			}
		}
		errs = append(errs, removeNamed(filepath.Base(path)))
	}
	return errors.Join(errs...)
}

// processesIn lists the processes whose network namespace has this inode number.
func processesIn(inode uint64) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	want := "net:[" + strconv.FormatUint(inode, 10) + "]"
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if link, err := os.Readlink("/proc/" + e.Name() + "/ns/net"); err == nil && link == want {
			pids = append(pids, pid)
		}
	}
	return pids
}
