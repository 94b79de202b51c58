"""Agents: what a pick costs a call, and how long the scripts of the shipped agents take.

``python -m benchmarks agents`` prints the figures.
"""

import os
import statistics
from pathlib import Path
from time import perf_counter

from benchmarks.figure import Figure
from engine import configfile
from engine.agents.load import SHIPPED, Agents, files
from engine.config import AgentsOptions
from engine.rehearsal.run import Rehearsals, Result

COMMAND = "python -m benchmarks agents"
PICKS = 20_000


def _pick_us() -> float:
    """Microseconds to pick an agent and its variant, and to have its phrases and options."""
    agents, config = Agents.of(AgentsOptions()), configfile.load(None, {})
    times = []
    for number in range(PICKS // 100):
        began = perf_counter()
        for place in range(100):
            agent = agents.pick(did="+33185051234", caller=f"+336{number:04d}{place:04d}")
            agent.phrases()
            agent.turns(config.turns)
        times.append((perf_counter() - began) / 100)
    return statistics.median(times) * 1e6


def _results() -> list[Result]:
    """Every script of every shipped agent, played once."""
    config = configfile.load(None, os.environ)
    found: list[Result] = []
    for file in files(SHIPPED):
        rehearsals = Rehearsals(Path(SHIPPED) / f"{file.stem}.tests.yaml", config)
        try:
            found += rehearsals.run()
        finally:
            rehearsals.close()
    return found


def figures() -> list[Figure]:
    """The figures of this part."""
    pick = _pick_us()
    results = _results()
    # A recording is heard by the recogniser in real CPU time; the others run on the virtual clock alone.
    virtual = [result for result in results if not any(step.wav for step in result.script.steps)]
    seconds = sum(result.seconds for result in virtual)
    failed = sum(result.status != "passed" for result in results)
    minutes = sum(result.played.run.until for result in virtual if result.played) / 60
    return [
        Figure("agent picked, with phrases and options", round(pick, 1), "µs a call", "≤ 500", pick <= 500, COMMAND),
        Figure("scripted conversations of the shipped agents: not passed", failed, f"of {len(results)}", "0",
               not failed, COMMAND),
        Figure("scripted conversations on the virtual clock, all", round(seconds, 2),
               f"s for {minutes:.0f} minutes of call", "≤ 3", seconds <= 3, COMMAND),
    ]


if __name__ == "__main__":
    for figure in figures():
        print(figure)
