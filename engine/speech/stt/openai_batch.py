"""A recogniser behind the OpenAI-compatible ``POST /audio/transcriptions``: OpenAI, speaches, vLLM, Groq, whisper.cpp's
server, LiteLLM proxy.

A stretch of voice is sent whole when the voice stops: at a likely end, before anybody knows that it is one. If the
voice goes on before the answer is there, the request is cancelled and the longer stretch is sent later. There are no
partials.

Fields and answers are those of openai-python 3.52 (types.audio.TranscriptionCreateParams, Transcription,
TranscriptionVerbose): ``verbose_json`` (whisper-1 and most servers) brings language and segments, ``json`` is all that
the gpt-4o models know; audio below 0.1 s is refused.
"""

import io
import json
import logging
import math
import wave
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Literal

import gevent

from engine.errors import ProviderFault
from engine.net.faults import fault_of
from engine.speech.errors import SpeechError
from engine.speech.interfaces import Heard
from engine.speech.stt.stretches import Faults, SpeechStream, Stretch, Terms
from engine.speech.stt.vocabulary import Hint, openai_hints

log = logging.getLogger(__name__)

SHORTEST_MS = 120
"""Shorter audio is refused; silence is added up to here."""

KEEP_OPEN_S = 60.0
"""How long an idle connection stays open; a call that begins later opens one ahead of its first words."""

SILENT_PROBABILITY, SILENT_LOGPROB = 0.6, -1.0
"""A segment with more probability of no speech and less of its words is no speech: Whisper puts polite phrases into
noise. These are its own thresholds (no_speech_threshold, logprob_threshold)."""


class OpenAiBatchRecogniser:
    """A ``Recogniser``. ``errors`` counts stretches that failed."""

    def __init__(self, *, base_url: str = "https://api.openai.com/v1", model: str = "whisper-1", api_key: str = "",
                 headers: Mapping[str, str] | None = None, extra: Mapping[str, Any] | None = None,
                 language: str = "", vocabulary: Sequence[str] = (), vocabulary_as: Hint = "auto",
                 response_format: Literal["json", "verbose_json"] = "json", upload: Literal["wav", "raw"] = "wav",
                 logprobs: bool = False, connect_timeout_s: float = 3.0, total_timeout_s: float = 10.0,
                 final_timeout_s: float = 3.0, max_connections: int = 100, preroll_ms: int = 400,
                 longest_ms: int = 25_000, name: str = "openai_batch",
                 on_fault: Callable[[ProviderFault], None] | None = None) -> None:
        """``extra``: further form fields, which win over ours. ``upload``: a WAV file, or the bare samples with their
        rate in the type, for servers that want those. ``logprobs`` asks for confidence where only ``json`` is known
        (gpt-4o models). Importing the client takes up to a second: make recognisers at start, not in calls."""
        import httpx2
        import openai

        self.terms = Terms(preroll_ms=preroll_ms, longest_ms=longest_ms, final_timeout_s=final_timeout_s, joins=True)
        self.total_timeout_s = total_timeout_s
        self.upload = upload
        self.faults = Faults(name, on_fault)
        self.fields: dict[str, Any] = {"response_format": response_format,
                                       **openai_hints(model, vocabulary, vocabulary_as)}
        if language:
            self.fields["language"] = language
        if logprobs:
            self.fields["include"] = ["logprobs"]
        self.model = model
        self.extra = dict(extra or {})
        self._used_at = -math.inf
        self._client = openai.OpenAI(
            api_key=api_key or "none", base_url=base_url, max_retries=0, default_headers=dict(headers or {}),
            http_client=openai.DefaultHttpx2Client(
                timeout=httpx2.Timeout(total_timeout_s, connect=connect_timeout_s),
                limits=httpx2.Limits(max_connections=max_connections, max_keepalive_connections=max_connections,
                                     keepalive_expiry=KEEP_OPEN_S)))

    @property
    def errors(self) -> int:
        """Stretches that failed, and connections that could not be made."""
        return self.faults.count

    def open(self, rate: int, deliver: Callable[[Heard], None]) -> SpeechStream:
        """A stream for one call at any rate; the connection is opened ahead."""
        if monotonic() - self._used_at > KEEP_OPEN_S / 2:
            self._used_at = monotonic()
            gevent.spawn(self._warm)
        return SpeechStream(rate, deliver, lambda stream: _BatchEar(self, stream), self.terms, self.faults)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def transcribe(self, audio: bytes, rate: int) -> tuple[str, float, str]:
        """Text, confidence and language of int16 samples. Raises ``ProviderFault``."""
        import openai

        self._used_at = monotonic()
        with gevent.Timeout(self.total_timeout_s) as timeout:
            try:
                answer = self._client.audio.transcriptions.create(
                    file=self._file(audio, rate), model=self.model, extra_body=self.extra, **self.fields)
            except gevent.Timeout as late:
                if late is not timeout:
                    raise
                raise self._fault("timeout", f"no answer after {self.total_timeout_s:g} s") from None
            except openai.APIStatusError as fault:
                headers = {key.lower(): value for key, value in fault.response.headers.items()}
                raise fault_of(self.faults.provider, fault.status_code, headers, _said(fault)) from fault
            except openai.APITimeoutError as fault:
                raise self._fault("timeout", "no connection, or no answer, in time") from fault
            except openai.APIConnectionError as fault:
                raise self._fault("unavailable", f"no connection: {fault.__cause__ or fault}") from fault
            except (openai.OpenAIError, ValueError) as fault:
                raise self._fault("broken", f"the answer cannot be understood: {fault}") from fault
        try:
            return understood(answer if isinstance(answer, str) else answer.to_dict())
        except (TypeError, ValueError, AttributeError) as fault:
            raise self._fault("broken", f"the answer cannot be understood: {fault}") from fault

    def _file(self, audio: bytes, rate: int) -> tuple[str, bytes, str]:
        audio += b"\0\0" * max(0, rate * SHORTEST_MS // 1000 - len(audio) // 2)
        if self.upload == "raw":
            return "speech.pcm", audio, f"audio/L16; rate={rate}; channels=1"
        return "speech.wav", wav(audio, rate), "audio/wav"

    def _fault(self, kind: Any, message: str) -> ProviderFault:
        return ProviderFault(self.faults.provider, kind, message)

    def _warm(self) -> None:
        """Open a connection, and have Python read in what a first request needs. Nobody cares for the answer."""
        import openai

        try:
            with gevent.Timeout(self.total_timeout_s, SpeechError("no answer")):
                self._client.models.with_raw_response.list()
        except (openai.OpenAIError, SpeechError) as fault:
            log.debug("%s: opening a connection ahead failed: %s", self.faults.provider, fault)


class _BatchEar:
    """Sends each stretch when its voice stops."""

    def __init__(self, recogniser: OpenAiBatchRecogniser, stream: SpeechStream) -> None:
        self._recogniser = recogniser
        self._stream = stream
        self._requests: dict[Stretch, gevent.Greenlet] = {}

    def begin(self, stretch: Stretch) -> None:
        """Its audio is kept in the stretch."""

    def more(self, stretch: Stretch, pcm: bytes) -> None:
        """As with ``begin``."""

    def end(self, stretch: Stretch) -> None:
        self._requests[stretch] = gevent.spawn(self._ask, stretch, bytes(stretch.audio))

    def cancel(self, stretch: Stretch) -> None:
        request = self._requests.pop(stretch, None)
        if request is not None and request is not gevent.getcurrent():
            request.kill(block=False)

    def close(self) -> None:
        for stretch in list(self._requests):
            self.cancel(stretch)

    def _ask(self, stretch: Stretch, audio: bytes) -> None:
        for attempt in (1, 2):
            try:
                text, confidence, language = self._recogniser.transcribe(audio, self._stream.rate)
            except ProviderFault as fault:
                if attempt == 1 and fault.kind == "unavailable":  # a kept connection may have been closed by now
                    continue
                self._requests.pop(stretch, None)
                self._stream.give_up(stretch, fault)
            else:
                self._requests.pop(stretch, None)
                self._stream.final(stretch, text, confidence, language)
            return


def wav(audio: bytes, rate: int) -> bytes:
    """int16 mono samples as a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(audio)
    return out.getvalue()


def understood(answer: Mapping[str, Any] | str) -> tuple[str, float, str]:
    """Text, confidence and language of an answer in ``json`` or ``verbose_json``. Raises ``ValueError``."""
    if isinstance(answer, str):
        answer = json.loads(answer)
    if not isinstance(answer, Mapping) or not isinstance(answer.get("text"), str):
        raise ValueError("it has no text")
    text, confidence = answer["text"], -1.0
    segments = [part for part in answer.get("segments") or () if isinstance(part, Mapping) and "avg_logprob" in part]
    if segments:
        spoken = [part for part in segments if part.get("no_speech_prob", 0.0) <= SILENT_PROBABILITY
                  or part["avg_logprob"] >= SILENT_LOGPROB]
        if len(spoken) < len(segments):
            text = " ".join(part["text"].strip() for part in spoken)
        lengths = [max(float(part["end"]) - float(part["start"]), 0.01) for part in spoken]
        confidence = _probability([part["avg_logprob"] for part in spoken], lengths)
    elif answer.get("logprobs"):
        confidence = _probability([part["logprob"] for part in answer["logprobs"]])
    languages = answer.get("languages") or ()
    language = answer.get("language") or (languages[0].get("code", "") if languages else "")
    return text.strip(), confidence if text.strip() else -1.0, str(language)


def _probability(logarithms: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """Weighted geometric mean of probabilities; -1 of none."""
    if not logarithms:
        return -1.0
    weights = weights or [1.0] * len(logarithms)
    mean = sum(value * weight for value, weight in zip(logarithms, weights, strict=True)) / sum(weights)
    return round(min(1.0, math.exp(mean)), 3)


def _said(fault: Any) -> str:
    """What the server said, without what the client adds."""
    body = getattr(fault, "body", None)
    message = body.get("message") if isinstance(body, Mapping) else None
    return str(message or fault.message)


__all__ = ["OpenAiBatchRecogniser", "understood", "wav"]
