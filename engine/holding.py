"""Who holds the conversation of a call: the engine's own turn-taking, or a speech-to-speech model until it is lost."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.cast import Actions, Cast
from engine.conversation import Conversation
from engine.listening import Tape
from engine.media.leg import Leg
from engine.talk import Past, Talk
from engine.telemetry.eventlog import EventLog
from engine.upstream.conversation import UpstreamConversation


@dataclass(frozen=True)
class Setting:
    """Where a conversation takes place, whoever holds it; the fields are those of ``Conversation``."""

    leg: Leg
    events: EventLog
    began: float
    end: Callable[[str], None]
    name: str
    recording: Tape | None = None


def begin(cast: Cast, at: Setting, lose: Callable[[Past], None], *, own: bool = False) -> Talk:
    """The conversation of a call. ``lose`` is called when the model that holds it is lost. ``own``: the engine's own
    turn-taking holds it, whatever the agent has."""
    if cast.speech is None or own:
        return _own(cast, at)
    return UpstreamConversation(cast.speech, cast.senses, at.leg, at.events, at.began, at.end, lose, at.name,
                                at.recording)


def go_on(cast: Cast, at: Setting, actions: Actions, before: Talk, past: Past) -> Talk:
    """The model is lost: the conversation that goes on in place of ``before``, which ends."""
    at.events.write("brain_lost", why=past.why, lines=len(past.lines))
    before.close()
    talk = _own(cast, at)
    cast.join(talk, actions)
    if isinstance(before, UpstreamConversation):
        before.hand_over(talk)
    talk.take_over(past)
    return talk


def _own(cast: Cast, at: Setting) -> Conversation:
    return Conversation(cast.senses, at.leg, at.events, at.began, at.end, at.name, at.recording)
