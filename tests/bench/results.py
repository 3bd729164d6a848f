# SPDX-License-Identifier: ISC
"""results.py -- measured values in a file, one JSON line each, and the table made of them.

A run adds to its file at once, so that an interrupted one still makes a table,
and the files of several runs can be read together.
"""
import json, os, re, statistics, sys, threading, time
from faults import COLUMNS

INF = float("inf")
BEGIN, END = "<!-- recovery: made by tests/bench/recovery.py -->", "<!-- recovery: end -->"


class Results:
    def __init__(self, path, merge=()):
        self.lock, self.values, self.notes = threading.Lock(), [], {}
        for p in merge:
            with open(p) as f:
                for line in f:
                    self.add(json.loads(line))
        self.file = open(path, "a") if path else None

    def add(self, record):
        if "column" in record:
            self.values.append(record)
        else:
            self.notes[record["run"]] = record  # the last word of a run counts

    def write(self, **record):
        with self.lock:
            self.add(record)
            if self.file:
                self.file.write(json.dumps(record) + "\n")
                self.file.flush()

    def of(self, column, kind):
        return [r["value"] for r in self.values if r["column"] == column.text and r["kind"] == kind]


def shown(value, unit):
    if value == INF:
        return "never"
    return {"s": "%.2f s", "share": "%.2f %%", "packets": "%d"}[unit] % (value * 100 if unit == "share" else value)


def worst(values, unit):
    return min(values) if unit in ("share", "count") else max(values)


def cells(column, values):
    if not values:
        return ["-", "-", "-"]
    if column.unit == "count":
        return [str(len(values)), "%d of %d" % (sum(values), len(values)), ""]
    return [str(len(values)), shown(statistics.median(values), column.unit), shown(worst(values, column.unit), column.unit)]


def bad(column, values):
    """What a ratio is taken of: a time, or the share of what went wrong."""
    if column.unit == "count":
        return 1 - sum(values) / len(values)
    return 1 - worst(values, "share") if column.unit == "share" else worst(values, column.unit)


def ratio(column, ours, stock):
    if not ours or not stock:
        return "-"
    a, b = bad(column, ours), bad(column, stock)
    return "-" if b == 0 or a == INF else "0" if b == INF or a == 0 else "%.3f" % (a / b) if a / b < 0.01 else "%.2f" % (a / b)


def target(column):
    if column.target is None:
        return ""
    return {"s": "%g s" % column.target, "share": "%.1f %%" % (column.target * 100), "count": "all", "packets": "0"}[column.unit]


def missed(column, ours):
    if not ours or column.target is None:
        return False
    return worst(ours, column.unit) < column.target if column.unit in ("share", "count") else worst(ours, column.unit) > column.target


def table(results):
    stock = any(r["kind"] == "stock" for r in results.values)
    head = ["fault", "asked, worst", "trials", "godwit median", "worst"] + (["stock trials", "median", "worst", "worst : worst"] if stock else [])
    out = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for c in COLUMNS:
        ours, theirs = results.of(c, "godwit"), results.of(c, "stock")
        if ours or theirs:
            row = [c.text, target(c) + (" (missed)" if missed(c, ours) else "")] + cells(c, ours)
            out.append("| " + " | ".join(row + (cells(c, theirs) + [ratio(c, ours, theirs)] if stock else [])) + " |")
    return "\n".join(out)


def machine():
    with open("/proc/cpuinfo") as f:
        names = re.findall(r"model name\s*:\s*(.*)", f.read())
    return "%d × %s, Linux %s" % (os.cpu_count(), re.sub(r"\s+", " ", names[0]) if names else "?", os.uname().release.split("-")[0])


def note(results):
    """What the figures hold for: the machine and how busy it was."""
    out = []
    for n in results.notes.values():
        out.append("%s, %d minutes on %s; %s; processors busy %d %%, by this %d %%; load %.1f on average; "
                   "a ping of the machine to itself was silent for %.0f ms in the median trial's worst case and %.0f ms at most%s." % (
                       n["date"], round(n["seconds"] / 60), n["machine"], n["labs"], round(n["busy"] * 100), round(n["own"] * 100), n["load"],
                       n["control_median"] * 1000, n["control_worst"] * 1000,
                       " (%d trials with more than 300 ms were made again)" % n["stood_still"] if n.get("stood_still") else ""))
    return "\n".join("Measured " + o for o in out)


def into_readme(path, results):
    with open(path) as f:
        text = f.read()
    part = "%s\n%s\n\n%s\n%s" % (BEGIN, table(results), note(results), END)
    if BEGIN not in text or END not in text:
        sys.exit("%s has no lines '%s' and '%s'" % (path, BEGIN, END))
    text = text[:text.index(BEGIN)] + part + text[text.index(END) + len(END):]
    with open(path + ".new", "w") as f:
        f.write(text)
    os.replace(path + ".new", path)


def now():
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
