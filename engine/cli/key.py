"""``trunkline key``: API keys."""

import argparse
import json

HELP = """\
Make a new API key for the HTTP API. The key is printed once; the configuration gets only its SHA-256."""

EPILOG = """\
examples:
  trunkline key new desk
  trunkline key new monitor --scopes read
  trunkline key new ci --scopes read,talk,ai,knowledge,admin --json

scopes: read (calls, transcripts, recordings, metrics), talk (conversations over WebSocket), ai (models, voices,
questions), knowledge (upload and delete documents), admin (reload, drain, providers)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``new [NAME] [--scopes LIST] [--json]``."""
    parser.add_argument("action", choices=["new"])
    parser.add_argument("name", nargs="?", default="app", metavar="NAME",
                        help="what the key is called in configuration and logs (default: app)")
    parser.add_argument("--scopes", default="read,talk,ai", metavar="LIST", help="default: read,talk,ai")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Print the key and what to write into the configuration."""
    from engine.config.web import KeyOptions
    from engine.configfile import NAME
    from engine.errors import TrunklineError
    from engine.web.keys import SCOPES, new_key

    scopes = [scope.strip() for scope in args.scopes.split(",") if scope.strip()]
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise TrunklineError(f"--scopes: {', '.join(unknown) or 'nothing'} is no scope; there are {', '.join(SCOPES)}")
    if not NAME.fullmatch(args.name):
        raise TrunklineError(f"a name is small letters, digits and single _, and begins with a letter, not {args.name}")
    key, sha256 = new_key()
    KeyOptions.model_validate({"sha256": sha256, "scopes": scopes})
    if args.json:
        print(json.dumps({"name": args.name, "key": key, "sha256": sha256, "scopes": scopes}))
        return 0
    print(f"key: {key}\n\nIt is shown this once. For the configuration:\n")
    print(f"http:\n  keys:\n    {args.name}:\n      sha256: {sha256}\n      scopes: [{', '.join(scopes)}]")
    return 0
