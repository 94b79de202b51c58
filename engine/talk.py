"""What a call needs of its conversation, whoever holds it: ``engine.conversation.Conversation`` with the engine's own
turn-taking, or ``engine.upstream.conversation.UpstreamConversation`` with a speech-to-speech model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from engine.config import AgentOptions
from engine.dialog.actions import CallContext
from engine.senses import Senses
from engine.speech.interfaces import Heard
from engine.turns import events as turn


@dataclass(frozen=True, slots=True)
class Said:
    """One turn of a conversation so far. ``interrupted``: the agent had more to say."""

    who: Literal["user", "agent", "note"]
    text: str
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Past:
    """What somebody else has held of a conversation. ``generation``: the last number that was given to a reply;
    ``owed``: words of the caller that nobody has answered; ``broken``: the agent was stopped in the middle;
    ``greeted`` false: the caller waits for the greeting."""

    why: str
    lines: tuple[Said, ...] = ()
    generation: int = 0
    owed: str = ""
    broken: bool = False
    greeted: bool = True


class Talk(Protocol):
    """One conversation on a leg. Attributes and methods are described at ``Conversation``."""

    keys: Callable[[str], bool] | None
    spare_keys: Callable[[str], bool] | None
    words: Callable[[str], None] | None
    transcripts: Callable[[Heard], None] | None
    context: CallContext | None

    @property
    def now(self) -> float:
        """Seconds of call time."""

    @property
    def phrases(self) -> AgentOptions:
        """What the agent says word for word."""

    @property
    def audio_began(self) -> float:
        """Call time of the caller's first sample."""

    def start(self) -> None:
        """Greet the caller."""

    def change(self, senses: Senses) -> None:
        """Go on with others from the next words on."""

    def ear(self, frame: bytes, silent: bool) -> None:
        """The caller's next frame."""

    def digit(self, digit: str, duration_ms: int) -> None:
        """The caller pressed a key."""

    def held(self) -> None:
        """The caller put the agent on hold."""

    def unheld(self) -> None:
        """The caller took the agent back."""

    def hung_up(self) -> None:
        """The caller is gone."""

    def listen_only(self, on: bool, why: str) -> None:
        """The agent says nothing; what the caller says is heard and not answered."""

    def suspend(self, why: str) -> None:
        """Somebody else has the caller's ear and mouth."""

    def go_on(self, instead: turn.SayRequest | None = None, happened: str = "") -> None:
        """The caller is back."""

    def mask(self, on: bool) -> None:
        """Recording, recogniser and log get nothing."""

    def still(self) -> bool:
        """Whether the agent has nothing to say at this moment."""

    def tell(self, event: turn.Event) -> None:
        """Something is to be said, or has happened."""

    def close(self) -> None:
        """Stop listening and speaking. Idempotent."""
