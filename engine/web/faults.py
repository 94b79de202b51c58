"""What the engine's own errors are over HTTP; and how a stream begins, so that its first fault has a status."""

import json
import math
from collections.abc import Callable, Iterator
from functools import wraps
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from engine.casting import Casting
from engine.compatible.errors import CompatibleError
from engine.dialog.errors import DialogError
from engine.errors import ProviderFault, TrunklineError
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.service import Engine
from engine.web.errors import ApiError
from engine.web.route import Asked, Handler
from engine.written.errors import WritingError

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_COMPATIBLE = {"invalid": (400, "invalid_value"), "unsupported": (400, "unsupported_value"),
               "not_found": (404, "model_not_found"), "busy": (503, "busy"), "too_large": (413, "too_large")}
_WRITING = {"agent": (404, "agent_not_found"), "language": (400, "unsupported_language"),
            "session_id": (400, "invalid_value"), "busy": (409, "session_busy"), "cast": (503, "agent_unavailable")}
_PROVIDER = {"auth": 502, "rate_limit": 429, "timeout": 504, "unavailable": 503, "refused": 400, "broken": 502}


def refusal(fault: TrunklineError) -> ApiError:
    """The HTTP error for one of ours."""
    if isinstance(fault, ApiError):
        return fault
    if isinstance(fault, CompatibleError):
        status, code = _COMPATIBLE[fault.wrong]
        return ApiError(status, code, str(fault), fault.param,
                        "server_error" if status >= 500 else "invalid_request_error")
    if isinstance(fault, WritingError):
        status, code = _WRITING[fault.wrong]
        blames = fault.wrong not in ("busy", "cast")
        return ApiError(status, code, str(fault), fault.wrong if blames else "",
                        "invalid_request_error" if status < 500 else "server_error")
    if isinstance(fault, ProviderFault):
        headers = {} if fault.retry_after_s is None else {"Retry-After": str(math.ceil(fault.retry_after_s))}
        kind = {"rate_limit": "rate_limit_error", "refused": "invalid_request_error"}.get(fault.kind, "provider_error")
        return ApiError(_PROVIDER[fault.kind], f"provider_{fault.kind}", str(fault), type=kind, headers=headers)
    if isinstance(fault, CollectionMissing):
        return ApiError(404, "collection_not_found", str(fault), "collection")
    if isinstance(fault, KnowledgeError):
        return ApiError(400, "knowledge_error", str(fault))
    if isinstance(fault, DialogError):
        return ApiError(502, "no_answer", str(fault), type="provider_error")
    return ApiError(503, "unavailable", str(fault), type="server_error")


def telling(handle: Callable[[Asked], object]) -> Handler:
    """``handle`` whose errors are those of HTTP."""

    @wraps(handle)
    def told(asked: Asked) -> object:
        try:
            return handle(asked)
        except TrunklineError as fault:
            raise refusal(fault) from fault

    return told


def casting_of(engine: Engine) -> Casting:
    """Agents and providers. Raises ``ApiError`` while the engine starts."""
    if engine.casting is None:
        raise ApiError(503, "starting", "the engine is starting; try again in some seconds", type="server_error",
                       headers={"Retry-After": "2"})
    return engine.casting


def form_of(model: type[M], asked: Asked) -> M:
    """The fields of a multipart form. Raises ``ApiError`` naming the first that is wrong."""
    fields = {(field.alias or name): field for name, field in model.model_fields.items()}
    lists = {name for name, field in fields.items() if "list" in str(field.annotation).lower()}
    given = {name: values if name in lists else values[-1] for name, values in asked.form.lists()}
    try:
        return model.model_validate(given)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_context=False, include_input=False)[0]
        name = ".".join(map(str, first["loc"]))
        raise ApiError(422, "invalid_value", f"{name}: {first['msg']}", name) from None


def begun(source: Iterator[T]) -> Iterator[T]:
    """``source`` whose first item is there: what goes wrong before it is raised here."""
    first = next(source, None)

    def all_of() -> Iterator[T]:
        try:
            if first is not None:
                yield first
                yield from source
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()

    return all_of()


def data_event(body: object) -> bytes:
    """A server-sent event without a name, as OpenAI's streams have them."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return f"data: {text}\n\n".encode()


def told_in_stream(source: Iterator[bytes], request_id: str) -> Iterator[bytes]:
    """A stream of ``data_event``: a fault on the way is its last event, as OpenAI tells it."""
    try:
        yield from source
    except TrunklineError as fault:
        yield data_event(refusal(fault).body(request_id))
