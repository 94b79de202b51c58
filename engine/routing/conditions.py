"""Conditions of rules, compiled when the file is loaded. The grammar is rule-engine's, without its functions: what a
condition says depends on the call alone.

``region == 'kerala' and language == 'ml'`` · ``language in ['ml', 'ta']`` · ``called =~ '^[+]91484'`` · ``hour >= 20``
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from engine.routing.errors import RoutingError
from engine.routing.facts import FACT_TYPES

_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")


class Condition:
    """One compiled condition."""

    def __init__(self, text: str) -> None:
        """Raises ``RoutingError`` saying what is wrong with ``text``."""
        # Loaded here because it takes a quarter of a second, which only commands and engines with rules should pay.
        from rule_engine import DataType, Rule, errors

        if "$" in _QUOTED.sub("", text):
            raise RoutingError("'$' functions are not available; for the time of day write hour or weekday")
        try:
            self._rule = Rule(text, context=_context())
        except errors.SymbolResolutionError as fault:
            near = f"did you mean {fault.suggestion}? " if fault.suggestion else ""
            names = ", ".join(FACT_TYPES)
            raise RoutingError(f"unknown name '{fault.symbol_name}'; {near}Known are {names}") from fault
        except errors.EngineError as fault:
            raise RoutingError(f"not a condition: {fault.message}") from fault
        if self._rule.statement.expression.result_type is not DataType.BOOLEAN:
            raise RoutingError("not a condition: it must compare something, like region == 'kerala'")
        self._mistakes: type[Exception] = errors.EngineError

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Whether it is true of ``facts`` (``facts.known``). What cannot be computed (an index past the end) is not."""
        try:
            return bool(self._rule.matches(facts))
        except self._mistakes:
            return False


@lru_cache(1)
def _context() -> Any:
    from rule_engine import Context, DataType, resolve_item

    kinds = {str: DataType.STRING, bool: DataType.BOOLEAN, int: DataType.FLOAT}
    return Context(type_resolver={name: kinds[kind] for name, kind in FACT_TYPES.items()}, resolver=resolve_item)
