"""Who comes to the agent, whatever carries them: a channel of FreeSWITCH, or a client of the Realtime server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Arrival(Protocol):
    """What choosing an agent and its cast needs to know; ``engine.esl.channel.Channel`` has all of it."""

    @property
    def uuid(self) -> str:
        """The call's own id."""

    @property
    def caller_number(self) -> str:
        """Who calls: a number, or what stands for one."""

    @property
    def destination(self) -> str:
        """What they called; empty where nothing was dialled."""

    @property
    def variables(self) -> Mapping[str, str]:
        """What is known besides, by name: ``trunkline_agent`` names the agent."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """An ``Arrival`` without a telephone."""

    uuid: str
    caller_number: str = ""
    destination: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


def named(arrival: Arrival, agent: str) -> Visitor:
    """The same arrival, for the agent of this name."""
    return Visitor(arrival.uuid, arrival.caller_number, arrival.destination,
                   {**arrival.variables, "trunkline_agent": agent})


__all__ = ["Arrival", "Visitor", "named"]
