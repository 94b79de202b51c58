"""What a call costs, by provider. Pure."""

from dataclasses import dataclass, field
from typing import Any

from engine.routing.facts import Choice


@dataclass(slots=True)
class Spent:
    """Use of one provider in one call. ``estimated``: token counts were not told, a token was taken for 4 characters.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    characters: int = 0
    heard_s: float = 0.0
    spoken_s: float = 0.0
    worked_s: float = 0.0
    cost: float = 0.0
    estimated: bool = False

    def as_dict(self) -> dict[str, Any]:
        """What is not zero, rounded; ``cost`` always."""
        values = {name: round(value, 3) if isinstance(value, float) else value
                  for name, value in ((name, getattr(self, name)) for name in self.__slots__) if value}
        return {**values, "cost": round(self.cost, 6)}


@dataclass(slots=True)
class Account:
    """One call's. ``by_provider`` grows as usage comes; prices are those of the routing file, in ``currency``."""

    currency: str = "USD"
    by_provider: dict[str, Spent] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """What all providers cost so far."""
        return sum(spent.cost for spent in self.by_provider.values())

    def thought(
        self, choice: Choice, input_tokens: int, output_tokens: int, seconds: float, estimated: bool = False
    ) -> None:
        """A language model read and wrote so many tokens, and worked for ``seconds``."""
        spent, price = self._of(choice), choice.price
        spent.requests += 1
        spent.input_tokens += input_tokens
        spent.output_tokens += output_tokens
        spent.worked_s += seconds
        spent.estimated |= estimated
        spent.cost += (
            input_tokens * price.cost_per_million_input_tokens + output_tokens * price.cost_per_million_output_tokens
        ) / 1e6 + seconds / 60 * price.cost_per_minute

    def spoke(self, choice: Choice, characters: int, seconds: float) -> None:
        """A voice was given so many characters and gave ``seconds`` of audio."""
        spent, price = self._of(choice), choice.price
        spent.requests += 1
        spent.characters += characters
        spent.spoken_s += seconds
        spent.cost += characters * price.cost_per_million_characters / 1e6 + seconds / 60 * price.cost_per_minute

    def heard(self, choice: Choice, seconds: float) -> None:
        """A recogniser was given ``seconds`` of audio."""
        spent = self._of(choice)
        spent.requests += 1
        spent.heard_s += seconds
        spent.cost += seconds / 60 * choice.price.cost_per_minute

    def as_fields(self) -> dict[str, Any]:
        """The fields of the event log's ``cost`` line."""
        providers = {name: spent.as_dict() for name, spent in sorted(self.by_provider.items())}
        return {"total": round(self.total, 6), "currency": self.currency, "providers": providers}

    def _of(self, choice: Choice) -> Spent:
        return self.by_provider.setdefault(choice.provider, Spent())
