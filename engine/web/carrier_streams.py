"""The WebSockets of carriers' streams, and who may open one.

    WS /ws/twilio                         Twilio Media Streams: signed by Twilio, or with a ticket (streamtickets.py)
    WS /ws/exotel, /ws/exotel/<token>     Exotel AgentStream: Basic, the token, or an address that Exotel has named
"""

import logging
import os
from collections.abc import Mapping
from weakref import WeakKeyDictionary

from engine.carriers import signatures
from engine.carriers.errors import CarrierError
from engine.carriers.exotel_stream import RATES
from engine.carriers.publicurl import public_base, public_url
from engine.carriers.stream import Started, StreamFault, number
from engine.net.websocket import Limits
from engine.service import Engine
from engine.streams.server import StreamServer
from engine.streams.session import POLICY, Refused
from engine.web.clients import Networks
from engine.web.route import Asked, WebSocketRoute
from engine.web.socket import ServerSocket
from engine.web.streamtickets import tickets_of

log = logging.getLogger(__name__)

LIMITS = Limits(message_bytes=400_000, queued_bytes=1 << 20)
"""The largest message has 100,000 bytes of audio in base64; what waits for a carrier is a second of audio and more."""

LEAST_TOKEN = 16
"""Characters of a token in a path; a shorter one is guessed."""

_SERVERS: "WeakKeyDictionary[Engine, StreamServer]" = WeakKeyDictionary()


def server_of(engine: Engine) -> StreamServer:
    """The streams of an engine: one, whoever asks."""
    found = _SERVERS.get(engine)
    if found is None:
        found = _SERVERS[engine] = StreamServer(engine)
    return found


def sockets(engine: Engine, environ: Mapping[str, str] = os.environ) -> list[WebSocketRoute]:
    """The WebSockets of both carriers."""
    server = server_of(engine)
    for name, options in (("twilio", server.options.twilio), ("exotel", server.options.exotel)):
        if options.unsigned:
            log.warning("carrier_streams.%s.unsigned is on: whoever finds /ws/%s talks to the agents", name, name)

    def twilio(socket: ServerSocket, asked: Asked) -> None:
        server.hold_twilio(socket, _TwilioCheck(server, asked, environ))

    def exotel(socket: ServerSocket, asked: Asked) -> None:
        try:
            rate = _checked_exotel(server, asked, environ)
        except Refused as fault:
            log.warning("a stream from %s is refused: %s", asked.remote, fault)
            socket.close(POLICY, str(fault))
            return
        server.hold_exotel(socket, lambda started: "", rate)

    said = "Calls that Exotel streams (AgentStream, Voicebot applet): docs/operator/exotel-streams.md."
    return [
        WebSocketRoute("/ws/twilio", twilio, limits=LIMITS,
                       summary="Calls that Twilio streams (Media Streams): docs/operator/twilio-streams.md."),
        WebSocketRoute("/ws/exotel", exotel, limits=LIMITS, summary=said),
        WebSocketRoute("/ws/exotel/<token>", exotel, limits=LIMITS, summary=f"{said} With the token of its address."),
    ]


class _TwilioCheck:
    """Whether a stream of Twilio's may be opened: a ``Check``."""

    def __init__(self, server: StreamServer, asked: Asked, environ: Mapping[str, str]) -> None:
        """``asked``: the opening request."""
        self._server = server
        self._options = server.options.twilio
        account = server.twilio.account
        token = environ.get(account.auth_token_env, "")
        signature = asked.headers.get(signatures.TWILIO_HEADER, "")
        self._url = _known_as(server.engine, asked)
        self.signed = bool(signature) and signatures.verify_twilio(token, self._url, (), signature)
        if self.signed:
            self._missing = ""
        elif not signature:
            self._missing = f"it has no {signatures.TWILIO_HEADER}"
        elif not token:
            self._missing = f"its signature cannot be checked without the auth token ({account.auth_token_env})"
        else:
            self._missing = (f"it is not signed for {self._url}: either the auth token is another account's, or the "
                             "public address of this server is another one (carriers.webhook_base_url)")

    def __call__(self, started: Started) -> str:
        """See ``Check``."""
        account, given = self._server.twilio.account_sid, started.parameters.get("token", "")
        if account and started.account_sid != account:
            raise Refused("it is another account's")
        ticket = tickets_of(self._server.engine).redeem(given) if given else None
        if ticket is not None and ticket.call_sid not in ("", started.call_sid):
            raise Refused("its ticket is another call's")
        if ticket is None and not self.signed and not self._options.unsigned:
            raise Refused(f"{self._missing}, and it brings no ticket that is good")
        return ticket.agent if ticket is not None else ""


def _checked_exotel(server: StreamServer, asked: Asked, environ: Mapping[str, str]) -> int:
    """The rate that the address asks for, 0 for none. Raises ``Refused`` for who may not open a stream."""
    options, account = server.options.exotel, server.engine.config.carriers.exotel
    token = environ.get(account.stream_token_env, "")
    proven = (
        signatures.verify_basic(asked.headers.get("Authorization", ""), environ.get(options.user_env, ""),
                                environ.get(options.password_env, ""))
        or len(token) >= LEAST_TOKEN and signatures.verify_token(asked.path.get("token", ""), token)
        or bool(account.networks) and asked.remote in Networks(account.networks)
    )
    if not (proven or options.unsigned):
        raise Refused("neither password nor token nor address is one that Exotel was given "
                      "(carrier_streams.exotel, carriers.exotel)")
    query = asked.request.args
    try:
        rate = number(query.get("sample-rate") or query.get("sample_rate"), "sample-rate", "hz")
    except StreamFault as fault:
        raise Refused(str(fault)) from fault
    if rate not in (0, *RATES):
        raise Refused(f"sample-rate: is {rate}; there are {', '.join(map(str, RATES))}")
    return rate


def _known_as(engine: Engine, asked: Asked) -> str:
    """The URL that Twilio has opened, as it knows it; "" where nobody can tell."""
    request = asked.request
    headers = {name.lower(): value for name, value in asked.headers.items()}
    trusted = request.remote_addr in Networks(engine.config.http.trusted_proxies)
    try:
        base = public_base(engine.config.carriers.webhook_base_url, request.scheme, headers, trusted)
    except CarrierError:
        return ""
    return public_url(base, request.path, request.query_string.decode("latin-1"), socket=True)


__all__ = ["server_of", "sockets"]
