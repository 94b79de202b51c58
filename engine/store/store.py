"""The store as the engine holds it: the database, the writer, and the greenlet that keeps house.

    store = Store(config.store, paths.calls())
    store.start(node)
    store.filing.follow(call.events, call.folder)
    store.read(lambda connection: reading.session(connection, name))
    store.close()
"""

import logging
import math
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from time import monotonic
from typing import TypeVar

import gevent
from gevent.event import Event as Flag
from sqlalchemy import Connection

from engine.config.store import StoreOptions
from engine.store.database import Database
from engine.store.errors import StoreDown, StoreError
from engine.store.filing import Filing
from engine.store.refiling import EVENTS, end_lost, file_folder, unfiled
from engine.store.retention import sweep
from engine.store.values import as_time
from engine.telemetry.eventlog import decode
from engine.telemetry.state import Component

log = logging.getLogger(__name__)

T = TypeVar("T")

SETTLE_S = 10.0
"""What was left to be filed from its folder waits so long, until the folder is whole."""

DAY_S = 86_400.0

AGAIN_S = 60.0
"""When the database did not answer, it is asked again after so long."""


class Store:
    """Opened by ``start``; nothing of it ever stops a call."""

    def __init__(self, options: StoreOptions, calls: Path) -> None:
        """``calls``: the folder of calls. Raises ``StoreError`` for a wrong address or a missing driver."""
        self.database = Database(options)
        self.filing = Filing(self.database, options, self._lack)
        self._options = options
        self._calls = calls
        self._node = ""
        self._started = datetime.now(timezone.utc)
        self._lacking, self._stop = Flag(), Flag()
        self._keeper: gevent.Greenlet | None = None

    def start(self, node: str) -> None:
        """Begin to write, file what is not filed yet, delete what is too old. ``node``: the name of this engine in the
        logs; what is live under it and not held by it has broken off."""
        self._node, self._started = node, datetime.now(timezone.utc)
        self.filing.start()
        self._keeper = gevent.spawn(self._keep)

    def read(self, work: Callable[[Connection], T]) -> T:
        """``work(connection)`` on tables of this Trunkline. Raises ``StoreDown``, ``SchemaError``, ``StoreError``."""
        self.filing.check_schema()
        return self.database.run(work)

    def component(self) -> Component:
        """For ``/health``. Calls do without the store, so it is never worse than degraded."""
        problem = self.filing.problem
        if not problem:
            return Component("ok", self.filing.write_ms)
        return Component("degraded", self.filing.write_ms,
                         f"{problem}. Calls go on, and are filed when it works; `trunkline db status` looks at it")

    def close(self) -> None:
        """Write what waits, then let go of the database."""
        self._stop.set()
        self._lacking.set()
        self.filing.close()
        if self._keeper is not None:
            self._keeper.join(5.0)
            self._keeper.kill()
        self.database.close()

    # ------------------------------------------------------------ keeping house

    def _lack(self) -> None:
        self._lacking.set()

    def _keep(self) -> None:
        """File and sweep at the start, every day, and file when something was left."""
        wait_s, swept_at = 0.0, -math.inf
        while not self._stop.wait(wait_s):
            self._lacking.clear()
            rest_s = AGAIN_S
            try:
                self.filing.check_schema()
                self.catch_up()
                if monotonic() >= swept_at + DAY_S:
                    swept = sweep(self.database, self._calls, self._options.retention, datetime.now(timezone.utc))
                    log.info("swept: %s", swept)
                    swept_at = monotonic()
                rest_s = swept_at + DAY_S - monotonic()
                self.filing.works()
            except StoreError as fault:
                self.filing.fails(str(fault))
            wait_s = SETTLE_S if self._lacking.wait(rest_s) else 0.0

    def catch_up(self) -> int:
        """File the folders that are not filed, but for calls that go on. How many."""
        filed = 0
        for folder in unfiled(self.database, self._calls, oldest_day(self._options)):
            if self._stop.is_set():
                break
            name = f"{folder.parent.name}/{folder.name}"
            if name not in self.filing.going_on:
                try:
                    # Sessions that go on are written by the engine that holds them.
                    filed += file_folder(self.database, folder, self._calls, self._is_over(folder), live=False)
                    self.filing.broken_off.discard(name)
                except StoreDown:
                    raise
                except StoreError as fault:
                    log.warning("%s is not filed: %s", folder, fault)
        end_lost(self.database, self._node, self._calls, self.filing.going_on)
        if filed:
            log.info("%d sessions were filed from their folders", filed)
        return filed

    def _is_over(self, folder: Path) -> bool:
        """Whether it goes on no more: an engine of this name wrote it before this one, or it ended without a last
        line."""
        if f"{folder.parent.name}/{folder.name}" in self.filing.broken_off:
            return True
        try:
            with (folder / EVENTS).open("rb") as lines:
                event = decode(lines.readline(65536))
        except OSError:
            return False
        return (event is not None and event.get("node") == self._node
                and as_time(event.get("started")) < self._started)


def oldest_day(options: StoreOptions) -> str:
    """The first day whose folders are still filed: earlier sessions would be deleted at once."""
    days = options.retention.session_days
    return f"{datetime.now(timezone.utc) - timedelta(days=days):%Y-%m-%d}" if days else ""
