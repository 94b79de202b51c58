"""``trunkline kb list`` and ``kb stats``: what there is, and whether it is whole."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from engine.cli import collection

if TYPE_CHECKING:
    from rich.console import Console

    from engine.knowledge.inventory import Overview, Statistics

WIDTH = 120
"""Narrower terminals wrap."""

STATS = """Documents, passages, languages, tags, files and index of a collection.

--check reads every byte of database and index: exit 1 if anything is wrong, and what to do."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """``kb list`` and ``kb stats``."""
    listing = commands.add_parser("list", help="every collection", description="Every collection, with its size.")
    listing.add_argument("--json", action="store_true", help="print them as JSON")
    listing.set_defaults(kb_run=_list)
    stats = commands.add_parser("stats", help="one collection in detail; --check: whether it is whole",
                                description=STATS, formatter_class=argparse.RawDescriptionHelpFormatter)
    stats.add_argument("name", nargs="?", metavar="NAME", help="which collection (default: knowledge.collection)")
    stats.add_argument("--check", action="store_true", help="read all of it; exit 1 if anything is wrong")
    collection.add_config(stats)
    stats.add_argument("--json", action="store_true", help="print it as JSON")
    stats.set_defaults(kb_run=_stats)


def _list(args: argparse.Namespace) -> int:
    from engine.knowledge.inventory import overviews
    from engine.offhub import off_hub

    found = off_hub(overviews)
    if args.json:
        print(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
    else:
        _show_list(found)
    return 0


def _stats(args: argparse.Namespace) -> int:
    from engine.knowledge import inventory
    from engine.offhub import off_hub

    name = args.name or collection.load(args.config).knowledge.collection
    faults = off_hub(inventory.check, name) if args.check else []
    # A damaged collection is only named: counting in it could fail as well.
    found = None if faults else off_hub(inventory.statistics, name)
    if args.json:
        shown = {**asdict(found.overview), **asdict(found)} if found else {"name": name}
        shown.pop("overview", None)
        print(json.dumps({**shown, **({"faults": faults} if args.check else {})}, indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        console = Console(highlight=False, width=max(WIDTH, Console().width))
        if found:
            _show_stats(console, found)
        for fault in faults:
            console.print(f"fault: {fault}", style="red", markup=False, soft_wrap=True)
        if args.check and not faults:
            console.print("Database and index are whole.", style="green")
    return 1 if faults else 0


def _show_list(found: "list[Overview]") -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    console = Console(highlight=False, width=max(WIDTH, Console().width))
    if not found:
        console.print("There is no collection yet. Make one with: trunkline ingest PATH --collection NAME")
        return
    table = Table("collection", "tenant", Column("documents", justify="right"), Column("passages", justify="right"),
                  "languages", Column("on disk", justify="right"), "model", "last ingest (UTC)",
                  box=None, pad_edge=False)
    for one in found:
        if one.fault:
            table.add_row(Text(one.name), one.tenant, "", "", "", size(one.bytes), "", Text("not usable", style="red"))
            continue
        table.add_row(Text(one.name), one.tenant, str(one.documents), str(one.passages), languages(one.languages),
                      size(one.bytes), Text(one.model or "keywords only"), when(one))
    console.print(table)
    for one in found:
        if one.fault:
            console.print(Text(f"{one.name}: {one.fault}", style="red"), soft_wrap=True)


def _show_stats(console: "Console", found: "Statistics") -> None:
    from rich.table import Table
    from rich.text import Text

    from engine.knowledge.inventory import PERSONAL

    one = found.overview
    table = Table("", "", box=None, pad_edge=False, show_header=False)
    index = found.index if found.index == "none" else (
        f"{found.index}, {found.vectors} vectors" + (", from before the last change" if found.late else ""))
    rows = {
        "collection": one.name, "documents": str(one.documents), "passages": str(one.passages),
        "questions": f"{found.questions} written down with documents and passages",
        "languages": languages(one.languages, most=20),
        "tags": ", ".join(f"{tag} {count}" for tag, count in found.tags.items()) or "none",
        "model": f"{one.model} ({one.dim} dimensions)" if one.model else "none: found by words alone",
        "without vectors": f"{found.lacking} passages", "index": index, "last ingest (UTC)": when(one),
        "on disk": size(one.bytes) + ": " + ", ".join(f"{name} {size(count)}" for name, count in found.files.items()
                                                      if count),
    }
    for name, text in rows.items():
        table.add_row(name, Text(text))
    console.print(table)
    if personal := found.tags.get(PERSONAL):
        console.print(Text(f"{personal} documents have personal data (tag {PERSONAL}).", style="yellow"))
    if one.model and found.lacking:
        console.print(Text("Passages without vectors are found by their words; ingest again to compute them.",
                           style="yellow"))


def languages(counts: dict[str, int], most: int = 5) -> str:
    """Passages by language, the most first."""
    shown = [f"{language or 'unknown'} {count}" for language, count in list(counts.items())[:most]]
    return ", ".join(shown) + (" ..." if len(counts) > most else "")


def when(one: "Overview") -> str:
    """When the collection was last ingested, or that it is, or that this was interrupted."""
    time = one.ingested[:16].replace("T", " ")
    return f"{time} {one.state}".strip() or "unknown"


def size(count: int) -> str:
    """Bytes for people."""
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
