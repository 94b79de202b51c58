"""One measured figure beside its aim."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """``ok`` is whether ``value`` (in ``unit``) meets ``aim``; ``command`` prints the figure again."""

    figure: str
    value: float | str
    unit: str
    aim: str
    ok: bool
    command: str
