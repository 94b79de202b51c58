"""What reading a file may cost, and how it is cut: told to the worker process as JSON. Pure."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.knowledge.reading.passages import Cut


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one file. ``seconds``: of computing; the clock on the wall may show twice that. ``memory_mb``: address space
    of the worker; ``file_mb``: the file itself."""

    seconds: int = 30
    memory_mb: int = 1024
    file_mb: int = 64
    cut: Cut = field(default_factory=Cut)

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Limits":
        """The inverse of ``to_json``."""
        fields: dict[str, Any] = json.loads(text)
        return cls(**{**fields, "cut": Cut(**fields["cut"])})
