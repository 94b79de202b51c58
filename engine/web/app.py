"""The HTTP server: routes and WebSockets on Flask and gevent.pywsgi.

    web = Web(config.http, parts.routes(engine), parts.sockets(engine))
    web.start(); print(web.url); web.stop()

Flask matches paths and parses; what a route may take and who may ask is checked in one place for both kinds of routes
(``engine/web/gate.py``), so a WebSocket is refused with the same errors as a request.
"""

import io
import logging
from collections.abc import Iterable, Sequence
from typing import Any

import flask
import gevent.pool
from gevent import pywsgi
from werkzeug.exceptions import HTTPException

from engine.config import HttpOptions
from engine.net.errors import SocketClosed
from engine.telemetry import logs
from engine.web import openapi
from engine.web.errors import ApiError, WebError
from engine.web.gate import Gate
from engine.web.listening import bind_problem
from engine.web.route import Answer, Asked, Route, WebSocketRoute
from engine.web.socket import FAILED, GOING_AWAY, ServerSocket

log = logging.getLogger(__name__)

CONNECTION = "trunkline.connection"
"""Where the connection of a request lies in its WSGI environment: its socket and its reader."""

STOP_S = 1.0
"""How long answers in progress have when the server stops."""


class Web:
    """One HTTP server. ``start``, then it serves until ``stop``."""

    def __init__(self, options: HttpOptions, routes: Sequence[Route], sockets: Sequence[WebSocketRoute] = ()) -> None:
        """Nothing is bound yet."""
        self._options = options
        self._gate = Gate(options)
        self._open: set[ServerSocket] = set()
        self._pool = gevent.pool.Pool(options.max_connections)
        self.routes = [*routes, *openapi.routes(routes, sockets)]
        self.sockets = list(sockets)
        self.flask = self._application()
        self._server = pywsgi.WSGIServer((options.host, options.port), self.flask, spawn=self._pool, log=None,
                                         error_log=_LowLog(), handler_class=self._handler())

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are bound; the port that was taken for port 0."""
        return self._options.host, int(self._server.server_port or 0)

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        host, port = self.address
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def start(self) -> None:
        """Bind and serve. Raises ``WebError`` when the address cannot be had."""
        try:
            self._server.start()
        except OSError as fault:
            raise WebError(bind_problem("http", self._options.host, self._options.port, fault)) from fault

    def stop(self) -> None:
        """Stop serving: WebSockets are told, open connections are closed."""
        self._server.stop_accepting()
        gevent.joinall([gevent.spawn(socket.close, GOING_AWAY, "the server stops") for socket in self._open])
        self._server.stop(timeout=STOP_S)

    # ------------------------------------------------------------ Flask

    def _application(self) -> flask.Flask:
        app = flask.Flask("engine.web", static_folder=None)
        app.url_map.strict_slashes = False
        app.config["PROPAGATE_EXCEPTIONS"] = False
        app.register_error_handler(Exception, self._failed)
        app.after_request(self._sign)
        for n, route in enumerate(self.routes):
            app.add_url_rule(route.path, f"route{n}", self._view(route), methods=[route.method])
        for n, socket in enumerate(self.sockets):
            app.add_url_rule(socket.path, f"socket{n}", self._socket_view(socket), websocket=True)
        return app

    def _view(self, route: Route) -> Any:
        def view(**path: str) -> flask.Response:
            asked = self._gate.admit(route, flask.request, path)
            with logs.request(asked.request_id):
                return _response(route.handle(asked), route.status)
        return view

    def _socket_view(self, route: WebSocketRoute) -> Any:
        def view(**path: str) -> flask.Response:
            asked = self._gate.admit(route, flask.request, path)
            return _Takeover(self, route, asked, self._accept(route, asked))
        return view

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
        response = _response(Answer.json(fault.body(request_id), fault.status, fault.headers), fault.status)
        if fault.status == 413 or flask.request.headers.get("Expect"):
            response.headers["Connection"] = "close"  # the rest of the body is not read
        return response

    def _sign(self, response: flask.Response) -> flask.Response:
        response.headers["X-Request-Id"] = self._gate.request_id(flask.request)
        return response

    # ------------------------------------------------------------ WebSockets

    def _accept(self, route: WebSocketRoute, asked: Asked) -> ServerSocket:
        connection, reader = asked.request.environ[CONNECTION]
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in asked.request.headers.items()]
        return ServerSocket.accept(connection, reader, headers, route.subprotocols, route.limits)

    def hold(self, route: WebSocketRoute, asked: Asked, socket: ServerSocket) -> None:
        """One WebSocket until its end."""
        self._open.add(socket)
        with logs.request(asked.request_id):
            try:
                route.handle(socket, asked)
                socket.close()
            except SocketClosed as end:
                log.debug("%s: %s", route.path, end)
            except Exception:
                log.exception("the WebSocket %s failed", route.path)
                socket.close(FAILED, f"the engine failed; its log tells more under {asked.request_id}")
            finally:
                self._open.discard(socket)
                socket.abort()

    def _handler(self) -> type[pywsgi.WSGIHandler]:
        idle_s = self._options.idle_s

        class Handler(pywsgi.WSGIHandler):
            """One connection. One that says nothing is dropped, so that silent ones cannot take all places."""

            def handle(self) -> None:
                self.socket.settimeout(idle_s)
                super().handle()

            def get_environ(self) -> dict[str, Any]:
                environ = super().get_environ()
                environ[CONNECTION] = (self.socket, self.rfile)
                return environ

        return Handler


class _Takeover(flask.Response):
    """The answer to an upgrade request: the WebSocket itself. Nothing is left to answer when it has ended."""

    def __init__(self, web: Web, route: WebSocketRoute, asked: Asked, socket: ServerSocket) -> None:
        """Of an accepted one."""
        super().__init__(status=101)
        self._hold = lambda: web.hold(route, asked, socket)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self._hold()
        return []


def _response(result: object, status: int) -> flask.Response:
    if result is None:
        result = Answer(status=204)
    answer = result if isinstance(result, Answer) else Answer.json(result)
    response = flask.Response(answer.data, answer.status or status, mimetype=answer.mimetype)
    if response.status_code == 204:
        del response.headers["Content-Type"]
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.update(dict(answer.headers))
    return response


class _LowLog(io.StringIO):
    """What pywsgi says about connections and bad requests: of interest to who looks for a fault."""

    def write(self, text: str) -> int:
        """To the log."""
        log.debug("%s", text.rstrip())
        return len(text)
