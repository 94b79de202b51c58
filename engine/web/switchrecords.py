"""``POST /webhook/freeswitch/cdr``: what FreeSWITCH knows of a channel that is over, filed beside the sessions; also of
calls that never came to the engine."""

import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from engine.carriers import switchrecord
from engine.carriers.errors import Unreadable
from engine.carriers.signatures import verify_basic
from engine.service import Engine
from engine.store import switchrecords
from engine.store.errors import StoreError
from engine.web.errors import ApiError
from engine.web.route import Asked, Route
from engine.web.sessionmodels import SwitchRecord

LARGEST = 512_000
"""Bytes of a record; one of a long call with many applications has some tens of thousands."""


def routes(engine: Engine, environ: Mapping[str, str] = os.environ) -> list[Route]:
    """Filing and looking."""
    options = engine.config.carriers.freeswitch

    def file(asked: Asked) -> None:
        password = environ.get(options.password_env, "")
        if not verify_basic(asked.headers.get("Authorization", ""), options.user, password):
            told = f"{options.password_env} is not set" if not password else "send the name and password of cred"
            raise ApiError(401, "unproven", f"records of FreeSWITCH need Basic authentication: {told}",
                           type="authentication_error", headers={"WWW-Authenticate": 'Basic realm="cdr"'})
        try:
            row = switchrecord.read(asked.data)
        except Unreadable as fault:
            raise ApiError(400, "invalid_record", str(fault)) from fault
        row["received_at"] = datetime.now(timezone.utc)
        _in_store(engine, lambda store: store.database.run(
            lambda connection: switchrecords.write(connection, row), write=True))

    def show(asked: Asked) -> dict[str, Any]:
        name = asked.path["uuid"]
        found = _in_store(engine, lambda store: store.read(lambda connection: switchrecords.find(connection, name)))
        if found is None:
            raise ApiError(404, "record_not_found", f"FreeSWITCH has told nothing of {name[:100]!r}", "uuid")
        row: dict[str, Any] = found
        return row

    return [
        Route("POST", "/webhook/freeswitch/cdr", file, "FreeSWITCH's record of a call (mod_json_cdr).", raw=True,
              max_bytes=LARGEST, status=204),
        Route("GET", "/webhook/freeswitch/cdr/<uuid>", show, "What FreeSWITCH told of a channel, also of one that "
              "never came to the engine.", scope="read", answer=SwitchRecord),
    ]


def _in_store(engine: Engine, work: Any) -> Any:
    """mod_json_cdr sends a record again that is not taken (``retries``), then writes it to a file (``err-log-dir``)."""
    if engine.store is None:
        raise ApiError(503, "store_off", "records are not stored: store.enabled is off, or the engine is starting",
                       type="server_error")
    try:
        engine.store.filing.check_schema()
        return work(engine.store)
    except StoreError as fault:
        raise ApiError(503, "store_unavailable", f"the database does not answer: {fault}", type="server_error",
                       headers={"Retry-After": "5"}) from fault
