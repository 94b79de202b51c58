"""The call that skills act on in a rehearsal: hand-overs, languages and goodbyes are noted, not carried out."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.agents.agent import Agent
from engine.dialog.actions import Outcome, TransferMode
from engine.rehearsal.script import Script


@dataclass
class Stage:
    """A ``CallActions``. ``note`` writes a line of the timeline; ``changed`` is told the new language; ``announce``
    says something to the caller. ``handed_over`` is the target that took the caller."""

    agent: Agent
    script: Script
    note: Callable[..., None]
    changed: Callable[[str], None]
    announce: Callable[[str], None]
    language: str
    handed_over: str = ""

    def transfer(self, target: str, mode: TransferMode, *, summary: str = "", timeout_s: float = 30.0) -> Outcome:
        """See ``engine.dialog.actions.CallActions``. The script says which ones come to nothing."""
        if target not in self.agent.transfer:
            there = ", ".join(self.agent.transfer) or "none"
            return Outcome(False, f"there is no target '{target}'; there are {there}")
        self.announce(self.agent.announcement(target, self.language))
        why = self.script.transfers.get(target, "")
        self.note("transfer", target=target, mode=mode, summary=summary, ok=not why, why=why)
        if why:
            self.announce(self.agent.phrases(self.language).transfer_failed)
            return Outcome(False, why)
        self.handed_over = target
        return Outcome(True)

    def collect_digits(
        self, *, min_digits: int = 1, max_digits: int = 20, terminators: str = "#", timeout_s: float = 10.0,
        digit_timeout_s: float = 3.0, secret: bool = False,
    ) -> Outcome:
        """Nobody types here: give the call a ``result``."""
        return Outcome(False, "in a rehearsal, digits come from the result that is written down")

    def set_language(self, language: str) -> Outcome:
        """The agent's other languages only."""
        if language not in self.agent.languages:
            return Outcome(False, f"the agent speaks {', '.join(self.agent.languages)}, not '{language}'")
        self.language = language
        self.note("language", language=language)
        self.changed(language)
        return Outcome(True)

    def mask(self, on: bool) -> Outcome:
        """Nothing is recorded here."""
        return Outcome(True)

    def end_call(self, reason: str = "goodbye") -> Outcome:
        """The brain ends the call itself, with its last reply."""
        return Outcome(True)
