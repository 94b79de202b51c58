"""``trunkline kb export`` and ``kb delete``: what a collection holds, and taking it out."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli import collection

if TYPE_CHECKING:
    from engine.knowledge.store.view import Entry

EXPORT = """Print a collection as JSON lines: one document a line, with all its passages.

For other programs, for looking through, for keeping what was known on a day. To have a collection on another machine,
ingest the documents there, or copy its folder."""

DELETE = """Delete a collection, or some of its documents, with all that was made of them.

The files they were made from are not touched: a document whose file is still in an ingested folder comes back with the
next trunkline ingest."""

SHOWN = 10
"""Documents that are named before they are deleted."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """``kb export`` and ``kb delete``."""
    export = commands.add_parser("export", help="a collection as JSON lines", description=EXPORT,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    export.add_argument("name", nargs="?", metavar="NAME", help="which collection (default: knowledge.collection)")
    export.add_argument("--out", type=Path, metavar="FILE", help="write to a file (default: to the standard output)")
    collection.add_config(export)
    export.set_defaults(kb_run=_export)
    delete = commands.add_parser("delete", help="a collection, or some of its documents", description=DELETE,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    delete.add_argument("name", metavar="NAME", help="which collection")
    delete.add_argument("--document", action="append", default=[], metavar="ID", help="only this document; repeatable")
    delete.add_argument("--tag", action="append", default=[], metavar="TAG",
                        help="only the documents with this tag (pii: personal data); repeatable")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    delete.set_defaults(kb_run=_delete)


def _export(args: argparse.Namespace) -> int:
    from engine.knowledge import exported
    from engine.knowledge.errors import KnowledgeError
    from engine.offhub import off_hub

    name = args.name or collection.load(args.config).knowledge.collection
    rows = exported.documents(name)
    first = off_hub(next, rows, None)  # a collection that is not there leaves no empty file
    count = 0
    try:
        out = args.out.open("w", encoding="utf-8") if args.out else sys.stdout
        try:
            row = first
            while row is not None:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
                row = off_hub(next, rows, None)
            out.flush()
        finally:
            if args.out:
                out.close()
    except BrokenPipeError:  # whoever read has seen enough
        sys.stderr.close()
        return 0
    except OSError as fault:
        raise KnowledgeError(f"{args.out or 'standard output'}: cannot be written: {fault.strerror or fault}"
                             ) from fault
    if args.out:
        print(f"{count} documents written to {args.out}.")
    return 0


def _delete(args: argparse.Namespace) -> int:
    from engine.knowledge import delete
    from engine.knowledge.collections import folder_of
    from engine.knowledge.inventory import PERSONAL
    from engine.offhub import off_hub

    folder = folder_of(args.name)
    if args.document or args.tag:
        entries = off_hub(delete.chosen, args.name, args.document, args.tag)
        personal = sum(PERSONAL in entry.tags for entry in entries)
        _name(entries)
        if not _agreed(args, f"Delete {len(entries)} documents from collection '{args.name}'?"):
            return 1
        done = off_hub(delete.delete_documents, args.name, entries)
        print(f"{len(entries)} documents deleted.")
        if there := [entry.source for entry in entries if Path(entry.source).exists()]:
            print(f"{len(there)} of their files are still there, such as {there[0]}: delete or move them, or the next "
                  "ingest brings them back.")
        if done.trace:
            print(f"What was deleted may still be in the file until it is written anew: {done.trace}", file=sys.stderr)
    else:
        size, personal = off_hub(_size_of, args.name)
        if not _agreed(args, f"Delete collection '{args.name}' with {size} in {folder}?"):
            return 1
        off_hub(delete.delete_collection, args.name)
        print(f"Collection '{args.name}' deleted.")
    if personal:
        print(f"{personal} of them had personal data (tag {PERSONAL}). It may also be in the files themselves, in "
              "backups, in vector stores (kb migrate --prune) and in the logs of calls that quoted it.")
    return 0


def _size_of(name: str) -> tuple[str, int]:
    """How many documents there are, and how many of them personal; also of a collection that cannot be read: that one
    can be deleted too."""
    from engine.knowledge.collections import folder_of
    from engine.knowledge.errors import KnowledgeError
    from engine.knowledge.inventory import PERSONAL, overview, tags_of
    from engine.knowledge.store import DATABASE

    try:
        return f"{overview(name).documents} documents", tags_of(name).get(PERSONAL, 0)
    except KnowledgeError as fault:
        if not (folder_of(name) / DATABASE).is_file():
            raise
        print(f"It cannot be read: {fault}", file=sys.stderr)
        return "all that is in it", 0


def _name(entries: "tuple[Entry, ...]") -> None:
    for entry in entries[:SHOWN]:
        print(f"  {entry.id}  ({entry.title})")
    if len(entries) > SHOWN:
        print(f"  and {len(entries) - SHOWN} others")


def _agreed(args: argparse.Namespace, question: str) -> bool:
    from engine.knowledge.errors import KnowledgeError

    if args.yes:
        return True
    if not sys.stdin.isatty():
        raise KnowledgeError("nobody is there to be asked; say --yes to delete")
    if input(f"{question} [y/N] ").strip().lower() in ("y", "yes"):
        return True
    print("Nothing was deleted.")
    return False
