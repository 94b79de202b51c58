"""What every request passes before its handler: an id, who asks, and whether what it brings is what the route takes."""

import re
from typing import Any
from uuid import uuid4

import flask
import gevent
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.routing.exceptions import WebsocketMismatch

from engine.config import HttpOptions
from engine.web.errors import ApiError
from engine.web.route import SCOPES, Asked, Key, Route, WebSocketRoute

LOCAL = Key("local", frozenset(SCOPES))
"""Who asks where no keys are configured."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,80}")

FAULTS_TOLD = 5
"""Fields at fault that an error names."""


class Gate:
    """One a server."""

    def __init__(self, options: HttpOptions) -> None:
        """Of these limits."""
        self._options = options

    def admit(self, route: Route | WebSocketRoute, request: flask.Request, path: dict[str, str]) -> Asked:
        """The request as its handler gets it. Raises ``ApiError``."""
        asked = Asked(request, self.request_id(request), request.remote_addr or "", LOCAL,
                      {name: str(value) for name, value in path.items()})
        if isinstance(route, Route):
            request.max_content_length = route.max_bytes
        if route.query is not None:
            asked.query = _checked(route.query, _flat(request.args, route.query), "query")
        if isinstance(route, Route) and route.body is not None and not route.raw:
            asked.body = _checked(route.body, self._read(request), "body")
        return asked

    def request_id(self, request: flask.Request) -> str:
        """The client's ``X-Request-Id``, or a new one; the same for the whole request."""
        if "request_id" not in flask.g:
            given = request.headers.get("X-Request-Id", "")
            flask.g.request_id = given if _REQUEST_ID.fullmatch(given) else f"req_{uuid4().hex}"
        return str(flask.g.request_id)

    def of_flask(self, fault: HTTPException, request: flask.Request) -> ApiError:
        """Flask's own refusals in our shape."""
        status, headers = fault.code or 500, {}
        code, message = _FLASK.get(status, ("http_error", fault.description or fault.name))
        if isinstance(fault, WebsocketMismatch):
            status, code = 426, "upgrade_required"
            message = f"{request.path} is a WebSocket" if not request.headers.get("Upgrade") else (
                f"{request.path} is no WebSocket")
            headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
        if status == 404:
            message = f"there is nothing at {request.path}; /docs lists what there is"
        if status == 405:
            allowed = ", ".join(sorted(getattr(fault, "valid_methods", None) or ()))
            message, headers = f"{request.path} takes {allowed}", {"Allow": allowed}
        return ApiError(status, code, message, headers=headers)

    def _read(self, request: flask.Request) -> bytes:
        deadline = gevent.Timeout(self._options.body_s)
        try:
            with deadline:
                return request.get_data(cache=False)
        except gevent.Timeout as late:
            if late is not deadline:
                raise
            raise ApiError(408, "slow_body", f"the body did not arrive within {self._options.body_s:g} s") from None


_FLASK = {
    400: ("bad_request", "the request cannot be read"),
    404: ("not_found", ""),
    405: ("method_not_allowed", ""),
    413: ("too_large", "the body is larger than this path takes"),
    415: ("unsupported_media_type", "the body is of a type that this path does not take"),
}


def _flat(args: "MultiDict[str, str]", model: type[BaseModel]) -> dict[str, Any]:
    """Query values by name: a list where the model wants one or the name came more than once."""
    wanted = {field.alias or name: str(field.annotation) for name, field in model.model_fields.items()}
    return {name: values if len(values) > 1 or "list[" in wanted.get(name, "") else values[0]
            for name, values in args.lists()}


def _checked(model: type[BaseModel], given: bytes | dict[str, Any], where: str) -> BaseModel:
    try:
        if isinstance(given, bytes):
            return model.model_validate_json(given or b"{}")
        return model.model_validate(given)
    except ValidationError as fault:
        faults = fault.errors(include_url=False, include_context=False, include_input=False)
        if faults[0]["type"] == "json_invalid":
            raise ApiError(400, "invalid_json", f"the body is no JSON: {faults[0]['msg']}") from None
        names = [".".join(map(str, one["loc"])) or where for one in faults]
        told = "; ".join(f"{name}: {one['msg']}" for name, one in zip(names, faults[:FAULTS_TOLD], strict=False))
        code = "missing_required_parameter" if faults[0]["type"] == "missing" else "invalid_value"
        raise ApiError(422, code, told, param=names[0]) from None
