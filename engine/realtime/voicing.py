"""Whose voice a Realtime client hears, and how fast: the agent's, or the one that the client has named."""

import logging
from collections.abc import Callable, Iterator

from engine.config import Config
from engine.errors import TrunklineError
from engine.media.tempo import at_tempo
from engine.offhub import off_hub
from engine.senses import Senses
from engine.speech.interfaces import Chunk, Voice, WordTime
from engine.speech.tts.shape import joined
from engine.voicenames import OWN, REALTIME, built_in, configured, is_of_this_machine

log = logging.getLogger(__name__)


class Paced:
    """A ``Voice`` that says what another one says, ``tempo`` times as fast at the same pitch. A clause comes as one."""

    def __init__(self, voice: Voice, tempo: float) -> None:
        """``tempo`` from 0.25 to 4."""
        self.name = voice.name
        self._voice = voice
        self._tempo = tempo

    def render(self, text: str) -> Iterator[Chunk]:
        """See ``Voice``."""
        rendered = self._voice.render(text)
        try:
            chunks = [chunk for chunk in rendered if len(chunk.pcm)]
        finally:
            close = getattr(rendered, "close", None)
            if close is not None:  # stops whoever renders
                close()
        if not chunks:
            return
        whole, tempo = joined(chunks), self._tempo
        words = tuple(WordTime(word.start_char, word.end_char, int(word.start_sample / tempo),
                               int(word.end_sample / tempo)) for word in whole.words)
        yield Chunk(off_hub(at_tempo, whole.pcm, whole.rate, tempo), whole.rate, words)

    def close(self) -> None:
        """The other voice is its maker's."""


class Voicing:
    """The voice of one session: ``voice(senses)`` for a reply of these senses."""

    def __init__(self, config: Config, voice_called: Callable[[str], Voice] | None,
                 missing: Callable[[str], None]) -> None:
        """``voice_called(name)`` makes voices and raises ``TrunklineError``; None: there is but the agent's.
        ``missing(why)``: the voice that was named cannot be had; the agent's speaks."""
        self.name = OWN
        self.speed = 1.0
        self._voices = config.compatible.voices
        self._voice_called = voice_called
        self._missing = missing
        self._told: set[str] = set()

    def use(self, name: str, speed: float) -> None:
        """Speak with the voice called ``name`` (empty: the agent's) from the next reply on."""
        self.name, self.speed = name, speed

    def voice(self, senses: Senses, name: str | None = None) -> Voice:
        """Who speaks a reply of ``senses``; ``name``: in another voice than the session's."""
        voice = self._named(self.name if name is None else name, senses)
        return voice if self.speed == 1.0 else Paced(voice, self.speed)

    def _named(self, name: str, senses: Senses) -> Voice:
        own, language = senses.voice, senses.config.speech.language
        if not name:
            return own
        who = configured(name, language, self._voices)
        if who is None:
            # Nobody who has chosen a better voice for the agent wants a client's default to undo that.
            who = built_in(name, language) if name in REALTIME and is_of_this_machine(own.name) else OWN
        if who in (OWN, own.name) or self._voice_called is None:
            return own
        try:
            return self._voice_called(who)
        except TrunklineError as fault:
            if who not in self._told:
                self._told.add(who)
                log.warning("voice %s is asked for and cannot be had: %s", name, fault)
                self._missing(f"the voice {name!r} cannot be had, the agent's speaks instead: {fault}")
            return own


__all__ = ["Paced", "Voicing"]
