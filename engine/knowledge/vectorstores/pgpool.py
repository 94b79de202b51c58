"""Connections to PostgreSQL under gevent: pooled, with deadlines, and their errors in our words.

psycopg waits by ``select``, which gevent has patched: other greenlets run meanwhile. Only libpq's look-up of the host's
name would block the hub, so it is done here.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from gevent import socket
from gevent.lock import BoundedSemaphore
from psycopg.conninfo import conninfo_to_dict

from engine.config.vectorstores import PgVectorOptions
from engine.errors import FaultKind, ProviderFault, TrunklineError
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.net.deadline import Deadline

Connection = psycopg.Connection[tuple[Any, ...]]
T = TypeVar("T")

_KINDS: dict[str, FaultKind] = {
    "28": "auth", "42501": "auth", "53300": "rate_limit", "57014": "timeout", "55P03": "timeout",
    "08": "unavailable", "53": "unavailable", "57": "unavailable", "58": "unavailable", "40": "unavailable",
    "XX": "unavailable", "25006": "unavailable",
}  # fmt: skip
"""SQLSTATE, or its class, to what it means (PostgreSQL's manual, appendix A). 25006: a stand-by, takes no writes."""


class PgPool:
    """Connections that share one deadline. Each is used by one greenlet at a time."""

    def __init__(self, name: str, dsn: str, options: PgVectorOptions, timeout_s: float) -> None:
        """``name`` is what faults are told under. Raises ``KnowledgeError`` for a connection string that is none. Opens
        no connection."""
        self.name = name
        self._timeout_s = timeout_s
        self._options = options
        try:
            self._where = {key: str(value) for key, value in conninfo_to_dict(dsn).items()}
        except psycopg.Error as fault:  # its text may hold the password
            raise KnowledgeError(f"{name}: not a connection string as postgresql://user@host/database") from fault
        self._places = BoundedSemaphore(options.max_connections)
        self._idle: list[Connection] = []
        self._closed = False

    def run(self, work: Callable[[Connection], T]) -> T:
        """``work(connection)``, which must not matter if it happens twice: a connection that was lost while idle is
        replaced once. Raises ``ProviderFault``, ``CollectionMissing``, ``KnowledgeError``."""
        deadline = Deadline(self.name, self._timeout_s, self._timeout_s)
        deadline.run(self._places.acquire)
        try:
            while True:
                kept = bool(self._idle)
                connection = self._idle.pop() if kept else self._connect(deadline)
                try:
                    result = deadline.run(lambda: work(connection))  # noqa: B023
                except psycopg.Error as fault:
                    lost = connection.closed
                    self._give_back(connection)
                    if not (kept and lost):
                        raise explained(self.name, fault) from fault
                except BaseException:  # late or killed: what the server sends next is not known
                    connection.close()
                    raise
                else:
                    self._give_back(connection)
                    return result
        finally:
            self._places.release()

    def close(self) -> None:
        """Close idle connections; those in use are closed when they come back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _connect(self, deadline: Deadline) -> Connection:
        limit_s = self._options.connect_timeout_s
        settings = {"application_name": "trunkline", **self._where, "connect_timeout": str(max(2, math.ceil(limit_s)))}
        own = Deadline(self.name, limit_s, limit_s)

        def connect() -> Connection:
            host = settings.get("host", "")
            if host and "hostaddr" not in settings and "/" not in host and "," not in host:
                settings["hostaddr"] = str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
            connection = psycopg.connect(**settings, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]
            thorough = self._options.ef_search
            connection.execute(
                "SELECT set_config('statement_timeout', %s, false), set_config('hnsw.ef_search', %s, false),"
                " set_config('ivfflat.probes', %s, false), set_config('hnsw.iterative_scan', 'strict_order', false),"
                " set_config('ivfflat.iterative_scan', 'relaxed_order', false), set_config('jit', 'off', false)",
                (str(math.ceil(self._timeout_s * 1000)), str(thorough), str(max(1, thorough // 10))))
            return connection

        try:
            return deadline.run(lambda: own.run(connect))
        except OSError as fault:  # the name is not known
            raise ProviderFault(self.name, "unavailable", f"no connection to {settings.get('host')}: "
                                                          f"{fault.strerror or fault}") from fault
        except psycopg.Error as fault:
            raise explained(self.name, fault) from fault

    def _give_back(self, connection: Connection) -> None:
        with suppress(psycopg.Error):
            if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                connection.close()
        if not connection.closed and not self._closed:
            self._idle.append(connection)
        else:
            connection.close()


def explained(name: str, fault: psycopg.Error) -> TrunklineError:
    """What an error of psycopg means. Values of the query are not repeated: they are the caller's words."""
    state = fault.sqlstate or ""
    said = " ".join((fault.diag.message_primary or str(fault)).split())[:200]
    if state == "42P01":
        return CollectionMissing(f"{name}: there is no such collection; set it up first")
    if state in ("0A000", "58P01") and "vector" in said or state == "42704" and "vector" in said:
        return KnowledgeError(f"{name}: the server has no pgvector: install it there (Debian: postgresql-NN-pgvector), "
                              f"then set up again ({said})")
    kind: FaultKind | None = _KINDS.get(state) or _KINDS.get(state[:2])
    if kind is None and not state:
        kind = "unavailable" if isinstance(fault, psycopg.OperationalError) else "broken"
        # libpq gives no SQLSTATE for a connection that was refused, only English or translated text.
        if any(word in said for word in ("password", "authentication", "pg_hba.conf", "does not exist")):
            kind = "auth"
    advice = ": check user, password and rights in the connection string" if kind == "auth" else ""
    return ProviderFault(name, kind or "refused", f"{said}{advice}")
