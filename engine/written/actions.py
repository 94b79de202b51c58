"""What an agent may ask of a conversation in writing: its language, its end. There is no line to do more with."""

from collections.abc import Callable

from engine.dialog.actions import Outcome, TransferMode

NO_LINE = "this is a conversation in writing, not a call"


class WritingActions:
    """``CallActions`` of one conversation. ``change`` takes a language (ISO 639-1) and says how it went; ``mask`` hides
    what is written from the record, or not."""

    def __init__(self, change: Callable[[str], Outcome], mask: Callable[[bool], None]) -> None:
        """Nothing has been asked."""
        self._change = change
        self._mask = mask

    def transfer(self, target: str, mode: TransferMode, *, summary: str = "", timeout_s: float = 30.0) -> Outcome:
        """Never: there is nobody on a line."""
        return Outcome(False, f"{NO_LINE}: nobody can be connected. Tell the user how to reach a person")

    def collect_digits(
        self, *, min_digits: int = 1, max_digits: int = 20, terminators: str = "#", timeout_s: float = 10.0,
        digit_timeout_s: float = 3.0, secret: bool = False,
    ) -> Outcome:
        """Never: there are no keys."""
        return Outcome(False, f"{NO_LINE}: ask the user to write the number")

    def set_language(self, language: str) -> Outcome:
        """Go on in this language."""
        return self._change(language)

    def mask(self, on: bool) -> Outcome:
        """The record has nothing of what is written meanwhile."""
        self._mask(on)
        return Outcome(True)

    def end_call(self, reason: str = "goodbye") -> Outcome:
        """The reply ends the conversation."""
        return Outcome(True)
