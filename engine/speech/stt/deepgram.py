"""Deepgram's live socket (``/v1/listen``), for nova models in its cloud or on your own machines.

Our voice detector decides when a stretch is over, so Deepgram's own endpointing is off: ``Finalize`` asks for the
final. Between stretches no audio is sent, which costs nothing; ``KeepAlive`` keeps the connection open.

Sources: developers.deepgram.com/reference/speech-to-text/listen-streaming (query, ``Results``), docs/finalize
(``from_finalize``; may be missing where little audio is waiting), docs/audio-keep-alive (text frame every 3 to 5 s,
else NET-0001 after 10 s), docs/close-stream, docs/keyterm (500 tokens; beyond, transcription stops without an error),
docs/stt-troubleshooting-websocket-data-and-net-errors (``dg-error`` header, close codes, no empty frames).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from engine.errors import FaultKind, ProviderFault
from engine.net.errors import SocketClosed
from engine.speech.errors import SpeechError
from engine.speech.stt.live import LiveRecogniser
from engine.speech.stt.stretches import Faults, Terms
from engine.speech.stt.vendor_wire import UNREADABLE, Message, Trouble, Words, probability, text_of
from engine.speech.stt.vocabulary import within_tokens

RATES = (8000, 16000, 24000, 48000)
LONGEST_S = 86_400.0
"""No connection lasts longer; times beyond are nonsense."""

KEYWORDS = 100
"""Most that are sent to models older than nova-3."""


def deepgram(*, base_url: str = "https://api.deepgram.com", model: str = "nova-3", api_key: str = "",
             headers: Mapping[str, str] | None = None, extra: Mapping[str, Any] | None = None, language: str = "",
             vocabulary: Sequence[str] = (), connect_timeout_s: float = 3.0, final_timeout_s: float = 1.2,
             preroll_ms: int = 400, ping_s: float = 2.0, spares: int = 1, name: str = "deepgram",
             on_fault: Callable[[ProviderFault], None] | None = None) -> LiveRecogniser:
    """A recogniser. ``language`` is a BCP-47 tag, or ``multi``; ``extra`` are further query parameters, which win over
    ours (a value may be a list). ``vocabulary`` becomes ``keyterm`` (nova-3 on), or ``keywords``."""
    faults = Faults(name, on_fault)
    query: dict[str, Any] = {"model": model, "encoding": "linear16", "channels": 1, "interim_results": "true",
                             "punctuate": "true", "endpointing": "false"}
    if language:
        query["language"] = language
    if model.startswith(("nova-2", "nova", "enhanced", "base")) and not model.startswith("nova-3"):
        query["keywords"] = list(vocabulary[:KEYWORDS])
    else:
        query["keyterm"] = list(within_tokens(vocabulary))
    query.update(extra or {})

    def url_of(url: str, rate: int) -> str:
        return f"{url}/v1/listen?{urlencode({**query, 'sample_rate': rate}, doseq=True)}"

    signed = {"Authorization": f"Token {api_key}"} if api_key else {}
    return LiveRecogniser(base_url, lambda rate: DeepgramWire(rate, name), url_of=url_of,
                          headers={**signed, **(headers or {})}, faults=faults, connect_timeout_s=connect_timeout_s,
                          ping_s=ping_s, spares=spares,
                          terms=Terms(preroll_ms=preroll_ms, final_timeout_s=final_timeout_s))


class DeepgramWire:
    """A ``Wire``. Deepgram counts seconds of the audio that it got; stretches are told apart by where they begin."""

    alive_s = 4.0

    def __init__(self, rate: int, name: str = "deepgram") -> None:
        """Raises ``SpeechError`` for rates that a call cannot have."""
        if rate not in RATES:
            raise SpeechError(f"{name} is sent {', '.join(map(str, RATES))} Hz, not {rate}")
        self._rate = rate
        self._name = name
        self._sent = 0  # samples
        self._starts: list[int] = []  # of the stretches, in samples sent
        self._ended = 0  # stretches whose final was asked for
        self._closed = 0  # stretches that got it
        self._interim: dict[int, str] = {}  # newest words of stretches that are not final

    def opening(self) -> list[Message]:
        """Nothing: all settings are in the address."""
        return []

    def begin(self) -> int:
        """Its audio follows that of the stretch before it."""
        self._starts.append(self._sent)
        return len(self._starts) - 1

    def audio(self, pcm: bytes) -> list[Message]:
        """Samples as they are; an empty frame would end the connection."""
        self._sent += len(pcm) // 2
        return [pcm] if pcm else []

    def end(self) -> list[Message]:
        """All audio that it has is to be made final now."""
        self._ended = len(self._starts)
        return [json.dumps({"type": "Finalize"})]

    def alive(self) -> list[Message]:
        """Has to be text."""
        return [json.dumps({"type": "KeepAlive"})]

    def closing(self) -> list[Message]:
        """It then ends the connection itself."""
        return [json.dumps({"type": "CloseStream"})]

    def take(self, message: Message) -> list[Words | Trouble]:
        """``Results`` are words, ``Error`` is trouble; of ``Metadata`` and the like nothing is wanted."""
        try:
            content = json.loads(message)
            kind = content["type"]
            if kind == "Results":
                return self._results(content)
        except UNREADABLE as fault:
            return [Trouble(self._fault("broken", f"a message cannot be understood ({type(fault).__name__})"))]
        if kind == "Error":
            said = content.get("description") or content.get("message") or content.get("code") or "an error"
            return [Trouble(self._fault("broken", str(said)[:200]))]
        return []

    def lost(self, closed: SocketClosed) -> ProviderFault:
        """1008 or 1002 is about what we sent; all else about the connection."""
        refused = closed.code in (1002, 1003, 1008) and "DATA" in closed.reason
        return self._fault("refused" if refused else "unavailable", f"the connection {closed}")

    def _results(self, content: Mapping[str, Any]) -> list[Words | Trouble]:
        """Words by stretch: where an answer to ``Finalize`` was missing, the next result speaks of both stretches."""
        first = self._samples(content["start"])
        until = first + self._samples(content["duration"])
        best, final = content["channel"]["alternatives"][0], bool(content["is_final"])
        flushed = final and bool(content.get("from_finalize"))
        groups: dict[int, list[Mapping[str, Any]]] = {}
        for word in best.get("words") or ():
            groups.setdefault(self._stretch_at(self._samples(word["start"])), []).append(word)
        newest = max(groups, default=self._ended - 1 if flushed and until == first else self._stretch_at(until - 1))
        groups.setdefault(newest, [])
        transcript, confidence = text_of(best["transcript"]), probability(best["confidence"])
        language = str((best.get("languages") or [""])[0])
        told: list[Words | Trouble] = []
        for number in sorted(groups):
            text = transcript if len(groups) == 1 else _text(groups[number])
            told += self._words(number, text, groups[number], (first, until), final, flushed,
                                confidence if text else -1.0, language)
        return told

    def _words(self, number: int, text: str, words: Sequence[Mapping[str, Any]], span: tuple[int, int], final: bool,
               flushed: bool, confidence: float, language: str) -> list[Words | Trouble]:
        if number < self._closed:  # of a stretch that has its final, or of none
            return []
        base = self._starts[number]
        start = max(0, span[0] - base)
        told: list[Words | Trouble] = []
        if final:  # all before it is final too, whether it was told so or not
            told += [Words(older, self._interim.pop(older, ""), True, True) for older in range(self._closed, number)]
            self._closed = number
            self._interim.pop(number, None)
        if flushed and number < self._ended:
            self._closed = number + 1
            return [*told, Words(number, text, True, True, start, None, confidence, language)]
        end = self._samples(words[-1]["end"]) if words and not final else span[1]
        if number + 1 < len(self._starts):
            end = min(end, self._starts[number + 1])
        if not final:
            self._interim[number] = text
        return [*told, Words(number, text, final, False, start, max(start, end - base), confidence, language)]

    def _samples(self, seconds: float) -> int:
        """Samples of a time. Raises ``ValueError`` for one that no call reaches."""
        if not 0 <= seconds <= LONGEST_S:
            raise ValueError(f"{seconds} seconds")
        return round(seconds * self._rate)

    def _stretch_at(self, sample: int) -> int:
        """The newest stretch that begins at or before this sample; -1 where none does."""
        return next((n for n in range(len(self._starts) - 1, -1, -1) if self._starts[n] <= max(sample, 0)), -1)

    def _fault(self, kind: FaultKind, message: str) -> ProviderFault:
        return ProviderFault(self._name, kind, message)


def _text(words: Sequence[Mapping[str, Any]]) -> str:
    return " ".join(str(word.get("punctuated_word") or word["word"]) for word in words)


__all__ = ["DeepgramWire", "deepgram"]
