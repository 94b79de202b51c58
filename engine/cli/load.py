"""``trunkline load``: many calls at a running engine, and how it bears them."""

import argparse
import json
from pathlib import Path

HELP = """Place many calls at a running engine and measure it.

Each call is a stand-in FreeSWITCH call with real TCP and UDP at real pace, in this process. Callers talk part of the
time (a made-up voice, or --wav). Measured over the last --seconds: how late the engine's frames are against the 20 ms
grid of their stretch (kernel time of arrival), frames missing, CPU of the engine in ms per call and second, its memory,
and what this generator itself used. The machine is shared by both: late ticks of the generator are reported, and when
there are any, lateness says more about the machine than about the engine.
"""

EPILOG = """examples:
  trunkline load --calls 50 --seconds 20
  trunkline load --calls 400 --seconds 30 --talk 0.5 --to 127.0.0.1:8084 --json

Exit code 0: every call was answered and stayed up; 1: not so; 2: wrong input.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--calls", type=int, required=True, metavar="N", help="calls at once")
    parser.add_argument("--seconds", type=float, required=True, metavar="S", help="how long to measure")
    parser.add_argument("--to", default="127.0.0.1:8084", metavar="HOST:PORT", help="the engine's event socket")
    parser.add_argument("--talk", type=float, default=0.4, metavar="SHARE", help="how much callers talk (default 0.4)")
    parser.add_argument("--wav", type=Path, help="what callers say; without it a made-up voice")
    parser.add_argument("--rate", type=int, choices=(8000, 16000), default=8000, help="8000: PCMU, 16000: G722")
    parser.add_argument("--ramp", type=float, default=50.0, metavar="N", help="calls placed per second (default 50)")
    parser.add_argument("--pid", type=int, help="the engine's process, if it cannot be found by its port")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Run the load; see the module's EPILOG for the exit codes."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from engine.standin.load import Load, LoadPlan

    plan = LoadPlan(args.to, args.calls, args.seconds, talk=args.talk, rate=args.rate, ramp_per_s=args.ramp,
                    speech=args.wav, pid=args.pid)  # fmt: skip
    console = Console(stderr=True)
    # Redrawn only when told to: a progress bar that animates itself costs a thread in the process that is measured.
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with Progress(*columns, console=console, auto_refresh=False, disable=not console.is_terminal) as progress:
        task = progress.add_task("placing calls", total=1.0)

        def show(text: str, done: float) -> None:
            progress.update(task, description=text, completed=done, refresh=True)

        report = Load(plan, show).run()
    if args.json:
        print(json.dumps(report.as_dict()))
    else:
        _print(report.as_dict())
    return 0 if report.answered == report.calls and not report.errors else 1


def _print(report: dict[str, object]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "", show_header=False)
    rows = {
        "calls up / asked for": f"{report['answered']} / {report['calls']}",
        "frames late p50 / p99 / max, ms": " / ".join(f"{report[f'late_{part}_ms']}" for part in ("p50", "p99", "max")),
        "longest gap between frames": f"{report['longest_gap_ms']} ms",
        "slots left out by the engine": f"{report['slots_skipped']} in {report['frames_timed']} timed frames",
        "frames received / missing / of wrong size": f"{report['frames']} / {report['frames_missing']} / "
        f"{report['frames_odd']}",
        "engine: CPU ms per call-second": _with_family(report, "cpu_ms_per_call_s"),
        "engine: memory MB": _with_family(report, "rss_mb"),
        "generator: CPU ms per call-second, late ticks": f"{report['generator_cpu_ms_per_call_s']}, "
        f"{report['generator_late_ticks']}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console = Console()
    console.print(table)
    errors = report["errors"]
    assert isinstance(errors, tuple)
    for error in errors:
        console.print(f"[red]{error}[/]")


def _with_family(report: dict[str, object], what: str) -> str:
    alone, family = report[f"engine_{what}"], report[f"engine_family_{what}"]
    if alone is None:
        return "its process was not found: give --pid"
    return str(alone) if alone == family else f"{alone} (with its child processes {family})"
