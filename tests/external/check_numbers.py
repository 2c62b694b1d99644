"""Recomputes availability, downtime and percentiles from the CSV files of a report, and compares them with summary.json.

usage: check_numbers.py REPORT...; the reports were written with --requests full.
"""

import csv
import json
import math
import os
import sys


def rows(folder, name):
    with open(os.path.join(folder, name), newline="") as file:
        return list(csv.DictReader(file))


def window(timeline, end):
    """From the first instant at which all desired replicas are in rotation to the end of the run or the removal."""
    ready = [row for row in timeline if 0 < int(row["desired"]) <= int(row["in_rotation"])]
    gone = [float(row["t_ms"]) for row in timeline if int(row["desired"]) == 0]
    return float(ready[0]["t_ms"]), gone[-1] if gone and int(timeline[-1]["desired"]) == 0 else end


def downtime(timeline, start, end):
    """Intervals with replicas desired and none in rotation. Each row holds until the next."""
    intervals = []
    for row, after in zip(timeline, timeline[1:] + [{"t_ms": end}]):
        since, until = max(float(row["t_ms"]), start), min(float(after["t_ms"]), end)
        if int(row["desired"]) == 0 or int(row["in_rotation"]) > 0 or since >= until:
            continue
        if intervals and intervals[-1][1] == since:
            intervals[-1][1] = until
        else:
            intervals.append([since, until])
    return intervals


def percentile(latencies, share):
    """The value at the nearest rank of these sorted ones."""
    return latencies[max(1, math.ceil(share * len(latencies) - 1e-9)) - 1]


def equal(folder, what, got, want, tolerance=1e-9):
    assert abs(got - want) <= tolerance * max(1, abs(want)), f"{folder}: {what}: {got} from the CSV files, {want} in summary.json"


def check(folder):
    with open(os.path.join(folder, "summary.json")) as file:
        summary = json.load(file)
    requests = rows(folder, "requests.csv")
    assert all(row["weight"] == "1" for row in requests)
    checked = 0
    for name, service in summary["services"].items():
        timeline = [row for row in rows(folder, "timeline.csv") if row["service"] == name]
        start, end = window(timeline, summary["end_ms"])
        assert [start, end] == service["window_ms"], (folder, name, start, end)
        intervals = downtime(timeline, start, end)
        assert intervals == service["downtime"]["intervals_ms"], (folder, name, intervals)
        equal(folder, "downtime", sum(until - since for since, until in intervals), service["downtime"]["total_ms"])
        if service["requests"] is None:
            continue
        measured = [row for row in requests if row["service"] == name and start <= float(row["sent_ms"]) < end]
        answered = sorted(float(row["latency_ms"]) for row in measured if row["outcome"] == "ok")
        want = service["requests"]
        assert (len(measured), len(answered)) == (want["total"], want["ok"]), (folder, name, len(measured), len(answered))
        equal(folder, "availability", len(answered) / len(measured), want["availability"], 1e-8)
        for key, share in ("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999), ("max", 1):
            # Above 2,048 µs a percentile may be a thousandth too long.
            equal(folder, key, percentile(answered, share), want["latency_ms"][key], 0 if key == "max" else 1.01e-3)
        checked += len(measured)
    assert checked > 0, f"{folder}: no requests"
    print(f"{folder}: availability, downtime and percentiles of {checked} requests are those of summary.json")


for report in sys.argv[1:]:
    check(report)
