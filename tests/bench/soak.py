#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""soak.py -- faults that overlap, with the real programs in namespaces, until the time is over.

Each round one to four things break, in a drawn order and a few seconds apart, and
heal in another order; then both hosts must hear each other, and the pair must be
direct again where its routers allow it.  A seed decides what is drawn; what the
kernel and the programs make of it is their own.

    BUILD=build tests/bench/soak.py --minutes 20 --seed 7
    BUILD=build GODWIT_STOCK=/folder tests/bench/soak.py --minutes 20 --mixed     # host b runs the stock agent
"""
import argparse, os, random, shutil, signal, statistics, sys, threading, time
from lab import STOCK, Failed, Lab, until
from pinger import INF, Ping

ap = argparse.ArgumentParser(description="Overlapping faults, with the real programs.")
ap.add_argument("--minutes", type=float, default=10)
ap.add_argument("--seed", type=int, default=1)
ap.add_argument("--labs", type=int, default=3, help="side by side")
ap.add_argument("--mixed", action="store_true", help="host b runs the stock agent; its recovery is its own")
ap.add_argument("--patience", type=float, default=90, help="seconds after which a round has failed")
ap.add_argument("--late", type=float, default=0, help="seconds that are late; 15, mixed 60: the largest back-off and 5 s")
ap.add_argument("--keep", help="folder for the logs of rounds that were late or failed")
args = ap.parse_args()
if args.mixed and not STOCK:
    sys.exit("GODWIT_STOCK names no folder")
LATE = args.late or (60 if args.mixed else 15)
deadline = time.time() + args.minutes * 60
rounds, lock = [], threading.Lock()


class SoakLab(Lab):
    """In a mixed lab agent b is the stock one."""
    def agent(self, name, where):
        if not (args.mixed and name == "b"):
            return super().agent(name, where)
        self.kind = "stock"
        try:
            super().agent(name, where)
        finally:
            self.kind = "godwit"

    def cli(self, name, where, *more, **kw):
        if not (args.mixed and name == "b"):
            return super().cli(name, where, *more, **kw)
        more = [m for i, m in enumerate(more) if "--server-key" not in (m, more[i - 1] if i else "")]
        self.kind = "stock"
        try:
            return super().cli(name, where, *more, **kw)
        finally:
            self.kind = "godwit"


# ---- what breaks: each draws what it needs and gives (what, how it begins, how it ends) ----

def cut(lab, draw):
    rule = "ip saddr != 192.0.2.100 ip daddr != 192.0.2.100 ip protocol udp drop;"
    return ("direct path cut",
            lambda: lab.must("net", "nft", "table bridge cut { chain passing { type filter hook forward priority -10; %s }; }" % rule),
            lambda: lab.must("net", "nft", "delete", "table", "bridge", "cut"))


def hole(lab, draw):
    proto = draw.choice(["", "meta l4proto tcp ", "meta l4proto udp "])
    rules = "; ".join("chain %s { type filter hook %sput priority -10; %sdrop; }" % (x, x, proto) for x in ("in", "out"))
    return ("server silent " + proto,
            lambda: lab.must("srv", "nft", "table inet hole { %s; }" % rules),
            lambda: lab.must("srv", "nft", "delete", "table", "inet", "hole"))


def router(lab, draw):
    side = draw.choice("ab")

    def begin():
        old = lab.out[side]
        lab.out[side] = lab.next_out = lab.next_out + 1
        lab.must("nat" + side, "sh", "-c", "ip addr del 192.0.2.%d/24 dev out && ip addr add 192.0.2.%d/24 dev out && conntrack -F" % (
            old, lab.out[side]))
        lab.sh("lab_nat nat%s %s" % (side, lab.nat))
    return "router %s: another address" % side, begin, None


def forget(lab, draw):
    side, proto = draw.choice("ab"), draw.choice([[], ["-p", "udp"], ["-p", "tcp"]])
    how = ["-D"] + proto if proto else ["-F"]
    return "router %s forgets %s" % (side, proto[1] if proto else "all"), lambda: lab.ns("nat" + side, "conntrack", *how), None


def link(lab, draw):
    side, other = draw.choice("ab"), draw.random() < 0.5
    host, net = "host" + side, {"a": "10.1.0.", "b": "10.2.0."}[side]

    def end():
        if other:
            lab.host[side] += 1
            lab.must(host, "ip", "addr", "flush", "dev", "eth0")
            lab.must(host, "ip", "addr", "add", "%s%d/24" % (net, lab.host[side]), "dev", "eth0")
        lab.must(host, "ip", "link", "set", "eth0", "up")
        lab.must(host, "ip", "route", "replace", "default", "via", net + "1")
    return "host %s: link down%s" % (side, ", then another address" if other else ""), \
        lambda: lab.must(host, "ip", "link", "set", "eth0", "down"), end


def restart(lab, draw):
    name = draw.choice("ab")
    return "agent %s killed" % name, lambda: lab.kill(name), lambda: lab.agent(name, "host" + name)


def server(lab, draw):
    return "server killed", lambda: lab.kill("server"), lab.server


def frozen(lab, draw):
    name = draw.choice(["a", "b", "server"])

    def tell(sig):
        if name in lab.procs:	# it may have been killed meanwhile
            lab.procs[name].send_signal(sig)
    return "%s stopped" % name, lambda: tell(signal.SIGSTOP), lambda: tell(signal.SIGCONT)


KINDS = [cut, cut, hole, router, router, forget, forget, link, link, restart, restart, server, frozen]


# ---- rounds ----

def strike(lab, draw, story):
    """Everything begins, then everything ends; nothing of a kind twice."""
    open_ones, seen = [], set()
    for _ in range(draw.choice([1, 1, 2, 3, 4])):
        kind = draw.choice(KINDS)
        if kind in seen or (kind is frozen and seen & {restart, server}) or (kind in (restart, server) and frozen in seen):
            continue
        seen.add(kind)
        what, begin, end = kind(lab, draw)
        story.append((time.time(), what))
        begin()
        if end:
            open_ones.append((what, end))
        time.sleep(draw.uniform(0, 4))
    time.sleep(draw.choice([0, 1, 5, 15]))
    draw.shuffle(open_ones)
    for what, end in open_ones:
        end()
        story.append((time.time(), "over: " + what))
        time.sleep(draw.uniform(0, 2))


def judge(lab, pings, healed):
    """-> seconds from the last change until both are answered, as three seconds more show, and until the path is right."""
    def since(p):
        """Since when it has been answered without a gap of a second."""
        at = [t for t, _ in p.answers]
        start = at[-1] if at else INF
        for t in reversed(at):
            if start - t > 1:
                break
            start = t
        return start
    try:
        until(args.patience, lambda: all(p.alive(1) and since(p) < time.time() - 3 for p in pings), 0.2)
    except Failed:
        return INF, INF
    talks = max(0, max(since(p) for p in pings) - healed)
    want = "P2P" if lab.nat == "cone" else "Relayed"
    try:
        until(args.patience, lambda: lab.path("a", "hosta") == want and lab.path("b", "hostb") == want, 0.2)
    except Failed:
        return talks, INF
    return talks, max(0, time.time() - healed - 3)	# those three


def soak(number):
    draw = random.Random("%d %d" % (args.seed, number))
    nat = "symmetric" if number % 3 == 2 else "cone"
    with SoakLab("godwit", nat) as lab:
        lab.out, lab.next_out, lab.host = {"a": 10, "b": 20}, 110, {"a": 2, "b": 2}
        to = {"b": lab.pair(), "a": lab.address("a", "hosta")}
        lab.want_path("P2P" if nat == "cone" else "Relayed", 60)
        pings = [Ping(lab.lab + "-hosta", to["b"], 0.2), Ping(lab.lab + "-hostb", to["a"], 0.2)]
        try:
            while time.time() < deadline:
                story = []
                strike(lab, draw, story)
                talks, right = judge(lab, pings, story[-1][0])
                bad = talks > LATE or right == INF
                with lock:
                    rounds.append((talks, right))
                    print("# lab %d (%s): talks after %.2f s, right path after %.1f s%s" % (number, nat, talks, right, "  LATE" if bad else ""))
                    for at, what in story if bad else []:
                        print("#   %s.%03d %s" % (time.strftime("%H:%M:%S", time.gmtime(at)), at % 1 * 1000, what))
                    sys.stdout.flush()
                if bad and args.keep:
                    shutil.copytree(lab.dir, os.path.join(args.keep, "%s-%d" % (lab.lab, time.time())),
                                    ignore=shutil.ignore_patterns("sock", "*.sock"))
                if talks == INF:
                    return
                time.sleep(draw.uniform(1, 15))
        finally:
            for p in pings:
                p.stop()


threads = [threading.Thread(target=soak, args=(i,)) for i in range(args.labs)]
for t in threads:
    t.start()
for t in threads:
    t.join()
done = sorted(t for t, _ in rounds)
if not done:
    sys.exit("no round was played")
print("%d rounds: talks after %.2f s (half), %.2f s (nine of ten), %.2f s (all); %d late or never; %d without the right path in %.0f s" % (
    len(done), statistics.median(done), done[len(done) * 9 // 10], done[-1], sum(t > LATE for t in done),
    sum(r == INF for _, r in rounds), args.patience))
