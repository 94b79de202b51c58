"""The events that clients get, but for their ``event_id``. Pure.

Shapes after ``openai.types.realtime`` and stricter still: zod, in OpenAI's JavaScript SDK, takes a missing field but no
null in ``status``, ``call_id``, ``arguments``, ``name``, ``part.type``, numbers of usage and rate limits, or the
error of a failed transcription.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

Event = dict[str, Any]


def event(kind: str, **fields: Any) -> Event:  # noqa: ANN401 - any JSON
    """An event of this type."""
    return {"type": kind, **fields}


def error(message: str, code: str | None, param: str | None, client_event_id: str | None,
          kind: str = "invalid_request_error") -> Event:
    """What went wrong; the session stays open."""
    return event("error", error={
        "type": kind, "code": code, "message": message, "param": param, "event_id": client_event_id,
    })


def item_added(item: Mapping[str, Any], previous_id: str | None) -> Event:
    """An item is in the conversation."""
    return event("conversation.item.added", previous_item_id=previous_id, item=dict(item))


def item_done(item: Mapping[str, Any], previous_id: str | None) -> Event:
    """It is complete."""
    return event("conversation.item.done", previous_item_id=previous_id, item=dict(item))


def committed(item_id: str, previous_id: str | None) -> Event:
    """What was in the input buffer is an item."""
    return event("input_audio_buffer.committed", previous_item_id=previous_id, item_id=item_id)


def truncated(item_id: str, audio_end_ms: int) -> Event:
    """The agent's item ends there."""
    return event("conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=audio_end_ms)


def transcription_delta(item_id: str, text: str) -> Event:
    """More words of the caller."""
    return event("conversation.item.input_audio_transcription.delta", item_id=item_id, content_index=0, delta=text)


def transcription_completed(item_id: str, text: str, seconds: float, language: str) -> Event:
    """All words of the caller's item."""
    done = event(
        "conversation.item.input_audio_transcription.completed", item_id=item_id, content_index=0, transcript=text,
        usage={"type": "duration", "seconds": seconds},
    )
    if language:
        done["languages"] = [{"code": language}]
    return done


def transcription_failed(item_id: str, message: str) -> Event:
    """The recogniser failed on the caller's item."""
    return event(
        "conversation.item.input_audio_transcription.failed", item_id=item_id, content_index=0,
        error={"type": "transcription_error", "code": "transcription_failed", "message": message},
    )


def rate_limits(limits: Iterable[Mapping[str, Any]]) -> Event:
    """What is left: ``name`` (requests, tokens), ``limit``, ``remaining``, ``reset_seconds``."""
    return event("rate_limits.updated", rate_limits=[dict(limit) for limit in limits])


def usage(input_tokens: int, output_tokens: int) -> dict[str, Any]:
    """Tokens of a response. A cascade's models read and write text."""
    return {
        "total_tokens": input_tokens + output_tokens, "input_tokens": input_tokens, "output_tokens": output_tokens,
        "input_token_details": {
            "text_tokens": input_tokens, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": output_tokens, "audio_tokens": 0},
    }


def cited(sources: Iterable[Mapping[str, Any]], previous_id: str | None) -> Event:
    """What an answer stands on, for clients of Azure's RTMT sample (``extension.*`` events)."""
    result = json.dumps({"sources": [
        {"chunk_id": s.get("chunk_id"), "title": s.get("title"), "chunk": s.get("snippet"), **s} for s in sources
    ]}, ensure_ascii=False, default=str)
    return event("extension.middle_tier_tool_response", previous_item_id=previous_id, tool_name="report_grounding",
                 tool_result=result)
