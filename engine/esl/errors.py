"""What can go wrong on an event socket. ``ConnectionLost`` and ``CommandTimeout`` live in ``connection.py``: they are
greenswitch's exceptions too, and this module stays free of gevent for the pure modules.
"""

from engine.errors import TrunklineError


class EslError(TrunklineError):
    """Root of this package's errors."""


class ProtocolError(EslError):
    """The peer's bytes are not event socket, or larger than allowed. The connection cannot go on."""


class BadArgument(EslError, ValueError):
    """Text that must not go into a command; nothing was sent."""


class CommandRefused(EslError):
    """FreeSWITCH answered ``-ERR`` or ``-USAGE``. ``reply`` is its whole text."""

    def __init__(self, command: str, reply: str) -> None:
        """``command`` is its first line."""
        super().__init__(f"FreeSWITCH refused {command!r}: {reply.strip()}")
        self.reply = reply


class ServerError(EslError):
    """The server cannot listen; the text names the port and what to do."""
