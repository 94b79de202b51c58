"""What ``/sessions`` answers, for ``/openapi.json``: the columns of the tables, and what is put around them."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, create_model
from sqlalchemy import JSON, Boolean, Float, Integer, Table

from engine.store.tables import (
    Utc,
    call_participants,
    call_sessions,
    conversation_items,
    switch_records,
    tool_calls,
    transcription_segments,
)


def _model(name: str, table: Table, without: tuple[str, ...] = (), **more: Any) -> type[BaseModel]:
    """The columns of ``table`` as fields; those that may be empty may be null."""
    fields: dict[str, Any] = {}
    for column in table.columns:
        if column.name not in without:
            kind: Any = str
            for known, python in ((Utc, datetime), (Boolean, bool), (Float, float), (Integer, int), (JSON, Any)):
                if isinstance(column.type, known):
                    kind = python
            fields[column.name] = (kind | None if column.nullable and kind is not Any else kind, ...)
    return create_model(name, **more, **fields)


Participant = _model("Participant", call_participants)
SessionRow = _model("Session", call_sessions, live=(bool, ...))
Segment = _model("Segment", transcription_segments, ("id", "words"), segment_id=(int, ...))
Item = _model("ConversationItem", conversation_items)
ToolCall = _model("ToolCall", tool_calls)
CarrierAccount = _model("CarrierAccount", call_sessions)
SwitchRecord = _model("SwitchRecord", switch_records)


class SessionList(BaseModel):
    """A page of sessions. ``next``: the cursor of the next page, null for the last."""

    data: list[SessionRow]  # type: ignore[valid-type]
    next: str | None


class Counters(BaseModel):
    """How much happened."""

    turns: int
    interruptions: int
    errors: int
    segments: int = 0
    items: int = 0
    tool_calls: int = 0


class SessionFull(SessionRow):  # type: ignore[valid-type, misc]
    """A session with who took part in it."""

    participants: list[Participant]  # type: ignore[valid-type]
    counters: Counters
    carrier_accounts: list[CarrierAccount]  # type: ignore[valid-type]
    switch_record: SwitchRecord | None  # type: ignore[valid-type]


class _Listed(BaseModel):
    """A page of what belongs to a session. ``next``: give it as ``after`` for the next page, null for the last."""

    session_id: str
    next: int | None


class Transcript(_Listed):
    """What was said."""

    data: list[Segment]  # type: ignore[valid-type]


class Items(_Listed):
    """Conversation items."""

    data: list[Item]  # type: ignore[valid-type]


class ToolCalls(_Listed):
    """Calls of skills."""

    data: list[ToolCall]  # type: ignore[valid-type]


class Events(_Listed):
    """Lines of the event log: ``t`` (seconds of call time), ``event``, and the fields of that event."""

    data: list[dict[str, Any]]
