"""Options of a case: the peer's names, mapped onto ours, or ours under ``turns``, ``agent`` and ``vad``."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from engine.config import Options
from engine.replay.errors import CaseError, kind_of
from engine.replay.rows import Happening, Row, Tool, command
from engine.turns.language import DEFAULT

NUMBER, FLAG = (int, float), (bool,)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


_TURNS: dict[str, tuple[str, tuple[type, ...], Callable[[Any], Any]]] = {
    "turn.endpointing.min_delay": ("endpoint_min_ms", NUMBER, _ms),
    "turn.endpointing.max_delay": ("endpoint_max_ms", NUMBER, _ms),
    "turn.interruption.min_duration": ("barge_in_decide_ms", NUMBER, _ms),
    "turn.interruption.min_words": ("barge_in_min_words", NUMBER, lambda words: max(1, words)),
    "turn.interruption.enabled": ("barge_in", FLAG, bool),
    "turn.interruption.false_interruption_timeout": ("resume_ms", NUMBER, _ms),
    "turn.preemptive_generation.enabled": ("speculate", FLAG, bool),
    "session.user_away_timeout": ("away_ms", NUMBER, _ms),
}
"""The peer's option, ours, and how a value of the one becomes one of the other."""

_IGNORED = {
    "can_pause": "playout can always pause",
    "turn.user_turn_limit.max_words": "there is no such limit",
}
"""Options of the peer without a counterpart, and why."""

_GROUPS = ("turns", "agent", "vad")
_SHAPES: dict[str, type | tuple[type, ...]] = {
    "greet": str, "greet_int": bool, "eot": dict, "cmds": list, "language": str, "tools": dict, "tool_s": NUMBER,
    **dict.fromkeys(_GROUPS, dict),
}

_TOOLS = ("get_weather", "slow")
"""The tools of a case that names none; ``tool_s`` is how long they take."""


class CaseOptions:
    """``rows``: what the options make happen (greeting, commands); ``scores``: end-of-turn score by text."""

    def __init__(self, raw: dict[str, Any]) -> None:
        """Raises ``CaseError`` for names that are not known and values of the wrong kind."""
        self.ignored: list[str] = []
        self._turns: dict[str, Any] = {}
        plain: dict[str, Any] = {}
        for name, value in _flat(raw):
            if name in _SHAPES:
                shape = _SHAPES[name]
                if not isinstance(value, shape):
                    expected = kind_of((shape[0] if isinstance(shape, tuple) else shape)())
                    raise CaseError(f"options: {name} must be {expected}, this is {kind_of(value)}")
                plain[name] = value
            elif name in _TURNS:
                self._take(name, value)
            elif name in _IGNORED:
                self.ignored.append(f"{name}: {_IGNORED[name]}")
            else:
                raise CaseError(f"options: {name} is not known")
        self._groups = {name: plain.get(name, {}) for name in _GROUPS}
        self.language: str = plain.get("language", DEFAULT)
        self.scores: dict[str, float] = plain.get("eot", {})
        self.rows: list[Row] = [command(number, item) for number, item in enumerate(plain.get("cmds", []))]
        self.tools: dict[str, Tool] = {name: Tool(plain.get("tool_s", 0.0)) for name in _TOOLS}
        if "tools" in plain:
            self.tools = {name: _tool(name, raw) for name, raw in plain["tools"].items()}
        if "greet" in plain:
            self.rows.insert(0, Happening("say", 0.0, (plain["greet"], plain.get("greet_int", True), False)))

    def build(self, group: type[Options], name: str) -> Any:
        """The typed group of options."""
        values = self._groups[name] | (self._turns if name == "turns" else {})
        try:
            return group(**values)
        except ValidationError as fault:
            first = fault.errors()[0]
            raise CaseError(f"options: {name}.{'.'.join(map(str, first['loc']))}: {first['msg']}") from fault

    def _take(self, name: str, value: Any) -> None:
        ours, kinds, convert = _TURNS[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise CaseError(f"options: {name} must be {kind_of(kinds[0]())}, this is {kind_of(value)}")
        self._turns[ours] = convert(value)


def _tool(name: str, raw: Any) -> Tool:
    """``{"seconds": 1.5, "result": "Sunny.", "fails": "no network", "reads": true}``, each of which may be left out."""
    kinds: dict[str, tuple[type, ...]] = {"seconds": NUMBER, "result": (str,), "fails": (str,), "reads": FLAG}
    if not isinstance(raw, dict):
        raise CaseError(f"options: tools.{name} must be an object, this is {kind_of(raw)}")
    for key, value in raw.items():
        if key not in kinds:
            raise CaseError(f"options: tools.{name}.{key} is not known; there are {', '.join(kinds)}")
        if not isinstance(value, kinds[key]) or (isinstance(value, bool) and bool not in kinds[key]):
            raise CaseError(f"options: tools.{name}.{key} must be {kind_of(kinds[key][0]())}, this is {kind_of(value)}")
    return Tool(**raw)


def _flat(raw: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    """Nested names joined by points; what has a shape of its own stays whole."""
    found: list[tuple[str, Any]] = []
    for key, value in raw.items():
        name = f"{path}{key}"
        if isinstance(value, dict) and name not in _SHAPES:
            found += _flat(value, f"{name}.")
        else:
            found.append((name, value))
    return found


__all__ = ["CaseOptions"]
