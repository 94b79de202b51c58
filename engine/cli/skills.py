"""``trunkline skills``: which skills there are, and one of them tried by hand."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.config import Config
    from engine.dialog.skills.setup import Skills
    from engine.dialog.skills.skill import Skill

HELP = """\
List the skills that agents may use: those that come with Trunkline, your own, and the tools of MCP servers; or run one
of them, as a model would.

Your own skills are the *.py files in the folder of skills.folder (skills/ in the home folder).
"""

EPILOG = """\
examples:
  trunkline skills list
  trunkline skills list --json                          with the JSON schema of the arguments
  trunkline skills run check_order_status '{"order_id": "A1047"}'
  trunkline skills run create_ticket '{"subject": "No sound", "details": "Since Monday."}' --mock
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``trunkline skills``."""
    actions = parser.add_subparsers(dest="action", metavar="list|run", required=True)
    listing = actions.add_parser("list", help="which skills there are")
    listing.add_argument("--json", action="store_true", help="print them as JSON, with their schemas")
    running = actions.add_parser("run", help="run one of them")
    running.add_argument("name", metavar="NAME", help="its name")
    running.add_argument("arguments", metavar="JSON", nargs="?", default="{}", help="its arguments (default: {})")
    running.add_argument("--mock", action="store_true", help="its mock, if it has one")
    for one in (listing, running):
        one.add_argument("--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")


def run(args: argparse.Namespace) -> int:
    """List or run; 1 when the skill that was run did not succeed."""
    from engine import configfile

    config = configfile.load(args.config, os.environ)
    return _list(config, args.json) if args.action == "list" else _run(config, args)


def _list(config: "Config", as_json: bool) -> int:
    from engine.dialog.skills.setup import Skills

    skills = Skills.open(config.skills)
    _ask_servers(skills)
    found = sorted(skills.registry.skills().values(), key=lambda skill: skill.name)
    skills.close()
    if as_json:
        print(json.dumps([_as_dict(skill) for skill in found], indent=2, ensure_ascii=False))
    else:
        _show(found)
    return 0


def _ask_servers(skills: "Skills") -> None:
    """The tools of all servers, now; what cannot be had is said on stderr."""
    from engine.dialog.skills.mcp import McpError

    for name in skills.servers.names:
        try:
            skills.servers.refresh(name)
        except McpError as fault:
            print(f"trunkline skills: {fault}", file=sys.stderr)


def _as_dict(skill: "Skill") -> dict[str, Any]:
    tool = skill.tool()
    return {"name": skill.name, "description": skill.description, "parameters": tool.parameters,
            "side_effect": skill.side_effect, "parallel": skill.parallel, "confirm": skill.confirm,
            "timeout_s": skill.timeout_s, "mock": skill.mock is not None, "source": skill.source}


def _show(found: "list[Skill]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("skill", "arguments", "changes", "deadline", "from", box=None, pad_edge=False)
    for skill in found:
        table.add_row(skill.name, ", ".join(skill.tool().parameters["properties"]), "yes" if skill.side_effect else "",
                      f"{skill.timeout_s:g} s", Text(_short(skill.source)))
    Console(highlight=False).print(table)


def _short(source: str) -> str:
    """Where it comes from, in a word where it comes with Trunkline."""
    return "trunkline" if f"{os.sep}skills{os.sep}builtin{os.sep}" in source else source


def _run(config: "Config", args: argparse.Namespace) -> int:
    from engine.agents import phrases
    from engine.dialog.model import ToolCall
    from engine.dialog.persona import Persona
    from engine.dialog.skills.ledger import Turn
    from engine.dialog.skills.setup import Skills

    options = config.skills.model_copy(update={"mock": config.skills.mock or args.mock})
    skills = Skills.open(options, _knowledge(config))
    if args.name not in skills.registry.skills():
        _ask_servers(skills)
    persona = Persona("trunkline skills run", "", languages=phrases.languages(), skills=("*",))
    call = skills.executor.open(None, persona)
    asked = [ToolCall("1", args.name, args.arguments)]
    (attempt,) = call.ask(Turn(1, 0, lambda timeout_s: True), asked).attempts
    if attempt.result.error == "not_confirmed":  # who runs it by hand wants it
        (attempt,) = call.ask(Turn(2, 1, lambda timeout_s: True), asked).attempts
    if attempt.run is not None:
        attempt.run.done.wait()  # its deadline ends it
    print(json.dumps(attempt.result.as_dict(), indent=2, ensure_ascii=False, default=str))
    skills.close()
    return 0 if attempt.result.success else 1


def _knowledge(config: "Config") -> Any:
    """The knowledge base, or None where there is none yet."""
    from engine.errors import TrunklineError
    from engine.knowledge.base import KnowledgeBase

    try:
        return KnowledgeBase.open(options=config.knowledge, providers=config.providers,
                                  stores=config.vector_stores)
    except TrunklineError as fault:
        print(f"trunkline skills: without a knowledge base: {fault}", file=sys.stderr)
        return None
