"""``trunkline agent``: agents, checked, listed and shown."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.agents.agent import Agent
    from engine.agents.load import Agents
    from engine.config import Config

HELP = """\
Agents: who answers a call, what it knows, how it speaks, whom it hands over to. One YAML file an agent.

Those that come with Trunkline and those of the folder agents.folder of the configuration.
How to write one: docs/operator/agents.md.
"""

EPILOG = """\
examples:
  trunkline agent list
  trunkline agent check                         all agents and their numbers among each other
  trunkline agent check my/desk.yaml            one file
  trunkline agent show okti --language fr       what it says, how it waits, what its model is told
  trunkline agent show okti --caller +33612345  the variant that this caller gets

exit codes of check: 0 all is well, or warnings only; 1 errors; 2 a file cannot be read
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``agent check|list|show``."""
    commands = parser.add_subparsers(dest="agent_command", metavar="COMMAND", required=True)
    check = commands.add_parser("check", help="everything that can be known without calling anybody")
    check.add_argument("files", nargs="*", type=Path, metavar="FILE", help="these files (default: all agents)")
    listed = commands.add_parser("list", help="all agents, their languages and numbers")
    shown = commands.add_parser("show", help="one agent as a call gets it")
    shown.add_argument("name", metavar="NAME", help="the agent, or its file")
    shown.add_argument("--language", default="", metavar="CODE", help="in this language (default: its first)")
    shown.add_argument("--variant", default="", metavar="NAME", help="as this variant")
    shown.add_argument("--caller", default="", metavar="NUMBER", help="as the variant of this caller")
    shown.add_argument("--json", action="store_true", help="as JSON")
    for command in (check, listed, shown):
        command.add_argument("--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")


def run(args: argparse.Namespace) -> int:
    """Check, list or show; 1 if a check found errors."""
    from engine import configfile
    from engine.agents.load import Agents

    config = configfile.load(args.config, os.environ)
    if args.agent_command == "check":
        return _check(Agents.of(config.agents) if not args.files else None, args.files, config)
    if args.agent_command == "list":
        _list(Agents.of(config.agents))
        return 0
    _show(_named(args, config), args, config)
    return 0


def _check(agents: "Agents | None", files: list[Path], config: "Config") -> int:
    from rich.console import Console
    from rich.text import Text

    from engine.agents.check import check, check_agent
    from engine.agents.known import Known
    from engine.agents.load import load_agent
    from engine.dialog.skills.registry import Registry

    skills = tuple(Registry.open(config.skills).skills())
    there = Known(skills, bool(config.skills.mcp_file), tuple(config.providers))
    console = Console(highlight=False, soft_wrap=True)
    if agents is not None:
        findings, names = check(agents, there), [agent.name for agent in agents]
    else:
        given = [load_agent(file) for file in files]
        findings, names = [finding for agent in given for finding in check_agent(agent, there)], [a.name for a in given]
    for finding in findings:
        console.print(Text(str(finding), style="red" if finding.serious else "yellow"))
    errors = sum(finding.serious for finding in findings)
    console.print(f"{', '.join(names) or 'no agent'}: {errors} errors, {len(findings) - errors} warnings")
    return 1 if errors else 0


def _list(agents: "Agents") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("agent", "languages", "numbers", "thinks with", "variants", "what", box=None, pad_edge=False)
    for agent in agents:
        options = agent.options
        thinks = f"{options.model.provider}/{options.model.name}" if options.model else "its collection"
        name = f"{agent.name} (default)" if agent.name == agents.default else agent.name
        table.add_row(name, " ".join(agent.languages), " ".join(options.dids), thinks, " ".join(options.variants),
                      options.description)
    # Into a pipe, lines are not broken.
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)


def _named(args: argparse.Namespace, config: "Config") -> "Agent":
    from engine.agents.errors import NoSuchAgent
    from engine.agents.load import Agents, load_agent, variant_of

    agent = load_agent(Path(args.name)) if args.name.endswith(".yaml") else Agents.of(config.agents).get(args.name)
    variant = args.variant
    if args.caller and agent.options.variants and not variant:
        variant = variant_of(agent, args.caller)
    if variant and variant not in agent.options.variants:
        raise NoSuchAgent(f"--variant: {agent.name} has no variant '{variant}'; it has "
                          f"{', '.join(agent.options.variants) or 'none'}")
    if args.language and args.language not in agent.languages:
        raise NoSuchAgent(f"--language: {agent.name} does not speak '{args.language}'; it speaks "
                          f"{', '.join(agent.languages)}")
    return agent.as_variant(variant)


def _show(agent: "Agent", args: argparse.Namespace, config: "Config") -> None:
    from engine.dialog.agent_persona import prompt_of

    language = args.language or agent.language
    base = config.turns.model_dump()
    turns = {name: value for name, value in agent.turns(config.turns).model_dump().items()
             if value != base[name]}
    shown: dict[str, Any] = {
        "agent": agent.name, "file": str(agent.file), "variant": agent.variant, "language": language,
        "voice": agent.speaks(language).voice, "recogniser": agent.speaks(language).recogniser,
        "model": agent.options.model.model_dump() if agent.options.model else None,
        "collections": agent.options.collections, "skills": agent.options.skills,
        "transfer": {name: target.model_dump() for name, target in agent.transfer.items()},
        "phrases": agent.phrases(language).model_dump(), "turns": turns, "prompt": prompt_of(agent),
    }  # fmt: skip
    if args.json:
        print(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for name, value in shown.items():
        if value in ("", None, {}, ()):
            continue
        if isinstance(value, dict):
            console.print(Text(f"{name}:", style="bold"))
            for key, item in value.items():
                console.print(Text(f"  {key}: {_plain(item)}"))
        elif "\n" in str(value):
            console.print(Text(f"{name}:", style="bold"))
            console.print(Text("\n".join(f"  {line}" for line in str(value).splitlines())))
        else:
            console.print(Text.assemble((f"{name}: ", "bold"), _plain(value)))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items() if item not in ("", {}))
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
