"""``bridge`` to a SIP endpoint over real sockets: what FreeSWITCH does for ``media.backend: sip``.

As little as that needs: one INVITE with one codec, its ACK, the BYE of either side, RTP of 20 ms both ways without a
jitter buffer. The state is told to the channel's thread, which looks at it once a frame.
"""

import re
import struct
from collections import deque
from collections.abc import Callable
from secrets import randbits
from uuid import uuid4

import gevent
import numpy as np
from gevent import socket

from engine.media import g711
from engine.rtp import packet as rtp
from engine.rtp.errors import Malformed
from engine.sip.agreed import Address, Agreed
from engine.sip.errors import SipError
from engine.sip.message import Headers, Request, Response, parse
from engine.sip.offer import choose, make_offer
from engine.sip.sdp import parse_sdp

RESEND_S = 0.5
SIP_ADDRESS = re.compile(r"sofia/[^/]+/(?:sip:)?([^@/]+)@([0-9.]+):([0-9]+)$")
CODEC = re.compile(r"absolute_codec_string=([A-Z0-9]+)@([0-9]+)h")

QUEUE_FRAMES = 50
"""Packets that wait to be played; FreeSWITCH flushes what piles up as well."""

SILENCE_LEVEL = 10
"""Peak of the noise that ``bridge_generate_comfort_noise`` makes up."""


def is_real(dial_string: str) -> bool:
    """Whether this is called over the network: an address and port by SIP, and the codec by name, as the engine has it.
    Others are the stand-in's own, which reach nobody."""
    return bool(SIP_ADDRESS.search(dial_string) and CODEC.search(dial_string))


class SipLeg:
    """One leg. ``answered`` and ``over`` are looked at by the channel; ``cause`` says why it is over."""

    stamped = False

    def __init__(self, dial_string: str, rate: int) -> None:
        """``dial_string`` of ``bridge``, which ``is_real``. Nothing is sent before ``start``."""
        found, codec = SIP_ADDRESS.search(dial_string), CODEC.search(dial_string)
        assert found is not None and codec is not None
        self.user, self.peer = found[1], (found[2], int(found[3]))
        self.codec = codec[1]
        self.rate = rate
        self.answered = self.over = False
        self.cause = ""
        self._heard: deque[bytes] = deque(maxlen=QUEUE_FRAMES)
        self._socket: socket.socket | None = None
        self._greenlet: gevent.Greenlet | None = None
        self._send_rtp: Callable[[bytes], object] | None = None
        self._agreed: Agreed | None = None
        self._call_id, self._tag = uuid4().hex, uuid4().hex[:8]
        self._to = f"<sip:{self.user}@{self.peer[0]}:{self.peer[1]}>"
        self._target = f"sip:{self.user}@{self.peer[0]}:{self.peer[1]}"
        self._ssrc, self._sequence, self._timestamp = randbits(32), randbits(15), randbits(31)
        self._noise = np.random.default_rng(1).integers(-SILENCE_LEVEL, SILENCE_LEVEL, rate // 50).astype(np.int16)

    # ------------------------------------------------------------------ the edge's side

    def start(self, local_rtp: Address, connect: Callable[[Address], Callable[[bytes], object]]) -> gevent.Greenlet:
        """Call. ``connect(remote)`` gives what sends RTP there from ``local_rtp``. Returns the greenlet that does."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._greenlet = gevent.spawn(self._run, local_rtp, connect)
        return self._greenlet

    def stop(self) -> None:
        """FreeSWITCH ends the leg: BYE, sent once, or CANCEL's place taken by going away. Idempotent."""
        opened, self._socket = self._socket, None
        if opened is None:
            return
        if self.answered and not self.over:
            self._say(opened, "BYE", 2)
        self.over = True
        if self._greenlet is not None and self._greenlet is not gevent.getcurrent():
            self._greenlet.kill(block=False)
        opened.close()

    def die(self, cause: str = "NORMAL_CLEARING") -> None:
        """FreeSWITCH ends this leg alone (``uuid_kill``, a media timeout): BYE, and the caller is up."""
        if self._socket is not None and self.answered and not self.over:
            self._say(self._socket, "BYE", 2)
        self._end(cause)

    def arrived(self, datagram: bytes, stamp: float) -> None:
        """A datagram came to the RTP port."""
        try:
            found = rtp.parse(datagram)
        except Malformed:
            return
        if self._agreed is not None and found.payload_type == self._agreed.payload_type:
            self._heard.append(self._decoded(found.payload))

    # ------------------------------------------------------------------ the channel's side

    def play(self) -> bytes | None:
        """The next 20 ms for the caller, L16 LE."""
        return self._heard.popleft() if self._heard else None

    def hear(self, frame: bytes | None, made_up: bool) -> None:
        """20 ms of the caller, L16 LE; None: no RTP came. ``made_up``: FreeSWITCH makes noise of that."""
        if self._send_rtp is None or self._agreed is None or frame is None and not made_up:
            return
        pcm = self._noise if frame is None else np.frombuffer(frame, "<i2")
        self._timestamp += len(pcm)
        self._sequence += 1
        wire = rtp.Packet(self._agreed.payload_type, self._sequence & 0xFFFF, self._timestamp & 0xFFFFFFFF, self._ssrc,
                          self._encoded(pcm))
        try:
            self._send_rtp(rtp.serialise(wire))
        except OSError:  # nobody listens there any more
            return

    def _encoded(self, pcm: np.ndarray) -> bytes:
        if self.codec == "L16":
            return pcm.astype(">i2").tobytes()
        return bytes((g711.alaw_encode if self.codec == "PCMA" else g711.ulaw_encode)(pcm))

    def _decoded(self, payload: bytes) -> bytes:
        if self.codec == "L16":
            return np.frombuffer(payload[: len(payload) & ~1], ">i2").astype("<i2").tobytes()
        law = g711.alaw_decode if self.codec == "PCMA" else g711.ulaw_decode
        return law(np.frombuffer(payload, np.uint8)).astype("<i2").tobytes()

    # ------------------------------------------------------------------ SIP

    def _run(self, local_rtp: Address, connect: Callable[[Address], Callable[[bytes], object]]) -> None:
        opened = self._socket
        if opened is None:
            return
        name = self.codec if self.codec != "L16" else f"L16/{self.rate}"
        offer = make_offer(local_rtp, (name,)).serialise()
        opened.settimeout(RESEND_S)
        self._say(opened, "INVITE", 1, offer)
        while not self.over:
            try:
                data, _ = opened.recvfrom(65536)
            except TimeoutError:
                if not self.answered:
                    self._say(opened, "INVITE", 1, offer)
                continue
            except OSError:  # closed by ``stop``, or nobody listens there
                gevent.sleep(0.01)
                continue
            try:
                message = parse(data)
                if isinstance(message, Response):
                    self._on_response(opened, message, connect)
                else:
                    self._on_request(opened, message)
            except (SipError, struct.error, ValueError) as fault:
                self._end(f"the endpoint's message cannot be read: {fault}")

    def _on_response(self, opened: socket.socket, answer: Response,
                     connect: Callable[[Address], Callable[[bytes], object]]) -> None:
        if answer.status < 200 or not answer.headers.get("CSeq").endswith("INVITE"):
            return
        if answer.status < 300:
            contact = re.search(r"<([^>]+)>", answer.headers.get("Contact"))
            self._target = contact[1] if contact else self._target
            self._to = answer.headers.get("To")
        self._say(opened, "ACK", 1)
        if answer.status >= 300:
            self._end({404: "UNALLOCATED_NUMBER", 480: "NO_USER_RESPONSE"}.get(answer.status,
                                                                               "NORMAL_TEMPORARY_FAILURE"))
        elif not self.answered:
            name = self.codec if self.codec != "L16" else f"L16/{self.rate}"
            self._agreed = choose(parse_sdp(answer.body), (name,)).agreed
            self._send_rtp = connect(self._agreed.remote)
            self.answered = True

    def _on_request(self, opened: socket.socket, request: Request) -> None:
        kept = [(name, request.headers.get(name)) for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        opened.sendto(Response(200, "OK", Headers(kept)).serialise(), self.peer)
        if request.method == "BYE":
            self._end("NORMAL_CLEARING")

    def _end(self, cause: str) -> None:
        self.cause = self.cause or cause
        self.over = True

    def _say(self, opened: socket.socket, method: str, number: int, body: bytes = b"") -> None:
        here = "{}:{}".format(*opened.getsockname())
        fields = [
            ("Via", f"SIP/2.0/UDP {here};rport;branch=z9hG4bK{self._call_id[:8]}{number}{method}"),
            ("Max-Forwards", "70"), ("From", f"<sip:standin@{here}>;tag={self._tag}"), ("To", self._to),
            ("Call-ID", self._call_id), ("CSeq", f"{number} {method}"), ("Contact", f"<sip:standin@{here}>"),
        ]  # fmt: skip
        if body:
            fields.append(("Content-Type", "application/sdp"))
        uri = self._target if method in ("ACK", "BYE") else f"sip:{self.user}@{self.peer[0]}:{self.peer[1]}"
        request = Request(method, uri, Headers(fields), body)
        try:
            opened.sendto(request.serialise(), self.peer)
        except OSError:  # nobody is there: asked again until somebody gives up
            return


__all__ = ["SipLeg", "is_real"]
