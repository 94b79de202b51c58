"""The tables, as SQL sees them. The migrations make them; a test keeps the two the same.

Times are UTC. ``source_seq`` is the line of the call's event log from which a row was made: filing a log twice changes
nothing. Columns that no part of the engine fills yet are there for those who write them from outside (CRM, quality).
"""

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB


class Utc(TypeDecorator[datetime]):
    """An aware time in UTC. SQLite keeps it as text without a zone, ``2026-11-21 04:00:00.000000``."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        if value is None:
            return None
        value = value.astimezone(timezone.utc)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        found: datetime = value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
        return found


Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(naming_convention={
    "ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s",
})


def _session_id() -> Column[str]:
    return Column("session_id", Text, ForeignKey("call_sessions.session_id", ondelete="CASCADE"), nullable=False)


call_sessions = Table(
    "call_sessions", metadata,
    Column("session_id", Text, primary_key=True),
    Column("call_id", Text, nullable=False),  # the transport's own id
    Column("tenant_id", Text),
    Column("transport", Text, nullable=False),  # freeswitch, ws, ...
    Column("direction", Text),  # inbound, outbound
    Column("mode", Text, nullable=False),  # bot, assist, hybrid
    Column("state", Text, nullable=False),  # engine/lifecycle.py
    Column("status", Text, nullable=False),  # active, completed, failed, busy, no_answer, cancelled
    Column("from_number", Text),
    Column("to_number", Text),
    Column("did", Text),
    Column("fs_uuid", Text),
    Column("agent_id", Text),
    Column("agent_name", Text),
    Column("customer_id", Text),
    Column("customer_phone", Text),
    Column("customer_name", Text),
    Column("acd_metadata", Json),
    Column("crm_metadata", Json),
    Column("profile", Text),
    Column("experiment", Text),
    Column("variant", Text),
    Column("language", Text),
    Column("dialect", Text),
    Column("region", Text),
    Column("language_confidence", Float),
    Column("outcome", Text),  # engine/store/states.py
    Column("disposition", Text),
    Column("summary", Text),
    Column("csat", Float),
    Column("escalated", Boolean, nullable=False, server_default=text("false")),
    Column("cost_amount", Float),
    Column("cost_currency", Text),
    Column("recording_uri", Text),  # relative to the folder of calls
    Column("started_at", Utc, nullable=False),
    Column("answered_at", Utc),
    Column("ended_at", Utc),
    Column("hangup_cause", Text),
    Column("retention_until", Utc),  # kept until then, whatever the options say
    Column("node", Text),  # the engine that held it
    Column("folder", Text, nullable=False, unique=True),  # 2026-11-21/041502-UUID, below the folder of calls
    Column("hangup_by", Text),
    Column("duration_s", Float),
    Column("turns", Integer, nullable=False, server_default=text("0")),
    Column("interruptions", Integer, nullable=False, server_default=text("0")),
    Column("errors", Integer, nullable=False, server_default=text("0")),
    Column("answer_ms_p50", Float),  # the caller's last voiced frame to the agent's first frame
    Column("answer_ms_p95", Float),
    Column("filed", Boolean, nullable=False, server_default=text("false")),  # ended, and its whole log is in the tables
    Column("carrier", Text),  # twilio, exotel: whose call it is, where that is known
    Column("carrier_call_id", Text),  # the carrier's id of it: CallSid
    Column("carrier_recording", Text),  # the carrier's recording: a URL
    Column("joined_to", Text),  # of a carrier's account of a call: the session that the call is
    Index(None, "started_at", "session_id"),
    Index(None, "carrier_call_id"),
    Index(None, "joined_to"),
    Index(None, "call_id"),
    Index(None, "agent_name", "started_at"),
    Index(None, "from_number"),
    Index(None, "ended_at"),
    Index(None, "node", "ended_at"),
)

call_participants = Table(
    "call_participants", metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    _session_id(),
    Column("role", Text, nullable=False),  # customer, agent (a human), bot, supervisor
    Column("fs_uuid", Text),
    Column("leg", Text),  # a, b
    Column("number", Text),
    Column("display_name", Text),
    Column("joined_at", Utc),
    Column("left_at", Utc),
    Column("source_seq", Integer, nullable=False),
    UniqueConstraint("session_id", "source_seq"),
)

transcription_segments = Table(
    "transcription_segments", metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    _session_id(),
    Column("participant_id", Id),
    Column("speaker", Text, nullable=False),  # customer, agent (a human), bot
    Column("text", Text, nullable=False),
    Column("text_redacted", Text),
    Column("words", Text, nullable=False),  # of the text, as they are searched: engine/store/words.py
    Column("start_time", Float),  # seconds of call time
    Column("end_time", Float),
    Column("confidence", Float),
    Column("language", Text),
    Column("is_final", Boolean, nullable=False, server_default=text("true")),
    Column("interrupted", Boolean, nullable=False, server_default=text("false")),
    Column("source", Text, nullable=False),  # freeswitch, realtime, ...
    Column("sentiment", Float),
    Column("created_at", Utc, nullable=False),
    Column("source_seq", Integer, nullable=False),
    UniqueConstraint("session_id", "source", "source_seq"),
)

conversation_items = Table(
    "conversation_items", metadata,
    Column("id", Text, primary_key=True),
    Column("session_id", Text, ForeignKey("call_sessions.session_id", ondelete="CASCADE"), primary_key=True),
    Column("response_id", Text),
    Column("ord", Integer, nullable=False),
    Column("type", Text, nullable=False),  # message, function_call, function_call_output
    Column("role", Text),
    Column("content", Json),
    Column("status", Text),
    Column("truncated_ms", Integer),
    Column("created_at", Utc, nullable=False),
    Column("source_seq", Integer, nullable=False),
    UniqueConstraint("session_id", "source_seq"),
)

tool_calls = Table(
    "tool_calls", metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    _session_id(),
    Column("call_id", Text),
    Column("name", Text, nullable=False),
    Column("arguments", Json),
    Column("result", Json),
    Column("status", Text, nullable=False),  # running, completed, failed, abandoned
    Column("started_at", Utc, nullable=False),
    Column("duration_ms", Float),
    Column("side", Text, nullable=False),  # server, client, mcp
    Column("error", Text),
    Column("source_seq", Integer, nullable=False),
    UniqueConstraint("session_id", "source_seq"),
)

switch_records = Table(
    "switch_records", metadata,  # what mod_json_cdr tells, a row a channel
    Column("fs_uuid", Text, primary_key=True),
    Column("state", Text),  # engine/lifecycle.py
    Column("direction", Text),
    Column("leg", Text),  # a, b
    Column("other_uuid", Text),
    Column("from_number", Text),
    Column("to_number", Text),
    Column("context", Text),
    Column("gateway", Text),
    Column("carrier", Text),
    Column("carrier_call_id", Text),
    Column("sip_call_id", Text),
    Column("hangup_cause", Text),
    Column("hangup_by", Text),
    Column("codec", Text),
    Column("q850", Integer),
    Column("duration_s", Integer),
    Column("billable_s", Integer),
    Column("mos", Float),
    Column("quality_percent", Float),
    Column("jitter_loss_rate", Float),
    Column("headers", Json),  # X- headers of the INVITE
    Column("started_at", Utc),
    Column("answered_at", Utc),
    Column("ended_at", Utc),
    Column("received_at", Utc, nullable=False),
    Index(None, "carrier_call_id"),
    Index(None, "received_at"),
)

CHILDREN: dict[str, tuple[Table, tuple[str, ...]]] = {
    "participants": (call_participants, ("session_id", "source_seq")),
    "segments": (transcription_segments, ("session_id", "source", "source_seq")),
    "items": (conversation_items, ("session_id", "source_seq")),
    "tool_calls": (tool_calls, ("session_id", "source_seq")),
}
"""The rows of a session besides its own: table, and what makes a row the same one when it is filed again."""

SEGMENT_WORDS = func.array_to_tsvector(func.string_to_array(transcription_segments.c.words, literal_column("' '")))
"""PostgreSQL's index of what was said. Its own parser takes words of Indian languages apart at vowel signs, so the
words come ready and are only collected."""
