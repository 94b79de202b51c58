"""Turn-taking cases as data: what the caller, the recogniser, the brain and the voice do, and what must come of it.

The format is described in ``docs/turn-taking.md``. Times are seconds of call time.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.config import AgentOptions, TurnOptions, VadOptions
from engine.replay.checks import KINDS, Must
from engine.replay.errors import CaseError, kind_of
from engine.replay.options import CaseOptions
from engine.replay.rows import Row, Tool, read
from engine.turns.language import DEFAULT


@dataclass(frozen=True)
class Case:
    """One case. ``ignored`` are options of the peer that have no counterpart here."""

    id: str
    what: str
    rows: tuple[Row, ...]
    musts: tuple[Must, ...]
    turns: TurnOptions
    agent: AgentOptions
    vad: VadOptions
    scores: dict[str, float] = field(default_factory=dict)
    tools: dict[str, Tool] = field(default_factory=dict)
    language: str = DEFAULT
    ignored: tuple[str, ...] = ()

    def rows_of(self, kind: type) -> list[Any]:
        """Its rows of one kind, in order."""
        return [row for row in self.rows if isinstance(row, kind)]


def load(path: Path) -> list[Case]:
    """The cases of a file. Raises ``CaseError`` naming the file, the case and the row."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise CaseError(f"{path}: {fault.strerror or fault}") from fault
    except json.JSONDecodeError as fault:
        raise CaseError(f"{path}: line {fault.lineno}, column {fault.colno}: not JSON: {fault.msg}") from fault
    except UnicodeDecodeError as fault:
        raise CaseError(f"{path}: not a text in UTF-8 (byte {fault.start})") from fault
    if not isinstance(data, list):
        raise CaseError(f"{path}: a list of cases is expected, this is {kind_of(data)}")
    cases: list[Case] = []
    for number, item in enumerate(data):
        name = item.get("id") if isinstance(item, dict) else None
        if not isinstance(name, str) or not name:
            raise CaseError(f"{path}: case number {number + 1} needs an \"id\", a text")
        try:
            cases.append(parse(item))
        except CaseError as fault:
            raise CaseError(f"{path}: case {name}: {fault}") from fault
        if sum(case.id == name for case in cases) > 1:
            raise CaseError(f"{path}: case {name}: there are two of this id")
    return cases


def parse(item: dict[str, Any]) -> Case:
    """One case out of its JSON object. Raises ``CaseError``."""
    for key, expected in (("in", list), ("must", list), ("options", dict)):
        if not isinstance(item.get(key, expected()), expected):
            raise CaseError(f'"{key}" must be {kind_of(expected())}, this is {kind_of(item[key])}')
    if "in" not in item or "must" not in item:
        raise CaseError('"in" and "must" are needed')
    rows = read(item["in"])
    options = CaseOptions(item.get("options", {}))
    musts = tuple(_must(number, must) for number, must in enumerate(item["must"]))
    return Case(
        id=item["id"],
        what=str(item.get("what", "")),
        rows=tuple(options.rows + rows),
        musts=musts,
        turns=options.build(TurnOptions, "turns"),
        agent=options.build(AgentOptions, "agent"),
        vad=options.build(VadOptions, "vad"),
        scores=options.scores,
        tools=options.tools,
        language=options.language,
        ignored=tuple(options.ignored),
    )


# ---------------------------------------------------------------- must


def _must(number: int, raw: Any) -> Must:
    where = f"must[{number}]"
    if not isinstance(raw, dict):
        raise CaseError(f"{where}: an object is expected, this is {kind_of(raw)}")
    kinds = [kind for kind in raw if kind in KINDS]
    if len(kinds) != 1:
        raise CaseError(f"{where}: one of {', '.join(sorted(KINDS))} is needed, this has {', '.join(raw) or 'nothing'}")
    spec = KINDS[kinds[0]]
    rest = {key: value for key, value in raw.items() if key != kinds[0]}
    for key in rest:
        if key not in spec.extra:
            raise CaseError(f'{where} ({kinds[0]}): "{key}" does not belong here')
    for key in spec.extra:
        if key not in rest:
            raise CaseError(f'{where} ({kinds[0]}): "{key}" is missing')
    for key, value, shape in ((kinds[0], raw[kinds[0]], spec.shape), *((k, rest[k], spec.extra[k]) for k in rest)):
        if not shape.fits(value):
            raise CaseError(f'{where} ({kinds[0]}): "{key}" must be {shape.name}, this is {json.dumps(value)[:60]}')
    return Must(kinds[0], raw[kinds[0]], rest)


__all__ = ["Case", "load", "parse"]
