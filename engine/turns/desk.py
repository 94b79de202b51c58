"""What the parts of the turn engine share while an event is dealt with: the state, the time, the actions so far."""

from engine.config import AgentOptions, TurnOptions
from engine.turns.bargein import BargeIn
from engine.turns.endpointing import Endpointing, Score
from engine.turns.events import Action, Note
from engine.turns.history import History
from engine.turns.state import State


class Desk:
    """``now`` is call time in s; ``actions`` are what this step asks for, in order."""

    def __init__(self, options: TurnOptions, agent: AgentOptions, score: Score | None, language: str) -> None:
        """A call begins."""
        self.agent = agent
        self.state = State()
        self.history = History()
        self._score = score
        self.language = language
        self.retune(options)
        self.reply_timeout_s = options.reply_timeout_ms / 1000
        self.now = 0.0
        self.actions: list[Action] = []

    def retune(self, options: TurnOptions) -> None:
        """Take turns by these options from now on; what was learned of the caller's pauses is learned anew."""
        self.options = options
        self.endpointing = Endpointing(options, self._score, self.language)
        self.barge_in = BargeIn(options, self.language)

    def act(self, action: Action) -> None:
        """Ask for this."""
        self.actions.append(action)

    def note(self, name: str, why: str, **fields: object) -> None:
        """Log a decision and its reason."""
        self.actions.append(Note(name, why, tuple(fields.items())))
