"""One call for the console, live or finished: its report, and the waveforms of both sides."""

import base64
import gzip
import json
import logging
import re
from pathlib import Path

import numpy as np

from engine import paths
from engine.offhub import off_hub
from engine.service import Engine
from engine.store import reading
from engine.store.errors import StoreError
from engine.telemetry import eventlog, recording, report
from engine.telemetry.aftercall import LOG, PAGE, RECORDING, REPORT
from engine.telemetry.errors import TelemetryError
from engine.web.errors import ApiError
from engine.web.route import Answer, Asked, Route

log = logging.getLogger(__name__)

PEAKS = "peaks.json"
"""The waveform of a finished call, kept in its folder."""

COLUMN_S = 0.02
MOST_COLUMNS = 12000
"""A column is 20 ms, in long calls more: four minutes are whole, an hour has one every 0.3 s."""

SMALL_BYTES = 4096
"""Shorter answers are not compressed."""


def routes(engine: Engine) -> list[Route]:
    """Routes over the calls of ``engine``, and over those that are over."""

    def folder_of(asked: Asked) -> tuple[Path, bool]:
        call_id = asked.path["call_id"]
        call = engine.live.get(call_id)
        folder = call.folder if call is not None else _stored(engine, call_id) or off_hub(search, call_id)
        if folder is None:
            raise ApiError(404, "not_found", f"there is no call {call_id}", param="call_id")
        return folder, call is not None

    def show(asked: Asked) -> Answer:
        folder, live = folder_of(asked)
        return _packed(asked, off_hub(_told, asked.path["call_id"], folder, live))

    def waveform(asked: Asked) -> Answer:
        folder, live = folder_of(asked)
        return _packed(asked, off_hub(_waveform, folder, live))

    return [
        Route("GET", "/api/console/calls/<call_id>", show, "One call: `live`, `recording`, `page`, and its `report` "
              "as far as it is.", scope="read"),
        Route("GET", "/api/console/calls/<call_id>/waveform", waveform, "Lowest and highest sample of each stretch of "
              "both sides: `seconds`, and in `channels` pairs of signed bytes (base64).", scope="read"),
    ]


def _stored(engine: Engine, call_id: str) -> Path | None:
    """The folder as the store has it; None where it does not know, has none here, or cannot be asked."""
    if engine.store is None:
        return None
    try:
        row = engine.store.read(lambda connection: reading.find(connection, call_id))
    except StoreError as fault:
        log.debug("the folder of call %s is searched for: %s", call_id, fault)
        return None
    folder = paths.calls() / row["folder"] if row is not None else None
    return folder if folder is not None and off_hub(folder.is_dir) else None


def search(call_id: str) -> Path | None:
    """The folder of the call, the newest first; None where there is none."""
    safe = re.sub(r"[^0-9A-Za-z._-]", "_", call_id).lstrip(".")[:80]
    days = sorted((day for day in paths.calls().glob("*") if day.is_dir()), reverse=True)
    pattern = "[0-9]" * 6 + f"-{safe}"
    return next((folder for day in days for folder in sorted(day.glob(pattern), reverse=True)), None) if safe else None


def _told(call_id: str, folder: Path, live: bool) -> bytes:
    """Report and facts as JSON. The report of a finished call is given as it lies there, not read."""
    head = {"id": call_id, "live": live, "recording": (folder / RECORDING).exists(), "page": (folder / PAGE).exists()}
    text = None if live else _content(folder / REPORT)
    if text is None:
        try:
            log = eventlog.read(folder / LOG)
        except TelemetryError as fault:
            raise ApiError(404, "not_found", f"the call has no event log: {fault}", param="call_id") from fault
        text = json.dumps(report.build(log.events, log.damaged).to_dict(), ensure_ascii=False, default=str).encode()
    return json.dumps(head).encode()[:-1] + b', "report": ' + text + b"}"


def _waveform(folder: Path, live: bool) -> bytes:
    """The peaks as JSON, from the folder where they are kept there."""
    kept = None if live else _content(folder / PEAKS)
    if kept is not None:
        return kept
    try:
        found = recording.read(folder / RECORDING)
    except TelemetryError as fault:
        raise ApiError(404, "not_found", f"the call has no recording: {fault}", param="call_id") from fault
    columns = int(min(MOST_COLUMNS, max(1, found.seconds / COLUMN_S)))
    peaks = (found.peaks(columns) // 256).astype(np.int8)
    made = json.dumps({
        "seconds": round(found.seconds, 3), "rate": found.rate, "columns": columns,
        "channels": [base64.b64encode(channel.tobytes()).decode() for channel in peaks],
    }).encode()  # fmt: skip
    if not live and (folder / REPORT).exists():  # nothing will be added to the recording
        _keep(folder / PEAKS, made)
    return made


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _keep(path: Path, data: bytes) -> None:
    """Whole or not at all; a folder that cannot be written is made anew each time."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)


def _packed(asked: Asked, data: bytes) -> Answer:
    """JSON, compressed where the client takes that."""
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if len(data) > SMALL_BYTES and "gzip" in asked.headers.get("Accept-Encoding", ""):
        data, headers["Content-Encoding"] = off_hub(gzip.compress, data, 1), "gzip"
    return Answer(data, "application/json", headers)
