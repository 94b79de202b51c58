"""What the echo guard costs: 200 calls, in all of which the agent speaks. ``python -m benchmarks.echo`` prints it."""

import statistics
import time

import numpy as np

from benchmarks.figure import Figure
from engine.speech.echo import EchoGuard

COMMAND = "python -m benchmarks.echo"
CALLS, SECONDS = 200, 4


def figures() -> list[Figure]:
    """CPU of the guard, given the calls as the frame clock gives them: a quarter of them every 5 ms."""
    rng = np.random.default_rng(1)
    guard = EchoGuard(6.0)
    for row in range(CALLS):
        guard.open(row)
    frames = [(rng.standard_normal(160) * 3000).astype("<i2").tobytes() for _ in range(CALLS + 50)]
    quarters = [np.arange(CALLS)[phase::4] for phase in range(4)]
    costs = []
    for _ in range(5):
        began = time.process_time()
        for tick in range(SECONDS * 50 // 5):
            for rows in quarters:
                some = [frames[tick + row] for row in rows]
                guard.judge(rows, some, some[::-1], np.zeros(len(rows), np.bool_))
        costs.append((time.process_time() - began) * 1000 / CALLS / (SECONDS / 5))
    cost = round(statistics.median(costs), 4)
    name = f"echo guard, CPU per call-second, {CALLS} speaking calls"
    return [Figure(name, cost, "ms", "<= 0.1", cost <= 0.1, COMMAND)]


if __name__ == "__main__":
    for row in figures():
        print(f"{'ok  ' if row.ok else 'FAIL'} {row.figure}: {row.value} {row.unit} (aim {row.aim})")
