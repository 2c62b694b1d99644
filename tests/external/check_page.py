"""Opens report.html of a run, moves its slider, and compares the tiles with tasks.csv at ten instants.

usage: check_page.py REPORT...; screenshots go beside each report.
"""

import csv
import json
import os
import sys

from chromium import Chromium

ENDED = {"complete", "shutdown", "failed", "rejected", "orphaned"}
WITHOUT_NODE = {"new", "pending"}

# What a reader sees of a tile, without what the script knows.
TILES = """
[...document.querySelectorAll('.column')].flatMap((column) => [...column.querySelectorAll('.tile')].map((tile) => ({
    node: column.classList.contains('nowhere') ? '' : column.querySelector('h3').firstChild.textContent,
    task: tile.dataset.task, state: tile.dataset.state, title: tile.title,
    stopping: tile.classList.contains('stopping'), ended: tile.classList.contains('ended'),
    shown: tile.getClientRects().length > 0})))
"""

MOVE = """
(() => { const slider = document.querySelector('.player input'); slider.value = %d;
  slider.dispatchEvent(new Event('input', {bubbles: true})); return Number(slider.value); })()
"""


def expected(rows, at, linger):
    """The tasks that are there at an instant, by number: node, image, state, whether to be stopped, whether it has ended."""
    last, ended = {}, {}
    for row in rows:
        if float(row["t_ms"]) > at:
            break
        if row["state"] in ENDED and (row["task"] not in last or last[row["task"]]["state"] not in ENDED):
            ended[row["task"]] = float(row["t_ms"])
        last[row["task"]] = row
    tasks = {}
    for number, row in last.items():
        state, over = row["state"], row["state"] in ENDED
        if state == "removed" or state == "shutdown" or over and at - ended[number] > linger:
            continue
        node = "" if state in WITHOUT_NODE else row["node"]
        stopping = not over and row["desired"] in ("shutdown", "remove", "complete")
        tasks[number] = (node, row["image"], state, stopping, over)
    return tasks


def check(browser, folder):
    with open(os.path.join(folder, "tasks.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    with open(os.path.join(folder, "summary.json")) as file:
        end = json.load(file)["end_ms"]
    browser.open(os.path.join(folder, "report.html"))
    browser.screenshot(os.path.join(folder, "report.png"))
    tiles = 0
    # There and back: both ways must lead to the same.
    for part in (0, 2, 4, 6, 8, 9, 7, 5, 3, 1):
        at = browser.ask(MOVE % (end * (2 * part + 1) / 20))
        seen = {}
        for tile in browser.ask(TILES):
            assert tile["shown"], tile
            image = tile["title"].split("(", 1)[1].split("): ", 1)[0]
            assert tile["task"] not in seen, tile
            seen[tile["task"]] = (tile["node"], image, tile["state"], tile["stopping"], tile["ended"])
        want = expected(rows, at, min(end / 60, 10_000))
        assert seen == want, f"{folder} at {at} ms: {sorted(set(seen.items()) ^ set(want.items()))}"
        tiles += len(seen)
    assert tiles > 0, f"{folder}: no tile was ever seen"
    cursors = browser.ask("document.querySelectorAll('.cursor:not([hidden])').length")
    assert cursors == browser.ask("document.querySelectorAll('.chart').length") > 0, cursors
    play(browser, end)
    browser.dark(True)
    browser.screenshot(os.path.join(folder, "report-dark.png"))
    browser.dark(False)
    assert not browser.complaints, browser.complaints
    print(f"{folder}: {tiles} tiles at ten instants are those of tasks.csv")


def play(browser, end):
    """Plays to the end, steps by keys, and goes where a line of the story leads."""
    press = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '%s', bubbles: true}))"
    time = "Number(document.querySelector('.player input').value)"
    browser.ask(press % "Home")
    assert browser.ask(time) == 0
    browser.ask(press % "ArrowRight")
    first = browser.ask(time)
    assert 0 < first < end, first
    browser.ask(press % "ArrowLeft")
    assert browser.ask(time) < first
    browser.ask(press % " ")
    browser.ask(f"new Promise((done) => {{ const wait = () => {time} > {first} ? done() : requestAnimationFrame(wait); wait(); }})")
    browser.ask("document.querySelector('.events li:last-child button').click()")
    last = browser.ask("Number(document.querySelector('.events li:last-child').dataset.ms)")
    assert abs(browser.ask(time) - last) <= 1, (browser.ask(time), last)


with Chromium() as chromium:
    for report in sys.argv[1:]:
        check(chromium, report)
