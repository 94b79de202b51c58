"""A loopback address of its own for each call, so that the source of a datagram names the call."""

from ipaddress import IPv4Network
from random import randrange

from engine.media.errors import AddressesExhausted

NETWORK = IPv4Network("127.64.0.0/10")
"""Four million addresses that Linux routes to ``lo`` without configuration, and that nobody uses by habit."""


class AddressPool:
    """Gives addresses out in turn, never one that is in use, and a used one again only after all others.

    It begins at a random place: FreeSWITCH may still hold addresses of an engine that was restarted, or of another
    worker, and a bind that fails there is silent.
    """

    def __init__(self, network: IPv4Network = NETWORK, first: int | None = None) -> None:
        """``first`` is the index to begin at; None: anywhere."""
        self._base = int(network.network_address) + 1
        self._count = network.num_addresses - 2
        self._next = randrange(self._count) if first is None else first % self._count
        self._live: set[str] = set()

    def take(self) -> str:
        """The next free address. Raises ``AddressesExhausted``."""
        for _ in range(len(self._live) + 1):
            address = _dotted(self._base + self._next)
            self._next = (self._next + 1) % self._count
            if address not in self._live:
                self._live.add(address)
                return address
            if len(self._live) >= self._count:
                break
        raise AddressesExhausted(f"all {self._count} unicast addresses are in use")

    def give_back(self, address: str) -> None:
        """The call is over. Unknown ones are ignored."""
        self._live.discard(address)

    def __len__(self) -> int:
        """Addresses in use."""
        return len(self._live)


def _dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


__all__ = ["NETWORK", "AddressPool"]
