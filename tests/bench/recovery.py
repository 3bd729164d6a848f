#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""recovery.py -- how long a tunnel is silent after a fault, fault by fault.

Two agents behind two routers; a ping every 20 ms; for each fault the longest
silence around it, median and worst of N trials.  The path before and after is
checked: a trial on the wrong path does not count.  With GODWIT_STOCK the same
with stock programs in the same run, and the ratio of the worsts.

    BUILD=build GODWIT_STOCK=/folder tests/bench/recovery.py [--trials 20] [--settle 15] [--only NAME,NAME]
"""
import argparse, statistics, sys, threading, time
from lab import STOCK, Failed, Lab, kinds, until

ap = argparse.ArgumentParser()
ap.add_argument("--trials", type=int, default=20)
ap.add_argument("--long-trials", type=int, default=3, help="of faults that take minutes")
ap.add_argument("--settle", type=float, default=15, help="seconds between trials: switches right after a start are another story")
ap.add_argument("--only", default="")
args = ap.parse_args()
INF = float("inf")


def later(seconds, fn):
    t = threading.Timer(seconds, fn)
    t.start()
    return t


def direct_again(lab, begin, seconds=60):
    lab.want_path("P2P", seconds)
    return time.monotonic() - begin


class Watch(threading.Thread):
    """While a ping runs: when the path was last seen to be another than direct."""
    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab, self.begin, self.last, self.done = lab, time.monotonic(), None, False
        self.start()

    def run(self):
        while not self.done:
            if self.lab.path("a", "hosta") != "P2P":
                self.last = time.monotonic()
            time.sleep(0.1)

    def result(self):
        self.done = True
        self.join()
        if self.lab.path("a", "hosta") != "P2P":
            return INF
        return self.last - self.begin if self.last else 0.0


# Each: fault(lab, b, trial) -> {column: seconds}.  The lab is in its path when called.

def cut(lab, b, trial):
    gap = lab.outage(b, 12, lambda: lab.sh("lab_cut_udp"))
    after = lab.path("a", "hosta")
    lab.sh("lab_restore_udp")
    begin = time.monotonic()
    if after != "Relayed":
        raise Failed("after the cut the path is " + after)
    return {"direct path cut, relay at hand": gap,
            "direct path restored: direct again": direct_again(lab, begin)}


def new_address(lab, trial):
    old, new = ("192.0.2.10", "192.0.2.11")[:: 1 if trial % 2 == 0 else -1]
    # first away, then new: deleting a primary address takes its secondaries along
    lab.ns("nata", "ip", "addr", "del", old + "/24", "dev", "out")
    lab.ns("nata", "ip", "addr", "add", new + "/24", "dev", "out")
    lab.ns("nata", "conntrack", "-F")
    lab.sh("lab_nat nata " + lab.nat)


def router(lab, b, trial):
    watch = []

    def fault():
        new_address(lab, trial)
        watch.append(Watch(lab))
    gap = lab.outage(b, 25, fault)
    word = "router gets a new public address, "
    if lab.nat == "cone":
        return {word + "direct": gap, word + "direct again": watch[0].result()}
    watch[0].result()
    return {word + "relayed": gap}


def host(lab, b, trial):
    old, new = ("10.1.0.2", "10.1.0.3")[:: 1 if trial % 2 == 0 else -1]

    def fault():
        lab.ns("hosta", "ip", "link", "set", "eth0", "down")
        lab.ns("hosta", "ip", "addr", "flush", "dev", "eth0")

        def back():
            lab.ns("hosta", "ip", "addr", "add", new + "/24", "dev", "eth0")
            lab.ns("hosta", "ip", "link", "set", "eth0", "up")
            lab.ns("hosta", "ip", "route", "add", "default", "via", "10.1.0.1")
        later(2, back)
    gap = lab.outage(b, 30, fault)
    return {"host changes its address (2 s down), " + ("direct" if lab.nat == "cone" else "relayed"): gap}


def restart(lab, b, trial):
    def fault():
        lab.kill("b")
        lab.agent("b", "hostb")
    gap = lab.outage(b, 15, fault)
    return {"peer killed and restarted, " + ("direct" if lab.nat == "cone" else "relayed"): gap}


def server(lab, b, trial):
    up = []

    def streams():
        s = lab.status("a", "hosta")
        return s.get("management", {}).get("connected") and s.get("signal", {}).get("connected")

    def fault():
        lab.kill("server")

        def back():
            lab.server()
            up.append(until(60, streams, 0.05))
        later(5, back)
    gap = lab.outage(b, 25, fault)
    until(60, lambda: up)
    return {"server killed, back after 5 s: relayed pair": gap,
            "server killed, back after 5 s: control streams after it is back": up[0]}


def hole(lab, b, trial):
    def fault():
        lab.ns("srv", "nft", "-f", "-", input="table inet hole { chain i { type filter hook input priority -10; drop; }\n"
               " chain o { type filter hook output priority -10; drop; } }\n")
        later(40, lambda: lab.ns("srv", "nft", "delete", "table", "inet", "hole"))
    return {"40 s black hole to the server, relayed pair (beyond the hole)": lab.outage(b, 65, fault) - 40}


FAULTS = [
    ("cut", "cone", cut, False), ("router", "cone", router, False), ("router-relayed", "symmetric", router, False),
    ("host", "cone", host, False), ("host-relayed", "symmetric", host, False),
    ("restart", "cone", restart, False), ("restart-relayed", "symmetric", restart, False),
    ("server", "symmetric", server, False), ("hole", "symmetric", hole, True),
]
table = {}


def record(kind, found):
    for what, value in found.items():
        table.setdefault(what, {}).setdefault(kind, []).append(value)
        print("# %s %s: %.2f" % (kind, what, value), file=sys.stderr, flush=True)


def run(kind, nat, fault, trials):
    path = "P2P" if nat == "cone" else "Relayed"
    with Lab(kind, nat) as lab:
        b = lab.pair()
        for trial in range(trials):
            try:
                lab.want_path(path, 90)
                until(30, lambda: lab.ns("hosta", "ping", "-c1", "-W1", b).returncode == 0)
                time.sleep(args.settle)
                lab.want_path(path, 5)
                record(kind, fault(lab, b, trial))
            except Failed as why:
                print("# %s: a trial does not count: %s" % (kind, why), file=sys.stderr, flush=True)


def starts(kind, trials):
    """Both behind port-restricted routers: how many starts end direct."""
    good = 0
    for _ in range(trials):
        with Lab(kind, "cone") as lab:
            lab.pair()
            try:
                lab.want_path("P2P", 30)
                good += 1
            except Failed:
                pass
    return good


wanted = [w for w in args.only.split(",") if w]
for name, nat, fault, is_long in FAULTS:
    if not wanted or name in wanted:
        for kind in kinds():
            run(kind, nat, fault, args.long_trials if is_long else args.trials)
if not wanted or "starts" in wanted:
    for kind in kinds():
        print("starts that end direct, %s: %d of %d" % (kind, starts(kind, args.trials), args.trials), flush=True)

head = ["fault", "trials", "godwit median", "worst"] + (["stock median", "worst", "worst : worst"] if STOCK else [])
print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
for what, row in table.items():
    ours = row.get("godwit", [])
    cells = [what, str(len(ours))]
    for kind in kinds():
        v = row.get(kind) or [INF]
        cells += ["%.2f s" % statistics.median(v), "%.2f s" % max(v)]
    if STOCK:
        cells.append("%.2f" % (max(ours or [INF]) / max(row.get("stock") or [INF])))
    print("| " + " | ".join(cells) + " |")
