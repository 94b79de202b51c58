"""Calls as carriers and the switch know them: whose call a session is, and FreeSWITCH's own record beside it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
COLUMNS = ("carrier", "carrier_call_id", "carrier_recording", "joined_to")


def upgrade() -> None:
    """Add columns to the sessions, and the table of the switch's records."""
    for name in COLUMNS:
        op.add_column("call_sessions", sa.Column(name, sa.Text))
    for name in ("carrier_call_id", "joined_to"):
        op.create_index(f"ix_call_sessions_{name}", "call_sessions", [name])
    op.execute("UPDATE call_sessions SET state = 'wrap_up' WHERE state = 'wrapup'")
    op.create_table(
        "switch_records",
        sa.Column("fs_uuid", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text) for name in (
            "state", "direction", "leg", "other_uuid", "from_number", "to_number", "context", "gateway", "carrier",
            "carrier_call_id", "sip_call_id", "hangup_cause", "hangup_by", "codec")),
        *(sa.Column(name, sa.Integer) for name in ("q850", "duration_s", "billable_s")),
        *(sa.Column(name, sa.Float) for name in ("mos", "quality_percent", "jitter_loss_rate")),
        sa.Column("headers", JSON),
        *(sa.Column(name, TIME) for name in ("started_at", "answered_at", "ended_at")),
        sa.Column("received_at", TIME, nullable=False),
    )
    for name in ("carrier_call_id", "received_at"):
        op.create_index(f"ix_switch_records_{name}", "switch_records", [name])


def downgrade() -> None:
    """Take them away again, with what they hold."""
    op.drop_table("switch_records")
    op.execute("UPDATE call_sessions SET state = 'wrapup' WHERE state = 'wrap_up'")
    for name in ("carrier_call_id", "joined_to"):
        op.drop_index(f"ix_call_sessions_{name}", "call_sessions")
    for name in reversed(COLUMNS):
        op.drop_column("call_sessions", name)
