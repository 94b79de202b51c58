"""The fixed phrases that come with Trunkline, by language (``phrases.yaml``)."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from engine.agents.options import PHRASES
from engine.agents.yamlfile import read
from engine.config.base import Options

FILE = Path(__file__).with_name("phrases.yaml")
NAMES = PHRASES


class _File(Options):
    languages: dict[str, dict[str, str]]


@lru_cache(maxsize=1)
def _all() -> Mapping[str, Mapping[str, str]]:
    return read(FILE, _File, "the file of phrases")[0].languages


def languages() -> tuple[str, ...]:
    """Languages with phrases (ISO 639-1)."""
    return tuple(_all())


def of(language: str) -> Mapping[str, str]:
    """The phrases of a language by the names of ``AgentOptions``; empty for one that has none."""
    return _all().get(language, {})
