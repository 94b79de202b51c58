"""The sockets of it: one OPTIONS over UDP, TCP or TLS, and the certificate that a TLS trunk shows."""

import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timezone

import gevent
from gevent import socket, ssl

from engine.trunks import options
from engine.trunks.errors import Malformed, NoAnswer
from engine.trunks.options import Answer

REPEAT_S = (0.5, 1.0, 2.0)
"""When a request over UDP is sent again (RFC 3261, timer E, a few of them)."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a TLS trunk showed, its chain proven."""

    version: str
    subject: str
    issuer: str
    expires: datetime


def ask_options(
    place: tuple[str, int], host: str, transport: str, wait_s: float, context: ssl.SSLContext | None = None,
) -> tuple[Answer, float]:
    """OPTIONS to ``place`` for ``sip:host``: the answer, and how many ms it took. ``context`` for TLS; without one any
    certificate will do, as ``certificate`` judges that. Raises ``NoAnswer``, ``Malformed``."""
    began = time.monotonic()
    try:
        with gevent.Timeout(wait_s):
            found = _over_udp(place, host) if transport == "udp" else _over_stream(place, host, transport, context)
    except gevent.Timeout:
        raise NoAnswer(f"no answer to OPTIONS from {_shown(place)} ({transport}) within {wait_s:.0f} s") from None
    except OSError as fault:
        raise NoAnswer(f"{_shown(place)} ({transport}): {fault.strerror or fault}") from fault
    return found, (time.monotonic() - began) * 1000


def certificate(place: tuple[str, int], host: str, wait_s: float, ca_file: str = "") -> Certificate:
    """The certificate of ``place``, proven for ``host`` by this machine's authorities, or those of ``ca_file``. Raises
    ``NoAnswer``; ``ssl.SSLCertVerificationError`` where it is not to be trusted."""
    context = ssl.create_default_context(cafile=ca_file or None)
    try:
        with gevent.Timeout(wait_s):
            with socket.create_connection(place) as plain, context.wrap_socket(plain, server_hostname=host) as sock:
                shown, version = sock.getpeercert() or {}, sock.version()
    except gevent.Timeout:
        raise NoAnswer(f"no TLS from {_shown(place)} within {wait_s:.0f} s") from None
    except ssl.SSLCertVerificationError:
        raise
    except OSError as fault:
        raise NoAnswer(f"no TLS from {_shown(place)}: {fault.strerror or fault}") from fault
    expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), timezone.utc)
    return Certificate(version or "", _common_name(shown.get("subject")), _common_name(shown.get("issuer")), expires)


def _over_udp(place: tuple[str, int], host: str) -> Answer:
    with socket.socket(_family(place), socket.SOCK_DGRAM) as sock:
        sock.connect(place)
        local = sock.getsockname()[:2]
        message, call_id = _message(host, "udp", local)
        for pause in (*REPEAT_S, None):
            sock.send(message)
            sock.settimeout(pause)
            try:
                while True:
                    if found := options.answer(sock.recv(options.MOST_BYTES), call_id):
                        return found
            except TimeoutError:
                continue
    raise NoAnswer("unreachable")  # the last wait has no end but the caller's deadline


def _over_stream(place: tuple[str, int], host: str, transport: str, context: ssl.SSLContext | None) -> Answer:
    with socket.create_connection(place) as plain:
        sock = plain
        if transport == "tls":
            sock = (context or _trusting()).wrap_socket(plain, server_hostname=host)
        with sock:
            message, call_id = _message(host, transport, sock.getsockname()[:2])
            sock.sendall(message)
            data = b""
            while True:
                while not options.is_whole(data):
                    more = sock.recv(4096)
                    if not more:
                        raise Malformed("the trunk closed the connection without an answer to OPTIONS")
                    data += more
                if found := options.answer(data, call_id):
                    return found
                data = data.partition(b"\r\n\r\n")[2]


def _message(host: str, transport: str, local: tuple[str, int]) -> tuple[bytes, str]:
    call_id = secrets.token_hex(12)
    return options.request(host, transport, local, branch=secrets.token_hex(8), call_id=call_id,
                           tag=secrets.token_hex(6)), call_id


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _family(place: tuple[str, int]) -> int:
    return socket.AF_INET6 if ":" in place[0] else socket.AF_INET


def _shown(place: tuple[str, int]) -> str:
    return f"[{place[0]}]:{place[1]}" if ":" in place[0] else f"{place[0]}:{place[1]}"


def _common_name(parts: object) -> str:
    """The most telling part of a name as Python's ``ssl`` gives it: tuples of tuples of pairs."""
    pairs = {name: value for group in parts or () for name, value in group}  # type: ignore[attr-defined]
    return str(pairs.get("commonName") or pairs.get("organizationName") or "no name")


__all__ = ["Certificate", "ask_options", "certificate"]
