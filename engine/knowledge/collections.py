"""Where collections lie, and what they are called: ``name``, or ``tenant/name``."""

import re
from pathlib import Path

from engine import paths
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.store import DATABASE

SAMPLE = Path(__file__).parent / "sample"
SAMPLE_QUESTIONS = Path(__file__).parent / "sample_questions"
"""The built-in collection: a support desk and a college's open day."""

BUILT_IN = {
    "sample": SAMPLE,
    "okti": Path(__file__).parent / "sample_okti",
    "kerala": Path(__file__).parent / "sample_kerala",
}
"""Collections that come with Trunkline: that of the default, a business school's open day in French, and a citizens'
line in Malayalam and English."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def folder_of(collection: str) -> Path:
    """Where a collection lies. Raises ``KnowledgeError`` for a name that cannot be one."""
    parts = collection.split("/")
    if len(parts) > 2 or not all(_NAME.fullmatch(part) for part in parts):
        raise KnowledgeError(f"'{collection}' cannot be the name of a collection: letters, digits, '.', '_' and '-', "
                             "at most 64, beginning with a letter or digit; of a tenant's: TENANT/NAME")
    return paths.knowledge().joinpath(*parts)


def collections() -> list[str]:
    """The names of all that were ever ingested, sorted."""
    home = paths.knowledge()
    return sorted(path.parent.relative_to(home).as_posix() for depth in ("*", "*/*")
                  for path in home.glob(f"{depth}/{DATABASE}"))
