"""The RTP sockets of a process, shared by all its calls; a source of the frame clock.

One pair of sockets for all calls, by default, and not one a call: FreeSWITCH has a port of its own for each, which we
know from its session description, so the source of a datagram names the call. At 400 calls receiving takes 3 % of a
core this way, 5 % with a socket a call and epoll, 14 % with a look at each socket in every drain; and a firewall needs
two holes instead of a range. Strangers are refused by a look into a dictionary.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from random import random
from secrets import token_hex

from engine.config import MediaOptions, RtpOptions
from engine.media.clock import Batch, FrameClock, is_worth_a_line
from engine.media.datagram import Address, DatagramSocket, bind_datagram
from engine.media.errors import MediaError
from engine.media.rtpin import Frame
from engine.media.rtpleg import RtpLeg, Told
from engine.rtp.errors import Malformed
from engine.rtp.packet import MOST_BYTES
from engine.sip.agreed import Agreed

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
"""Where no address was given."""

WATCH_S = 0.02
"""How often it is looked what time brings, in seconds."""

_PAIRS_TRIED = 50
_REMEMBERED = 1024  # addresses of closed calls whose last packets are nobody's fault
_SIZE = MOST_BYTES + 1

Heard = dict[RtpLeg, list[Frame]]


class RtpPort:
    """A pair of sockets, RTP and RTCP, and whose packets come from where. ``refused`` counts datagrams of strangers."""

    def __init__(self, rtp: DatagramSocket, rtcp: DatagramSocket, may_move: Callable[[str], bool]) -> None:
        """``may_move(ip)``: whether audio from there may come from another address than the one agreed."""
        self.rtp, self.rtcp = rtp, rtcp
        self.send = rtp.sendto
        self.address: Address = rtp.getsockname()
        self.refused = 0
        self.legs: dict[RtpLeg, None] = {}
        self._may_move = may_move
        self._by_source: dict[Address, RtpLeg] = {}
        self._by_report: dict[Address, RtpLeg] = {}
        self._unheard: dict[RtpLeg, None] = {}  # agreed, and nothing came since
        self._closed: OrderedDict[Address, None] = OrderedDict()

    def expect(self, leg: RtpLeg, agreed: Agreed) -> None:
        """From now on the leg's packets come from the agreed address, or the first time from where NAT puts it."""
        self._drop(leg, keep=leg.heard_from)
        self._by_source[agreed.remote] = leg
        self._by_report[agreed.remote_rtcp] = leg
        self._closed.pop(agreed.remote, None)
        self._unheard[leg] = None

    def forget(self, leg: RtpLeg) -> None:
        """The call is over."""
        self.leave(leg)
        self.legs.pop(leg, None)

    def leave(self, leg: RtpLeg) -> None:
        """Its peer is gone; another may come."""
        for address in self._drop(leg):
            self._closed[address] = None
            if len(self._closed) > _REMEMBERED:
                self._closed.popitem(last=False)

    def _drop(self, leg: RtpLeg, keep: Address | None = None) -> list[Address]:
        gone = [address for address, owner in self._by_source.items() if owner is leg and address != keep]
        for address in gone:
            del self._by_source[address]
        for address in [address for address, owner in self._by_report.items() if owner is leg]:
            del self._by_report[address]
        self._unheard.pop(leg, None)
        return gone

    def close(self) -> None:
        """Close both sockets."""
        self.rtp.close()
        self.rtcp.close()

    # ------------------------------------------------------------------ in

    def drain(self, now: float, heard: Heard) -> None:
        """Give every datagram to its leg; what is due is added to ``heard``."""
        owners, receive, unheard = self._by_source, self.rtp.recvfrom, self._unheard
        # A flood must not hold the hub: what is beyond waits for the next drain.
        for _ in range(256 + 8 * len(self.legs)):
            try:
                data, source = receive(_SIZE)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of something sent before
                continue
            leg = owners.get(source) or self._stranger(source, data)
            if leg is None:
                continue
            frames = leg.take(data, now)
            if unheard and leg in unheard:
                self._settle(leg, source)
            if frames:
                if leg in heard:
                    heard[leg] += frames
                else:
                    heard[leg] = frames

    def drain_reports(self, now: float) -> None:
        """The same of RTCP."""
        for _ in range(64 + 2 * len(self.legs)):
            try:
                data, source = self.rtcp.recvfrom(_SIZE)
            except BlockingIOError:
                return
            except OSError:
                continue
            leg = self._by_report.get(source)
            if leg is None:
                self._refuse(source)
                continue
            try:
                leg.take_report(data, now)
            except Malformed:
                leg.bad_packets += 1

    def send_report(self, data: bytes, to: Address, *, muxed: bool) -> None:
        """RTCP goes out by its own socket, or by RTP's where the peer has one for both (``rtcp-mux``)."""
        try:
            (self.rtp if muxed else self.rtcp).sendto(data, to)
        except OSError as fault:  # lost, as on any network; the next one comes in seconds
            log.debug("RTCP to %s:%d: %s", *to, fault)

    def _settle(self, leg: RtpLeg, source: Address) -> None:
        """The leg's first packet since the agreement has come: from there and nowhere else."""
        del self._unheard[leg]
        self._drop_others(leg, source)
        leg.heard_from = source

    def _drop_others(self, leg: RtpLeg, source: Address) -> None:
        for address in [address for address, owner in self._by_source.items() if owner is leg and address != source]:
            del self._by_source[address]

    def _stranger(self, source: Address, data: bytes) -> RtpLeg | None:
        """Whose packet this is that comes from an address nobody agreed to: that of the one call which has not been
        heard and which it fits, if a NAT may have moved it. Else it is refused."""
        if self._may_move(source[0]):
            fits = [leg for leg in self._unheard if leg.is_mine(data)]
            if len(fits) == 1:
                leg = fits[0]
                log.info("audio agreed with %s:%d comes from %s:%d", *leg.far, *source)
                self._by_source[source] = leg
                leg.move(source)
                self._by_report[leg.far_rtcp] = leg
                return leg
        self._refuse(source)
        return None

    def _refuse(self, source: Address) -> None:
        if source in self._closed:
            return
        self.refused += 1
        if is_worth_a_line(self.refused):
            log.warning("RTP from a stranger, %s:%d, refused (%d so far)", *source[:2], self.refused)


class RtpLegs:
    """All RTP legs of a process. ``ear_faults`` counts exceptions of ears and of those who are told."""

    def __init__(
        self, options: MediaOptions, rtp: RtpOptions, clock: FrameClock, *,
        bind: Callable[[str, int], DatagramSocket] | None = None,
        now: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time,
        random: Callable[[], float] = random,
    ) -> None:
        """Binds the pairs of ports, and is drained by ``clock`` from now on. Raises ``MediaError`` if a port is in use.
        ``now`` must be the clock's; it and what follows are for tests."""
        self.options, self.rtp, self.clock = options, rtp, clock
        self.clock_time, self.wall_time, self.random = now, wall, random
        self.cname = token_hex(8).encode()
        self.ear_faults = 0
        self._next_watch = 0.0
        may_move = lru_cache(1024)(_in_networks(rtp.nat_peers))
        self.ports: list[RtpPort] = []
        try:
            for number in range(rtp.ports):
                port = rtp.port + 2 * number if rtp.port else 0
                self.ports.append(RtpPort(*_bind_pair(bind or _bind, rtp.bind or LOOPBACK, port), may_move))
        except MediaError:
            for pair in self.ports:
                pair.close()
            raise
        clock.add_source(self)

    @property
    def refused(self) -> int:
        """Datagrams of strangers so far."""
        return sum(port.refused for port in self.ports)

    def __len__(self) -> int:
        """Legs that are open."""
        return sum(len(port.legs) for port in self.ports)

    def open(self, rate: int, told: Told | None = None) -> RtpLeg:
        """A leg at this rate (Hz); name its ``local`` address in the answer, and tell it by ``change`` what was agreed.
        Raises ``MediaError`` for a rate other than 8000, 16000, 24000 and 48000."""
        port = min(self.ports, key=lambda port: len(port.legs))
        leg = RtpLeg(self, port, rate, told or Told())
        port.legs[leg] = None
        return leg

    def close(self) -> None:
        """Close all legs and the sockets. Idempotent."""
        for port in self.ports:
            for leg in list(port.legs):
                leg.close()
        self.clock.remove_source(self)
        for port in self.ports:
            port.close()

    # ------------------------------------------------------------------ the clock's side

    def drain(self, now: float, hear: Callable[[Batch], None]) -> None:
        """Deliver what has come and what is due: to each leg's ear, then as batches to ``hear``."""
        heard: Heard = {}
        for port in self.ports:
            try:
                port.drain(now, heard)
            except Exception:  # noqa: BLE001 - one call's fault must not deafen the others
                self._fault("a packet")
        if now >= self._next_watch:
            self._next_watch = now + WATCH_S
            self._watch(now, heard)
        while heard:
            batch: Batch = []
            for leg, frames in list(heard.items()):
                frame, silent = frames.pop(0)
                if not frames:
                    del heard[leg]
                leg.frames_in += 1
                batch.append((leg, frame, silent))
                try:
                    leg.ear(frame, silent)
                except Exception:  # noqa: BLE001 - the same
                    self._fault("who listens to a call")
            hear(batch)

    def _watch(self, now: float, heard: Heard) -> None:
        for port in self.ports:
            try:
                port.drain_reports(now)
            except Exception:  # noqa: BLE001 - the same
                self._fault("a report")
            for leg in list(port.legs):
                try:
                    frames = leg.pass_time(now)
                except Exception:  # noqa: BLE001 - the same
                    self._fault("who is told of a call")
                    continue
                if frames:
                    heard[leg] = heard.get(leg, []) + frames

    def _fault(self, what: str) -> None:
        self.ear_faults += 1
        if is_worth_a_line(self.ear_faults):
            log.exception("%s failed (%d such faults); the call goes on", what, self.ear_faults)


def _in_networks(names: tuple[str, ...]) -> Callable[[str], bool]:
    networks = [ip_network(name, strict=False) for name in names]
    return lambda ip: any(ip_address(ip) in network for network in networks)


def _bind(ip: str, port: int) -> DatagramSocket:
    return bind_datagram(ip, port, "rtp.port")


def _bind_pair(
    bind: Callable[[str, int], DatagramSocket], ip: str, port: int
) -> tuple[DatagramSocket, DatagramSocket]:
    """An even port and the next one. Raises ``MediaError``."""
    if port:
        first = bind(ip, port)
        try:
            return first, bind(ip, port + 1)
        except MediaError:
            first.close()
            raise
    for _ in range(_PAIRS_TRIED):
        first = bind(ip, 0)
        found = first.getsockname()[1]
        if found % 2 == 0:
            try:
                return first, bind(ip, found + 1)
            except MediaError:
                pass
        first.close()
    raise MediaError(f"rtp.port: no free pair of UDP ports on {ip} in {_PAIRS_TRIED} tries; name an even one")


__all__ = ["RtpLegs", "RtpPort", "WATCH_S"]
