"""What a session's event log means for the tables: lines in, rows out. Pure: no clock, no database.

    account = Account("2026-11-21/041502-6c1f...")
    for number, event in enumerate(log, 1):
        account.take(event, number)
    account.session            # the columns of call_sessions
    account.take_changes()     # rows of the other tables that are new or have changed since the last time

A log may be cut off anywhere and its values may be anything: nothing here raises for that. ``source_seq`` is the number
of the line that began a row, so the same log makes the same rows.
"""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any

from engine import lifecycle
from engine.lifecycle import Life
from engine.store import states
from engine.store.values import EPOCH, as_text, as_time, generation, number, parsed, plain, rank, span, whole
from engine.store.words import words

Row = dict[str, Any]
Event = dict[str, Any]

LONGEST_NAME = 200
"""Letters of an item's id."""

KEYS_APART_S = 5.0
"""Keys that are pressed further apart are another number."""

MOST_KEYS = 1000
"""Keys of one segment that are kept."""

HIDDEN = "***"
"""What stands in a masked line instead of a text."""

_FAULTS = frozenset({"error", "reply_failed", "provider_failed", "media_lost"})
"""Lines that count as an error, as in the call's report."""


class Account:
    """One session. ``session`` is None until its first line has come."""

    def __init__(self, folder: str) -> None:
        """``folder``: of the call, below the folder of calls; it names the session when its id is taken."""
        self.folder = folder
        self.session: Row | None = None
        self.ended = False
        """Whether the log has its last line."""

        self._changed: dict[str, dict[int, Row]] = {}
        self._base = EPOCH
        self._answers_ms: list[float] = []
        self._spoken: dict[int, Row] = {}  # the agent's segments, by generation
        self._answers: dict[int, Row] = {}  # their items
        self._less: dict[int, Event] = {}  # what a client says was heard of them
        self._began: dict[int, float] = {}  # when a reply was first heard
        self._done: dict[int, float] = {}  # when it ended
        self._tools: dict[str, Row] = {}
        self._heard: Row = {}  # the last final transcript
        self._keys: Row = {}  # the segment of the keys that were pressed last
        self._pressing = False  # whether the next key belongs to it
        self._human: Row | None = None
        self._apart: Row = {}  # the segment of the caller's time with a human
        self._people: dict[int, Row] = {}
        self._source = ""
        self._order = 0
        self._names: set[str] = set()  # of items
        self._machine = False
        self._life = Life()
        self._takes: dict[str, Callable[[Event, int], None]] = {
            "call_started": self._started, "answered": self._answered, "agent_picked": self._picked,
            "language": self._language, "dialect": self._dialect, "final": self._final, "turn": self._turn,
            "user_said": self._user_said, "agent_said": self._agent_said,
            "agent_heard": self._agent_heard, "on_wire": self._on_wire,
            "playout_finished": self._played, "cut": self._played, "tool_call": self._tool_call,
            "tool_result": self._tool_result, "handover_dialing": self._dialing, "handover_bridged": self._bridged,
            "caller_back": self._back, "recording": self._recording, "answering": self._answering, "cost": self._cost,
            "hangup": self._hangup, "media_attached": self._known, "handover_queued": self._known,
            "call_ended": self._ended, "dtmf": self._key, "digits": self._digits, "client_call": self._client_call,
            "client_result": self._client_result, "carrier_told": self._carrier, "carrier_joined": self._carrier,
            "joined": self._joined,
        }

    def take(self, event: Event, seq: int) -> bool:
        """The line number ``seq`` (from 1). Whether anything of the session or its rows is another now."""
        name = event["event"]
        if self.session is None and name != "call_started":
            return False
        take = self._takes.get(name)
        if take is None and name not in _FAULTS:
            return False
        if take is not None:
            take(event, seq)
        session = self.session
        assert session is not None
        if name in _FAULTS:
            session["errors"] += 1
        if name != "call_ended":
            self._become(self._life.take(event))
        return True

    def break_off(self, last: float) -> None:
        """The log has no last line and will get none: the engine died. ``last``: ``t`` of the last one there is."""
        if self.session is not None and not self.ended:
            self.session["hangup_cause"] = self.session["hangup_cause"] or "the log breaks off"
            self._end(max(last, 0.0), self._life.break_off())

    def take_changes(self) -> dict[str, list[Row]]:
        """Rows that are new or have changed, by the names of ``tables.CHILDREN``. They count as written then."""
        changed, self._changed = self._changed, {}
        return {table: [dict(row) for row in rows.values()] for table, rows in changed.items()}

    def put_back(self, changes: dict[str, list[Row]]) -> None:
        """What ``take_changes`` gave was not written. Rows that have changed again since stay as they are now."""
        for table, rows in changes.items():
            waiting = self._changed.setdefault(table, {})
            for row in rows:
                waiting.setdefault(row["source_seq"], row)

    @property
    def waiting(self) -> int:
        """How many rows ``take_changes`` would give."""
        return sum(map(len, self._changed.values()))

    # ------------------------------------------------------------ the call

    def _started(self, event: Event, seq: int) -> None:
        if self.session is not None:
            return
        started = as_time(event.get("started"))
        self._base = started - span(event.get("t"))
        call_id = as_text(event.get("id")) or self.folder.rpartition("/")[2]
        transport = as_text(event.get("transport")) or "freeswitch"
        caller, called = as_text(event.get("caller")) or None, as_text(event.get("called")) or None
        outbound = event.get("direction") == "outbound"
        customer = called if outbound else caller
        self.session = {
            "session_id": call_id, "call_id": call_id, "transport": transport, "mode": "bot",
            "direction": as_text(event.get("direction")) or None, "state": "created", "status": "active",
            "from_number": caller, "to_number": called, "did": caller if outbound else called,
            "fs_uuid": call_id if transport == "freeswitch" else None, "customer_phone": customer,
            "agent_id": None, "agent_name": None, "variant": None, "language": None, "dialect": None,
            "language_confidence": None, "outcome": None, "escalated": False, "cost_amount": None,
            "cost_currency": None, "recording_uri": None, "started_at": started, "answered_at": None, "ended_at": None,
            "hangup_cause": None, "hangup_by": None, "node": as_text(event.get("node")) or None, "folder": self.folder,
            "duration_s": None, "turns": 0, "interruptions": 0, "errors": 0, "answer_ms_p50": None,
            "answer_ms_p95": None, "filed": False, "carrier": None, "carrier_call_id": None, "carrier_recording": None,
            "joined_to": None,
        }
        self._source = "freeswitch" if transport == "freeswitch" else "realtime" if transport == "ws" else transport
        self._put("participants", seq, {"role": "customer", "fs_uuid": self.session["fs_uuid"], "leg": "a",
                                        "number": customer, "display_name": None, "joined_at": started,
                                        "left_at": None})

    def _answered(self, event: Event, seq: int) -> None:
        row = self._row()
        if row["answered_at"] is None:
            # Call time begins anew when the call is answered.
            self._base = row["answered_at"] = row["started_at"] + span(event.get("ms")) / 1000

    def _picked(self, event: Event, seq: int) -> None:
        name = as_text(event.get("name")) or None
        self._row().update(agent_id=name, agent_name=name, variant=as_text(event.get("variant")) or None,
                           language=as_text(event.get("language")) or None)
        self._put("participants", seq, {"role": "bot", "fs_uuid": None, "leg": None, "number": None,
                                        "display_name": name, "joined_at": self._at(event), "left_at": None})

    def _language(self, event: Event, seq: int) -> None:
        self._row()["language"] = as_text(event.get("language")) or None

    def _dialect(self, event: Event, seq: int) -> None:
        self._row().update(dialect=as_text(event.get("dialect")) or None,
                           language_confidence=number(event.get("confidence")))

    def _recording(self, event: Event, seq: int) -> None:
        self._row()["recording_uri"] = f"{self.folder}/{as_text(event.get('file'))}"

    def _answering(self, event: Event, seq: int) -> None:
        self._machine = event.get("verdict") == "machine"

    def _cost(self, event: Event, seq: int) -> None:
        self._row().update(cost_amount=number(event.get("total")), cost_currency=as_text(event.get("currency")) or None)

    def _hangup(self, event: Event, seq: int) -> None:
        self._row().update(hangup_cause=as_text(event.get("cause")) or None, hangup_by=as_text(event.get("by")) or None)

    def _carrier(self, event: Event, seq: int) -> None:
        """What the carrier knows. What the engine knows itself stays."""
        row, direction = self._row(), self._row()["direction"]
        caller, called = as_text(event.get("caller")) or None, as_text(event.get("called")) or None
        row["carrier"] = row["carrier"] or as_text(event.get("carrier")) or None
        row["carrier_call_id"] = row["carrier_call_id"] or as_text(event.get("call")) or None
        row["carrier_recording"] = as_text(event.get("recording")) or row["carrier_recording"]
        row["from_number"], row["to_number"] = row["from_number"] or caller, row["to_number"] or called
        row["hangup_cause"] = row["hangup_cause"] or as_text(event.get("cause")) or None
        if row["customer_phone"] is None:
            row["customer_phone"] = row["to_number"] if direction == "outbound" else row["from_number"]
        if event.get("means") in ("answered", "ended") and row["answered_at"] is None:
            row["answered_at"] = max(self._at(event) - span(event.get("seconds")), row["started_at"])

    def _joined(self, event: Event, seq: int) -> None:
        """This was the carrier's account of a call that the engine holds itself."""
        self._row()["joined_to"] = as_text(event.get("session")) or None

    def _ended(self, event: Event, seq: int) -> None:
        self._end(number(event.get("seconds")) or 0.0, self._life.take(event))

    def _end(self, seconds: float, state: str) -> None:
        row = self._row()
        row["ended_at"] = self._base + span(seconds)
        row["duration_s"] = round((row["ended_at"] - row["started_at"]).total_seconds(), 3)
        self._become(state)
        row["outcome"] = states.outcome(row, self._machine)
        self._together(seconds)
        for call in self._tools.values():
            if call["status"] == "running":
                call["status"] = "abandoned"
                self._put("tool_calls", call["source_seq"], call)
        for person in self._people.values():
            if person["left_at"] is None and person["joined_at"] is not None:
                person["left_at"] = row["ended_at"]
                self._put("participants", person["source_seq"], person)
        self.ended = row["filed"] = True

    # ------------------------------------------------------------ a human

    def _dialing(self, event: Event, seq: int) -> None:
        self._human = {"role": "agent", "fs_uuid": as_text(event.get("leg")) or None, "leg": "b", "number": None,
                       "display_name": as_text(event.get("target")) or None, "joined_at": None, "left_at": None}

    def _bridged(self, event: Event, seq: int) -> None:
        human, self._human = self._human, None
        human = human or {"role": "agent", "fs_uuid": None, "leg": "b", "number": None, "left_at": None,
                          "display_name": as_text(event.get("target")) or None}
        self._put("participants", seq, {**human, "joined_at": self._at(event)})
        self._row()["escalated"] = True
        # Nobody hears them, but who reads the transcript is to know that there was something said.
        text = f"[with {human['display_name'] or 'a human'}, not heard by the agent]"
        self._apart = {**self._segment("agent", text, event, language=None, confidence=None, start_time=self._when(
            event), end_time=None), "words": "", "source": "handover"}
        self._put("segments", seq, self._apart)

    def _together(self, at: float | None) -> None:
        """The caller's time with a human is over."""
        if self._apart and at is not None:
            self._apart["end_time"] = at
            self._put("segments", self._apart["source_seq"], self._apart)
        self._apart = {}

    def _back(self, event: Event, seq: int) -> None:
        self._together(self._when(event))
        for person in self._people.values():
            if person["role"] == "agent" and person["left_at"] is None:
                person["left_at"] = self._at(event)
                self._put("participants", person["source_seq"], person)

    # ------------------------------------------------------------ what is said

    def _final(self, event: Event, seq: int) -> None:
        self._heard = event

    def _turn(self, event: Event, seq: int) -> None:
        self._row()["turns"] += 1
        self._pressing = False

    def _user_said(self, event: Event, seq: int) -> None:
        text = as_text(event.get("text"))
        if not text:
            return
        self._item(seq, event, "message", "user", self._content("input", text), name=event.get("item"))
        keys, self._keys, self._pressing = self._keys, {}, False
        if keys and keys["text"] == "".join(text.split()):
            return  # they were a turn of the caller's, and stand there already
        confidence = number(self._heard.get("confidence"))
        language = as_text(self._heard.get("language")) or self._row()["language"]
        self._put("segments", seq, self._segment("customer", text, event, language=language, confidence=(
            confidence if confidence is not None and confidence >= 0 else None),
            start_time=number(event.get("start")), end_time=number(event.get("end"))))

    def _key(self, event: Event, seq: int) -> None:
        """Keys that are pressed in a row are one segment."""
        key, at, keys = as_text(event.get("digit")), self._when(event), self._keys
        if not self._pressing or at - keys["end_time"] > KEYS_APART_S:
            keys = self._keys = {**self._segment("customer", "", event, language=None, confidence=None, start_time=at,
                                                 end_time=at), "source": "dtmf"}
        self._pressing = True
        keys["text"] = HIDDEN if HIDDEN in (key, keys["text"]) else (keys["text"] + key)[:MOST_KEYS]
        keys.update(words=" ".join(words(keys["text"])), end_time=at)
        self._put("segments", keys.get("source_seq", seq), keys)

    def _digits(self, event: Event, seq: int) -> None:
        """All of a number that was asked for: what is pressed next is another one."""
        self._keys, self._pressing = {}, False

    def _agent_said(self, event: Event, seq: int) -> None:
        text, gen = as_text(event.get("text")), generation(event)
        if not text:
            return
        less = self._less.get(gen)
        text = text if less is None else as_text(less.get("text"))
        interrupted = bool(event.get("interrupted")) or less is not None
        start, end = self._began.get(gen), self._done.get(gen)
        row = self._segment("bot", text, event, language=self._row()["language"], confidence=None, start_time=start,
                            end_time=end, interrupted=interrupted)
        self._spoken[gen] = row
        self._put("segments", seq, row)
        self._row()["interruptions"] += interrupted
        heard_ms = None
        if interrupted and start is not None and end is not None:
            heard_ms = round(span(end - start).total_seconds() * 1000)
        if less is not None:
            heard_ms = whole(less.get("ms"))
        self._answers[gen] = self._item(seq, event, "message", "assistant", self._content("output", text),
                                        "incomplete" if interrupted else "completed", heard_ms, event.get("item"))

    def _agent_heard(self, event: Event, seq: int) -> None:
        """Less of a reply was heard than is, or will be, told as said."""
        gen, text = generation(event), as_text(event.get("text"))
        self._less[gen] = event
        row, item = self._spoken.get(gen), self._answers.get(gen)
        if row is None or item is None:
            return
        self._row()["interruptions"] += not row["interrupted"]
        row.update(text=text, words=" ".join(words(text)), interrupted=True)
        self._put("segments", row["source_seq"], row)
        item.update(content=self._content("output", text), status="incomplete", truncated_ms=whole(event.get("ms")))
        self._put("items", item["source_seq"], item)

    def _content(self, way: str, text: str) -> list[Row]:
        """Of a message, as the protocol has it."""
        if self._source == "text":
            return [{"type": f"{way}_text", "text": text}]
        return [{"type": f"{way}_audio", "transcript": text}]

    def _segment(self, speaker: str, text: str, event: Event, **fields: Any) -> Row:
        return {"speaker": speaker, "text": text, "words": " ".join(words(text)), "is_final": True,
                "interrupted": False, "source": self._source, "created_at": self._at(event), **fields}

    def _on_wire(self, event: Event, seq: int) -> None:
        self._began.setdefault(generation(event), self._when(event))
        after = number(event.get("after_voice_ms"))
        if after is not None:
            self._answers_ms.append(after)
            self._row().update(answer_ms_p50=rank(self._answers_ms, 0.5), answer_ms_p95=rank(self._answers_ms, 0.95))

    def _played(self, event: Event, seq: int) -> None:
        gen = generation(event)
        end = self._done.setdefault(gen, self._when(event))
        row = self._spoken.get(gen)
        if row is not None and row["end_time"] is None:
            row["end_time"] = end
            self._put("segments", row["source_seq"], row)

    def _known(self, event: Event, seq: int) -> None:
        """Only the state is another."""

    def _item(self, seq: int, event: Event, kind: str, role: str | None, content: Any, status: str = "completed",
              truncated_ms: int | None = None, name: object = None) -> Row:
        """``name``: the id that the client's session has for it; each is taken once."""
        self._order += 1
        gen = generation(event)
        own = as_text(name)[:LONGEST_NAME]
        if not own or own == HIDDEN or own in self._names:
            own = f"item_{sha256(f'{self.folder}:{seq}'.encode()).hexdigest()[:20]}"
        self._names.add(own)
        row = {
            "id": own, "response_id": f"resp_{gen}" if gen >= 0 and role != "user" else None,
            "ord": self._order, "type": kind, "role": role, "content": content, "status": status,
            "truncated_ms": truncated_ms, "created_at": self._at(event)}
        self._put("items", seq, row)
        return row

    # ------------------------------------------------------------ skills

    def _tool_call(self, event: Event, seq: int) -> None:
        if not event.get("repeated"):
            side = "mcp" if event.get("side") == "mcp" else "server"
            self._called(event, seq, event.get("skill"), plain(event.get("arguments")), side)

    def _client_call(self, event: Event, seq: int) -> None:
        self._called(event, seq, event.get("name"), parsed(event.get("arguments")), "client")

    def _called(self, event: Event, seq: int, name: object, arguments: Any, side: str) -> None:
        call_id = as_text(event.get("id"))
        row = {"call_id": call_id or None, "name": as_text(name), "arguments": arguments, "result": None,
               "status": "running", "started_at": self._at(event), "duration_ms": None, "side": side, "error": None}
        self._tools[call_id] = row
        self._put("tool_calls", seq, row)
        self._item(seq, event, "function_call", None,
                   {"name": row["name"], "call_id": call_id, "arguments": arguments})

    def _tool_result(self, event: Event, seq: int) -> None:
        error = as_text(event.get("error")) or None
        self._returned(event, seq, plain(event.get("result")), bool(event.get("success")), error,
                       number(event.get("ms")))

    def _client_result(self, event: Event, seq: int) -> None:
        self._returned(event, seq, parsed(event.get("output")), True, None, None)

    def _returned(self, event: Event, seq: int, result: Any, success: bool, error: str | None, ms: float | None
                  ) -> None:
        call_id = as_text(event.get("id"))
        row = self._tools.get(call_id)
        if row is None or row["status"] != "running":
            return
        took_ms = round((self._at(event) - row["started_at"]).total_seconds() * 1000, 1) if ms is None else ms
        row.update(result=result, status="completed" if success else "failed", duration_ms=took_ms, error=error)
        self._put("tool_calls", row["source_seq"], row)
        self._item(seq, event, "function_call_output", None,
                   {"call_id": call_id, "output": result if success else {"error": error}}, name=event.get("item"))

    # ------------------------------------------------------------ rows

    def _row(self) -> Row:
        assert self.session is not None
        return self.session

    def _become(self, state: str) -> None:
        self._row().update(state=state, status=lifecycle.STATUS[state])

    def _put(self, table: str, seq: int, row: Row) -> None:
        row["source_seq"] = seq
        if table == "participants":
            self._people[seq] = row
        self._changed.setdefault(table, {})[seq] = row

    @staticmethod
    def _when(event: Event) -> float:
        """When it happened, in seconds of call time."""
        at = number(event.get("at"))
        return float(event["t"]) if at is None else at

    def _at(self, event: Event) -> datetime:
        return self._base + span(event.get("t"))
