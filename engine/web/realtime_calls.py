"""Telephone calls under OpenAI's calls API, and clients that attach to them (``docs/operator/sip-calls.md``).

    POST /v1/realtime/calls/{call_id}/accept, reject, refer, hangup
    WS   /v1/realtime?call_id=
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ConfigDict, Field

from engine.apps.errors import AppError, NotPending, ReferRefused
from engine.apps.offer import STATUSES
from engine.esl.errors import EslError
from engine.realtime.calls import REJECTED, Calls, NoSuchCall
from engine.realtime.errors import Refused
from engine.service import Engine
from engine.web.errors import ApiError
from engine.web.route import Asked, Route
from engine.web.socket import ServerSocket

PREFIXES = ("/v1/realtime/calls/<call_id>", "/openai/v1/realtime/calls/<call_id>")
"""OpenAI's place, and that of Azure's clients."""

POLICY = 1008
_CALLS: "WeakKeyDictionary[Engine, Calls]" = WeakKeyDictionary()


def calls_of(engine: Engine) -> Calls:
    """The calls of an engine: one, whoever asks."""
    found = _CALLS.get(engine)
    if found is None:
        found = _CALLS[engine] = Calls(engine)
    return found


class AcceptBody(BaseModel):
    """A session's configuration, as ``session.update`` has it."""

    model_config = ConfigDict(extra="allow")

    type: str = "realtime"


class RejectBody(BaseModel):
    """How a call is refused."""

    model_config = ConfigDict(extra="forbid")

    status_code: int = Field(REJECTED, ge=STATUSES.start, lt=STATUSES.stop, description="SIP status")


class ReferBody(BaseModel):
    """Where a caller is sent."""

    model_config = ConfigDict(extra="forbid")

    target_uri: str = Field(min_length=5, max_length=256, description="tel:NUMBER or sip:USER@HOST")


class Done(BaseModel):
    """It is done."""


def routes(engine: Engine) -> list[Route]:
    """What programs do with telephone calls."""
    calls = calls_of(engine)
    what: list[tuple[str, Callable[[Calls, Asked], None], str, type[BaseModel] | None]] = [
        ("accept", _accept, "Takes an incoming call that an app was asked about; answers when the call is answered.",
         AcceptBody),
        ("reject", _reject, "Refuses an incoming call with a SIP status.", RejectBody),
        ("refer", _refer, "Sends a caller to another number or address (realtime.refer_targets).", ReferBody),
        ("hangup", lambda calls, asked: calls.hang_up(asked.path["call_id"]), "Ends a call.", None),
    ]
    return [Route("POST", f"{prefix}/{name}", _handler(engine, calls, do), summary, scope="talk", body=body,
                  answer=Done)
            for prefix in PREFIXES for name, do, summary, body in what]


def hold(engine: Engine, socket: ServerSocket, asked: Asked, call_id: str) -> None:
    """Serve a client that attaches to a call. A page's ephemeral secret is for its own session only."""
    if asked.key is not None and asked.key.ephemeral:
        socket.close(POLICY, "an ephemeral secret opens its own session; to attach to a call takes an API key")
        return
    refused = _refused(engine, asked, call_id)
    if refused is not None:
        socket.close(POLICY, refused.message[:120])
        return
    calls_of(engine).hold(socket, call_id)


def _refused(engine: Engine, asked: Asked, call_id: str) -> ApiError | None:
    """A key of a program's (``talk``) is for calls that its app was asked about; to look into any other, or to end it,
    takes ``admin``, as at ``/sessions``."""
    call = engine.calls.get(call_id)
    if call is None or call.offer is not None or asked.key is not None and "admin" in asked.key.scopes:
        return None
    return ApiError(403, "missing_scope", "no app was asked about this call: it takes a key with the scope admin",
                    type="permission_error")


def _handler(engine: Engine, calls: Calls, do: Callable[[Calls, Asked], None]) -> Callable[[Asked], Done]:
    def handle(asked: Asked) -> Done:
        refused = _refused(engine, asked, asked.path["call_id"])
        if refused is not None:
            raise refused
        try:
            do(calls, asked)
        except NoSuchCall as fault:
            raise ApiError(404, "call_not_found", str(fault), param="call_id") from fault
        except NotPending as fault:
            raise ApiError(409, "call_not_pending", str(fault), param="call_id") from fault
        except Refused as fault:
            raise ApiError(400, fault.code or "invalid_value", fault.message, param=fault.param or "session") from fault
        except ReferRefused as fault:
            raise ApiError(403, "refer_not_allowed", str(fault), param="target_uri") from fault
        except (AppError, EslError) as fault:
            raise ApiError(502, "call_failed", str(fault), type="server_error") from fault
        return Done()

    return handle


def _accept(calls: Calls, asked: Asked) -> None:
    given: dict[str, Any] = {"type": "realtime", **asked.body.model_dump(exclude_unset=True)}
    calls.accept(asked.path["call_id"], given)


def _reject(calls: Calls, asked: Asked) -> None:
    calls.reject(asked.path["call_id"], asked.body.status_code if asked.body is not None else REJECTED)


def _refer(calls: Calls, asked: Asked) -> None:
    calls.refer(asked.path["call_id"], asked.body.target_uri)
