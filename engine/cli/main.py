"""The ``trunkline`` command. Each sub-command is a module of this package with ``HELP``, ``add_arguments`` and ``run``.

gevent patches the standard library before anything else is imported; the modules are imported only when they are
called, so that ``trunkline --help`` is quick.
"""

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import importlib  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

from engine import __version__  # noqa: E402
from engine.errors import TrunklineError  # noqa: E402

# One BLAS/OpenMP thread: more of them fight with the frame clock (FAISS in pool threads: 19 ms a query instead of 7).
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

COMMANDS = {
    "demo": "a whole spoken call on this machine: ingest, engine, caller, three questions",
    "serve": "run the engine: event socket for FreeSWITCH, HTTP and WebSockets",
    "call": "place one call at an engine with WAV files as the caller's voice",
    "dial": "call a number by FreeSWITCH and connect it with an agent",
    "ingest": "read documents into a collection of the knowledge base",
    "ask": "ask the knowledge base a question",
    "search": "the passages of the knowledge base that are nearest to a question",
    "kb": "collections of the knowledge base: list, check, measure, gaps, export, delete, vector stores",
    "agent": "check, list and show agents",
    "test": "run scripted conversations with an agent, offline",
    "route": "which provider hears, thinks and speaks for a call, and why; check a routing file",
    "trunk": "the gateways of FreeSWITCH, and whether calls would get out by one",
    "dialplan": "trace a number through a FreeSWITCH dialplan, and check it, without a FreeSWITCH",
    "skills": "list the skills of agents, run one by hand",
    "turns": "run turn-taking cases on a virtual clock",
    "load": "place many calls at a running engine and measure",
    "models": "list, install and check model data",
    "db": "the database of sessions: make, upgrade, look, file calls, sweep, search",
    "provider": "list the models and voices of the configuration, or ask one",
    "key": "make an API key for HTTP and WebSockets",
    "doctor": "check configuration, ports, models, disk and FreeSWITCH; says what to do",
}


def build_parser(wanted: str | None) -> argparse.ArgumentParser:
    """The parser of all commands; only the module of ``wanted`` is imported for its arguments."""
    parser = argparse.ArgumentParser(prog="trunkline", description="AI voice engine embedded in FreeSWITCH.")
    parser.add_argument("--version", action="version", version=f"trunkline {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        if name != wanted:
            commands.add_parser(name, help=text, add_help=False)
            continue
        module = importlib.import_module(f"engine.cli.{name}")
        sub = commands.add_parser(
            name,
            help=text,
            description=module.HELP,
            epilog=getattr(module, "EPILOG", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors that Trunkline can explain are one line on stderr and exit 2."""
    arguments = sys.argv[1:] if argv is None else argv
    wanted = next((word for word in arguments if word in COMMANDS), None)
    args = build_parser(wanted).parse_args(arguments)
    try:
        return int(args.run(args))
    except TrunklineError as fault:
        print(f"trunkline {args.command}: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
