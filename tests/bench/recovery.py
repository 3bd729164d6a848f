#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""recovery.py -- how long a tunnel is silent after a fault, fault by fault.

Two agents behind two routers; a ping every 20 ms; for each fault the longest
silence around it, median and worst of N trials.  The path before and after is
checked: a trial on the wrong path does not count.  With GODWIT_STOCK the same
with stock programs in the same run, and the ratio of the worsts.  Several labs
stand side by side, ours first, then stock ones; what a trial takes is printed
and written down at once, and every fault gets some trials before any gets all.

    BUILD=build GODWIT_STOCK=/folder tests/bench/recovery.py --minutes 28 --readme README.md
    tests/bench/recovery.py --trials 0 --merge one.json --merge two.json --readme README.md
"""
import argparse, os, queue, resource, shutil, signal, statistics, sys, threading, time
import proxyshare, results
from faults import COLUMNS, FAULTS, Options, path_of
from lab import STOCK, Failed, Lab, kinds, until
from pinger import Control

ap = argparse.ArgumentParser(description="Recovery from faults, measured.")
ap.add_argument("--trials", type=int, default=20)
ap.add_argument("--long-trials", type=int, default=3, help="of faults that take minutes")
ap.add_argument("--starts", type=int, default=200, help="of ours; stock makes --stock-starts")
ap.add_argument("--stock-starts", type=int, default=44)
ap.add_argument("--jobs", type=int, default=8, help="labs of ours side by side")
ap.add_argument("--stock-jobs", type=int, default=8, help="stock labs side by side")
ap.add_argument("--quiet", type=float, default=12, help="seconds of the right path and answers that end a trial")
ap.add_argument("--proxy-minutes", type=float, default=5)
ap.add_argument("--minutes", type=float, default=0, help="begin no trial after so long; 0: as long as it takes")
ap.add_argument("--only", default="", help="names: " + ",".join(f.name for f in FAULTS))
ap.add_argument("--kind", default="", help="godwit or stock: only that")
ap.add_argument("--results", default="recovery.json", help="measured values are added to it")
ap.add_argument("--merge", action="append", default=[], help="values of an earlier run that count as well")
ap.add_argument("--readme", help="the table goes between its markers")
ap.add_argument("--keep", help="folder for the logs of our trials that miss what is asked")
args = ap.parse_args()
options = Options(args.quiet, args.proxy_minutes)
store = results.Results(args.results if args.trials else None, args.merge)
stop = threading.Event()
TARGETS = {c.text: c for c in COLUMNS}
began, deadline = time.time(), time.time() + args.minutes * 60 if args.minutes else float("inf")
run_id, loads, stood_still = "%d.%d" % (began, os.getpid()), [], []
STILL = 0.3  # seconds: a trial in which the machine itself was silent for longer says nothing about us


def say(text):
    print("# %4d s %s" % (time.time() - began, text), file=sys.stderr, flush=True)


def stopped():
    return stop.is_set() or time.time() > deadline


def wanted(fault):
    return not args.only or fault.name in args.only.split(",")


def count(fault, kind):
    if fault.name == "starts":
        return (args.starts if kind == "godwit" else args.stock_starts) if args.trials else 0
    return min(args.trials, args.long_trials) if fault.long else args.trials


def keep_logs(lab, what, begin):
    if args.keep and lab.kind == "godwit":
        to = os.path.join(args.keep, "%s-%d" % (lab.lab, time.time()))
        shutil.copytree(lab.dir, to, ignore=shutil.ignore_patterns("sock", "*.sock"), dirs_exist_ok=True)
        with open(os.path.join(to, "WHAT"), "w") as f:
            f.write("%s\nbegun %s\n" % (what, time.strftime("%H:%M:%S", time.gmtime(begin)) + ("%.3f" % (begin % 1))[1:]))


def record(kind, found, begin, lab=None):
    gap = control.gap(begin, time.time())
    if lab and gap > STILL:
        stood_still.append(gap)
        say("%s: a trial does not count: the machine stood still for %.3f s (%s)" % (kind, gap, found))
        return False
    control.gaps.append(gap)
    for what, value in found.items():
        store.write(column=what, kind=kind, value=value, control=round(gap, 3), at=results.now(), run=run_id)
        miss = kind == "godwit" and results.missed(TARGETS[what], [value])
        say("%s %s: %.3f%s (machine's own: %.3f)" % (kind, what, value, " MISSED" if miss else "", gap))
        if miss and lab:
            keep_logs(lab, "%s: %.3f" % (what, value), begin)
    return True


def proxied(kind, fault, trials):
    begin = time.time()
    proxyshare.share(kind, options.proxy_minutes, lambda what, value: record(kind, {what: value}, max(begin, time.time() - 60)), stopped)


def trials_in(lab, fault, trials):
    """-> how many count; fewer than asked when the lab twice in a row does not get where it should."""
    b, done, bad = lab.pair(), 0, 0
    for attempt in range(2 * trials + 2):
        if done == trials or bad == 2 or stopped():
            break
        begin = time.time()
        try:
            if fault.name != "starts":
                lab.want_path(path_of(lab), 60)
                until(30, lambda: lab.ns("hosta", "ping", "-c1", "-W1", b).returncode == 0)
                if attempt == 0:
                    time.sleep(options.quiet)
                lab.want_path(path_of(lab), 5)
            begin = time.time()
            done += record(lab.kind, fault.run(lab, b, attempt, options), begin, lab)
            bad = 0
        except Failed as why:
            bad += 1
            say("%s %s: a trial does not count: %s" % (lab.kind, fault.name, why))
            keep_logs(lab, "%s: %s" % (fault.name, why), begin)
    return done


def unit(kind, fault, trials):
    """Some trials of one fault, in a lab of their own, or in another when that one goes astray."""
    for _ in range(3):
        with Lab(kind, fault.nat) as lab:
            trials -= trials_in(lab, fault, trials)
        if trials <= 0 or stopped():
            return


def worker(todo, kind):
    while not stopped():
        try:
            _, fault, trials = todo.get_nowait()
        except queue.Empty:
            return
        try:
            (unit if fault.run else proxied)(kind, fault, trials)
        except Exception as why:  # one lab that fails must not end the others
            say("%s %s: the lab failed: %r" % (kind, fault.name, why))
        finish()


def plan(kind):
    """Units in rounds, so that a run that is cut short has something of everything."""
    todo, seconds, extra = [], 0, []
    for f in FAULTS:
        n = count(f, kind) if wanted(f) else 0
        each = f.ours if kind == "godwit" else f.stock
        if n:
            say("%s %s: %d trials of about %d s" % (kind, f.name, n, each))
        if not f.run:
            extra += [(0, f, 1)] * n  # idle labs: beside the others, with workers of their own
            continue
        rounds = 1 if n < 4 else 3 if n <= 20 else max(4, n // 25)
        for i in range(n if f.long else rounds):
            part = 1 if f.long else n * (i + 1) // rounds - n * i // rounds
            if part:
                todo.append((0 if f.long else i, f, part))
                seconds += part * each + (5 if kind == "godwit" else 12) + options.quiet
    todo.sort(key=lambda u: (u[0], -u[2] * (u[1].ours if kind == "godwit" else u[1].stock)))
    return todo, extra, seconds


def run_kind(kind, jobs):
    todo, extra, seconds = plan(kind)
    say("%s: about %.0f minutes with %d labs" % (kind, max(seconds / jobs, options.proxy_minutes * 60 + 30 if extra else 0) / 60, jobs))
    threads = []
    for units, n in ((extra, len(extra)), (todo, jobs)):
        q = queue.Queue()
        for u in units:
            q.put(u)
        for _ in range(min(n, len(units))):
            t = threading.Thread(target=worker, args=(q, kind))
            t.start()
            threads.append(t)
            time.sleep(0.5 if kind == "godwit" else 2)  # what starts is not to disturb what runs
    for t in threads:
        while t.is_alive():
            t.join(5)
            loads.append(os.getloadavg()[0])
    return [u[1].name for u in todo]


def own_use():
    """Share of all processors' time that the labs and we took, what they do in the kernel's own name aside."""
    r = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(x.ru_utime + x.ru_stime for x in r) / (time.time() - began) / os.cpu_count()


def finish():
    if args.trials and control.gaps:
        store.write(run=run_id, date=results.now(), seconds=time.time() - began, machine=results.machine(),
                    labs=" and then ".join("%d %s labs side by side" % (n, k) for k, n in (("godwit", args.jobs), ("stock", args.stock_jobs)) if k in ran),
                    busy=control.busy(), own=own_use(), load=statistics.mean(loads or [os.getloadavg()[0]]),
                    control_median=statistics.median(control.gaps), control_worst=max(control.gaps), stood_still=len(stood_still))


for sig in (signal.SIGINT, signal.SIGTERM):
    signal.signal(sig, lambda *_: stop.set())
ran = []
if args.trials:
    control = Control()
    for kind in kinds():
        if not args.kind or kind == args.kind:
            ran.append(kind)
            run_kind(kind, args.jobs if kind == "godwit" else args.stock_jobs)
    finish()
    control.stop()
print(results.table(store) + "\n\n" + results.note(store))
if args.readme:
    results.into_readme(args.readme, store)
