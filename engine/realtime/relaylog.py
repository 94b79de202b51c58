"""The lines of a relayed session in its log: what was said, and what the model used. What the client played of it only
the client knows."""

from engine.telemetry.eventlog import EventLog
from engine.upstream.memory import Event


class RelayLog:
    """``event`` is told all that the upstream says."""

    def __init__(self, events: EventLog, model: str) -> None:
        """``model``: its name, for the log."""
        self._events = events
        self._model = model
        self._generations: dict[str, int] = {}
        self._last = 0

    def event(self, event: Event) -> None:
        """One of the upstream's events."""
        kind = event.get("type")
        if kind == "conversation.item.input_audio_transcription.completed":
            if text := str(event.get("transcript") or "").strip():
                self._events.write("user_said", text=text, item=str(event.get("item_id") or ""))
        elif kind == "response.created":
            self._last += 1
            self._generations[event["response"]["id"]] = self._last
            self._events.write("think", gen=self._last, text="", speculative=False)
        elif kind in ("response.output_audio_transcript.done", "response.output_text.done"):
            text = str(event.get("transcript", event.get("text")) or "").strip()
            if text:
                generation = self._generations.get(str(event.get("response_id")), self._last)
                self._events.write("agent_said", gen=generation, text=text, interrupted=False,
                                   item=str(event.get("item_id") or ""))
        elif kind == "response.done":
            self._done(event["response"])
        elif kind == "error":
            self._events.write("error", where="upstream", message=str((event.get("error") or {}).get("message")))

    def _done(self, response: Event) -> None:
        generation = self._generations.pop(response["id"], self._last)
        usage = response.get("usage") or {}
        names = [item.get("name") for item in response.get("output") or () if item.get("type") == "function_call"]
        self._events.write("model_answer", gen=generation, step=0, model=self._model, calls=names,
                           input_tokens=usage.get("input_tokens"), output_tokens=usage.get("output_tokens"))
        if response.get("status") == "failed":
            error = (response.get("status_details") or {}).get("error") or {}
            self._events.write("reply_failed", gen=generation, reason=str(error.get("message") or error.get("code")))


__all__ = ["RelayLog"]
