"""The back-end for a FreeSWITCH on this host: ``unicast``, audio as UDP on loopback (``engine/media/unicast.py``).

It belongs to the park in which it was started. A re-INVITE with another codec, ``playback`` or a bridge end it for
good; the channel must pass its own extension again before it works anew (facts of FreeSWITCH 1.11.2).
"""

import time

import gevent
from gevent.event import Event as Flag

from engine.backends.backend import FIRST_FRAME_TIMEOUT_S, STALL_S, Lost
from engine.esl import command
from engine.esl.channel import Channel
from engine.esl.control import CallControl
from engine.esl.inbound import InboundClient
from engine.media.errors import MediaError
from engine.media.unicast import UnicastSocket

TRIES = 2


class UnicastBackend:
    """All channels share one socket."""

    def __init__(self, socket: UnicastSocket) -> None:
        """Opens nothing."""
        self._socket = socket

    def open(self, channel_rate: int, codec: str, lost: Lost) -> "UnicastLine":
        """As the protocol says: 8000 and 16000 Hz."""
        return UnicastLine(self._socket, channel_rate, lost)


class UnicastLine:
    """One channel's audio by unicast."""

    backend = "unicast"
    in_place = False

    def __init__(self, socket: UnicastSocket, rate: int, lost: Lost) -> None:
        """Made by ``UnicastBackend.open``."""
        self.leg = socket.open(rate, lambda silent_ms: lost("no datagram", silent_ms))

    @property
    def address(self) -> str:
        """FreeSWITCH's side: each call has its own."""
        return f"{self.leg.local_ip}:{self.leg.local_port}"

    def attach(self, session: CallControl, leaving: Flag) -> int | None:
        """As the protocol says. A second try uses another address: a bind that fails is silent."""
        leg = self.leg
        began, bad_before = time.monotonic(), leg.bad_frames
        for attempt in range(TRIES):
            if attempt:
                leg.reattach()
            session.unicast(leg.local_ip, leg.local_port, leg.remote_ip, leg.remote_port)
            gevent.wait([leg.first_frame, session.ended, leaving], timeout=FIRST_FRAME_TIMEOUT_S, count=1)
            session.raise_if_disconnected()
            if leaving.is_set():
                return None
            if leg.first_frame.is_set():
                return round((time.monotonic() - began) * 1000)
        if leg.bad_frames > bad_before:
            raise MediaError(
                f"FreeSWITCH's frames are not the {leg.frame_bytes} bytes of {leg.rate} Hz and media.frame_ms: the "
                "packets have another length; let the trunk offer the length of media.frame_ms alone"
            )
        raise MediaError(
            f"no audio from FreeSWITCH within {FIRST_FRAME_TIMEOUT_S:g} s of unicast, tried {TRIES} times; it must run "
            f"on this host (else: media.backend: sip), and port {leg.local_port} (media.switch_port) must be free on "
            f"its address {leg.local_ip}"
        )

    def attach_other(self, client: InboundClient, uuid: str) -> None:
        """As the protocol says."""
        leg = self.leg
        client.send(command.unicast(leg.local_ip, leg.local_port, leg.remote_ip, leg.remote_port, uuid=uuid))

    def came_back(self, lost: Flag) -> bool:
        """The machine had stalled, not unicast: to transfer all calls of a machine that has no time would take the rest
        of it."""
        lost.clear()
        back = self.leg.first_frame.wait(STALL_S)
        if not back:
            lost.set()
        return back

    def rejoin(self, channel: Channel) -> None:
        """A new address, because the old one may still be bound."""
        leg, rate = self.leg, channel.codec_rate
        if rate != leg.rate:
            raise MediaError(f"the read codec's rate changed from {leg.rate} to {rate} Hz in mid-call: offer codecs of "
                             "one rate on the trunk, or set media.backend: sip, which does not mind")
        leg.reattach()

    def let_go(self, session: CallControl) -> None:
        """Nothing to do: it ends with the park."""

    def leave(self, session: CallControl) -> None:
        """Nothing to do."""

    def keep(self, session: CallControl) -> None:
        """Nothing to do."""

    def figures(self) -> dict[str, object]:
        """None: there is no network between."""
        return {}

    def close(self) -> None:
        """Stop both directions. Idempotent."""
        self.leg.close()


__all__ = ["UnicastBackend", "UnicastLine"]
