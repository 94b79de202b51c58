"""The database: its connections, where work on it runs, and its errors in our words.

    database = Database(options)
    rows = database.run(lambda connection: connection.execute(select(call_sessions)).all())

SQLite computes in the caller's thread, so it runs in threads of the hub's pool. PostgreSQL is waited for by psycopg,
which waits as gevent does: other greenlets run meanwhile. Connections are kept and lent to one greenlet at a time.
"""

import math
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import gevent
import sqlalchemy
from gevent import socket
from gevent.lock import BoundedSemaphore
from sqlalchemy import Connection, event, exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from engine import paths
from engine.config.store import StoreOptions
from engine.offhub import off_hub
from engine.store.errors import StoreDown, StoreError

T = TypeVar("T")
Work = Callable[[Connection], T]

FILE = "store.sqlite"

STEPS_A_LOOK = 20_000
"""SQLite looks at the clock every so many of its machine's steps: every millisecond or so."""


class Database:
    """Opened by the first ``run``. All methods belong to the hub's thread."""

    def __init__(self, options: StoreOptions) -> None:
        """Raises ``StoreError`` where the address is none, or the driver is missing. Opens nothing."""
        try:
            url = make_url(options.url or f"sqlite:///{paths.home().absolute() / FILE}")
        except (exc.ArgumentError, ValueError):
            raise StoreError("store.url is no address of a database: postgresql://user@host/database") from None
        self._timeout_s = options.timeout_s
        self._places = BoundedSemaphore(options.max_connections)
        self._connecting = BoundedSemaphore()
        self._idle: list[Connection] = []
        self._closed = False
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.path = Path(url.database or "") if self.is_sqlite else None
        """The file, of SQLite."""

        self.address = url.render_as_string(hide_password=True)
        """Where it is, to be shown."""

        self._engine = self._sqlite(url) if self.is_sqlite else self._postgres(url)

    def run(self, work: Work[T], write: bool = False, patience_s: float | None = None) -> T:
        """``work(connection)`` in a transaction, which is committed; ``write`` says that it may write. It may run
        twice, where a connection was lost while nobody used it, so it must touch nothing but the database.
        ``patience_s``: instead of ``store.timeout_s``. Raises ``StoreDown``, ``StoreError``, and what ``work`` raises.
        """
        seconds = patience_s or self._timeout_s
        if self._closed:
            raise StoreDown("the store is closed")
        if not self._places.acquire(timeout=seconds):
            raise StoreDown(f"{self.address}: all connections are busy (store.max_connections)")
        try:
            kept = self._idle.pop() if self._idle else None
            while True:
                try:
                    return self._turn(kept, work, write, seconds)
                except _Lost as fault:
                    if kept is None:
                        raise StoreDown(str(fault)) from fault.__cause__
                    kept = None
        finally:
            self._places.release()

    def close(self) -> None:
        """Close idle connections; those in use are closed when they come back. Idempotent."""
        self._closed = True
        while self._idle:
            self._off_hub(self._idle.pop().close)

    # ------------------------------------------------------------ one turn

    def _turn(self, kept: Connection | None, work: Work[T], write: bool, seconds: float) -> T:
        turn = _Turn(self, kept, work, write, seconds)
        try:
            with gevent.Timeout(seconds + (1 if self.is_sqlite else 0), _TooLate):
                if kept is None:
                    turn.connection = self._connect()
                result: T = self._off_hub(turn.run)
        except _TooLate:
            turn.abandon()
            raise StoreDown(f"{self.address}: no answer within {seconds:g} s (store.timeout_s)") from None
        except StoreError:  # of the work itself, which was rolled back, unless the turn has dropped its connection
            if turn.connection is not None:
                self._give_back(turn.connection)
            raise
        except BaseException:
            turn.abandon()
            raise
        if turn.connection is not None:
            self._give_back(turn.connection)
        return result

    def _connect(self) -> Connection:
        """One at a time: threads that wait for one another's locks are not for gevent."""
        with self._connecting:
            try:
                if self.path is not None:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                return self._off_hub(self._engine.connect)
            except OSError as fault:
                raise StoreDown(f"{self.address}: {fault.strerror or fault}") from fault
            except exc.DBAPIError as fault:
                explained = _explained(self, fault)
                raise StoreDown(str(explained)) if isinstance(explained, _Lost) else explained from fault

    def _off_hub(self, function: Callable[[], Any]) -> Any:
        """SQLite's work is done in a thread. What it raises is raised here."""
        return off_hub(function) if self.is_sqlite else function()

    def _give_back(self, connection: Connection) -> None:
        if self._closed:
            self._off_hub(connection.close)
        else:
            self._idle.append(connection)

    # ------------------------------------------------------------ the two databases

    def _sqlite(self, url: URL) -> sqlalchemy.Engine:
        engine = sqlalchemy.create_engine(
            url, poolclass=NullPool, connect_args={"check_same_thread": False, "timeout": self._timeout_s})

        @event.listens_for(engine, "connect")
        def connected(connection: Any, _: object) -> None:
            connection.isolation_level = None  # transactions begin below, also those that change tables
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def begins(connection: Connection) -> None:
            # A transaction that only wants to write later may find that another one did before.
            write = connection.get_execution_options().get("write")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

        return engine

    def _postgres(self, url: URL) -> sqlalchemy.Engine:
        try:
            import psycopg
        except ImportError:
            raise StoreError("store.url wants PostgreSQL, and its driver is not installed: "
                             "pip install 'trunkline[postgres]'") from None
        milliseconds = str(math.ceil(self._timeout_s * 1000))

        def connect() -> object:
            _, where = engine.dialect.create_connect_args(url)
            settings = {"application_name": "trunkline", "connect_timeout": max(2, math.ceil(self._timeout_s)), **where}
            host = str(settings.get("host", ""))
            if host and "hostaddr" not in settings and "/" not in host and "," not in host:
                # libpq's own look-up would hold the hub.
                settings["hostaddr"] = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
            connection = psycopg.connect(**settings, autocommit=True, prepare_threshold=None)
            connection.execute(
                "SELECT set_config('statement_timeout', %s, false), set_config('timezone', 'UTC', false),"
                " set_config('jit', 'off', false)", (milliseconds,))
            connection.autocommit = False
            return connection

        engine = sqlalchemy.create_engine(url.set(drivername="postgresql+psycopg"), poolclass=NullPool, creator=connect,
                                          use_native_hstore=False)
        return engine


class _TooLate(BaseException):
    """The deadline of a turn; a ``BaseException`` so that nothing between takes it for a fault of its own."""


class _Lost(Exception):
    """The connection, or the database, cannot be used; the text says why."""


class _Turn:
    """One piece of work on one connection; runs in a thread, or in the greenlet."""

    def __init__(self, database: Database, connection: Connection | None, work: Work[Any], write: bool,
                 seconds: float) -> None:
        self.connection = connection
        self._database = database
        self._work = work
        self._write = write
        self._seconds = seconds
        self._abandoned = False
        self._running = False

    def run(self) -> Any:
        database = self._database
        self._running = True
        try:
            assert self.connection is not None
            connection = self.connection.execution_options(write=self._write)
            self._limit(connection)
            with connection.begin():
                return self._work(connection)
        except exc.DBAPIError as fault:
            self._drop()
            raise _explained(database, fault) from fault
        except StoreError:
            raise
        except BaseException:  # the transaction is rolled back; what the server sends next may not be known
            self._drop()
            raise
        finally:
            self._running = False
            if self._abandoned:
                self._drop()

    def abandon(self) -> None:
        """Nobody waits for it: its connection ends with it."""
        self._abandoned = True
        if not self._running:
            self._drop()

    def _limit(self, connection: Connection) -> None:
        """SQLite has no deadline of its own for a long query."""
        if self._database.is_sqlite:
            until = monotonic() + self._seconds
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.set_progress_handler(lambda: monotonic() > until, STEPS_A_LOOK)

    def _drop(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except (exc.SQLAlchemyError, OSError):  # it is gone already
                return


def _explained(database: Database, fault: exc.DBAPIError) -> Exception:
    """What an error of the driver means. Values of the statement are not repeated: they are callers' words."""
    said = " ".join(str(fault.orig).split())[:300] or type(fault.orig).__name__
    text = f"{database.address}: {said}"
    if "not a database" in said or "malformed" in said:
        return StoreError(f"{text}; move the file away: a new one is filled from the folders of the calls")
    if said == "interrupted":
        return StoreDown(f"{database.address}: the query took too long (store.timeout_s); ask for less")
    if isinstance(fault, exc.OperationalError | exc.InterfaceError | exc.InternalError) or fault.connection_invalidated:
        return _Lost(text)
    return StoreError(text)
