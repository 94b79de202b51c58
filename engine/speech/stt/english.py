"""Reads ``english.yaml``: what language model and dictionary know of English besides the knowledge base."""

import functools
from pathlib import Path

import yaml


@functools.cache
def source() -> str:
    """The whole file."""
    return (Path(__file__).parent / "english.yaml").read_text("utf-8")


@functools.cache
def lines(section: str) -> tuple[str, ...]:
    """The entries of a section, one a line."""
    return tuple(line.strip() for line in yaml.safe_load(source())[section].splitlines() if line.strip())


@functools.cache
def words(section: str) -> frozenset[str]:
    """The words of a section."""
    return frozenset(word for line in lines(section) for word in line.split())


@functools.cache
def table(section: str) -> dict[str, str]:
    """The entries of a section as first word -> the rest."""
    return dict(line.split(" ", 1) for line in lines(section))
