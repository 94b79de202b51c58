"""Sessions, participants, transcript segments, conversation items, tool calls; the index of words."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

TOKENIZER = "unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc Me'"
"""By default FTS5 splits words of Indian languages at every vowel sign. Accents are taken off before."""

FTS = (
    f"""CREATE VIRTUAL TABLE segment_words USING fts5 (words, content='transcription_segments', content_rowid='id',
        detail=none, tokenize="{TOKENIZER}")""",
    """CREATE TRIGGER segment_said AFTER INSERT ON transcription_segments BEGIN
        INSERT INTO segment_words (rowid, words) VALUES (new.id, new.words); END""",
    """CREATE TRIGGER segment_gone AFTER DELETE ON transcription_segments BEGIN
        INSERT INTO segment_words (segment_words, rowid, words) VALUES ('delete', old.id, old.words); END""",
    """CREATE TRIGGER segment_mended AFTER UPDATE OF words ON transcription_segments WHEN old.words <> new.words BEGIN
        INSERT INTO segment_words (segment_words, rowid, words) VALUES ('delete', old.id, old.words);
        INSERT INTO segment_words (rowid, words) VALUES (new.id, new.words); END""",
)


def upgrade() -> None:
    """Make the tables."""
    _sessions()
    _said()
    _done()
    if op.get_bind().dialect.name == "sqlite":
        for statement in FTS:
            op.execute(statement)
    else:
        op.execute("CREATE INDEX ix_transcription_segments_words ON transcription_segments"
                   " USING gin (array_to_tsvector(string_to_array(words, ' ')))")


def downgrade() -> None:
    """Drop them, with all they hold."""
    if op.get_bind().dialect.name == "sqlite":
        for trigger in ("segment_said", "segment_gone", "segment_mended"):
            op.execute(f"DROP TRIGGER {trigger}")
        op.execute("DROP TABLE segment_words")
    for table in ("tool_calls", "conversation_items", "transcription_segments", "call_participants", "call_sessions"):
        op.drop_table(table)


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text) for name in names]


def _session_id(primary_key: bool = False) -> sa.Column[str]:
    return sa.Column("session_id", sa.Text, sa.ForeignKey("call_sessions.session_id", ondelete="CASCADE"),
                     nullable=False, primary_key=primary_key)


def _number() -> sa.Column[int]:
    return sa.Column("id", ID, primary_key=True, autoincrement=True)


def _sessions() -> None:
    zero, false = sa.text("0"), sa.text("false")
    op.create_table(
        "call_sessions",
        sa.Column("session_id", sa.Text, primary_key=True),
        sa.Column("call_id", sa.Text, nullable=False),
        *_text("tenant_id"),
        sa.Column("transport", sa.Text, nullable=False),
        *_text("direction"),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        *_text("from_number", "to_number", "did", "fs_uuid", "agent_id", "agent_name", "customer_id", "customer_phone",
               "customer_name"),
        sa.Column("acd_metadata", JSON),
        sa.Column("crm_metadata", JSON),
        *_text("profile", "experiment", "variant", "language", "dialect", "region"),
        sa.Column("language_confidence", sa.Float),
        *_text("outcome", "disposition", "summary"),
        sa.Column("csat", sa.Float),
        sa.Column("escalated", sa.Boolean, nullable=False, server_default=false),
        sa.Column("cost_amount", sa.Float),
        *_text("cost_currency", "recording_uri"),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("answered_at", TIME),
        sa.Column("ended_at", TIME),
        *_text("hangup_cause"),
        sa.Column("retention_until", TIME),
        *_text("node"),
        sa.Column("folder", sa.Text, nullable=False, unique=True),
        *_text("hangup_by"),
        sa.Column("duration_s", sa.Float),
        *(sa.Column(name, sa.Integer, nullable=False, server_default=zero) for name in
          ("turns", "interruptions", "errors")),
        sa.Column("answer_ms_p50", sa.Float),
        sa.Column("answer_ms_p95", sa.Float),
        sa.Column("filed", sa.Boolean, nullable=False, server_default=false),
    )
    for columns in (["started_at", "session_id"], ["call_id"], ["agent_name", "started_at"], ["from_number"],
                    ["ended_at"], ["node", "ended_at"]):
        op.create_index(f"ix_call_sessions_{'_'.join(columns)}", "call_sessions", columns)
    op.create_table(
        "call_participants", _number(), _session_id(),
        sa.Column("role", sa.Text, nullable=False),
        *_text("fs_uuid", "leg", "number", "display_name"),
        sa.Column("joined_at", TIME),
        sa.Column("left_at", TIME),
        sa.Column("source_seq", sa.Integer, nullable=False),
        sa.UniqueConstraint("session_id", "source_seq"),
    )


def _said() -> None:
    op.create_table(
        "transcription_segments", _number(), _session_id(),
        sa.Column("participant_id", ID),
        sa.Column("speaker", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        *_text("text_redacted"),
        sa.Column("words", sa.Text, nullable=False),
        *(sa.Column(name, sa.Float) for name in ("start_time", "end_time", "confidence")),
        *_text("language"),
        sa.Column("is_final", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("interrupted", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("sentiment", sa.Float),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("source_seq", sa.Integer, nullable=False),
        sa.UniqueConstraint("session_id", "source", "source_seq"),
    )


def _done() -> None:
    op.create_table(
        "conversation_items",
        sa.Column("id", sa.Text, primary_key=True), _session_id(primary_key=True),
        *_text("response_id"),
        sa.Column("ord", sa.Integer, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        *_text("role"),
        sa.Column("content", JSON),
        *_text("status"),
        sa.Column("truncated_ms", sa.Integer),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("source_seq", sa.Integer, nullable=False),
        sa.UniqueConstraint("session_id", "source_seq"),
    )
    op.create_table(
        "tool_calls", _number(), _session_id(),
        *_text("call_id"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("arguments", JSON),
        sa.Column("result", JSON),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("duration_ms", sa.Float),
        sa.Column("side", sa.Text, nullable=False),
        *_text("error"),
        sa.Column("source_seq", sa.Integer, nullable=False),
        sa.UniqueConstraint("session_id", "source_seq"),
    )
