"""``trunkline db``: the database of sessions: make its tables, look at it, file calls, delete what is too old."""

import argparse
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config import StoreOptions
    from engine.store.database import Database

HELP = """\
The database of sessions: SQLite below TRUNKLINE_HOME, or what store.url says. The engine makes and upgrades an SQLite
by itself; PostgreSQL is made and upgraded here, before the engine starts.

  init      make the tables in an empty database
  upgrade   bring the tables of an older Trunkline up to this one; what is there is kept
  status    where it is, which tables it has, how many sessions, how many calls are not filed
  file      file calls from their folders: all that are not, or FOLDER, also once more
  sweep     delete what is older than store.retention allows
  search    sessions in which words were said, the newest first
"""

EPILOG = """\
examples:
  trunkline db status
  TRUNKLINE_STORE__URL=postgresql://trunkline@db/trunkline trunkline db init
  trunkline db file
  trunkline db file "$TRUNKLINE_HOME"/calls/2026-11-21
  trunkline db search refund --agent clerk

exit code: 0 done; 1 something is to be done (status), or a folder could not be filed (file); 2 it cannot be done
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``db ACTION [--config FILE] ...``."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", help="YAML; see docs/operator/configuration.md")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("init", parents=[common], help="make the tables")
    actions.add_parser("upgrade", parents=[common], help="bring the tables up to this Trunkline")
    status = actions.add_parser("status", parents=[common], help="what there is")
    status.add_argument("--json", action="store_true", help="print JSON")
    file = actions.add_parser("file", parents=[common], help="file calls from their folders")
    file.add_argument("folders", nargs="*", type=Path, metavar="FOLDER",
                      help="of a call, or of a day; default: all calls that are not filed")
    file.add_argument("--ended", action="store_true", help="no engine runs: logs without an end are of calls that "
                      "broke off")  # fmt: skip
    actions.add_parser("sweep", parents=[common], help="delete what is too old")
    search = actions.add_parser("search", parents=[common], help="find sessions")
    search.add_argument("words", nargs="*", metavar="WORD", help="said in the session")
    search.add_argument("--caller", default="", help="a part of the number")
    search.add_argument("--agent", default="", help="name of the agent")
    search.add_argument("--language", default="", help="code, as en")
    search.add_argument("--outcome", default="", help="handed_over, agent_done, caller_left, failed, ...")
    search.add_argument("--errors", action="store_true", help="only sessions with an error")
    search.add_argument("--limit", type=int, default=20, help="how many (default 20)")


def run(args: argparse.Namespace) -> int:
    """See EPILOG for the exit codes."""
    from engine import configfile
    from engine.store.database import Database

    options = configfile.load(args.config, os.environ).store
    database = Database(options)
    try:
        actions = {"init": _init, "upgrade": _upgrade, "status": _status, "file": _file, "sweep": _sweep,
                   "search": _search}
        return actions[args.action](database, options, args)
    finally:
        database.close()


def _init(database: "Database", options: "StoreOptions", args: argparse.Namespace) -> int:
    from engine.store import schema
    from engine.store.errors import SchemaError

    found = database.run(schema.look)
    if found.state in ("older", "newer"):
        raise SchemaError(schema.trouble(found, database.address))
    made = schema.upgrade(database)
    print(f"{database.address}: tables of version {made.version}"
          f"{'' if found.state == 'empty' else ' are there already'}")
    return 0


def _upgrade(database: "Database", options: "StoreOptions", args: argparse.Namespace) -> int:
    from engine.store import schema

    found = database.run(schema.look)
    made = schema.upgrade(database)
    print(f"{database.address}: tables of version {made.version}" + (
        ", nothing to do" if found.state == "current" else f", before {found.version or 'none'}"))
    return 0


def _status(database: "Database", options: "StoreOptions", args: argparse.Namespace) -> int:
    from engine import paths
    from engine.store import reading, schema
    from engine.store.refiling import unfiled
    from engine.store.store import oldest_day

    there = database.path is None or database.path.exists()
    found = database.run(schema.look) if there else schema.Schema("empty", "")
    told: dict[str, object] = {"database": database.address, "tables": found.state, "version": found.version}
    problem = schema.trouble(found, database.address)
    if not problem:
        told |= database.run(reading.counts)
        told["not filed"] = sum(1 for _ in unfiled(database, paths.calls(), oldest_day(options)))
    if args.json:
        print(json.dumps({**told, "problem": problem}, indent=2))
    else:
        for name, value in told.items():
            print(f"{name:15} {value}")
        if problem:
            print(f"→ {problem}")
    return 1 if problem else 0


def _file(database: "Database", options: "StoreOptions", args: argparse.Namespace) -> int:
    from engine import paths
    from engine.store import refiling, schema
    from engine.store.errors import StoreDown, StoreError
    from engine.store.store import oldest_day

    schema.ready(database)
    calls = paths.calls().absolute()
    folders = refiling.below(args.folders, calls) if args.folders else refiling.unfiled(
        database, calls, oldest_day(options))
    filed = failed = 0
    for folder in folders:
        try:
            filed += refiling.file_folder(database, folder, calls, args.ended)
        except StoreDown:
            raise
        except StoreError as fault:
            print(f"{folder}: {fault}")
            failed += 1
    print(f"{filed} sessions filed" + (f", {failed} not" if failed else ""))
    return 1 if failed else 0


def _sweep(database: "Database", options: "StoreOptions", args: argparse.Namespace) -> int:
    from engine import paths
    from engine.store import schema
    from engine.store.retention import sweep

    schema.ready(database)
    swept = sweep(database, paths.calls(), options.retention, datetime.now(timezone.utc))
    print(f"deleted: {swept}")
    return 0


def _search(database: "Database", options: "StoreOptions", args: argparse.Namespace) -> int:
    from engine.store import schema, search

    schema.ready(database)
    query = search.Query(text=" ".join(args.words), caller=args.caller, agent=args.agent, language=args.language,
                         outcome=args.outcome, error=True if args.errors else None, limit=args.limit)
    page = database.run(lambda connection: search.find(connection, query))
    for row in page.rows:
        print(f"{row['started_at']:%Y-%m-%d %H:%M:%S}  {row['session_id']}  {row['from_number'] or '-'} → "
              f"{row['to_number'] or '-'}  {row['agent_name'] or '-'}  {row['duration_s'] or 0:.0f} s  "
              f"{row['outcome'] or row['state']}")
    return 0
