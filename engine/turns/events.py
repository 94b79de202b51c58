"""What the turn engine is told (events) and what it asks for (actions). Plain data; times are seconds of call time.

Call time starts at 0 when the call is answered. ``at`` of an event is when it happened *in the audio*; the ``now``
given to ``TurnEngine.step`` is when it is being told, which may be later.

A *generation* numbers one reply of the agent, from the decision to think to its last sample. Whatever carries the
number of a cancelled generation is stale and must not be heard.
"""

from dataclasses import dataclass

BY_CALLER = "by the caller"
"""Why the agent is on hold, where nothing else is said."""

# ---------------------------------------------------------------- events: what happened


@dataclass(frozen=True, slots=True)
class VoiceOn:
    """The caller's voice started at ``at`` (dated back to the first voiced frame)."""

    at: float


@dataclass(frozen=True, slots=True)
class VoiceOff:
    """The caller's voice stopped; ``at`` is the end of the last voiced frame."""

    at: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """Words of the caller between ``start`` and ``end``. Final and empty: the recogniser heard none. ``confidence`` is
    0..1, or -1 where it is not known; ``alternatives`` are other texts that it may have been, likely ones first."""

    text: str
    final: bool
    start: float
    end: float
    confidence: float = -1.0
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplyReady:
    """The first audio of this reply is rendered and could be heard at once. Told again as more is rendered:
    ``seconds`` is all audio of it so far, 0 where that is not known."""

    generation: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ReplyDone:
    """Brain and voice have delivered all of this reply (it may still be playing). ``empty``: nothing to say;
    ``seconds``: length of its audio, 0 where it is not known; ``ends_call``: it is a farewell, and once it was played
    the call is over."""

    generation: int
    empty: bool = False
    seconds: float = 0.0
    ends_call: bool = False


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """Brain or voice failed on this reply; no more audio of it will come."""

    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The brain runs a tool for this reply. ``words``: how many words of the reply stand before it; ``call_id`` is its
    own in the whole call."""

    generation: int
    call_id: str
    name: str
    arguments: str = ""
    words: int = 0


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """The tool is done, whatever became of the reply that it was run for. ``error``: ``result`` says what went wrong.
    """

    call_id: str
    result: str
    error: bool = False


@dataclass(frozen=True, slots=True)
class PlayoutStarted:
    """The first frame of this reply went to the channel at ``at``."""

    generation: int
    at: float


@dataclass(frozen=True, slots=True)
class PlayoutFinished:
    """The last frame of this reply went to the channel at ``at``; ``heard`` is its whole text, from the ledger."""

    generation: int
    at: float
    heard: str


@dataclass(frozen=True, slots=True)
class PlayoutCut:
    """Playout of this reply was cut at ``at``; ``heard`` are the whole words that were played, from the ledger."""

    generation: int
    at: float
    heard: str


@dataclass(frozen=True, slots=True)
class Digit:
    """The caller pressed a key."""

    digit: str
    at: float


@dataclass(frozen=True, slots=True)
class Collect:
    """A number is asked for from now on: what the caller dictates and the keys they press are one number, which is
    waited for longer than a sentence. ``digits``: how many it has, 0: not known; ``ends``: keys that end it."""

    digits: int = 0
    ends: str = "#"


@dataclass(frozen=True, slots=True)
class CollectEnd:
    """No number is asked for any more: keys are no words, and sentences end as usual."""


@dataclass(frozen=True, slots=True)
class Language:
    """The caller speaks this language from now on (ISO 639-1)."""

    code: str


@dataclass(frozen=True, slots=True)
class SayRequest:
    """Somebody wants this text said (greeting, announcement): now, or as soon as nobody else has the floor. With
    ``ends_call`` the call is over once it was played, unless the caller speaks into it."""

    text: str
    interruptible: bool = True
    ends_call: bool = False


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that whoever thinks for the agent must know, and that nobody said to it: the caller talked to a human,
    say. It stands in the history from now on."""

    text: str


@dataclass(frozen=True, slots=True)
class Written:
    """The caller wrote this (chat, a form): a complete turn, which interrupts the agent's interruptible speech."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Respond:
    """Somebody wants a reply now, to the conversation as it stands and without new words of the caller. ``asked`` is
    their name for it, which comes back in ``Think``. Refused (``Note`` ``respond_refused``) while a reply that is owed
    or heard has the floor: ``Interrupt`` it first."""

    asked: str


@dataclass(frozen=True, slots=True)
class Commit:
    """The caller's turn is complete, whatever the silence (a key of theirs was let go): it ends with the words that
    the recogniser still has of it. ``at`` is the end of it."""

    at: float


@dataclass(frozen=True, slots=True)
class Forget:
    """What the caller has said since the last turn was not meant."""

    at: float


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Somebody other than the caller wants the agent to be silent now, whatever it says, protected or not."""

    at: float


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing is heard either way and nobody is missed from now on, for this reason: the caller put the agent on hold,
    or the engine itself needs the agent to wait. Several reasons may hold at once; each ends with its own ``Unheld``.
    """

    at: float
    why: str = BY_CALLER


@dataclass(frozen=True, slots=True)
class Unheld:
    """This reason to wait is over: the caller took the agent back from hold, say."""

    at: float
    why: str = BY_CALLER


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller is gone. Nothing will be heard any more."""

    at: float


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed. Due when ``TurnEngine.deadline`` is reached."""


Event = (VoiceOn | VoiceOff | Transcript | ReplyReady | ReplyDone | ReplyFailed | ToolCalled | ToolReturned
         | PlayoutStarted | PlayoutFinished | PlayoutCut | Digit | Collect | CollectEnd | Language | SayRequest
         | Happened | Written | Respond | Commit | Forget | Interrupt | Held | Unheld | HungUp | Tick)

# ---------------------------------------------------------------- actions: what to do


@dataclass(frozen=True, slots=True)
class Think:
    """Ask the brain for a reply to ``text``, render it, keep it unheard until ``Release``. ``speculative``: the turn is
    not decided yet, so nothing with a side effect may run. ``confidence``: that of the worst heard part of ``text``,
    0..1, or -1 where it is not known; ``alternatives`` to the whole text, likely ones first. ``early``: the caller is
    still talking, so nothing is to be rendered before ``Render`` or ``Decided``."""

    generation: int
    text: str
    speculative: bool
    confidence: float = -1.0
    alternatives: tuple[str, ...] = ()
    early: bool = False
    asked: str = ""
    """Of the ``Respond`` that asked for it; then ``text`` is empty, and the history is what is answered."""


@dataclass(frozen=True, slots=True)
class Render:
    """The caller has stopped talking for now: the beginning of this early generation is worth rendering."""

    generation: int


@dataclass(frozen=True, slots=True)
class Decided:
    """The turn that this speculative generation answers is decided: what has a side effect may run now. Comes before
    ``Release``, which waits for audio that a silent tool may have to make possible."""

    generation: int


@dataclass(frozen=True, slots=True)
class Say:
    """Render this fixed text as generation ``generation``, unheard until ``Release``."""

    generation: int
    text: str
    interruptible: bool


@dataclass(frozen=True, slots=True)
class Release:
    """This generation may be heard from now on, from its first frame."""

    generation: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Drop this generation: stop brain and voice, forget its audio. It was never heard."""

    generation: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop writing frames of this generation, keep the rest."""

    generation: int


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on from the word in which ``Pause`` stopped."""

    generation: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Stop this generation for good and report what was heard (``PlayoutCut``)."""

    generation: int


@dataclass(frozen=True, slots=True)
class TurnOver:
    """The caller's turn is decided: they said ``text`` between ``start`` and ``end``; empty: voice without words.
    It becomes history (``CommitUser``) a little later, or with what they go on to say. ``partial``: a final transcript
    may still mend it."""

    text: str
    start: float
    end: float
    partial: bool = False


@dataclass(frozen=True, slots=True)
class CommitUser:
    """The caller said this; it is history now."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class CommitAgent:
    """The caller heard this from the agent; it is history now."""

    generation: int
    text: str
    interrupted: bool


@dataclass(frozen=True, slots=True)
class EndCall:
    """End the call; everything to be said has been played. ``reason``: ``goodbye`` (a farewell was played), ``away``
    (the caller no longer answers), ``max_call`` (longest call reached), ``fault`` (the agent cannot speak: let the call
    go to the dialplan's next action)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """A decision worth a line in the event log: its name and why it fell so."""

    name: str
    why: str
    fields: tuple[tuple[str, object], ...] = ()


Action = (Think | Render | Decided | Say | Release | Cancel | Pause | Resume | Cut | TurnOver | CommitUser | CommitAgent
          | EndCall | Note)
