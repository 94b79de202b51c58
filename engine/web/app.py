"""The HTTP server: routes and WebSockets on Flask and gevent.pywsgi.

    web = Web(config.http, [Route(...), ...], [WebSocketRoute(...), ...])
    web.start(); print(web.url); web.stop()

Flask matches paths and parses; what a route may take and who may ask is checked in one place for both kinds of routes
(``engine/web/gate.py``), so a WebSocket is refused with the same errors as a request.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import flask
import gevent
from werkzeug.exceptions import HTTPException

from engine.config import HttpOptions
from engine.config.web import Scope
from engine.net.errors import SocketClosed
from engine.telemetry import logs
from engine.web import openapi
from engine.web.clients import SAFE_METHODS
from engine.web.errors import ApiError
from engine.web.gate import Gate
from engine.web.keys import Verifier
from engine.web.listening import CONNECTION, STOP_S, Listener, Places, tls
from engine.web.route import Answer, Asked, Route, WebSocketRoute
from engine.web.socket import FAILED, GOING_AWAY, ServerSocket
from engine.web.traffic import Traffic
from engine.web.turnstile import Turnstile

log = logging.getLogger(__name__)

PIECE = 1 << 16
"""What is handed to the kernel of a large answer at a time: a slow client has the idle time for each."""

MANAGING: tuple[Scope, ...] = ("admin", "knowledge")
"""Whoever changes something with these scopes is named in the log."""

OWN_CODES = 3000
"""Close codes from here on are made up by clients: all are counted as this one."""

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; media-src "
    "'self' blob:; connect-src 'self' ws: wss:; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
"""Of every HTML page, unless the answer says otherwise: no scripts but ours, in no other site's frame."""


class Web:
    """One HTTP server. ``start``, then it serves until ``stop``."""

    def __init__(self, options: HttpOptions, routes: Sequence[Route], sockets: Sequence[WebSocketRoute] = (), *,
                 verifiers: Sequence[Verifier] = (), traffic: Traffic | None = None) -> None:
        """Nothing is bound yet. ``verifiers`` know whose the secrets are that are no keys of the configuration. Raises
        ``WebError`` where keys or certificate cannot be had."""
        self.routes = [*routes, *openapi.routes(routes, sockets)]
        self.sockets = list(sockets)
        self.traffic = traffic or Traffic()
        self._options = options
        self._gate = Gate(options, verifiers)
        self._open: set[ServerSocket] = set()
        places = self._places = Places(options)
        self.traffic.held, self.traffic.refused = lambda: len(places), lambda: places.refused
        self.flask = self._application()
        context = tls(options)
        self._scheme = "http" if context is None else "https"
        self._listeners = [Listener(options, port, self.flask, self._places, context)
                           for port in (options.port, *options.extra_ports)]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are bound; the port that was taken for port 0."""
        return self._options.host, int(self._listeners[0].server_port or 0)

    @property
    def ports(self) -> list[int]:
        """All ports that are bound."""
        return [int(listener.server_port or 0) for listener in self._listeners]

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        host, port = self.address
        return f"{self._scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def start(self) -> None:
        """Bind and serve. Raises ``WebError`` when an address cannot be had; none is bound then."""
        try:
            for listener in self._listeners:
                listener.open()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop serving: WebSockets are told, open connections are closed."""
        for listener in self._listeners:
            listener.close()
        gevent.joinall([gevent.spawn(socket.close, GOING_AWAY, "the server stops") for socket in self._open])
        gevent.joinall([gevent.spawn(listener.stop, STOP_S) for listener in self._listeners])

    # ------------------------------------------------------------ Flask

    def _application(self) -> flask.Flask:
        app = flask.Flask("engine.web", static_folder=None)
        app.url_map.strict_slashes = False
        app.url_map.merge_slashes = False  # such a path is not there, instead of a redirect in HTML
        app.config["PROPAGATE_EXCEPTIONS"] = False
        app.register_error_handler(Exception, self._failed)
        app.before_request(self._begin)
        app.after_request(self._end)
        for n, route in enumerate(self.routes):
            app.add_url_rule(route.path, f"route{n}", self._view(route), methods=[route.method])
        for n, socket in enumerate(self.sockets):
            app.add_url_rule(socket.path, f"socket{n}", self._socket_view(socket), websocket=True)
        app.url_map.update()  # compiles the paths now, not while somebody is on the phone
        return app

    def _view(self, route: Route) -> Any:
        def view(**path: str) -> flask.Response:
            asked = self._gate.admit(route, flask.request, path)
            with logs.request(asked.request_id):
                if route.scope in MANAGING and route.method not in SAFE_METHODS:
                    log.info("%s %s by %s from %s", route.method, flask.request.path,
                             asked.key.name if asked.key else "nobody", asked.remote)
                return _response(route.handle(asked), route.status)
        return view

    def _socket_view(self, route: WebSocketRoute) -> Any:
        def view(**path: str) -> flask.Response:
            asked = self._gate.admit(route, flask.request, path)
            return _Takeover(self, route, asked, _accept(route, asked, self._places.turnstile))
        return view

    def _begin(self) -> None:
        flask.g.began = time.perf_counter()

    def _failed(self, fault: Exception) -> flask.Response:
        """Every error, ours and Flask's, in one shape."""
        request_id = self._gate.request_id(flask.request)
        if isinstance(fault, HTTPException):
            fault = self._gate.of_flask(fault, flask.request)
        if not isinstance(fault, ApiError):
            with logs.request(request_id):
                log.error("%s %s failed", flask.request.method, flask.request.path, exc_info=fault)
            fault = ApiError(500, "internal_error", f"the engine failed; its log tells more under {request_id}",
                             type="server_error")
        return _response(Answer.json(fault.body(request_id), fault.status, fault.headers), fault.status)

    def _end(self, response: flask.Response) -> flask.Response:
        """What every answer has; and it is counted."""
        request, headers = flask.request, response.headers
        headers["X-Request-Id"] = self._gate.request_id(request)
        origin = request.headers.get("Origin", "")
        if origin and self._gate.page_allowed(request):
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = "X-Request-Id, Retry-After, Content-Disposition"
            if request.method == "OPTIONS":
                headers["Access-Control-Allow-Methods"] = headers.get("Allow", request.method)
                headers["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "")
                headers["Access-Control-Max-Age"] = "600"
        if self._options.allowed_origins:
            headers.add("Vary", "Origin")
        if response.mimetype == "text/html":
            for name, value in PAGE_HEADERS.items():
                headers.setdefault(name, value)
        rule = request.url_rule.rule if request.url_rule is not None else "other"
        method = request.method if rule != "other" else ""
        self.traffic.answered(method, rule, response.status_code, time.perf_counter() - flask.g.get("began", 0.0))
        return response

    # ------------------------------------------------------------ WebSockets

    def hold(self, route: WebSocketRoute, asked: Asked, socket: ServerSocket) -> None:
        """One WebSocket until its end."""
        self._open.add(socket)
        self.traffic.sockets[route.path] += 1
        code = 1000
        with logs.request(asked.request_id):
            try:
                route.handle(socket, asked)
                socket.close()
            except SocketClosed as end:
                code = min(end.code, OWN_CODES)
                log.debug("%s: %s", route.path, end)
            except Exception:
                code = FAILED
                log.exception("the WebSocket %s failed", route.path)
                socket.close(FAILED, f"the engine failed; its log tells more under {asked.request_id}")
            finally:
                self._open.discard(socket)
                socket.abort()
                self.traffic.sockets[route.path] -= 1
                self.traffic.sockets_ended[route.path, code] += 1


class _Takeover(flask.Response):
    """The answer to an upgrade request: the WebSocket itself. Nothing is left to answer when it has ended."""

    def __init__(self, web: Web, route: WebSocketRoute, asked: Asked, socket: ServerSocket) -> None:
        """Of an accepted one."""
        super().__init__(status=101)
        self._hold = lambda: web.hold(route, asked, socket)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self._hold()
        return []


def _accept(route: WebSocketRoute, asked: Asked, turnstile: Turnstile) -> ServerSocket:
    connection, reader = asked.request.environ[CONNECTION]
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in asked.request.headers.items()]
    return ServerSocket.accept(connection, reader, headers, route.subprotocols, route.limits, turnstile)


def _response(result: object, status: int) -> flask.Response:
    if result is None:
        result = Answer(status=204)
    answer = result if isinstance(result, Answer) else Answer.json(result)
    data = answer.data
    response = flask.Response(status=answer.status or status, mimetype=answer.mimetype)
    if isinstance(data, bytes) and len(data) > PIECE:
        response.response = _pieces(data)
        response.content_length = len(data)
    else:
        response.response = [data] if isinstance(data, bytes) else data
    if response.status_code == 204:
        del response.headers["Content-Type"]
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.update(dict(answer.headers))
    return response


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE):
        yield data[start:start + PIECE]
