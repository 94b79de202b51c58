"""What every request passes before its handler: where it comes from, who asks, how often, and whether what it brings is
what the route takes. The same for requests and WebSockets."""

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any
from uuid import uuid4

import flask
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.routing.exceptions import WebsocketMismatch

from engine.config import HttpOptions
from engine.web.clients import (
    SAFE_METHODS,
    Client,
    Networks,
    bucket_of,
    client,
    names_this_machine,
    of_another_page,
    origin_allowed,
)
from engine.web.errors import ApiError
from engine.web.keys import LOCAL, Keys, Verifier, secrets_of
from engine.web.limits import UNLIMITED, Allowance, Buckets
from engine.web.route import SOCKETS_ONLY, Asked, Key, Route, WebSocketRoute

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,80}")

FAULTS_TOLD = 5
"""Fields at fault that an error names."""

NO_KEYS = ("this engine has no API keys, so that only programs on its own machine may do this: `trunkline key new` "
           "makes a key for http.keys")


class Gate:
    """One a server. Raises ``WebError`` where a key cannot be had."""

    def __init__(self, options: HttpOptions, verifiers: Sequence[Verifier] = (),
                 clock: Callable[[], float] = monotonic) -> None:
        """``clock``: seconds; tests bring their own."""
        self._options = options
        self._keys = Keys(options.keys, verifiers)
        self._proxies = Networks(options.trusted_proxies)
        self._by_key, self._by_address = Buckets(), Buckets()
        self._clock = clock

    def admit(self, route: Route | WebSocketRoute, request: flask.Request, path: dict[str, str]) -> Asked:
        """The request as its handler gets it. Raises ``ApiError``."""
        version = str(request.environ.get("SERVER_PROTOCOL", ""))
        who = client(request.remote_addr or "", request.headers, self._proxies, version)
        if not self._is_free(who):
            self._take(self._by_address, bucket_of(who.address), self._options.requests_per_minute_per_ip)
        key = self._key(request, who, isinstance(route, WebSocketRoute))
        self._check_origin(route, request, key)
        self._check_scope(route, key)
        asked = Asked(request, self.request_id(request), who.address, key, body_s=self._options.body_s,
                      path={name: str(value) for name, value in path.items()})
        if key is not None and key is not LOCAL:
            limit = self._limit_of(key)
            self._take(self._by_key, key.name, limit)
            asked.allowance = partial(self._left, key.name, limit)
        if isinstance(route, Route):
            asked.max_bytes = route.max_bytes
            request.max_content_length = route.max_bytes + 1  # Flask cuts a chunked body at its limit and says nothing
        if route.query is not None:
            asked.query = _checked(route.query, _flat(request.args, route.query), "query")
        if isinstance(route, Route) and route.body is not None and not route.raw:
            asked.body = _checked(route.body, asked.data, "body")
        return asked

    # ------------------------------------------------------------ who

    def _is_free(self, who: Client) -> bool:
        """Whether this is somebody's own machine with nobody else to protect."""
        return who.local and not len(self._keys)

    def _key(self, request: flask.Request, who: Client, websocket: bool) -> Key | None:
        for secret in secrets_of(request.headers, request.args, websocket):
            if secret and (key := self._keys.find(secret)) is not None:
                return key
        return LOCAL if self._is_free(who) and names_this_machine(request.headers.get("Host", "")) else None

    def _check_scope(self, route: Route | WebSocketRoute, key: Key | None) -> None:
        if route.scope is None:
            return
        if key is not None and key.ephemeral and not (route.ephemeral and _opens(key, route)):
            raise ApiError(403, "ephemeral_secret", "an ephemeral secret opens conversations; this needs an API key",
                           type="permission_error")
        if key is not None and route.scope in key.scopes:
            return
        if key is not None:
            raise ApiError(403, "missing_scope", f"the key {key.name} has not the scope {route.scope}",
                           type="permission_error")
        told = NO_KEYS if not len(self._keys) else (
            "send an API key of this engine: Authorization: Bearer KEY, or X-API-Key: KEY")
        raise ApiError(401, "invalid_api_key", told, type="authentication_error",
                       headers={"WWW-Authenticate": "Bearer"})

    def _check_origin(self, route: Route | WebSocketRoute, request: flask.Request, key: Key | None) -> None:
        """Browsers let any page open WebSockets and post forms to this machine, and ask for what they do not show it;
        a page cannot know a key."""
        if isinstance(route, Route) and (key is not LOCAL or route.scope is None and request.method in SAFE_METHODS):
            return
        origin = request.headers.get("Origin", "")
        if not self.page_allowed(request) or not origin and of_another_page(request.headers):
            raise ApiError(403, "origin_not_allowed", f"pages of {origin or 'other servers'} may not use this "
                           "engine; http.allowed_origins names those that may", type="permission_error")

    def page_allowed(self, request: flask.Request) -> bool:
        """Whether the page in a browser that sends this may use the server; True where it is no page."""
        sent = request.headers
        return origin_allowed(sent.get("Origin", ""), sent.get("Host", ""), self._options.allowed_origins)

    # ------------------------------------------------------------ how often

    def _limit_of(self, key: Key) -> int:
        own = self._options.keys[key.name].requests_per_minute if key.name in self._options.keys else None
        return self._options.requests_per_minute if own is None else own

    def _left(self, name: str, limit: int) -> Allowance:
        return self._by_key.look(name, limit, self._clock())

    def _take(self, buckets: Buckets, name: str, per_minute: int) -> None:
        left = buckets.take(name, per_minute, self._clock()) if per_minute else UNLIMITED
        if left.wait_s > 0:
            raise ApiError(429, "rate_limit_exceeded", f"more than {per_minute} requests a minute; the next may come "
                           f"in {left.wait_s:.3g} s", type="rate_limit_error",
                           headers={"Retry-After": str(math.ceil(left.wait_s))})

    # ------------------------------------------------------------ what Flask says

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
            asks = request.headers.get("Upgrade")
            status, code = 426, "upgrade_required"
            message = f"{request.path} is {'no' if asks else 'a'} WebSocket"
            headers = {} if asks else {"Upgrade": "websocket", "Connection": "Upgrade"}
        if status == 404:
            message = f"there is nothing at {request.path}; /docs lists what there is"
        if status == 405:
            allowed = ", ".join(sorted(getattr(fault, "valid_methods", None) or ()))
            message, headers = f"{request.path} takes {allowed}", {"Allow": allowed}
        return ApiError(status, code, message, type="server_error" if status >= 500 else "invalid_request_error",
                        headers=headers)


_FLASK = {
    400: ("bad_request", "the request cannot be read"),
    404: ("not_found", ""),
    405: ("method_not_allowed", ""),
    413: ("too_large", "the body is larger than this path takes"),
    415: ("unsupported_media_type", "the body is of a type that this path does not take"),
}


def _opens(key: Key, route: Route | WebSocketRoute) -> bool:
    """Whether this ephemeral secret opens a route for such secrets."""
    return isinstance(route, WebSocketRoute) or not key.about.get(SOCKETS_ONLY)


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
