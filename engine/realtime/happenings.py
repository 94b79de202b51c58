"""What a Realtime session's protocol state is told by the engine's side of the session. Plain data.

``generation`` numbers one reply of the agent, as in ``engine/turns/events.py``. Times of the caller's audio are whole
milliseconds of audio written to the session's input buffer since it began.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller's voice started, and it counts: it is no cough under the agent's words."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The caller's voice stopped; the turn may go on. Clients are told when the turn ends."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class TurnDropped:
    """What started as a turn was none after all (nothing was said): no item comes of it."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The caller's turn is over: what they said is one item. ``text``: the words so far; a later ``Transcribed``
    may mend them. ``idle``: nobody spoke for ``idle_timeout_ms``, from ``from_ms`` on. A final ``Transcribed`` or a
    ``TranscriptionFailed`` belongs to each turn, before or after its end (but to none that is ``idle``). Where the
    client ends turns itself (``CommitInput``), this is not told."""

    to_ms: int
    from_ms: int = 0
    text: str = ""
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Transcribed:
    """Words of the caller's running or last item, or of ``item_id``. ``final``: this is all of it; else ``text`` is
    what is new, with the space that parts it from the words before. ``seconds``: of audio."""

    text: str
    final: bool
    language: str = ""
    seconds: float = 0.0
    item_id: str = ""


@dataclass(frozen=True, slots=True)
class TranscriptionFailed:
    """The recogniser failed on the caller's running or last item."""

    message: str


@dataclass(frozen=True, slots=True)
class ReplyBegun:
    """A reply that will be heard (or read) begins. ``response_id``: of the ``Respond`` that asked for it; empty where
    the session itself answers a turn, or greets."""

    generation: int
    response_id: str = ""


@dataclass(frozen=True, slots=True)
class ReplyWords:
    """The next words of a reply. Texts are put together as they are: the space between two clauses is part of one."""

    generation: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """The next audio of a reply, in the session's output format; ``ms`` is its length."""

    generation: int
    audio: bytes
    ms: float


@dataclass(frozen=True, slots=True)
class ReplyCited:
    """The sources that a reply stands on: ``{chunk_id, title, page, heading, score, snippet}`` each."""

    generation: int
    sources: tuple[dict[str, object], ...]


@dataclass(frozen=True, slots=True)
class ClientToolCalled:
    """The model wants a tool of the client's. The client answers with a ``function_call_output`` item."""

    generation: int
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ServerToolCalled:
    """A skill of the engine runs for this reply. ``shown``: clients see its call and its result as an ``mcp_call``
    item, which SDKs do not try to run themselves (a ``function_call`` they would)."""

    generation: int
    call_id: str
    name: str
    arguments: str
    shown: bool = True


@dataclass(frozen=True, slots=True)
class ServerToolReturned:
    """It is done; ``error``: why it failed."""

    call_id: str
    output: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """The reply is complete. ``incomplete``: why it is not all there (``max_output_tokens``, ``content_filter``)."""

    generation: int
    input_tokens: int = 0
    output_tokens: int = 0
    incomplete: str = ""


@dataclass(frozen=True, slots=True)
class ReplyCut:
    """The reply was stopped. ``by``: ``turn_detected`` or ``client_cancelled``; ``heard`` are the words that were
    heard, ``heard_ms`` the audio."""

    generation: int
    by: str
    heard: str
    heard_ms: int


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """The reply failed; ``code`` as the protocol has it (``rate_limit_exceeded``, ``server_error``)."""

    generation: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Truncated:
    """What was heard of an item, in answer to a ``Truncate``; or unasked, where the engine's clock knows."""

    item_id: str
    audio_end_ms: int
    heard: str


@dataclass(frozen=True, slots=True)
class PlaybackStarted:
    """The first audio of a reply is being heard. Told to clients of phone calls."""

    generation: int


@dataclass(frozen=True, slots=True)
class PlaybackStopped:
    """The last audio of a reply was heard. Told to clients of phone calls."""

    generation: int


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What the client's key has left; told to clients at the beginning of the next response. Each:
    ``{name: "requests" or "tokens", limit, remaining, reset_seconds}``, all numbers."""

    limits: tuple[dict[str, object], ...]


@dataclass(frozen=True, slots=True)
class Faulted:
    """Something failed in the session that is no reply's: the client gets an ``error`` event, the session goes on."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class DigitReceived:
    """The caller pressed a key; ``at_s`` in Unix seconds. Told to clients of phone calls."""

    digit: str
    at_s: int


Happening = (SpeechStarted | SpeechStopped | TurnDropped | TurnEnded | Transcribed | TranscriptionFailed | ReplyBegun
             | ReplyWords | ReplyAudio | ReplyCited | ClientToolCalled | ServerToolCalled | ServerToolReturned
             | ReplyEnded | ReplyCut | ReplyFailed | Truncated | PlaybackStarted | PlaybackStopped | RateLimits
             | Faulted | DigitReceived)
