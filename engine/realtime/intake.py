"""A Realtime client's audio on its way into the call: out of its format, into turns that the client may end itself."""

import time
from collections.abc import Mapping
from typing import Any

import gevent

from engine.realtime.formats import Decoder
from engine.realtime.socketcall import SocketCall
from engine.realtime.words import AwaitedWords
from engine.turns import events as turn

AT_ONCE = 96_000
"""Bytes of a client's audio that are resampled at once: two seconds and more, 2 ms of work."""


class Intake:
    """One session's. ``form`` in all methods is the session's input format."""

    def __init__(self, words: AwaitedWords) -> None:
        """``words``: those of items that the client commits are awaited there."""
        self._words = words
        self._decoder: Decoder | None = None
        self._open = False  # a turn that the client itself will end has begun

    def reformat(self) -> None:
        """What comes from now on is in another format."""
        self._decoder = None

    def left_to_us(self) -> None:
        """Turns are found by the engine from now on."""
        self._open = False

    def hear(self, talk: SocketCall, form: Mapping[str, Any], audio: bytes) -> None:
        """The next audio."""
        if self._decoder is None:
            self._decoder = Decoder(form)
        listening = talk.conversation.listening
        if listening.by_hand and not self._open:
            self._open = True
            talk.leg.mark(listening.open)
        for at in range(0, len(audio), AT_ONCE):
            if at:
                gevent.sleep(0)  # minutes of audio in one event must not hold the hub
            talk.leg.take(self._decoder.decode(audio[at : at + AT_ONCE]).tobytes(), time.monotonic())

    def commit(self, talk: SocketCall, item_id: str) -> None:
        """What came so far is this item."""
        self._open = False
        self._words.wait_for(item_id)
        listening = talk.conversation.listening

        def reached() -> None:
            if listening.by_hand:
                listening.shut()
            elif listening.is_open:
                listening.end_voice(claim=True)
            else:
                self._words.came("")
            talk.conversation.tell(turn.Forget(talk.conversation.now))

        talk.leg.mark(reached)

    def clear(self, talk: SocketCall) -> None:
        """What came and is no item was not meant."""
        talk.leg.forget()
        listening = talk.conversation.listening
        if listening.is_open:
            self._words.wait_for("")
            listening.end_voice(claim=True) if not listening.by_hand else listening.shut()
        self._open = False
        talk.conversation.tell(turn.Forget(talk.conversation.now))

    def transcribe(self, talk: SocketCall, form: Mapping[str, Any], item_id: str, audio: bytes) -> None:
        """Have an item recognised whose audio did not come through the input buffer."""
        self._words.transcribe(item_id, talk.cast.senses.recogniser, Decoder(form).decode(audio))


__all__ = ["Intake"]
