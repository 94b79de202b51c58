"""Errors of connections."""

from engine.errors import TrunklineError


class NetError(TrunklineError):
    """A connection could not be made or has ended; the text says why."""


class ConnectFailed(NetError):
    """No connection: name, network, TLS, or the deadline."""


class UpgradeRefused(NetError):
    """The server answered, but not with a WebSocket. ``status`` is its HTTP status, ``headers`` are lower-cased,
    ``body`` is the beginning of what it said."""

    def __init__(self, status: int, headers: dict[str, str], body: str) -> None:
        """As received."""
        super().__init__(f"HTTP {status} {body[:200].strip()}".rstrip())
        self.status = status
        self.headers = headers
        self.body = body


class SocketClosed(NetError):
    """The connection has ended. ``code`` and ``reason`` as in RFC 6455; 1006: without a word."""

    def __init__(self, code: int, reason: str) -> None:
        """What the other side said, or what we found."""
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason
