#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""figures.py -- sizes, memory, idle CPU, join time, switching and throughput, of
ours and (GODWIT_STOCK) of the stock programs, in the same minutes on the same
machine.  Prints a table with ratios; judges nothing.

    BUILD=build GODWIT_STOCK=/folder tests/bench/figures.py [--seconds 10] [--idle 60]
"""
import argparse, json, os, subprocess, sys, tempfile, time
from lab import BUILD, STOCK, Failed, Lab, family, kinds, until

ap = argparse.ArgumentParser()
ap.add_argument("--seconds", type=int, default=10, help="of each iperf3 run")
ap.add_argument("--idle", type=int, default=60, help="seconds of idling watched")
args = ap.parse_args()
table = {}


def put(what, kind, value):
    table.setdefault(what, {})[kind] = value
    print("# %s %s: %s" % (kind, what, value), file=sys.stderr, flush=True)


def stripped(path):
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run(["strip", "-o", f.name, path], check=True)
        return os.path.getsize(f.name) / 1e6


def sizes(kind):
    if kind == "stock":
        put("agent binary, stripped, MB", kind, stripped(STOCK + "/netbird"))
        put("server binary, stripped, MB", kind, stripped(STOCK + "/netbird-server"))
    else:
        put("agent binary, stripped, MB", kind, stripped(BUILD + "/godwitd"))
        put("server binary, stripped, MB", kind, stripped(BUILD + "/godwit-server"))


def throughput(lab, b, word, kind):
    before = {n: lab.usage(n)[2] for n in ("a", "b", "server")}
    srv = subprocess.Popen(["ip", "netns", "exec", lab.lab + "-hostb", "iperf3", "-s", "-1"], stdout=subprocess.DEVNULL)
    until(5, lambda: ":5201" in lab.ns("hostb", "ss", "-Hltn").stdout)
    r = json.loads(lab.ns("hosta", "iperf3", "-c", b, "-t", str(args.seconds), "-J", timeout=args.seconds + 30).stdout)
    srv.wait()
    gb = r["end"]["sum_received"]["bytes"] / 1e9
    put("TCP %s, Gbit/s" % word, kind, r["end"]["sum_received"]["bits_per_second"] / 1e9)
    used = {n: lab.usage(n)[2] - before[n] for n in before}
    put("CPU s per GB, %s: sender" % word, kind, used["a"] / gb)
    put("CPU s per GB, %s: receiver" % word, kind, used["b"] / gb)
    if word == "relayed":
        put("CPU s per GB, relayed: server", kind, used["server"] / gb)


def run(kind):
    sizes(kind)
    with Lab(kind) as lab:
        lab.agent("a", "hosta")
        lab.agent("b", "hostb")
        lab.up("a", "hosta")
        begin = time.monotonic()
        lab.up("b", "hostb")
        put("join (up), s", kind, time.monotonic() - begin)
        a = lab.address("a", "hosta")
        until(30, lambda: lab.ns("hostb", "ping", "-c1", "-W1", "-i0.01", a).returncode == 0)
        put("up to first ping, s", kind, time.monotonic() - begin)
        b = lab.address("b", "hostb")
        lab.want_path("P2P", 60)
        put("up to direct on both, s", kind, time.monotonic() - begin)
        time.sleep(15)
        cpu = {n: lab.usage(n)[2] for n in ("a", "server")}
        time.sleep(args.idle)
        for n, word in (("a", "agent"), ("server", "server")):
            rss, anon, now = lab.usage(n)
            put("%s memory, resident, MB" % word, kind, rss / 1e3)
            put("%s memory, anonymous, MB" % word, kind, anon / 1e3)
            put("%s idle CPU, ms per minute" % word, kind, (now - cpu[n]) * 1000 * 60 / args.idle)
        put("UDP cut: longest silence, s", kind, lab.outage(b, 15, lambda: lab.sh("lab_cut_udp")))
        throughput(lab, b, "relayed", kind)
        lab.sh("lab_restore_udp")
        try:
            put("restored: direct again, s", kind, until(60, lambda: lab.path("a", "hosta") == "P2P", 0.1))
            lab.want_path("P2P", 60)
            throughput(lab, b, "direct", kind)
        except Failed:
            put("restored: direct again, s", kind, float("inf"))


for kind in kinds():
    run(kind)
head = ["godwit"] + (["stock", "godwit : stock"] if STOCK else [])
print("| figure | " + " | ".join(head) + " |")
print("|---" * (len(head) + 1) + "|")
for what, row in table.items():
    cells = ["%.2f" % row[k] for k in ("godwit", "stock") if k in row]
    if "stock" in row and "godwit" in row:
        cells.append("%.3f" % (row["godwit"] / row["stock"]) if row["stock"] else "-")
    print("| %s | %s |" % (what, " | ".join(cells)))
