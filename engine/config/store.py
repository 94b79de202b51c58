"""Options of the store: the database of sessions, and how long things are kept."""

import re

from pydantic import Field, field_validator

from engine.config.base import Options

SCHEMES = ("sqlite:///", "postgresql://")


class RetentionOptions(Options):
    """Days after its end for which things of a session are kept; 0 keeps them. ``trunkline db sweep`` deletes at once
    what is older, the engine does it at its start and every day."""

    session_days: int = Field(0, ge=0)
    """The row of the session, and with it all its other rows."""

    transcript_days: int = Field(0, ge=0)
    """What was said: transcript segments and conversation items."""

    tool_call_days: int = Field(0, ge=0)
    """Calls of skills, with arguments and results."""

    recording_days: int = Field(0, ge=0)
    """Recordings in the folders of calls, and the call pages, which contain the audio."""

    folder_days: int = Field(0, ge=0)
    """The whole folder of a call: event log, report, page, recording."""


class StoreOptions(Options):
    """Sessions in a database. The folder of a call stays the truth: what the database could not take is filed later."""

    enabled: bool = True
    """Without the database calls are as ever; there is no search over past calls, and no ``GET /sessions``."""

    url: str = Field("", json_schema_extra={"secret": True})
    """Empty: SQLite, the file ``store.sqlite`` below ``TRUNKLINE_HOME``. ``sqlite:////path/file`` or
    ``postgresql://user:password@host/database`` (``pip install 'trunkline[postgres]'``); the password may also be in
    ``PGPASSWORD`` or ``~/.pgpass``. PostgreSQL is for more than one node."""

    write_every_ms: int = Field(500, ge=20, le=10_000)
    """How often what happens in calls is written, one transaction for all calls. A new session is written at once."""

    timeout_s: float = Field(5.0, gt=0)
    """How long one transaction or query may take, connecting included."""

    max_connections: int = Field(4, ge=1, le=100)
    """Connections, and so queries at a time, of this process; one of them is the writer's."""

    max_waiting: int = Field(2000, ge=1)
    """Sessions with changes that may wait for a database that is down. Further ones are filed later, from their
    folders."""

    retention: RetentionOptions = RetentionOptions()

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        if not url:
            return url
        url = re.sub(r"^(postgres|postgresql\+psycopg)://", "postgresql://", url)
        if not url.startswith(SCHEMES):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return url
