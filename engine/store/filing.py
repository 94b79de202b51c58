"""Sessions that go on, into the database: each log is listened to, and what changed is written every half second.

    filing = Filing(database, options)
    filing.start()
    filing.follow(call.events, call.folder)      # at the call's begin; it ends by itself with the log's last line

A call never waits for the database. While it is down, what happens is kept in memory, within bounds; beyond them, and
where lines were missed, the session is left to be filed from its folder (``refiling.py``), which has everything.
"""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import gevent
from gevent.event import Event as Flag
from gevent.lock import Semaphore
from sqlalchemy import Connection

from engine.config.store import StoreOptions
from engine.store import schema
from engine.store.account import Account, Event, Row
from engine.store.database import Database
from engine.store.errors import StoreDown, StoreError
from engine.store.writing import Changes, session_id, write
from engine.telemetry.eventlog import EventLog, Listener

log = logging.getLogger(__name__)

MOST_ROWS = 2000
"""Rows of one session that may wait for the database."""

BATCH = 200
"""Sessions written in one transaction."""

RETRY_S = (1.0, 30.0)
"""First and longest pause before a database that is down is tried again."""


class Filing:
    """The writer. All methods belong to the hub's thread and return at once, but for ``close``."""

    def __init__(self, database: Database, options: StoreOptions, lacking: Callable[[], None] = lambda: None) -> None:
        """``lacking`` is told when there is a folder that has to be filed later."""
        self.problem = ""
        """Why nothing can be written at the moment."""

        self.write_ms: float | None = None
        """How long the last transaction took."""

        self.broken_off: set[str] = set()
        """Folders of sessions that are over and could not be followed to their end; whoever files them takes them out.
        """

        self._database = database
        self._every_s = options.write_every_ms / 1000
        self._most = options.max_waiting
        self._lacking = lacking
        self._followed: dict[str, _Followed] = {}
        self._dirty: dict[str, _Followed] = {}
        self._in_hand: frozenset[str] = frozenset()
        self._wake, self._hurry, self._stop = Flag(), Flag(), Flag()
        self._greenlet: gevent.Greenlet | None = None
        self._looking = Semaphore()
        self._ready = False

    def start(self) -> None:
        """Begin to write; the tables are looked at first."""
        self._greenlet = gevent.spawn(self._run)

    def follow(self, events: EventLog, folder: Path) -> None:
        """File the session of this log, whose folder lies in the folder of its day."""
        name = f"{folder.parent.name}/{folder.name}"
        self._followed[name] = followed = _Followed(self, Account(name))
        for event in events.events():
            followed.take(event)
        followed.listener = events.listen(followed.take)

    def finished(self, folder: Path) -> None:
        """This log is closed. Without its last line the session is filed from its folder, where it may be."""
        followed = self._followed.pop(f"{folder.parent.name}/{folder.name}", None)
        if followed is not None and (followed.broken or not followed.account.ended):
            self.broken_off.add(f"{folder.parent.name}/{folder.name}")
            self._leave(followed)

    def live(self, name: str) -> Row | None:
        """The row of a session that goes on here, by its id, its transport's or its carrier's; a carrier's account of a
        call only where nothing else is known of it."""
        found = [one for one in self._live() if name in (one["session_id"], one["call_id"], one["carrier_call_id"])]
        best = min(found, key=lambda one: one["joined_to"] is not None, default=None)
        return dict(best) if best is not None else None

    def live_ids(self) -> frozenset[str]:
        """The ids of the sessions that go on here."""
        return frozenset(session["session_id"] for session in self._live())

    def _live(self) -> Iterator[Row]:
        for followed in self._followed.values():
            if followed.account.session is not None and not followed.account.ended:
                yield followed.account.session

    def check_schema(self) -> None:
        """Make sure, once, that the tables are those of this Trunkline. Waits for the database. Raises
        ``SchemaError``, ``StoreDown``, ``StoreError``."""
        if not self._ready:
            with self._looking:
                if not self._ready:
                    schema.ready(self._database)
                    self._ready = True

    def works(self) -> None:
        """The database answers."""
        if self.problem:
            log.info("the store works again: %s", self._database.address)
            self.problem = ""

    def fails(self, problem: str) -> None:
        """It cannot be used, and why. Its tables are looked at again when it can."""
        if problem != self.problem:
            log.error("the store: %s; calls go on, and are filed when it works", problem)
            self.problem = problem
        self._ready = False

    @property
    def going_on(self) -> frozenset[str]:
        """The folders of sessions that this process holds, or has not written to the end."""
        return frozenset(self._followed) | frozenset(self._dirty) | self._in_hand

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what waits, for so long at most. What cannot be written is filed at the next start."""
        self._stop.set()
        self._wake.set()
        if self._greenlet is not None:
            self._greenlet.join(timeout_s)
            if not self._greenlet.ready():
                log.warning("the store did not take everything; the rest is filed from the folders at the next start")
            self._greenlet.kill()

    # ------------------------------------------------------------ told by those followed

    def changed(self, followed: "_Followed", urgent: bool) -> None:
        """Rows of a session wait."""
        name = followed.account.folder
        if name not in self._dirty and len(self._dirty) >= self._most:
            self._make_room()
        self._dirty[name] = followed
        self._wake.set()
        if urgent:
            self._hurry.set()

    def _make_room(self) -> None:
        """A session that has ended is safe in its folder; of the others the oldest is."""
        name = next((name for name, one in self._dirty.items() if one.account.ended), next(iter(self._dirty)))
        self._leave(self._dirty[name])

    def _leave(self, followed: "_Followed") -> None:
        """This one is filed later, from its folder."""
        followed.leave()
        self._dirty.pop(followed.account.folder, None)
        self._lacking()

    # ------------------------------------------------------------ the writer

    def _run(self) -> None:
        pause_s, written_at = RETRY_S[0], 0.0
        while self._dirty or not self._stop.is_set():
            self._wake.wait()
            if not self._stop.is_set():
                self._hurry.wait(max(0.0, written_at + self._every_s - monotonic()))
            self._wake.clear()
            self._hurry.clear()
            try:
                if self._dirty:
                    self._write_all()
                pause_s = RETRY_S[0]
            except StoreError as fault:
                self.fails(str(fault))
                if self._stop.wait(pause_s):
                    return
                pause_s = min(pause_s * 2, RETRY_S[1])
                self._wake.set()
            written_at = monotonic()

    def _write_all(self) -> None:
        self.check_schema()
        while self._dirty:
            names = list(self._dirty)[:BATCH]
            self._in_hand = frozenset(names)
            try:
                self._write([self._dirty.pop(name) for name in names])
            finally:
                self._in_hand = frozenset()
            if self.problem:
                self.works()
                self._lacking()

    def _write(self, batch: "list[_Followed]") -> None:
        """One transaction. Where the database refuses the rows of one session, the others are written by themselves."""
        work = [(one, dict(one.account.session), one.account.take_changes())
                for one in batch if one.account.session is not None]
        began = monotonic()
        try:
            self._database.run(lambda connection: _write(connection, work), write=True)
        except StoreDown:
            self._put_back(work)
            raise
        except StoreError as fault:
            self._put_back(work)
            if len(work) > 1:
                for name in [one.account.folder for one, _, _ in work]:
                    if name in self._dirty:
                        self._write([self._dirty.pop(name)])
                return
            log.error("session %s cannot be stored: %s", work[0][0].account.folder, fault)
            work[0][0].leave()
            self._dirty.pop(work[0][0].account.folder, None)
            return
        self.write_ms = round((monotonic() - began) * 1000, 1)
        for one, session, _ in work:
            one.settled(session["session_id"])
            if session["filed"]:
                self._followed.pop(session["folder"], None)

    def _put_back(self, work: "list[tuple[_Followed, Row, Changes]]") -> None:
        for one, _, changes in work:
            if not one.broken:
                one.account.put_back(changes)
                self._dirty.setdefault(one.account.folder, one)



def _write(connection: Connection, work: "list[tuple[_Followed, Row, Changes]]") -> None:
    taken: set[str] = set()
    for one, session, _ in work:
        if not one.is_settled:
            session["session_id"] = session_id(connection, session, taken)
        taken.add(session["session_id"])
    write(connection, [(session, changes) for _, session, changes in work])


class _Followed:
    """A session whose log is listened to."""

    def __init__(self, filing: Filing, account: Account) -> None:
        self.account = account
        self.broken = False
        self.is_settled = False
        self.listener: Listener | None = None
        self._filing = filing
        self._seq = 0

    def take(self, event: Event) -> None:
        """The next line."""
        self._seq += 1
        if self.broken:
            return
        if (self.listener is not None and self.listener.dropped) or self.account.waiting > MOST_ROWS:
            self.leave()
        elif self.account.take(event, self._seq):
            self._filing.changed(self, event["event"] == "call_started")

    def leave(self) -> None:
        """Take no more of it."""
        self.broken = True
        self.account.take_changes()

    def settled(self, name: str) -> None:
        """It is in the database under this id."""
        self.is_settled = True
        if self.account.session is not None:
            self.account.session["session_id"] = name
