"""What an operator waits for: the first paint of the console, and the page of a call of ten minutes.

The engine and Chromium run in processes of their own, on this machine; nothing is cached between the visits.
"""

import os
import statistics
import sys
import tempfile
import time
import wave
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks.figure import Figure
from engine.cli.child import EngineProcess
from engine.telemetry.aftercall import finish
from engine.web.console_feed import Feed

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS / "telemetry"), str(TESTS / "console")]

COMMAND = "python -m benchmarks console"
CALL_S = 600.0
CALL_ID = "ten-minutes"
VISITS = 5

PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
SHOWN = """() => new Promise((done) => {
    const look = () => document.querySelector('main .view:not([aria-busy]) li.turn')
        ? requestAnimationFrame(() => done(performance.now())) : setTimeout(look, 4);
    look();
})"""


def figures() -> list[Figure]:
    """Medians of some visits."""
    from console_browser import CHROMIUM, Browser

    if CHROMIUM is None:
        return [Figure("console", "no Chromium is installed", "", "is installed", False, COMMAND)]
    with tempfile.TemporaryDirectory(prefix="trunkline-console-") as home:
        turns = long_call(Path(home) / "calls" / "2026-11-21" / f"101500-{CALL_ID}")
        os.environ["TRUNKLINE_HOME"] = home
        with EngineProcess(command=("-m", "benchmarks.under_test")) as engine:
            url, browser = engine.health.rpartition("/")[0], Browser()
            try:
                first = [paint(browser, f"{url}/console#/live") for _ in range(VISITS)]
                call = [shown(browser, f"{url}/console#/call/{CALL_ID}") for _ in range(VISITS)]
            finally:
                browser.close()
    painted, whole, line_us = statistics.median(first), statistics.median(call), feed_line()
    return [
        Figure("console: one line of a call for the feed, on the hub", round(line_us, 1), "µs", "≤ 20", line_us <= 20,
               COMMAND),
        Figure("console: first paint", round(painted), "ms", "≤ 1000", painted <= 1000, COMMAND),
        Figure(f"console: a call of 10 minutes ({turns} turns, both waveforms) is shown", round(whole), "ms", "≤ 1000",
               whole <= 1000, COMMAND),
    ]


def feed_line() -> float:
    """Microseconds of the hub for a line of a call that one page follows: taken in, kept, told. Best of some rounds."""
    import sample_call

    told: list[dict] = []
    log = SimpleNamespace(events=lambda: [], listen=lambda take: told.append(take))
    feed, lines, best = Feed(), sample_call.lines(), float("inf")
    feed.follow(SimpleNamespace(uuid="call", events=log))
    (take,) = told
    lines = [line for line in lines if line["event"] != "call_ended"]
    for _ in range(50):
        began = time.thread_time()
        for line in lines:
            take(line)
        best = min(best, (time.thread_time() - began) / len(lines) * 1e6)
    return best


def paint(browser: object, url: str) -> float:
    """Milliseconds from the request to the first paint, in a browser that was never here."""
    browser.page(url)
    browser.until(f"{PAINTED} > 0")
    return float(browser.evaluate(PAINTED))


def shown(browser: object, url: str) -> float:
    """Milliseconds from the request to the frame in which everything of the call is there."""
    browser.page(url)
    return float(browser.evaluate(SHOWN))


def long_call(folder: Path) -> int:
    """The sample call again and again for ten minutes, with report and page; the number of its turns."""
    import sample_call

    whole, events, gen, at = sample_call.lines(), [], 0, 0.0
    last = max(event["t"] for event in whole)
    head, tail = ("call_started", "answered", "media_attached", "recording", "config"), ("hangup", "call_ended")
    while at < CALL_S:
        end = at + last >= CALL_S
        for event in whole:
            if (event["event"] in head and at) or (event["event"] in tail and not end):
                continue
            moved = {name: event[name] + at for name in ("t", "at", "start", "end") if name in event}
            events.append({**event, **moved, **({"gen": event["gen"] + gen} if "gen" in event else {})})
        gen += 1 + max(event.get("gen", 0) for event in whole)
        at += last
    folder.mkdir(parents=True)
    sample_call.replay(events, folder / "events.jsonl")
    sample_call.recording(folder / "recording.wav", seconds=last)
    again(folder / "recording.wav", at)
    outcome = finish(folder)
    assert not outcome.problem, outcome.problem
    return sum(event["event"] == "turn" for event in events)


def again(path: Path, seconds: float) -> None:
    """Repeat a recording until it is so long."""
    with wave.open(str(path)) as file:
        settings, sound = file.getparams(), np.frombuffer(file.readframes(file.getnframes()), "<i2")
    frames = int(settings.framerate * seconds) * settings.nchannels
    with wave.open(str(path), "wb") as file:
        file.setparams(settings)
        file.writeframes(np.resize(sound, frames).tobytes())
