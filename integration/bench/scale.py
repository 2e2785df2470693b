"""N instances between two routers on several links: start, steady state, takeover of all."""
import random
import time
from collections import defaultdict

from benchlib import (ADVERTS, Capture, Node, cpu_seconds, ip_batch, make_namespaces, parse_advert, percentile,
                      remove_namespaces, rss_mb, wait_for)

PER_LINK = 250
BACKUP_PRIORITY = 100
ADVERT = 1.0
SETTLE = 7.0  # the second announcements come 5 s after the takeover


def priority(k, phases):
    """Of instance k at router 1. Spread priorities spread the skew times, and with them the phases of the adverts, over 0.6 s."""
    return 250 if phases == "together" else 101 + k * 37 % 150


class Network:
    def __init__(self, program, count, phases):
        self.program, self.count, self.phases = program, count, phases
        self.seen = defaultdict(list)  # (router, link, vrid) -> times of adverts
        self.namespaces = make_namespaces("s1", "s2")
        self.captures, self.nodes = [], []
        r1, r2 = self.namespaces
        links = range((count + PER_LINK - 1) // PER_LINK)
        ip_batch(None, [f"link add eth{i} netns {r1} type veth peer name eth{i} netns {r2}" for i in links])
        for n, ns in ((1, r1), (2, r2)):
            ip_batch(ns, [line for i in links for line in (f"link set eth{i} up", f"addr add 192.168.{i // 64}.{i % 64 * 4 + n}/30 dev eth{i}")])
        # At router 2: what it receives is router 1's, what it sends its own.
        self.captures = [Capture(r2, f"eth{i}", self.recorder(i), ADVERTS) for i in links]
        self.nodes = [Node(program, r1, "s1"), Node(program, r2, "s2")]

    def recorder(self, link):
        def record(ts, frame, outgoing):
            if advert := parse_advert(frame):
                self.seen[(2 if outgoing else 1, link, advert[1])].append(ts)
        return record

    def spec(self, router):
        return [f"vrrp v{k} eth{k // PER_LINK} {1 + k % PER_LINK} {priority(k, self.phases) if router == 1 else BACKUP_PRIORITY} "
                f"{ADVERT:g} 192.168.{64 + k // 250}.{1 + k % 250}" for k in range(self.count)]

    def masters(self, router):
        return sum(1 for key in list(self.seen) if key[0] == router)

    def key(self, router, k):
        return router, k // PER_LINK, 1 + k % PER_LINK

    def gaps(self, since, until):
        """Intervals between adverts of router 1, and how many adverts are missing."""
        out, missed = [], 0
        for key, times in list(self.seen.items()):
            if key[0] == 1:
                window = [t for t in times if since <= t <= until]
                for a, b in zip(window, window[1:]):
                    out.append(b - a)
                    if b - a > 1.5 * ADVERT:
                        missed += round((b - a) / ADVERT) - 1
        return out, missed

    def steady(self, node, seconds):
        pids = node.pids()
        cpu, began = cpu_seconds(pids), time.time()
        time.sleep(seconds)
        ended = time.time()
        return dict(cpu=100 * (cpu_seconds(pids) - cpu) / (ended - began), rss=rss_mb(pids), began=began, ended=ended)

    def run(self, seconds):
        first, second = self.nodes
        first.config(self.spec(1))
        first.start()
        if not wait_for(lambda: self.masters(1) >= self.count, 60, 0.02):
            raise RuntimeError(f"{self.program}: {self.masters(1)} of {self.count} became master:\n{first.tail()}")
        start = max(self.seen[self.key(1, k)][0] - first.started - 3 * ADVERT - (256 - priority(k, self.phases)) * ADVERT / 256
                    for k in range(self.count))
        time.sleep(SETTLE)
        master = self.steady(first, seconds)
        intervals, missed = self.gaps(master["began"], master["ended"])
        second.config(self.spec(2))
        second.start()
        time.sleep(SETTLE)
        spurious = self.masters(2)
        backup = self.steady(second, seconds / 2)
        result = dict(start=start, cpu=master["cpu"], rss=master["rss"], missed=missed, backup_cpu=backup["cpu"], spurious=spurious,
                      interval_p99=percentile(intervals, 99))
        result.update(self.takeover())
        result["drops"] = sum(c.drops() for c in self.captures)
        return result

    def takeover(self):
        time.sleep(random.random() * ADVERT)
        first, second = self.nodes
        for key in [k for k in list(self.seen) if k[0] == 2]:
            del self.seen[key]
        down = 3 * ADVERT + (256 - BACKUP_PRIORITY) * ADVERT / 256
        cpu = cpu_seconds(second.pids())
        first.kill()
        wait_for(lambda: self.masters(2) >= self.count, down + 30, 0.02)
        over = []
        for k in range(self.count):
            new = self.seen.get(self.key(2, k))
            old = [t for t in self.seen.get(self.key(1, k), []) if new and t < new[0]]
            if new and old:
                over.append(new[0] - old[-1] - down)
        return dict(took_over=len(over), takeover_p50=percentile(over, 50), takeover_p99=percentile(over, 99),
                    takeover_cpu=cpu_seconds(second.pids()) - cpu)

    def close(self):
        for n in self.nodes:
            n.kill()
            n.clean()
        for c in self.captures:
            c.close()
        remove_namespaces(*self.namespaces)
