# SPDX-License-Identifier: ISC
"""faults.py -- what is done to a pair, and what is then measured.

A fault is a function of (lab, address of b, number of the trial, Options) that gives
{column: value}; the lab is on the fault's path when it is called.  COLUMNS says
how a column is printed and what is asked of its worst value.
"""
import random, time
from collections import namedtuple
from lab import Failed, until
from pinger import INF, Ping, Watched

Options = namedtuple("Options", "quiet proxy_minutes")
# name; with which routers; the function (None: proxyshare.py's); do trials take minutes; rough seconds a trial of ours and of stock
Fault = namedtuple("Fault", "name nat run long ours stock")
Column = namedtuple("Column", "text target unit", defaults=("s",))

COLUMNS = [
    Column("direct path cut, relay at hand", 1.5),
    Column("direct path restored: direct again", 2),
    Column("router gets a new public address, direct", 2),
    Column("router gets a new public address, direct again", 5),
    Column("router gets a new public address, relayed (symmetric)", 2),
    Column("host changes its address (2 s down), direct", 4),
    Column("host changes its address (2 s down), relayed", 4),
    Column("peer killed and restarted, direct", 0.5),
    Column("peer killed and restarted, relayed", 0.5),
    Column("server killed, back after 5 s: relayed pair", 6),
    Column("server killed, back after 5 s: control streams, from its listening", 1),
    Column("40 s black hole to the server: relayed pair, beyond the hole", 1),
    Column("behind a 20 s idle proxy: management and signal both connected, share of the time", 0.999, "share"),
    Column("behind a 20 s idle proxy: a change of the map is seen", 1),
    Column("two port-restricted routers: starts that end direct", 1, "count"),
    Column("two port-restricted routers: start to direct on both", None),
    Column("server down for 2 min, direct pair: packets lost", 0, "packets"),
]
LABEL = {"P2P": "direct", "Relayed": "relayed"}


def path_of(lab):
    return "P2P" if lab.nat == "cone" else "Relayed"


def word(lab):
    return LABEL[path_of(lab)]


def watch(lab, b, options, do, column, again=None):
    """The common shape: a fault, then the same path as before."""
    with Watched(lab, b, options.quiet) as w:
        w.fault(do)
        back = w.settle(path_of(lab))
        gap = w.silence()
        if back == INF and gap < INF and not again:
            raise Failed("it talks, on the wrong path")
        return dict({column: gap}, **({again: back} if again else {}))


def cut(lab, b, trial, options):
    with Watched(lab, b, options.quiet) as w:
        w.fault(lambda: lab.sh("lab_cut_udp"))
        try:
            relayed = w.settle("Relayed", 5)
            gap = w.silence()
        finally:
            w.fault(lambda: lab.sh("lab_restore_udp"))
        if relayed == INF and gap < INF:
            raise Failed("it talks after the cut, and not over the relay")
        return {"direct path cut, relay at hand": gap, "direct path restored: direct again": w.settle("P2P", step=0.05)}


def router(lab, b, trial, options):
    def do():
        # Never an address that was there before: the other router still lets packets from that in.
        # First away, then new: deleting a primary address takes its secondaries along.
        old, lab.router_at = lab.router_at, max(lab.router_at, 110) + 1
        lab.must("nata", "sh", "-c", "ip addr del 192.0.2.%d/24 dev out && ip addr add 192.0.2.%d/24 dev out && conntrack -F" % (
            old, lab.router_at))
        lab.sh("lab_nat nata " + lab.nat)
    if lab.nat == "cone":
        return watch(lab, b, options, do, "router gets a new public address, direct", "router gets a new public address, direct again")
    return watch(lab, b, options, do, "router gets a new public address, relayed (symmetric)")


def host(lab, b, trial, options):
    # The router shall know of the address that is left, not of those before it:
    # their entries hold ports, and it would look symmetric.
    lab.ns("nata", "conntrack", "-D", "-s", "10.1.0.%d" % (lab.host_at - 1))

    def do():
        lab.host_at += 1
        lab.must("hosta", "sh", "-c", "ip link set eth0 down && ip addr flush dev eth0; sleep 2; ip addr add 10.1.0.%d/24 dev eth0 && "
                 "ip link set eth0 up && ip route add default via 10.1.0.1" % lab.host_at)
    return watch(lab, b, options, do, "host changes its address (2 s down), " + word(lab))


def restart(lab, b, trial, options):
    def do():
        lab.kill("b")
        lab.agent("b", "hostb")
    return watch(lab, b, options, do, "peer killed and restarted, " + word(lab))


def streams(lab):
    s = lab.status("a", "hosta")
    return s.get("management", {}).get("connected") and s.get("signal", {}).get("connected")


def server(lab, b, trial, options):
    up = []

    def do():
        lab.kill("server")
        time.sleep(5)
        lab.server()
        until(30, lambda: lab.listens("server", lab.port))
        try:
            up.append(until(60, lambda: streams(lab), 0.04))
        except Failed:
            up.append(INF)
    found = watch(lab, b, options, do, "server killed, back after 5 s: relayed pair")
    found["server killed, back after 5 s: control streams, from its listening"] = up[0]
    return found


def hole(lab, b, trial, options):
    def do():
        lab.must("srv", "nft", "-f", "-", input="table inet hole {\nchain i { type filter hook input priority -10; drop; }\n"
                 "chain o { type filter hook output priority -10; drop; }\n}\n")
        time.sleep(40)
        lab.must("srv", "nft", "delete", "table", "inet", "hole")
    column = "40 s black hole to the server: relayed pair, beyond the hole"
    found = watch(lab, b, options, do, column)
    if found[column] < 39:
        raise Failed("there was no hole")
    return {column: found[column] - 40}


def down(lab, b, trial, options):
    with Watched(lab, b, options.quiet) as w:
        def do():
            lab.kill("server")
            time.sleep(120)
            lab.server()
            until(30, lambda: lab.listens("server", lab.port))
        w.fault(do)
        if w.settle("P2P") == INF:
            raise Failed("the path after it is another")
        return {"server down for 2 min, direct pair: packets lost": w.ping.lost()}


def start(lab, b, trial, options):
    """Both daemons anew, the routers without any memory, at most two seconds apart."""
    lab.end_agents()
    for n in ("nata", "natb"):
        lab.must(n, "conntrack", "-F")
    first = trial % 2
    apart = random.Random("%s %d" % (lab.lab, trial)).choice([0, 0.1, 0.5, 2])
    begin = time.monotonic()
    lab.agent("ab"[first], "host" + "ab"[first])
    time.sleep(apart)
    lab.agent("ba"[first], "host" + "ba"[first])
    talk = Ping(lab.lab + "-hosta", b, 0.1)  # somebody has to say something: stock peers are lazy
    direct = "two port-restricted routers: starts that end direct"
    try:
        lab.want_path("P2P", 30)
        took = time.monotonic() - begin - apart
        time.sleep(1)
        return {direct: int(lab.path("a", "hosta") == "P2P" and talk.alive()),
                "two port-restricted routers: start to direct on both": took}
    except Failed:
        return {direct: 0}
    finally:
        talk.stop()


FAULTS = [
    Fault("proxy", "cone", None, True, 310, 320),
    Fault("down", "cone", down, True, 136, 142),
    Fault("hole", "symmetric", hole, True, 56, 78),
    Fault("cut", "cone", cut, False, 20, 46), Fault("router", "cone", router, False, 15, 45),
    Fault("router-relayed", "symmetric", router, False, 14, 27),
    Fault("host", "cone", host, False, 17, 38), Fault("host-relayed", "symmetric", host, False, 17, 38),
    Fault("restart", "cone", restart, False, 14, 17), Fault("restart-relayed", "symmetric", restart, False, 14, 22),
    Fault("server", "symmetric", server, False, 20, 28),
    Fault("starts", "cone", start, False, 2, 6),
]
