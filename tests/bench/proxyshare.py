# SPDX-License-Identifier: ISC
"""proxyshare.py -- how much of the time the control streams stand behind a proxy that cuts idle ones.

HAProxy on the server's host cuts what was idle for 20 s.  Its log is the judge
for both kinds: a call is connected from the server's answer to its headers until
the proxy ends it.  All the while names are changed at the server, some of them
right after a cut, and agent a is asked when it sees the new one.
"""
import re, time
from lab import Failed, Lab, until

IDLE = 20
STREAMS = {"/management.ManagementService/Sync": "management", "/signalexchange.SignalExchange/ConnectStream": "signal"}
AGENTS = ("192.0.2.10", "192.0.2.20")
LINE = re.compile(r"call (\S+) (\d+) (\d+) (-?\d+) (-?\d+) (-?\d+) (-?\d+) \+?(-?\d+) (\S+) \S*?(/[^/\s]+/[^/\s]+)$", re.M)


def calls(text):
    """-> {(agent, stream): [(answered, ended)]} in wall time."""
    found = {}
    for who, s, ms, TR, Tw, Tc, Tr, Ta, _, path in LINE.findall(text):
        name = STREAMS.get(path)
        if name and int(Tr) >= 0:
            begin = int(s) + int(ms) / 1000
            waits = sum(max(0, int(x)) for x in (TR, Tw, Tc, Tr)) / 1000
            found.setdefault((who, name), []).append((begin + waits, begin + int(Ta) / 1000))
    return found


def union(spans, t0, t1):
    out = []
    for a, b in sorted((max(a, t0), min(b, t1)) for a, b in spans if b > t0 and a < t1):
        if out and a <= out[-1][1]:
            out[-1][1] = max(out[-1][1], b)
        else:
            out.append([a, b])
    return out


def both(x, y):
    """Seconds that lie in both lists of spans."""
    return sum(max(0.0, min(b, d) - max(a, c)) for a, b in x for c, d in y)


def seen(lab, name):
    d = (lab.status("a", "hosta").get("peers") or {}).get("details") or [{}]
    return d[0].get("fqdn", "").startswith(name + ".")


def share(kind, minutes, record, stopped):
    with Lab(kind, "cone", proxy_idle=IDLE) as lab:
        b = lab.pair()
        lab.want_path("P2P", 60)
        time.sleep(1)
        t0 = last = time.time()
        changes = cuts = 0
        while time.time() - t0 < minutes * 60 and not stopped():
            time.sleep(0.02)
            ended = len(re.findall(r"/management.ManagementService/Sync$", lab.log("proxy"), re.M))
            if (ended > cuts and time.time() - last > 15) or time.time() - last > 47:
                changes += 1
                last = time.time()
                lab.rename(b, "beta%d" % changes)
                try:
                    late = until(60, lambda: seen(lab, "beta%d" % changes))
                except Failed:
                    late = float("inf")
                record("behind a 20 s idle proxy: a change of the map is seen", late)
            cuts = ended
        t1 = time.time()
        if t1 - t0 < 60:
            raise Failed("interrupted")
        lab.end_agents()
        lab.kill("server")  # the proxy writes its line when both ends are gone
        found = {}

        def told():
            """the last line of each stream"""
            found.clear()
            found.update(calls(lab.log("proxy")))
            return all(found.get((w, s), [(0, 0)])[-1][1] >= t1 for w in AGENTS for s in STREAMS.values())
        try:
            until(IDLE + 5, told, 0.5)
        except Failed:
            pass  # a stream that was not there at the end
        for who in AGENTS:
            m, s = (union(found.get((who, n), []), t0, t1) for n in ("management", "signal"))
            record("behind a 20 s idle proxy: management and signal both connected, share of the time", both(m, s) / (t1 - t0))
            print("# %s %s: management %.4f in %d calls, signal %.4f in %d calls" % (
                kind, who, both(m, [(t0, t1)]) / (t1 - t0), len(m), both(s, [(t0, t1)]) / (t1 - t0), len(s)), flush=True)
