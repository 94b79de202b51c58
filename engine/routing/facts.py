"""What routing knows of a call, and what it chooses: plain values."""

from dataclasses import dataclass, field, fields
from typing import Any

from engine.config.routing import Capability, ModelRoute


@dataclass(frozen=True, slots=True)
class Facts:
    """What the conditions of rules may ask. Empty texts where something is not known; ``hour`` is 0..23 and
    ``weekday`` 1 (Monday)..7 at the start of the call, local time, or -1."""

    language: str = ""
    dialect: str = ""
    region: str = ""
    agent: str = ""
    tenant: str = ""
    caller: str = ""
    called: str = ""
    code_mixed: bool = False
    hour: int = -1
    weekday: int = -1


@dataclass(frozen=True, slots=True)
class Choice:
    """A model of a provider for one capability, in one language: what a connector is made for."""

    capability: Capability
    provider: str
    model: str
    language: str
    dialect: str
    price: ModelRoute

    name: str = field(init=False)
    """``provider/model``."""

    @property
    def connections(self) -> tuple[str, ...]:
        """Names that its connection may have in the configuration, the most special first."""
        if self.price.connection:
            return (self.price.connection,)
        base = f"{self.provider}_{self.capability}"
        return (f"{base}_{self.language}", base, self.provider) if self.language else (base, self.provider)

    def __post_init__(self) -> None:
        """Derive the name, once."""
        object.__setattr__(self, "name", f"{self.provider}/{self.model}")


FACT_TYPES: dict[str, type] = {"capability": str, **{fact.name: type(fact.default) for fact in fields(Facts)}}
"""The names that conditions know, and their types."""


def known(facts: Facts, capability: Capability) -> dict[str, Any]:
    """The facts as conditions see them."""
    return {"capability": capability, **{name: getattr(facts, name) for name in FACT_TYPES if name != "capability"}}


def same_language(one: str, other: str) -> bool:
    """``en`` and ``en-IN`` are the same; ``ml`` and ``en`` are not."""
    return one.lower().replace("_", "-").partition("-")[0] == other.lower().replace("_", "-").partition("-")[0]
