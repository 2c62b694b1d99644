"""Loads trace.json of a run into Perfetto's trace processor, and holds it to what the format asks.

usage: check_trace.py REPORT...

The trace processor is a program that the package `perfetto` downloads. Where it cannot be had only the rules of the Trace Event Format
are checked, as "Trace Event Format" and Perfetto's "other formats" state them, and the last line says so.
"""

import json
import os
import subprocess
import sys

from perfetto.trace_processor import TraceProcessor


def rules(folder):
    """Checks the events one by one, and that the spans of a track nest. Returns the spans, counters' values and arrows."""
    with open(os.path.join(folder, "trace.json")) as file:
        trace = json.load(file)
    assert isinstance(trace, dict) and trace["displayTimeUnit"] in ("ms", "ns")
    spans, counts, arrows, tracks = 0, 0, {}, {}
    for event in trace["traceEvents"]:
        kind = event["ph"]
        assert kind in "MXiCstf", event
        assert isinstance(event["name"], str) and isinstance(event["pid"], int), event
        if kind == "M":
            assert event["name"].split("_", 1)[1] in ("name", "sort_index") and len(event["args"]) == 1, event
            continue
        assert event["ts"] >= 0, event
        if kind == "X":
            spans += 1
            assert event["dur"] >= 0, event
            tracks.setdefault((event["pid"], event["tid"]), []).append((event["ts"], -event["dur"]))
        elif kind == "C":
            counts += len(event["args"])
            assert event["args"] and all(isinstance(value, (int, float)) for value in event["args"].values()), event
        elif kind == "i":
            assert event["s"] in ("g", "p", "t"), event
        else:
            assert kind != "f" or event["bp"] == "e", event
            arrows.setdefault(event["id"], []).append((event["ts"], kind, (event["pid"], event["tid"])))
    for track, of_track in tracks.items():
        open_until = []
        for start, minus in sorted(of_track):
            while open_until and open_until[-1] <= start:
                open_until.pop()
            assert not open_until or start - minus <= open_until[-1], f"{folder}: spans of track {track} at {start} do not nest"
            open_until.append(start - minus)
    for name, ends in arrows.items():
        kinds = "".join(kind for _, kind, _ in ends)
        assert kinds == "sf" and ends[0][0] <= ends[1][0], f"{folder}: arrow {name}: {ends}"
        for at, _, track in ends:
            # An arrow is bound to the span of its track that encloses it.
            within = [start for start, minus in tracks.get(track, []) if start <= at < start - minus]
            assert within, f"{folder}: arrow {name} is bound to no span at {at}"
    assert spans > 0 and counts > 0, folder
    return spans, counts, len(arrows)


def load(folder, spans, counts, arrows):
    """Loads the trace and counts again what it holds."""
    with TraceProcessor(trace=os.path.join(folder, "trace.json")) as processor:
        def number(query):
            return next(iter(processor.query(f"select count(*) as number from {query}"))).number

        assert number("slice") >= spans
        assert number("counter") == counts
        assert number("flow") == arrows
        lost = processor.query("select name, value from stats where severity in ('error', 'data_loss') and value > 0")
        lost = [(row.name, row.value) for row in lost]
        assert not lost, f"{folder}: {lost}"


loaded = True
for report in sys.argv[1:]:
    found = rules(report)
    try:
        if loaded:
            load(report, *found)
    except (OSError, subprocess.CalledProcessError) as error:
        loaded = False
        print(f"the trace processor cannot be had: {error}")
    print("{}: {} spans, {} values and {} arrows".format(report, *found))
print("loaded by Perfetto's trace processor" if loaded else "held to the rules of the format alone")
