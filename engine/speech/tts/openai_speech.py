"""Voices behind ``/audio/speech``: OpenAI, Kokoro-FastAPI, speaches, LiteLLM proxy.

Sources: OpenAI's API reference, "Create speech" (``response_format: pcm`` is 24 kHz, 16-bit signed little-endian,
without a header) and its guide "Text to speech" (the answer is chunked and can be played as it comes); the README of
Kokoro-FastAPI (the same request; ``pcm`` at 24 kHz).
"""

from collections.abc import Iterator
from typing import Any

from engine.config.providers import OpenAiSpeechOptions
from engine.net.credentials import Credentials
from engine.speech.interfaces import Chunk
from engine.speech.tts.remote import RemoteVoice, Shape


class OpenAiSpeech(RemoteVoice):
    """A ``Voice``. A request runs in the greenlet that takes its audio."""

    def __init__(self, name: str, options: OpenAiSpeechOptions, credentials: Credentials) -> None:
        """``name`` is what the configuration calls it."""
        super().__init__(name, options, credentials)
        self._options = options

    def _speak(self, text: str, shape: Shape) -> Iterator[Chunk]:
        options = self._options
        body: dict[str, Any] = {"model": options.model, "voice": options.voice, "input": text,
                                "response_format": options.response}
        if options.instructions:
            body["instructions"] = options.instructions
        if options.speed != 1:
            body["speed"] = options.speed
        body.update(options.extra)
        with self.http.stream("POST", "/audio/speech", body, headers=self._credentials.headers()) as answer:
            yield from self._audio(answer, shape, options.rate_hz, wav=options.response == "wav")
