"""Where a SIP name leads (RFC 3263): NAPTR, then SRV, then addresses, as a SIP program would ask for them."""

import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gevent import socket

from engine.trunks import dns
from engine.trunks.errors import Malformed, NoAnswer

RESOLV_CONF = Path("/etc/resolv.conf")
WAIT_S = 1.5
"""How long one name server may take to answer one question."""

MOST_SERVERS = 3
_SRV = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_NAPTR = {"udp": "SIP+D2U", "tcp": "SIP+D2T", "tls": "SIPS+D2T"}


@dataclass(frozen=True, slots=True)
class Route:
    """Where requests go, in order, and how that was found: ``address``, ``name``, ``srv`` or ``naptr``."""

    places: tuple[tuple[str, int], ...]
    how: str
    ttl_s: int | None = None


class Lookup:
    """Asks the name servers of this machine, or those given as (address, port)."""

    def __init__(self, servers: Sequence[tuple[str, int]] | None = None, wait_s: float = WAIT_S) -> None:
        self._servers = list(servers) if servers is not None else name_servers()
        self._wait_s = wait_s

    def route(self, host: str, port: int | None, transport: str, default_port: int) -> Route:
        """Raises ``NoAnswer`` where the name leads nowhere."""
        if is_address(host):
            return Route(((host, port or default_port),), "address")
        if port is None and self._servers:
            found = self._by_service(host, transport)
            if found:
                return found
        addresses, ttl = self._addresses(host)
        if not addresses:
            raise NoAnswer(f"the name {host} has no address")
        return Route(tuple((address, port or default_port) for address in addresses), "name", ttl)

    def _by_service(self, host: str, transport: str) -> Route | None:
        pointers = [record for record in self._ask(host, "NAPTR")
                    if record.kind == "NAPTR" and record.service == _NAPTR[transport] and record.value]
        name = min(pointers, key=lambda record: (record.order, record.weight)).value if pointers else \
            f"{_SRV[transport]}.{host}"
        services = [record for record in self._ask(name, "SRV") if record.kind == "SRV" and record.value]
        places: list[tuple[str, int]] = []
        for service in sorted(services, key=lambda record: (record.order, -record.weight)):
            places += [(address, service.port) for address in self._addresses(service.value)[0]]
        if not places:
            return None
        return Route(tuple(places), "naptr" if pointers else "srv", min(service.ttl_s for service in services))

    def _addresses(self, host: str) -> tuple[list[str], int | None]:
        """A, then AAAA; by the system's own resolver (``/etc/hosts`` too) where DNS has none."""
        records = [record for kind in ("A", "AAAA") for record in self._ask(host, kind) if record.kind == kind] \
            if self._servers else []
        if records:
            return [record.value for record in records], min(record.ttl_s for record in records)
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return [], None
        return list(dict.fromkeys(str(address[0]) for *_, address in found)), None

    def _ask(self, name: str, kind: str) -> tuple[dns.Record, ...]:
        """The records of that name; none where no server knows any, or none answers."""
        try:
            question = dns.query(name, kind, ident := secrets.randbelow(65536))
        except ValueError:
            return ()
        for server in self._servers[:MOST_SERVERS]:
            try:
                return _exchange(server, question, ident, self._wait_s).records
            except (OSError, Malformed):
                continue
        return ()


def _exchange(server: tuple[str, int], question: bytes, ident: int, wait_s: float) -> dns.Response:
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(wait_s)
        sock.connect(server)
        sock.send(question)
        answer = dns.response(sock.recv(4096), ident)
    if not answer.truncated:
        return answer
    with socket.create_connection(server, wait_s) as sock, sock.makefile("rb") as stream:
        sock.sendall(len(question).to_bytes(2, "big") + question)
        return dns.response(stream.read(int.from_bytes(stream.read(2), "big")), ident)


def name_servers(path: Path = RESOLV_CONF) -> list[tuple[str, int]]:
    """Those of ``resolv.conf``."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return []
    return [(address, 53) for address in re.findall(r"^\s*nameserver\s+(\S+)", text, re.MULTILINE)
            if is_address(address.partition("%")[0])]


def is_address(text: str) -> bool:
    """Whether it is an IP address and no name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


__all__ = ["Lookup", "Route", "is_address", "name_servers"]
