"""What can be wrong with an agent's file."""

from collections.abc import Sequence

from engine.configfile import Problem
from engine.errors import TrunklineError


class AgentError(TrunklineError):
    """A file that cannot be used. ``problems`` holds all that was found, from top to bottom."""

    def __init__(self, what: str, problems: Sequence[Problem]) -> None:
        """``what`` is said to have the problems ("the agent"); ``problems`` is not empty."""
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.where.source, problem.where.line)))
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n  ".join([f"{what} has {count}:", *map(str, self.problems)]))


class NoSuchAgent(TrunklineError):
    """An agent was asked for by a name that no file has."""
