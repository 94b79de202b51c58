"""Sessions over HTTP: lists and search, one session, what was said in it, its files; ending it.

The database answers for sessions that are over, the engine itself for those it holds; files come from the folder of the
call, on the node that held it.
"""

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from engine import paths
from engine.offhub import off_hub
from engine.service import Engine
from engine.store import reading, search
from engine.store.account import Row
from engine.store.errors import BadQuery, StoreError
from engine.store.store import Store
from engine.store.tables import call_sessions
from engine.telemetry.aftercall import LOG, PAGE, RECORDING, REPORT
from engine.telemetry.errors import TelemetryError
from engine.telemetry.eventlog import decode
from engine.web import wavefile
from engine.web.errors import ApiError
from engine.web.route import Answer, Asked, Route
from engine.web.sessionmodels import Events, Items, SessionFull, SessionList, ToolCalls, Transcript

T = TypeVar("T")

PAGE_POLICY = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of the call page over HTTP: what it may load and run stands in the page itself, with the hash of its one script."""


def routes(engine: Engine) -> list[Route]:
    """All of ``/sessions``."""
    of = _Sessions(engine)
    one = "/sessions/<session_id>"
    return [
        Route("GET", "/sessions", of.find, "Sessions, the newest first; search over past calls.", scope="read",
              query=Wanted, answer=SessionList),
        Route("GET", one, of.show, "One session, live or over.", scope="read", answer=SessionFull),
        Route("DELETE", one, of.end, "End a live session, whatever it came by.\nA call is hung up, a WebSocket closed, "
              "a conversation in writing forgotten. 409 when it is over.", scope="admin", status=202),
        Route("GET", f"{one}/transcript", of.transcript, "What was said.", scope="read", query=Following,
              answer=Transcript),
        Route("GET", f"{one}/items", of.items, "The conversation as a model sees it.", scope="read", query=Following,
              answer=Items),
        Route("GET", f"{one}/tools", of.tools, "Skills that were called.", scope="read", query=Following,
              answer=ToolCalls),
        Route("GET", f"{one}/events", of.events, "Lines of the event log.", scope="read", query=Following,
              answer=Events),
        Route("GET", f"{one}/report", of.report, "The report, once the session is over.", scope="read"),
        Route("GET", f"{one}/recording", of.recording, "The recording, audio/wav; takes Range.", scope="read",
              produces=("audio/wav",)),
        Route("GET", f"{one}/{RECORDING}", of.recording, "The recording, where the call page looks for it.",
              scope="read", produces=("audio/wav",)),
        Route("GET", f"{one}/page", of.page, "The call page, once the session is over.", scope="read",
              produces=("text/html",)),
    ]


def _sound(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    return text


def _utc(time: datetime) -> datetime:
    """A time without a zone is UTC."""
    if not 1970 <= time.year <= 9000:
        raise ValueError("must lie between the years 1970 and 9000")
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time


Words = Annotated[str, AfterValidator(_sound)]
Time = Annotated[datetime, AfterValidator(_utc)]


class Wanted(BaseModel):
    """What sessions are wanted."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    q: Words = Field("", max_length=500)
    """Words that were said, or beginnings of them, all of them, in any order."""

    caller: Words = Field("", max_length=100)
    """A part of the caller's number."""

    called: Words = Field("", max_length=100)
    """A part of the number called."""

    agent: Words = Field("", max_length=200)
    language: Words = Field("", max_length=20)
    outcome: Words = Field("", max_length=40)
    """handed_over, agent_done, caller_left, let_go, machine, failed, not_answered"""

    state: Words = Field("", max_length=40)
    status: Words = Field("", max_length=40)
    transport: Words = Field("", max_length=40)
    node: Words = Field("", max_length=300)
    error: bool | None = None
    """Only sessions with an error, or only those without."""

    slower_ms: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Only sessions whose answers took longer than this (95th percentile)."""

    after: Time | None = None
    """Begun at this time or later."""

    before: Time | None = None
    """Begun before this time."""

    limit: int = Field(50, ge=1, le=search.MOST_ROWS)
    cursor: Words = Field("", max_length=1000)
    """``next`` of the page before."""


class Following(BaseModel):
    """A page of a list."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    after: int = Field(0, ge=0, le=2**31 - 1)
    """``next`` of the page before."""

    limit: int = Field(500, ge=1, le=2000)


class _Sessions:
    """The handlers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # ------------------------------------------------------------ the database

    def find(self, asked: Asked) -> dict[str, Any]:
        """A page of sessions."""
        wanted = asked.query.model_dump()
        query = search.Query(text=wanted.pop("q"), **wanted)
        try:
            page = self._read(lambda connection: search.find(connection, query))
        except BadQuery as fault:
            raise ApiError(422, "invalid_value", str(fault), fault.param) from fault
        live = self._store.filing.live_ids()
        return {"data": [{**_plain(row), "live": row["session_id"] in live} for row in page.rows],
                "next": page.following or None}

    def show(self, asked: Asked) -> dict[str, Any]:
        """One session."""
        name = asked.path["session_id"]
        live = self._live(name)
        found = None
        try:
            found = self._read(lambda connection: reading.session(connection, name))
        except ApiError:
            if live is None:
                raise
        if live is None and found is None:
            raise _unknown(name)
        row = {**dict.fromkeys(call_sessions.c.keys()), **(found.row if found else {}), **(live or {})}
        counters = {**(found.counters if found else {}), **{count: row[count] for count in reading.COUNTED}}
        people = [_plain(one) for one in found.participants] if found else []
        accounts = [_plain(one) for one in found.accounts] if found else []
        switch = _plain(found.switch) if found and found.switch else None
        return {**_plain(row), "live": live is not None, "participants": people, "counters": counters,
                "carrier_accounts": accounts, "switch_record": switch}

    def transcript(self, asked: Asked) -> dict[str, Any]:
        """Its segments."""
        return self._list(asked, reading.segments)

    def items(self, asked: Asked) -> dict[str, Any]:
        """Its conversation items."""
        return self._list(asked, reading.items)

    def tools(self, asked: Asked) -> dict[str, Any]:
        """Its calls of skills."""
        return self._list(asked, reading.calls_of_tools)

    def _list(self, asked: Asked, rows_of: Callable[[Connection, str, int, int], list[Row]]) -> dict[str, Any]:
        name, page = asked.path["session_id"], asked.query

        def work(connection: Connection) -> tuple[str, list[Row]] | None:
            row = reading.find(connection, name)
            return (row["session_id"], rows_of(connection, row["session_id"], page.after, page.limit)) if row else None

        found = self._read(work)
        if found is None and (live := self._live(name)) is not None:
            found = live["session_id"], []  # so new that it is not written yet
        if found is None:
            raise _unknown(name)
        session_id, rows = found
        return {"session_id": session_id, "data": [_plain(row) for row in rows],
                "next": rows[-1]["source_seq"] if len(rows) == page.limit else None}

    # ------------------------------------------------------------ files

    def events(self, asked: Asked) -> Answer:
        """Lines of the log, as they are."""
        row, folder = self._folder(asked)
        page = asked.query
        lines = off_hub(_lines, folder / LOG, page.after, page.limit)
        following = json.dumps(page.after + len(lines) if len(lines) == page.limit else None).encode()
        name = json.dumps(row["session_id"]).encode()
        return Answer(b'{"session_id":%b,"data":[%b],"next":%b}' % (name, b",".join(lines), following),
                      "application/json")

    def report(self, asked: Asked) -> Answer:
        """``report.json``."""
        _, folder = self._folder(asked)
        return Answer(_file(folder / REPORT, "report"), "application/json")

    def page(self, asked: Asked) -> Answer:
        """``call.html``."""
        _, folder = self._folder(asked)
        return Answer(_file(folder / PAGE, "page"), "text/html", {"Content-Security-Policy": PAGE_POLICY})

    def recording(self, asked: Asked) -> Answer:
        """``recording.wav``."""
        _, folder = self._folder(asked)
        try:
            return wavefile.answer(folder / RECORDING, asked.headers.get("Range"))
        except TelemetryError as fault:
            raise ApiError(404, "no_recording", "there is no recording: none was made, or it is not kept any more",
                           ) from fault

    def _folder(self, asked: Asked) -> tuple[Row, Path]:
        """The row of a session, and its folder here."""
        name = asked.path["session_id"]
        row = self._live(name) or self._read(lambda connection: reading.find(connection, name))
        if row is None:
            raise _unknown(name)
        calls = paths.calls()
        folder = calls / row["folder"]
        if calls not in folder.parents or ".." in folder.parts or not folder.is_dir():
            where = f"they are on the node {row['node']}" if row["node"] != self._engine.node else "they were deleted"
            raise ApiError(404, "no_files", f"the files of this session are not here: {where}")
        return row, folder

    # ------------------------------------------------------------ live sessions

    def end(self, asked: Asked) -> dict[str, Any]:
        """End it; the answer does not wait for the end."""
        name = asked.path["session_id"]
        row = self._live(name)
        call = self._engine.live.get(row["call_id"] if row else name)
        why = f"DELETE /sessions by {asked.key.name if asked.key else 'an unknown key'}"
        silent = self._engine.sessions.get(name)
        if call is None and silent is not None:  # a client that has only connected
            silent.let_go(why)
        elif call is None:
            if row is None and self._read(lambda connection: reading.find(connection, name)) is None:
                raise _unknown(name)
            raise ApiError(409, "session_over", "this session is over, or another node holds it", "session_id")
        else:
            call.end(why)
        return {"session_id": row["session_id"] if row else name, "status": "ending"}

    def _live(self, name: str) -> Row | None:
        store = self._engine.store
        return store.filing.live(name) if store is not None else None

    # ------------------------------------------------------------ helpers

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            return self._store.read(work)
        except BadQuery:
            raise
        except StoreError as fault:
            raise ApiError(503, "store_unavailable", f"the database of sessions does not answer: {fault}",
                           type="server_error", headers={"Retry-After": "5"}) from fault

    @property
    def _store(self) -> Store:
        store = self._engine.store
        if store is None:
            raise ApiError(503, "store_off", "sessions are not stored: store.enabled is off, or the engine is starting",
                           type="server_error")
        return store


def _plain(row: Row) -> dict[str, Any]:
    """A row as JSON has it; times with a Z, a segment's number under its public name."""
    shown = {name: _iso(value) if isinstance(value, datetime) else value for name, value in row.items()
             if name != "words"}
    return {"segment_id": shown.pop("id"), **shown} if "words" in row else shown


def _iso(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _unknown(name: str) -> ApiError:
    return ApiError(404, "session_not_found", f"there is no session {name[:100]!r}", "session_id")


def _file(path: Path, what: str) -> bytes:
    try:
        return off_hub(path.read_bytes)
    except FileNotFoundError:
        raise ApiError(404, f"no_{what}", f"there is no {what}: it is made when the session is over (record.page)",
                       ) from None


def _lines(path: Path, after: int, limit: int) -> list[bytes]:
    """Lines ``after`` + 1 to ``after`` + ``limit``, those that are events."""
    found: list[bytes] = []
    number = 0
    try:
        with path.open("rb") as lines:
            for line in lines:
                if number >= after + limit:
                    break
                if number < after:
                    number += 1  # not looked into: damaged lines are at the end, where a log broke off
                elif decode(line) is not None:
                    number += 1
                    found.append(line.strip())
    except FileNotFoundError:
        return []
    return found
