"""The responses of a Realtime session: which are running, which reply of the engine is which, and what ends them. Pure.

One response at a time writes to the conversation; others stand aside (``conversation: "none"``) and are bounded.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from engine.realtime import serverevents as events
from engine.realtime.errors import Refused
from engine.realtime.happenings import ReplyCut, ReplyEnded, ReplyFailed
from engine.realtime.items import Conversation
from engine.realtime.responses import Response
from engine.realtime.serverevents import Event

REMEMBERED = 64
"""Responses that are done and may still be cut, truncated or asked about."""

MOST_ASIDE = 16
"""Responses that run beside the conversation."""

TURN_DETECTED, CLIENT_CANCELLED = "turn_detected", "client_cancelled"


class Replies:
    """All responses. ``active`` is the one that writes to the conversation."""

    def __init__(self, conversation: Conversation, conversation_id: str, make_id: Callable[[str], str]) -> None:
        """``make_id(prefix)`` gives a new id."""
        self.active: Response | None = None
        self.limits: tuple[Mapping[str, Any], ...] = ()
        self.count = 0
        self.spoken = False
        self._conversation = conversation
        self._conversation_id = conversation_id
        self._make_id = make_id
        self._known: OrderedDict[str, Response] = OrderedDict()
        self._by_generation: OrderedDict[int, Response] = OrderedDict()

    @property
    def running(self) -> list[Response]:
        """All that are not done."""
        return [response for response in self._known.values() if not response.finished]

    def find(self, generation: int) -> Response | None:
        """The response that this reply is."""
        return self._by_generation.get(generation)

    def generation_of(self, response_id: str) -> int | None:
        """The reply that this response is."""
        response = self._known.get(response_id)
        return response.generation if response else None

    def create(self, session: Mapping[str, Any], aside: bool = False,
               metadata: dict[str, str] | None = None) -> tuple[Response, list[Event]]:
        """A new response begins. ``Refused`` if one is running already, or too many are aside."""
        if not aside and self.active:
            raise Refused(
                f"Conversation already has an active response in progress: {self.active.id}. "
                "Wait until the response is finished before creating a new one.",
                code="conversation_already_has_active_response",
            )
        if aside and sum(response.aside for response in self.running) >= MOST_ASIDE:
            raise Refused(f"{MOST_ASIDE} responses outside of the conversation are running already.",
                          code="rate_limit_exceeded", kind="rate_limit_error")
        conversation = None if aside else self._conversation
        response = Response(
            self._make_id("resp"), session, self._make_id, conversation, self._conversation_id, metadata
        )
        self.count += 1
        self._known[response.id] = response
        if not aside:
            self.active = response
        self._forget()
        limits = [events.rate_limits(self.limits)] if self.limits else []
        return response, [response.created(), *limits]

    def begun(self, generation: int, response_id: str, session: Mapping[str, Any]) -> list[Event]:
        """A reply begins: it is the response that was asked for, or a new one. A running response gives way."""
        if generation in self._by_generation:
            return []
        asked = self._known.get(response_id)
        if asked and asked.generation is None and (not asked.finished or asked.status == "cancelled"):
            self._bind(asked, generation)
            return []
        if not response_id and self.active and self.active.generation is None:
            self._bind(self.active, generation)
            return []
        sends = []
        if self.active:
            sends = self._finish(self.active, "cancelled", _reason("cancelled", TURN_DETECTED), by=TURN_DETECTED)
        response, created = self.create(session)
        self._bind(response, generation)
        return sends + created

    def audio(self, generation: int, audio: bytes, ms: float) -> list[Event]:
        """The next audio of a reply."""
        response = self.find(generation)
        if response is None:
            return []
        sends = response.audio(audio, ms)
        self.spoken = self.spoken or bool(sends)
        return sends

    def ended(self, happening: ReplyEnded) -> list[Event]:
        """The reply is complete, or as complete as it will be."""
        response = self.find(happening.generation)
        if response is None:
            return []
        usage = events.usage(happening.input_tokens, happening.output_tokens)
        if happening.incomplete:
            return self._finish(response, "incomplete", _reason("incomplete", happening.incomplete), usage)
        return self._finish(response, "completed", None, usage)

    def cut(self, happening: ReplyCut, phone: bool) -> list[Event]:
        """The reply was stopped; only ``heard`` of it counts. For phone calls that ends its audio, too."""
        response = self.find(happening.generation)
        if response is None:
            return []
        sends = self._finish(response, "cancelled", _reason("cancelled", happening.by), by=happening.by)
        message = response.message
        if message is None or message.spoken is None or response.aside:
            return sends
        if happening.heard.strip() == message.spoken.text.strip():
            return sends
        message.cut(happening.heard, happening.heard_ms if phone else None)
        if phone and response.audible and self._conversation.find(message.id):
            sends.append(events.truncated(message.id, happening.heard_ms))
        return sends

    def failed(self, happening: ReplyFailed) -> list[Event]:
        """The reply failed."""
        response = self.find(happening.generation)
        if response is None:
            return []
        kind = "rate_limit_error" if happening.code == "rate_limit_exceeded" else "server_error"
        error = {"type": kind, "code": happening.code, "message": happening.message}
        return self._finish(response, "failed", {"type": "failed", "error": error})

    def cancel(self, response_id: str | None) -> tuple[Response | None, list[Event]]:
        """The client wants one stopped: it is told so at once. ``Refused`` if it is not running. None where the voice
        of the caller has just stopped it: who stops it too, on being told of the voice, comes too late."""
        response = self._known.get(response_id) if response_id else self.active
        last = next((known for known in reversed(self._known.values()) if not known.aside), None)
        if last and last.by == TURN_DETECTED and response_id in (None, last.id):
            return None, []
        if response is None or response.finished:
            raise Refused("Cancellation failed: no active response found", code="response_cancel_not_active",
                          param="response_id" if response_id else None)
        details = _reason("cancelled", CLIENT_CANCELLED)
        return response, self._finish(response, "cancelled", details, by=CLIENT_CANCELLED)

    def end_all(self, code: str, message: str) -> list[Event]:
        """The session is over."""
        error = {"type": "invalid_request_error", "code": code, "message": message}
        sends = []
        for response in self.running:
            sends += self._finish(response, "failed", {"type": "failed", "error": error})
        return sends

    def _finish(self, response: Response, status: str, details: dict[str, Any] | None,
                usage: dict[str, Any] | None = None, by: str = "") -> list[Event]:
        sends = response.finish(status, details, usage)
        if sends:
            response.by = by
        if self.active is response:
            self.active = None
        return sends

    def _bind(self, response: Response, generation: int) -> None:
        response.generation = generation
        self._by_generation[generation] = response
        self._forget()

    def _forget(self) -> None:
        """Old ones that are done."""
        for book in (self._known, self._by_generation):
            for key in list(book)[: max(0, len(book) - REMEMBERED)]:
                if book[key].finished:  # type: ignore[index]
                    del book[key]  # type: ignore[arg-type]


def _reason(status: str, reason: str) -> dict[str, Any]:
    return {"type": status, "reason": reason}
