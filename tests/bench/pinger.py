# SPDX-License-Identifier: ISC
"""pinger.py -- silences of a ping every 20 ms, the path seen beside it, and the machine's own pauses.

The times are those that ping(8) prints for each answer, so a late reader disturbs
nothing.  A ping of this machine to itself runs all the while: its longest silence
around a trial says how much of the trial's is the machine's.
"""
import os, re, subprocess, threading, time
from lab import Failed

INF = float("inf")
LINE = re.compile(r"^\[(\d+\.\d+)\].*icmp_seq=(\d+).* time=")


class Ping:
    """Runs until stop(); `where` is a full namespace name, None for this machine itself."""
    def __init__(self, where, target, interval=0.02):
        at = ["ip", "netns", "exec", where] if where else []
        self.answers = []  # (wall time, sequence number), in order of arrival
        self.begin = time.time()
        self.proc = subprocess.Popen(at + ["stdbuf", "-oL", "ping", "-D", "-n", "-i", str(interval), target],
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=dict(os.environ, LC_ALL="C"))
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.proc.stdout:
            m = LINE.match(line)
            if m:
                self.answers.append((float(m.group(1)), int(m.group(2))))

    def stop(self):
        self.proc.terminate()
        self.proc.wait()
        self.reader.join()

    def alive(self, within=0.3):
        return bool(self.answers) and time.time() - self.answers[-1][0] < within

    def longest(self, begin, end):
        """The longest silence that touches begin..end, counted from the last answer before it."""
        at = [t for t, _ in self.answers]
        points = [t for t in at if t <= begin][-1:] + [t for t in at if begin < t <= end] + [end]
        return max((b - a for a, b in zip(points, points[1:])), default=INF)

    def lost(self):
        """Numbers without an answer before the last answer (less than 65536 in all)."""
        seen = {n for _, n in self.answers}
        return max(seen) - len(seen) if seen else INF


class Watched:
    """A ping from host a through a trial, with the path that both agents say they use."""
    LEAD, CLEAN = 2.0, 0.25

    def __init__(self, lab, target, quiet, patience=90):
        self.lab, self.quiet, self.patience = lab, quiet, patience
        self.ping = Ping(lab.lab + "-hosta", target)
        time.sleep(self.LEAD)
        self.begin = self.faulted = time.time()
        if self.ping.longest(self.ping.begin + 1, self.begin) > self.CLEAN:
            self.ping.stop()
            raise Failed("the ping was not clean before the fault")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.ping.stop()

    def fault(self, do):
        self.begin = time.time()
        do()
        self.faulted = time.time()

    def settle(self, path, quiet=None, step=0.1):
        """Waits until both have been on the path, with answers, for `quiet` seconds.
        Seconds from the fault until it was so for good; INF when it never was."""
        quiet = self.quiet if quiet is None else quiet
        wrong, side = self.begin, "a"
        while time.time() - max(wrong, self.faulted) < quiet:
            if self.lab.path(side, "host" + side) != path or not self.ping.alive():
                wrong = time.time()
            if time.time() - self.faulted > self.patience + quiet:
                return INF
            side = "b" if side == "a" else "a"
            time.sleep(step if time.time() - wrong < 2 else 0.4)
        return wrong - self.begin

    def silence(self):
        now = time.time()
        return INF if not self.ping.alive(2) else self.ping.longest(self.begin, now)


class Control(Ping):
    """The machine's own pauses, and how busy it was."""
    def __init__(self):
        super().__init__(None, "127.0.0.1")
        self.cpu0, self.gaps = cpu_times(), []

    def gap(self, begin, end):
        return self.longest(begin, min(end, self.answers[-1][0] if self.answers else end))

    def busy(self):
        """Share of all processors' time since the beginning that was not idle."""
        busy, total = (b - a for a, b in zip(self.cpu0, cpu_times()))
        return busy / total if total else 0.0


def cpu_times():
    with open("/proc/stat") as f:
        v = [int(x) for x in f.readline().split()[1:9]]
    return sum(v) - v[3] - v[4], sum(v)
