"""What the load generator itself costs, at an engine that only echoes: part of the budget of every load figure."""

from gevent import monkey

monkey.patch_all()

import subprocess  # noqa: E402
import sys  # noqa: E402

from benchmarks.figure import Figure  # noqa: E402
from engine.standin.load import Load, LoadPlan, LoadReport  # noqa: E402

CALLS, SECONDS = 400, 8.0
COMMAND = "python -m benchmarks.standin"


def measure(calls: int, seconds: float) -> LoadReport:
    """A load at the echo engine, which runs in a process of its own."""
    engine = subprocess.Popen([sys.executable, "-m", "benchmarks.echo_engine"], stdout=subprocess.PIPE, text=True)
    try:
        assert engine.stdout is not None
        port = int(engine.stdout.readline())
        return Load(LoadPlan(f"127.0.0.1:{port}", calls, seconds, ramp_per_s=100)).run()
    finally:
        engine.terminate()
        engine.wait(5)


def figures() -> list[Figure]:
    """CPU of the generator per call-second, and whether it disturbs what it measures."""
    report = measure(CALLS, SECONDS)
    cost, late = report.generator_cpu_ms_per_call_s, report.late_p99_ms
    return [
        Figure(f"load generator, CPU per call-second at {CALLS} calls", cost, "ms", "<= 0.7", cost <= 0.7, COMMAND),
        Figure(f"load generator at {CALLS} calls, echo's frames late p99", late, "ms", "< 10", late < 10, COMMAND),
    ]


if __name__ == "__main__":
    for figure in figures():
        print(figure)
