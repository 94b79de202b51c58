"""Voice servers of the simple sort: text in by POST or GET, WAV or PCM out.

Source for Piper: ``docs/API_HTTP.md`` and ``http_server.py`` of piper1-gpl: JSON with ``text`` and, if wanted,
``voice``, ``speaker_id``, ``length_scale``; a WAV back, whole, when the clause is rendered. The path is ``/``, in newer
versions ``/synthesize``.
"""

from collections.abc import Iterator

from engine.config.providers import HttpTtsOptions
from engine.net.credentials import Credentials
from engine.speech.interfaces import Chunk
from engine.speech.tts.remote import RemoteVoice, Shape


class HttpTts(RemoteVoice):
    """A ``Voice``. A request runs in the greenlet that takes its audio."""

    def __init__(self, name: str, options: HttpTtsOptions, credentials: Credentials) -> None:
        """``name`` is what the configuration calls it."""
        super().__init__(name, options, credentials)
        self._options = options

    def _speak(self, text: str, shape: Shape) -> Iterator[Chunk]:
        options = self._options
        fields = {options.text_field: text}
        if options.voice:
            fields[options.voice_field] = options.voice
        fields.update(options.extra)
        post = options.method == "POST"
        with self.http.stream(options.method, "", fields if post else None, headers=self._credentials.headers(),
                              query=None if post else {name: str(value) for name, value in fields.items()}) as answer:
            yield from self._audio(answer, shape, options.rate_hz, wav=options.response == "wav")
