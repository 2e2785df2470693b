"""What the parts of the bench share: namespaces, processes, captures, numbers.

Python 3.11 standard library. Every namespace is named us-bench-*; processes are signalled by pid only.
"""
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = "/dev/shm/us-bench"  # tmpfs: logs must not wait for a disk
PREFIX = "us-bench-"
PROGRAMS = ("keepalived", "understudy")
STALL_LIMIT = 0.005  # seconds; above it a run is repeated
CLONE_NEWNET = 0x40000000
SO_ATTACH_FILTER, SO_RCVBUFFORCE, SO_TIMESTAMPNS = 26, 33, 35
ETH_P_ALL = 3
HZ = os.sysconf("SC_CLK_TCK")
libc = ctypes.CDLL(None, use_errno=True)


# ---- namespaces

@contextlib.contextmanager
def inside(ns):
    """The calling thread is in the namespace within the with block."""
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{ns}") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)


def ip_batch(ns, lines):
    p = subprocess.run(["ip", *(["-n", ns] if ns else []), "-batch", "-"], input="\n".join(lines) + "\n",
                       text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if p.returncode:
        raise RuntimeError(p.stdout[:800])


SYSCTLS = {"net/ipv4/conf/all/rp_filter": 0, "net/ipv4/conf/default/rp_filter": 0,
           "net/ipv4/igmp_max_memberships": 10000, "net/ipv4/conf/all/arp_ignore": 1, "net/ipv4/conf/all/arp_announce": 2,
           "net/ipv6/conf/all/accept_dad": 0, "net/ipv6/conf/default/accept_dad": 0, "net/ipv6/conf/default/dad_transmits": 0,
           "net/ipv6/conf/default/router_solicitations": 0}


def make_namespaces(*names, ipv6=False):
    """Makes us-bench-NAME for each, anew if one is left over; returns the full names."""
    out = []
    for n in names:
        ns = PREFIX + n
        remove_namespaces(ns)
        subprocess.run(["ip", "netns", "add", ns], check=True)
        ip_batch(ns, ["link set lo up"])
        with inside(ns):
            for key, value in {**SYSCTLS, "net/ipv6/conf/default/disable_ipv6": int(not ipv6)}.items():
                with open("/proc/sys/" + key, "w") as f:
                    f.write(str(value))
        out.append(ns)
    return out


def remove_namespaces(*full):
    for ns in full:
        if os.path.exists(f"/run/netns/{ns}"):
            subprocess.run(["ip", "netns", "del", ns], check=False)


# ---- processes

def stat_fields(pid):
    """Fields of /proc/PID/stat from the state on, or None."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            s = f.read()
    except OSError:
        return None
    return s[s.rindex(")") + 2:].split()


def tree(roots):
    """The living processes of the trees under roots, parents first."""
    children = {}
    for d in os.listdir("/proc"):
        if d.isdigit() and (f := stat_fields(d)) and f[0] != "Z":
            children.setdefault(int(f[1]), []).append(int(d))
    out = []
    todo = [r for r in roots if os.path.exists(f"/proc/{r}")]
    while todo:
        p = todo.pop(0)
        out.append(p)
        todo += children.get(p, [])
    return out


def cpu_seconds(pids):
    """User and system time of all threads of the processes."""
    return sum((int(f[11]) + int(f[12])) / HZ for p in pids if (f := stat_fields(p)))


def rss_mb(pids):
    total = 0
    for p in pids:
        with contextlib.suppress(OSError), open(f"/proc/{p}/smaps_rollup") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("Rss:"))
    return total / 1024


class Node:
    """One program in one namespace, run through its driver."""

    def __init__(self, program, ns, name):
        self.program, self.ns = program, ns
        self.dir = f"{WORK}/{name}"
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        self.env = dict(os.environ, BL_NS=ns, BL_DIR=self.dir, BL_SPEC=self.dir + "/spec", BL_LOG=self.dir + "/log", BL_NAME=name)
        self.started = 0.0

    def call(self, function, check=True):
        p = subprocess.run(["bash", "-c", f". {HERE}/drivers/common.sh; . {HERE}/drivers/{self.program}.sh; {function}"],
                           env=self.env, stdin=subprocess.DEVNULL)
        if check and p.returncode:
            raise RuntimeError(f"{self.program} {function}: exit code {p.returncode}; log {self.dir}/log")

    def config(self, lines):
        with open(self.dir + "/spec", "w") as f:
            f.write("\n".join(lines) + "\n")
        self.call("make_config")

    def start(self):
        self.started = time.time()
        self.call("start")

    def roots(self):
        try:
            with open(self.dir + "/pids") as f:
                return [int(x) for x in f.read().split()]
        except OSError:
            return []

    def pids(self):
        return tree(self.roots())

    def alive(self):
        return bool(self.roots()) and all((f := stat_fields(p)) and f[0] != "Z" for p in self.roots())

    def kill(self):
        """Ends every process of the program before any can react; returns when."""
        pids = self.pids()
        for p in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(p, signal.SIGSTOP)
        at = time.time()
        for p in reversed(pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(p, signal.SIGKILL)
        return at

    def clean(self):
        wait_for(lambda: not self.alive(), 10)
        self.call("cleanup", check=False)

    def stop(self):
        if self.alive():
            self.call("stop", check=False)
            wait_for(lambda: not self.alive(), 10)
            self.kill()
        self.clean()

    def tail(self):
        try:
            with open(self.dir + "/log") as f:
                return f.read()[-2000:]
        except OSError:
            return ""


# ---- captures

LDH, LDB, JEQ, RET = 0x28, 0x30, 0x15, 0x06
ACCEPT, REJECT = (RET, 0, 0, 262144), (RET, 0, 0, 0)
# VRRP of both families, ARP, ICMPv6.
EVERYTHING = [(LDH, 0, 0, 12), (JEQ, 7, 0, 0x806), (JEQ, 0, 2, 0x800), (LDB, 0, 0, 23), (JEQ, 4, 3, 112),
              (JEQ, 0, 2, 0x86dd), (LDB, 0, 0, 20), (JEQ, 1, 0, 112), (JEQ, 0, 1, 58), ACCEPT, REJECT]
ADVERTS = [(LDH, 0, 0, 12), (JEQ, 0, 2, 0x800), (LDB, 0, 0, 23), (JEQ, 1, 0, 112), REJECT, ACCEPT]
ARPS = [(LDH, 0, 0, 12), (JEQ, 1, 0, 0x806), REJECT, ACCEPT]


class Capture(threading.Thread):
    """Calls handle(ts, frame, outgoing) for each frame of an interface, ts being the kernel's."""

    def __init__(self, ns, interface, handle, program):
        super().__init__(daemon=True)
        self.handle, self.ending = handle, False
        raw = b"".join(struct.pack("HBBI", *i) for i in program)
        self.code = ctypes.create_string_buffer(raw, len(raw))
        with inside(ns):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HxxxxxxQ", len(program), ctypes.addressof(self.code)))
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 28)
            self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.sock.bind((interface, ETH_P_ALL))
        self.sock.settimeout(0.2)
        self.start()

    def run(self):
        while not self.ending:
            try:
                data, control, _, addr = self.sock.recvmsg(2048, 64)
            except OSError:
                continue
            for _, kind, value in control:
                if kind == SO_TIMESTAMPNS:
                    sec, nsec = struct.unpack("qq", value)
                    self.handle(sec + nsec / 1e9, data, addr[2] == 4)

    def drops(self):
        """Frames that the kernel dropped since the last call."""
        return struct.unpack("II", self.sock.getsockopt(263, 6, 8))[1]

    def close(self):
        self.ending = True
        self.join()
        self.sock.close()


def parse_advert(d):
    """(last byte of the source, vrid, priority) of a VRRP frame, or None."""
    if d[12:14] == b"\x08\x00" and d[23] == 112:
        at = 14 + (d[14] & 15) * 4
        return d[29], d[at + 1], d[at + 2]
    if d[12:14] == b"\x86\xdd" and d[20] == 112:
        return d[37], d[55], d[56]
    return None


def parse_announcement(d):
    """The address (bytes) that a gratuitous ARP or an unsolicited NA announces, or None."""
    if d[12:14] == b"\x08\x06" and d[28:32] == d[38:42] and d[28:32] != b"\0\0\0\0":
        return d[28:32]
    if d[12:14] == b"\x86\xdd" and d[20] == 58 and d[54] == 136 and not d[58] & 0x40:
        return d[62:78]
    return None


def address_bytes(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


class AddressWatch(threading.Thread):
    """Notes when each address was first added in a namespace; times is cleared by the user."""

    def __init__(self, ns):
        super().__init__(daemon=True)
        self.times = {}
        with inside(ns):
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
        self.sock.bind((0, 0x10 | 0x100))  # addresses of both families
        self.sock.settimeout(0.2)
        self.ending = False
        self.start()

    def run(self):
        while not self.ending:
            try:
                b = self.sock.recv(65536)
            except OSError:
                continue
            now, at = time.time(), 0
            while at + 16 <= len(b):
                length, kind = struct.unpack_from("IH", b, at)
                if kind == 20:  # RTM_NEWADDR
                    self.attributes(b[at + 24:at + length], now)
                at += (length + 3) & ~3

    def attributes(self, b, now):
        at = 0
        while at + 4 <= len(b):
            length, kind = struct.unpack_from("HH", b, at)
            if kind == 1:  # IFA_ADDRESS
                self.times.setdefault(bytes(b[at + 4:at + length]), now)
            at += max(4, (length + 3) & ~3)

    def close(self):
        self.ending = True
        self.join()
        self.sock.close()


class Stalls:
    """A process that measures how late the machine wakes it, each millisecond."""

    def __init__(self):
        self.proc = subprocess.Popen([sys.executable, os.path.abspath(__file__), "stalls"], stdout=subprocess.PIPE, text=True)
        self.seen = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.proc.stdout:
            at, late = line.split()
            self.seen.append((float(at), float(late)))

    def worst(self, since, until):
        return max((late for at, late in self.seen if since <= at <= until + 0.01), default=0.0)

    def close(self):
        self.proc.kill()
        self.proc.wait()


def measure_stalls():
    while True:
        before = time.monotonic()
        time.sleep(0.001)
        late = time.monotonic() - before - 0.001
        if late > 0.002:
            print(f"{time.time():.6f} {late:.6f}", flush=True)


# ---- numbers

def wait_for(condition, limit, step=0.01):
    end = time.time() + limit
    while time.time() < end:
        if condition():
            return True
        time.sleep(step)
    return condition()


def percentile(values, p):
    v = sorted(values)
    return v[min(len(v) - 1, int(p / 100 * len(v)))] if v else float("nan")


def median(values):
    v = [x for x in values if x is not None]
    return statistics.median(v) if v else float("nan")


def spread(values):
    v = [x for x in values if x is not None]
    return f"{median(v) * 1e3:.2f} ({min(v) * 1e3:.2f}–{max(v) * 1e3:.2f}) ms" if v else "none"


if __name__ == "__main__" and sys.argv[1:] == ["stalls"]:
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        measure_stalls()
