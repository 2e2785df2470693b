#!/usr/bin/env python3
"""Runs the bench and prints the table; see README.md."""
import argparse
import os
import sys
import time

from benchlib import PROGRAMS, STALL_LIMIT, Stalls, median, spread
from failover import Rig
from scale import Network

REPEATS = 3
VIPS = 1000
INSTANCES = 4000


class Table:
    """Rows of metric, understudy, keepalived, bound."""

    def __init__(self):
        self.rows = []

    def add(self, metric, values, bound, limit, unit="ms"):
        """values by program, in seconds (ms) or plain; limit is the largest value of understudy's that passes."""
        u, k = values["understudy"], values["keepalived"]
        factor = 1e3 if unit == "ms" else 1
        ratio = f"{u / k:.2f}" if k and k > 0 else "-"
        self.rows.append((metric, f"{u * factor:.2f} {unit}", f"{k * factor:.2f} {unit}", ratio, bound, u <= limit))

    def print(self):
        head = ("metric", "understudy", "keepalived", "ratio", "bound", "ok")
        rows = [head, *((*r[:5], "yes" if r[5] else "NO") for r in self.rows)]
        widths = [max(len(r[i]) for r in rows) for i in range(len(head))]
        for n, r in enumerate(rows):
            print(" | ".join(cell.ljust(w) for cell, w in zip(r, widths)))
            if n == 0:
                print("-|-".join("-" * w for w in widths))

    def passed(self):
        return all(r[5] for r in self.rows)


def note(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def calm_run(rig, stalls):
    """One takeover, repeated while the machine stalls."""
    for attempt in range(REPEATS):
        result = rig.run()
        worst = stalls.worst(result["began"], result["ended"])
        if worst <= STALL_LIMIT:
            break
        note(f"{rig.program}: the machine stalled for {worst * 1e3:.1f} ms" + ("; once more" if attempt + 1 < REPEATS else ""))
    return result


def takeovers(runs, stalls, **rig):
    """Results of both programs, which take turns, by program."""
    results = {p: [] for p in PROGRAMS}
    rigs = []
    try:
        for p in PROGRAMS:
            rigs.append(Rig(p, **rig))
            rigs[-1].start()
        for _ in range(runs):
            for r in rigs:
                results[r.program].append(calm_run(r, stalls))
    finally:
        for r in rigs:
            r.close()
    return results


def by_program(results, field):
    return {p: median(r.get(field) for r in results[p]) for p in PROGRAMS}


def report(name, results, fields):
    for p in PROGRAMS:
        note(f"{name} {p}: " + ", ".join(f"{f} {spread([r.get(f) for r in results[p]])}" for f in fields))


def failover(table, stalls, runs, long):
    for advert, ipv6 in ((1, False), (0.1, False), (0.01, False), (0.1, True)):
        name = f"takeover, adverts each {advert * 1e3:g} ms" + (", IPv6" if ipv6 else "")
        results = takeovers(runs, stalls, advert=advert, ipv6=ipv6)
        report(name, results, ("over", "garp"))
        over, garp = by_program(results, "over"), by_program(results, "garp")
        table.add(name + ": first advert", over, "≤ 0.5 ms, ≤ keepalived + 0.3 ms", min(0.0005, over["keepalived"] + 0.0003))
        table.add(name + ": first " + ("NA" if ipv6 else "GARP"), garp, "≤ 0.6 ms, ≤ keepalived + 0.1 ms", min(0.0006, garp["keepalived"] + 0.0001))


def vips(table, stalls, runs, long):
    results = takeovers(min(runs, 5) if not long else runs, stalls, advert=0.1, vips=VIPS)
    name = f"{VIPS} addresses"
    report(name, results, ("over", "first_garp", "last_vip", "last_garp", "gap"))
    for field, what, bound, limit in (
            ("first_garp", "first GARP after the advert", "≤ 1 ms", lambda k: 0.001),
            ("last_vip", "last address after the advert", "≤ 1.05 x keepalived", lambda k: 1.05 * k),
            ("last_garp", "last address's first GARP", "≤ 0.9 x keepalived", lambda k: 0.9 * k),
            ("gap", "advert gap meanwhile", "≤ 115 ms", lambda k: 0.115)):
        values = by_program(results, field)
        table.add(f"{name}: {what}", values, bound, limit(values["keepalived"]))


def scale(table, stalls, runs, long):
    rounds, seconds = (3, 20) if long else (1, 8)
    for phases in ("together", "spread"):
        results = {p: [] for p in PROGRAMS}
        for _ in range(rounds):
            for p in PROGRAMS:
                network = Network(p, INSTANCES, phases)
                try:
                    results[p].append(network.run(seconds))
                finally:
                    network.close()
                note(f"{INSTANCES} instances {phases} {p}: " + ", ".join(f"{k} {v:.4g}" for k, v in results[p][-1].items()))
        name = f"{INSTANCES} instances, phases {phases}"
        cpu = by_program(results, "cpu")
        table.add(name + ": start beyond the protocol", by_program(results, "start"), "≤ 200 ms", 0.2)
        table.add(name + ": CPU as master", cpu, "≤ 1.0 x keepalived", cpu["keepalived"], "%")
        table.add(name + ": adverts missed", by_program(results, "missed"), "0", 0, "")
        table.add(name + ": takeover p99 beyond the protocol", by_program(results, "takeover_p99"), "≤ 70 ms", 0.07)
        lost = {p: INSTANCES - median(r["took_over"] for r in results[p]) for p in PROGRAMS}
        table.add(name + ": instances not taken over", lost, "0", 0, "")


PARTS = {"failover": failover, "vips": vips, "scale": scale}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default="bin/understudy")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be repeated")
    parser.add_argument("--runs", type=int, default=20, help="takeovers per program (20)")
    parser.add_argument("--long", action="store_true", help="longer scale part")
    args = parser.parse_args()
    os.environ["UNDERSTUDY"] = os.path.abspath(args.binary)
    table, stalls = Table(), Stalls()
    try:
        for part in args.part or PARTS:
            PARTS[part](table, stalls, args.runs, args.long)
    finally:
        stalls.close()
    print()
    table.print()
    return 0 if table.passed() else 1


if __name__ == "__main__":
    sys.exit(main())
