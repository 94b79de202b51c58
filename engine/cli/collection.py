"""What the commands of the knowledge base share: the collection, its model, the part of it that is searched."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config import Config
    from engine.knowledge.base import KnowledgeBase
    from engine.knowledge.embedding.interface import Embedder
    from engine.knowledge.scope import Scope

AGENT, CALLER = ("agent:",), ("caller:", "user:")
"""Who said a line of ``--after``; without one of them it was the caller."""


def add_source(parser: argparse.ArgumentParser) -> None:
    """``--collection`` and ``--config``."""
    parser.add_argument("--collection", metavar="NAME", help="which collection (default: knowledge.collection)")
    add_config(parser)


def add_config(parser: argparse.ArgumentParser) -> None:
    """``--config``."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration (default: the defaults)")


def add_scope(parser: argparse.ArgumentParser) -> None:
    """``--tag``, ``--language`` and ``--on``."""
    parser.add_argument("--tag", action="append", default=[], metavar="TAG",
                        help="only documents with this tag; more than one: any of them")
    parser.add_argument("--language", action="append", default=[], metavar="CODE",
                        help="only passages in this language (ml, hi, fr ...); more than one: any of them")
    parser.add_argument("--on", metavar="DATE", default="",
                        help="only documents that hold on this day, as 2026-05-31 (default: today)")


def load(path: Path | None) -> "Config":
    """The configuration of a file and of the environment."""
    from engine import configfile

    return configfile.load(path, os.environ)


def model_of(config: "Config") -> "Embedder | None":
    """What ``knowledge.embedding`` names, providers included; ``None``: keywords alone."""
    from engine.knowledge.embedding import choose
    from engine.offhub import off_hub

    return off_hub(choose.embedder, config.knowledge, config.providers)


def opened(args: argparse.Namespace) -> "KnowledgeBase":
    """The collection that ``--collection`` or the configuration names, with the configured model."""
    from engine.knowledge.base import KnowledgeBase

    config = load(args.config)
    return KnowledgeBase.open(args.collection, config.knowledge, model_of(config), config.providers,
                              config.vector_stores)


def scope_of(args: argparse.Namespace, collection: str) -> "Scope":
    """The part of the collection that is asked for. Raises ``KnowledgeError`` for a tag that no document has, a date
    that is none."""
    from engine.knowledge.inventory import scope_in
    from engine.offhub import off_hub

    return off_hub(scope_in, collection, args.tag, args.language, args.on, "--")


def joined(words: list[str]) -> str:
    """The words of a command line as one text; bytes that are no characters become question marks."""
    return " ".join(words).encode("utf-8", "replace").decode()


def said_before(lines: list[str]) -> list[tuple[str, str]]:
    """The lines of ``--after`` as ``(who, text)``."""
    said = []
    for line in lines:
        bare = joined([line]).strip()
        who, prefix = next(((who, prefix) for who, names in (("agent", AGENT), ("user", CALLER))
                            for prefix in names if bare.lower().startswith(prefix)), ("user", ""))
        said.append((who, bare[len(prefix):].strip()))
    return said
