"""``python -m benchmarks [NAME...]``: run the benchmarks, print the figures, write ``build/bench.json``.

Each module of this folder with a ``figures()`` function is a benchmark; each runs in a process of its own, one after
the other, so that no one pays for another's memory or threads. Exit 1 if a figure misses its aim.
"""

import argparse
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT_S = 900


def names() -> list[str]:
    """The benchmarks there are: modules here that define ``figures``."""
    here = Path(__file__).parent
    found = [m.name for m in pkgutil.iter_modules([str(here)]) if not m.name.startswith("_")]
    return [name for name in found if "\ndef figures(" in (here / f"{name}.py").read_text(encoding="utf-8")]


def run_one(name: str) -> list[dict]:
    """The figures of one benchmark, measured in a fresh process; a crash is a figure that is not ok."""
    code = (
        "from gevent import monkey; monkey.patch_all()\n"
        "import json, sys, dataclasses, importlib\n"
        f"rows = importlib.import_module('benchmarks.{name}').figures()\n"
        "sys.stderr.flush(); print('\\n@@' + json.dumps([dataclasses.asdict(row) for row in rows]))\n"
    )
    environ = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, timeout=LIMIT_S
        )
        printed = done.stdout.rpartition("@@")[2]
        if done.returncode == 0:
            return json.loads(printed)
        problem = f"exit {done.returncode}"
    except subprocess.TimeoutExpired:
        problem = f"not finished after {LIMIT_S} s"
    command = f"python -m benchmarks {name}"
    return [{"figure": name, "value": problem, "unit": "", "aim": "finishes", "ok": False, "command": command}]


def main() -> int:
    """Run what was asked for, keep the rows of the others in the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(names())} (default: all)")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench.json")
    args = parser.parse_args()
    unknown = set(args.names) - set(names())
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(names())}")
    rows: list[dict] = []
    for name in args.names or names():
        print(f"-- {name}", flush=True)
        for row in run_one(name):
            rows.append(row)
            mark = "ok  " if row["ok"] else "MISS"
            print(f"{mark} {row['figure']}: {row['value']} {row['unit']} (aim {row['aim']})", flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    kept = []
    if args.names and args.out.exists():
        fresh = {row["figure"] for row in rows}
        kept = [row for row in json.loads(args.out.read_text(encoding="utf-8")) if row["figure"] not in fresh]
    args.out.write_text(json.dumps(kept + rows, indent=1) + "\n", encoding="utf-8")
    print(f"written: {args.out}")
    return 0 if all(row["ok"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
