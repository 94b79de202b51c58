"""Transcription over the OpenAI realtime socket (GA protocol), at OpenAI or a server that speaks it.

Our voice detector decides (``turn_detection`` is null): a stretch is appended as it comes and committed when the voice
stops; deltas are partials, ``completed`` is the final. There are no word times.

Sources: developers.openai.com/api/docs/guides/realtime-transcription (``?intent=transcription``, no ``model`` in the
address, ``session.update`` of type transcription, which models need turn_detection null); the event types of
openai-python 3.52 (types.realtime): 24 kHz PCM only, base64, at most 15 MiB an append, completions of different items
in any order, ``failed`` for one item, ``error`` with the ``event_id`` of what caused it.
"""

import base64
import json
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from engine.errors import FaultKind, ProviderFault
from engine.net.errors import SocketClosed
from engine.net.waits import wait_told
from engine.speech.stt.live import LiveRecogniser
from engine.speech.stt.stretches import Faults, Terms
from engine.speech.stt.vendor_wire import UNREADABLE, Message, Trouble, Words, probability, text_of
from engine.speech.stt.vocabulary import Hint, openai_hints
from engine.speech.upsample import To24k

SHORTEST_MS = 120
"""Commits of less than 100 ms are refused; silence is added up to here."""

RATE = 24000


def openai_realtime(*, base_url: str = "https://api.openai.com/v1", model: str = "gpt-live-transcribe",
                    api_key: str = "", headers: Mapping[str, str] | None = None,
                    extra: Mapping[str, Any] | None = None, language: str = "", vocabulary: Sequence[str] = (),
                    vocabulary_as: Hint = "auto", noise_reduction: Literal["", "near_field", "far_field"] = "",
                    logprobs: bool = False, query: str = "intent=transcription", connect_timeout_s: float = 3.0,
                    final_timeout_s: float = 1.5, preroll_ms: int = 400, ping_s: float = 2.0, spares: int = 1,
                    name: str = "openai_realtime",
                    on_fault: Callable[[ProviderFault], None] | None = None) -> LiveRecogniser:
    """A recogniser. ``extra``: further fields of ``audio.input.transcription`` (``delay``, ``languages``), which win
    over ours; ``query``: of the address, for gateways that want another; ``logprobs`` asks for confidence, where the
    model has it."""
    transcription: dict[str, Any] = {"model": model, **openai_hints(model, vocabulary, vocabulary_as)}
    if language:
        transcription["language"] = language
    transcription.update(extra or {})
    heard: dict[str, Any] = {"format": {"type": "audio/pcm", "rate": RATE}, "transcription": transcription,
                             "turn_detection": None}
    if noise_reduction:
        heard["noise_reduction"] = {"type": noise_reduction}
    session: dict[str, Any] = {"type": "transcription", "audio": {"input": heard}}
    if logprobs:
        session["include"] = ["item.input_audio_transcription.logprobs"]
    signed = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    return LiveRecogniser(base_url, lambda rate: RealtimeWire(rate, session, name), faults=Faults(name, on_fault),
                          url_of=lambda url, rate: f"{url}/realtime?{query}", headers={**signed, **(headers or {})},
                          connect_timeout_s=connect_timeout_s, ping_s=ping_s, spares=spares,
                          terms=Terms(preroll_ms=preroll_ms, final_timeout_s=final_timeout_s))


class RealtimeWire:
    """A ``Wire``. Items are matched with stretches in the order of their commits."""

    alive_s = 20.0

    def __init__(self, rate: int, session: Mapping[str, Any], name: str = "openai_realtime") -> None:
        """``rate`` of the call in Hz; raises ``SpeechError`` for one that cannot be made 24 kHz."""
        self._session = session
        self._name = name
        self._rate = rate
        self._to24k = To24k(rate)
        self._stretches = 0
        self._appended = 0  # samples of the newest stretch, at the call's rate
        self._uncommitted: deque[int] = deque()  # stretches whose item is not known to be committed
        self._items: dict[str, int] = {}
        self._texts: dict[str, str] = {}

    def opening(self) -> list[Message]:
        """What kind of session it is."""
        return [json.dumps({"type": "session.update", "event_id": "session", "session": self._session})]

    def begin(self) -> int:
        """Its item begins with the first append."""
        self._uncommitted.append(self._stretches)
        self._stretches += 1
        self._appended = 0
        return self._stretches - 1

    def audio(self, pcm: bytes) -> list[Message]:
        """Base64 in JSON, written by hand: there is nothing in it to escape."""
        if not pcm:
            return []
        self._appended += len(pcm) // 2
        coded = base64.b64encode(self._to24k.feed(pcm)).decode()
        return [f'{{"type":"input_audio_buffer.append","audio":"{coded}"}}']

    def end(self) -> list[Message]:
        """Commit, by an event that tells which stretch it was if it is refused."""
        missing = self._rate * SHORTEST_MS // 1000 - self._appended
        padding = self.audio(bytes(2 * missing)) if missing > 0 else []
        commit = {"type": "input_audio_buffer.commit", "event_id": f"stretch-{self._stretches - 1}"}
        return [*padding, json.dumps(commit)]

    def alive(self) -> list[Message]:
        """The socket's own pings are enough."""
        return []

    def closing(self) -> list[Message]:
        """Nothing: the session ends with its socket."""
        return []

    def take(self, message: Message) -> list[Words | Trouble]:
        """Words of deltas and completions; trouble of failures and errors."""
        try:
            content = json.loads(message)
            kind = content["type"]
            if kind == "conversation.item.input_audio_transcription.delta":
                return self._delta(content["item_id"], text_of(content.get("delta") or ""))
            if kind == "conversation.item.input_audio_transcription.completed":
                return self._completed(content)
            if kind == "conversation.item.input_audio_transcription.failed":
                return [Trouble(self._error(content["error"]), self._number(content["item_id"], forget=True))]
            if kind == "input_audio_buffer.committed":
                self._committed(content["item_id"])
            elif kind == "error":
                return [self._trouble(content["error"])]
        except UNREADABLE as fault:
            return [Trouble(self._fault("broken", f"a message cannot be understood ({type(fault).__name__})"))]
        return []

    def lost(self, closed: SocketClosed) -> ProviderFault:
        """The session's own end is no fault of the request."""
        return self._fault("unavailable", f"the connection {closed}")

    # ------------------------------------------------------------ items and stretches

    def _committed(self, item: str) -> None:
        if item not in self._items and self._uncommitted:
            self._items[item] = self._uncommitted[0]
        if item in self._items and self._items[item] in self._uncommitted:
            self._uncommitted.remove(self._items[item])

    def _number(self, item: str, forget: bool = False) -> int | None:
        """The stretch of an item; one that speaks before its commit is known is the oldest that waits for one."""
        if item not in self._items and self._uncommitted:
            taken = set(self._items.values())
            free = [number for number in self._uncommitted if number not in taken]
            if free:
                self._items[item] = free[0]
        number = self._items.get(item)
        if forget:
            self._committed(item)
            self._items.pop(item, None)
            self._texts.pop(item, None)
        return number

    def _delta(self, item: str, text: str) -> list[Words | Trouble]:
        number = self._number(item)
        if number is None:
            return []
        self._texts[item] = self._texts.get(item, "") + text
        return [Words(number, self._texts[item])]

    def _completed(self, content: Mapping[str, Any]) -> list[Words | Trouble]:
        number = self._number(content["item_id"], forget=True)
        if number is None:
            return []
        logprobs = [float(part["logprob"]) for part in content.get("logprobs") or ()]
        confidence = probability(math.exp(sum(logprobs) / len(logprobs))) if logprobs else -1.0
        languages = content.get("languages") or ()
        return [Words(number, text_of(content["transcript"]), final=True, last=True, confidence=confidence,
                      language=text_of(languages[0]["code"]) if languages else "")]

    # ------------------------------------------------------------ faults

    def _trouble(self, error: Mapping[str, Any]) -> Trouble:
        cause = str(error.get("event_id") or "")
        fault = self._error(error)
        if cause == "session":  # nothing that follows can be right
            return Trouble(fault, ends=True)
        if cause.startswith("stretch-") and cause[8:].isdigit():
            number = int(cause[8:])
            if number in self._uncommitted:
                self._uncommitted.remove(number)
            return Trouble(fault, number)
        return Trouble(fault, ends=error.get("code") == "session_expired" or fault.kind == "auth")

    def _error(self, error: Mapping[str, Any]) -> ProviderFault:
        code, kind = str(error.get("code") or ""), str(error.get("type") or "")
        said = str(error.get("message") or code or kind or "an error")[:200]
        if "rate_limit" in kind or "rate_limit" in code or code == "insufficient_quota":
            return self._fault("rate_limit", said, wait_told({}, said))
        if kind == "authentication_error" or code == "invalid_api_key":
            return self._fault("auth", said)
        if kind == "server_error" or code == "session_expired":
            return self._fault("unavailable", said)
        return self._fault("refused", said)

    def _fault(self, kind: FaultKind, message: str, wait_s: float | None = None) -> ProviderFault:
        return ProviderFault(self._name, kind, message, wait_s)


__all__ = ["RealtimeWire", "openai_realtime"]
