"""Kills a master and looks when the other router takes over.

A Rig is two routers of one program and a client on a bridge. The rigs of both programs stand side by side and take turns, so that
one recovers while the other is measured.
"""
import random
import time

from benchlib import (EVERYTHING, AddressWatch, Capture, Node, address_bytes, cpu_seconds, ip_batch, make_namespaces,
                      parse_advert, parse_announcement, remove_namespaces, wait_for)

PRIORITY = {1: 250, 2: 100}
ADVERTISED = 255  # at most, of the addresses of an IPv4 instance


def addresses(count, ipv6):
    """The advertised and the excluded addresses of the instance."""
    if ipv6:
        return ["fe80::51", "2001:db8::51"], []
    all_ = ["192.168.50.100"] + [f"192.168.{60 + i // 200}.{1 + i % 200}" for i in range(count - 1)]
    return all_[:ADVERTISED], all_[ADVERTISED:]


class Rig:
    def __init__(self, program, advert, vips=1, ipv6=False):
        self.program, self.advert, self.ipv6 = program, advert, ipv6
        self.advertised, self.excluded = addresses(vips, ipv6)
        self.down = 3 * advert + (256 - PRIORITY[2]) * advert / 256
        self.adverts, self.announced = [], []
        tag = program[:2]
        self.namespaces = make_namespaces(*(tag + n for n in ("1", "2", "sw", "cl")), ipv6=ipv6)
        self.nodes, self.capture, self.watch = {}, None, None
        self.build(tag)

    def build(self, tag):
        r1, r2, switch, client = self.namespaces
        ip_batch(switch, ["link add br0 type bridge mcast_snooping 0", "link set br0 up"])
        for ns, n in ((r1, 1), (r2, 2), (client, 3)):
            ip_batch(None, [f"link add eth0 netns {ns} type veth peer name p{n} netns {switch}"])
            ip_batch(switch, [f"link set p{n} master br0", f"link set p{n} up"])
            if self.ipv6:
                ip_batch(ns, ["link set eth0 addrgenmode none"])
            ip_batch(ns, ["link set eth0 up", f"addr add 192.168.50.{n}/24 dev eth0"])
            if self.ipv6:
                ip_batch(ns, [f"addr add fe80::{n}/64 dev eth0 nodad", f"addr add 2001:db8::{n}/64 dev eth0 nodad"])
        self.capture = Capture(client, "eth0", self.on_frame, EVERYTHING)
        self.watch = AddressWatch(r2)
        for n, ns in ((1, r1), (2, r2)):
            self.nodes[n] = Node(self.program, ns, f"{tag}{n}")
            self.nodes[n].config([f"vrrp web eth0 51 {PRIORITY[n]} {self.advert:g} {','.join(self.advertised)} {','.join(self.excluded)}".rstrip()])

    def on_frame(self, ts, frame, outgoing):
        if outgoing:
            return
        if advert := parse_advert(frame):
            self.adverts.append((ts, advert[0], advert[2]))
        elif (address := parse_announcement(frame)) is not None:
            self.announced.append((ts, address))

    def last(self, n):
        return next((ts for ts, src, priority in reversed(self.adverts) if src == n and priority), 0.0)

    def settled(self):
        """Router 1 advertises and router 2 has been silent for a while."""
        quiet = self.last(1) - self.last(2)
        return time.time() - self.last(1) < 2.5 * self.advert + 0.05 and quiet > max(2 * self.advert, 0.5)

    def start(self):
        self.nodes[1].start()
        if not wait_for(lambda: self.last(1) > 0, 30):
            raise RuntimeError(f"{self.program} never became master:\n{self.nodes[1].tail()}")
        self.nodes[2].start()

    def run(self):
        """One takeover; times in seconds. Over is the first advert beyond the down interval, garp the first announcement."""
        if not wait_for(self.settled, 60):
            raise RuntimeError(f"{self.program} did not settle:\n{self.nodes[1].tail()}\n{self.nodes[2].tail()}")
        many = len(self.excluded) > 0
        time.sleep(max(1.0, 3 * self.advert) + (6 if many else 0) + random.random() * self.advert)
        del self.announced[:]
        self.watch.times.clear()
        pids = self.nodes[2].pids()
        cpu = cpu_seconds(pids)
        began = self.nodes[1].kill()
        wait_for(lambda: self.last(2) > began, self.down + 10, 0.002)
        time.sleep(max(0.5, 2 * self.advert) + (2 if many else 0))
        result = self.measure(began)
        result.update(began=began, ended=time.time(), cpu=cpu_seconds(pids) - cpu)
        self.nodes[1].clean()
        self.nodes[1].start()
        return result

    def measure(self, began):
        new = next((ts for ts, src, priority in self.adverts if src == 2 and priority and ts > began), None)
        old = next((ts for ts, src, priority in reversed(self.adverts) if src == 1 and priority and ts < (new or 1e12)), None)
        if new is None or old is None:
            return {}
        first = {}
        for ts, address in self.announced:
            if ts > old:
                first.setdefault(address, ts)
        advertised = [address_bytes(a) for a in self.advertised]
        wanted = advertised + [address_bytes(a) for a in self.excluded]
        heard = [first[a] for a in wanted if a in first]
        added = [self.watch.times[a] for a in wanted if a in self.watch.times]
        gaps = [ts for ts, src, priority in self.adverts if src == 2 and priority and ts >= new]
        return dict(
            over=new - old - self.down,
            garp=min(heard) - old - self.down if heard else None,
            first_garp=min(heard) - new if heard else None,
            last_garp=max(heard) - new if len(heard) == len(wanted) else None,
            last_vip=max(added) - new if len(added) == len(wanted) else None,
            gap=max((b - a for a, b in zip(gaps, gaps[1:])), default=None),
        )

    def close(self):
        for n in self.nodes.values():
            n.kill()
            n.clean()
        if self.capture:
            self.capture.close()
        if self.watch:
            self.watch.close()
        remove_namespaces(*self.namespaces)
