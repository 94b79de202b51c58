"""``trunkline kb``: the collections of the knowledge base."""

import argparse

from engine.cli import kb_contents, kb_eval, kb_gaps, kb_inventory, kb_stores

HELP = """\
What is in the knowledge base, whether it is whole, how well it answers, what it lacks; and other places to keep it.

Documents come in by trunkline ingest; questions are asked by trunkline ask and trunkline search.
"""

EPILOG = """\
examples:
  trunkline kb list                                  every collection, with its size
  trunkline kb stats desk --check                    one of them, every byte looked at
  trunkline kb eval questions.jsonl --collection desk --min recall@5=0.9
  trunkline kb gaps --since 2026-05-01               what callers asked in vain
  trunkline kb export desk > desk.jsonl
  trunkline kb delete desk --document contact/old-shop
  trunkline kb setup --backend azure && trunkline kb migrate --backend azure

More: docs/operator/kb-commands.md
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All of ``trunkline kb``; each sub-command sets ``kb_run``."""
    commands = parser.add_subparsers(dest="kb_command", metavar="COMMAND", required=True)
    for module in (kb_inventory, kb_eval, kb_gaps, kb_contents, kb_stores):
        module.add(commands)


def run(args: argparse.Namespace) -> int:
    """Do what was asked for."""
    return int(args.kb_run(args))
