"""What FreeSWITCH tells of a call that concerns its conversation: keys, holds, the hangup."""

from collections.abc import Callable, Iterable

from engine.esl.control import CallControl
from engine.esl.errors import EslError
from engine.esl.event import Event
from engine.esl.handlers import Handler
from engine.talk import Talk

ANSWER_TIMEOUT_S = 10.0
"""A real FreeSWITCH completes ``answer`` within 50 ms."""


HANGUP_COMPLETE_S = 2.0
"""How long the end of a call waits for CHANNEL_HANGUP_COMPLETE, which carries what there is to say about it."""

HANGUP_NEWS_S = 0.1
"""A command is refused on a channel that has hung up some ms before the event says so."""


class NotAnswered(EslError):
    """The channel is not answered after ``answer``."""


def follow(
    session: CallControl, talk: Callable[[], Talk | None], others: Iterable[tuple[str, Handler]]
) -> None:
    """Begin this connection: the conversation, once there is one, is told of keys, holds and the hangup, ``others`` of
    their events, and the dialplan's watchdog over the engine is called off."""

    def told(tell: Callable[[Talk, Event], None]) -> Handler:
        def handle(event: Event) -> None:
            conversation = talk()
            if conversation is not None:
                tell(conversation, event)

        return handle

    # Samples of 8 kHz whatever the codec, as RFC 4733 events count.
    session.on("DTMF", told(lambda talk, event: talk.digit(event.get("DTMF-Digit") or "",
                                                           round(number(event.get("DTMF-Duration")) / 8))))
    session.on("CHANNEL_HOLD", told(lambda talk, event: talk.held()))
    session.on("CHANNEL_UNHOLD", told(lambda talk, event: talk.unheld()))
    session.on("CHANNEL_HANGUP", told(lambda talk, event: talk.hung_up()))
    for name, handler in others:
        session.on(name, handler)
    session.begin(["CHANNEL_HOLD", "CHANNEL_UNHOLD"], cancel_watchdog=True)


def answer(session: CallControl) -> tuple[int, str]:
    """Answer where that is still to be done; rate in Hz and name of the read codec. Raises ``NotAnswered``."""
    channel = session.channel
    assert channel is not None
    if session.answer_state == "answered":
        return channel.codec_rate, channel.codec_name
    done = session.execute("answer", timeout=ANSWER_TIMEOUT_S)
    if done.get("Answer-State") != "answered":
        raise NotAnswered(f"the channel is {done.get('Answer-State')!r} after answer")
    return (number(done.get("Channel-Read-Codec-Rate")) or channel.codec_rate,
            done.get("Channel-Read-Codec-Name") or channel.codec_name)


def hang_up(session: CallControl) -> None:
    """End the call. Returns when it is over, or should be. Raises ``EslError`` where FreeSWITCH refuses."""
    try:
        session.kill("NORMAL_CLEARING")
    except EslError:
        if not session.ended.wait(HANGUP_NEWS_S):
            raise
    session.ended.wait(HANGUP_COMPLETE_S)


def number(text: str | None) -> int:
    """A header that should be a whole number; 0 where it is not."""
    return int(text) if text and text.isascii() and text.isdigit() else 0
