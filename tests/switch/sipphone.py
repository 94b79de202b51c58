"""A SIP caller for the tests: one call over UDP, with hold, change of codec, digits, and ears that keep time.

As much of RFC 3261 as a caller needs on loopback: requests are sent again every half second until they are answered,
a repeated 200 is acknowledged again, and whatever the other side asks inside the call is answered.
"""

import itertools
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rtpstream import DTMF_TYPE, PAYLOAD_TYPES, RtpStream, audible, talk_ends

RESEND_S = 0.5
_numbers = itertools.count(1)


class CallFailed(Exception):
    """The call was not answered: ``status`` is the SIP status (0: no reply at all), ``reason`` its text."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status, self.reason = status, reason


@dataclass(frozen=True, slots=True)
class Message:
    """A SIP message: first line, headers in lower case (repeated ones joined by a line feed), body."""

    first: str
    headers: dict[str, str]
    body: str

    @property
    def status(self) -> int:
        """The status of a response, 0 of a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        """The method of a request, or of the request that this response answers."""
        return self.headers["cseq"].split()[1]

    @property
    def sequence(self) -> int:
        """The number in CSeq."""
        return int(self.headers["cseq"].split()[0])


def parse(datagram: bytes) -> Message:
    """One datagram as a message."""
    head, _, body = datagram.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers[name] = f"{headers[name]}\n{value.strip()}" if name in headers else value.strip()
    return Message(first, headers, body)


class SipPhone:
    """One phone with one call, known to the other side by ``name``. Leaving it (``with``) hangs up and closes it."""

    def __init__(
        self, switch: tuple[str, int], name: str = "", codec: str = "PCMU", address: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.codec = codec
        self.rtp = RtpStream(codec, address)
        self.answered_at = 0.0
        self.ended_at = 0.0
        self.ended_by = ""
        self.end_reason = ""
        self.name = name or f"caller{next(_numbers)}"
        self._switch = switch
        self._address = address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self._socket.settimeout(0.2)
        self._contact = f"{self.name}@{address}:{self._socket.getsockname()[1]}"
        self.call_id = uuid.uuid4().hex
        self._tag = uuid.uuid4().hex[:8]
        self._from = self._to = self._target = ""
        self._sequence = 0
        self._sdp_version = 0
        self._direction = "sendrecv"
        self._responses: dict[tuple[int, str], Message] = {}
        self._acks: dict[int, bytes] = {}
        self.requests: list[str] = []
        """First lines of what the other side has asked for."""

        self.refer_to = ""
        """Where it was asked to call instead."""
        self._arrived = threading.Condition()
        self._open = True
        self._receiver = threading.Thread(target=self._receive_all)
        self._receiver.start()

    def __enter__(self) -> "SipPhone":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.answered_at and not self.ended_at:
                self.hangup()
        finally:
            self._open = False
            self._receiver.join(2)
            self._socket.close()
            self.rtp.close()

    # the call

    def dial(self, number: str, timeout: float = 10.0) -> None:
        """Call ``number`` and wait until it is answered; ``CallFailed`` when it is not."""
        self._target = f"sip:{number}@{self._switch[0]}:{self._switch[1]}"
        self._to = f"<{self._target}>"
        self._invite(timeout)
        self.answered_at = time.monotonic()

    def hold(self, timeout: float = 5.0) -> None:
        """Put the switch on hold: re-INVITE ``sendonly``, and send no audio, as most phones do."""
        self._direction = "sendonly"
        self._invite(timeout)
        self.rtp.muted = True

    def resume(self, timeout: float = 5.0) -> None:
        """End the hold."""
        self._direction = "sendrecv"
        self._invite(timeout)
        self.rtp.muted = False

    def change_codec(self, codec: str, timeout: float = 5.0) -> None:
        """Re-INVITE with another codec."""
        self.codec = codec
        self._invite(timeout)

    def press_by_info(self, digit: str, timeout: float = 5.0) -> None:
        """Send a digit as SIP INFO, the way of some trunks and most proxies."""
        answer = self._request("INFO", timeout, f"Signal={digit}\r\nDuration=160\r\n", "application/dtmf-relay")
        assert answer.status == 200, answer.first

    def hangup(self, timeout: float = 5.0) -> None:
        """BYE. The call counts as ended when it is sent."""
        self.ended_at, self.ended_by = time.monotonic(), "caller"
        self._request("BYE", timeout)

    def wait_ended(self, timeout: float) -> bool:
        """Whether the other side hung up within ``timeout`` seconds."""
        return self.wait(lambda: bool(self.ended_at), timeout)

    def say(self, pcm: np.ndarray) -> float:
        """Speak int16 samples at 8 kHz and wait until they are sent; returns when the last audible packet left."""
        before = len(self.rtp.sent)
        self.rtp.say(pcm)
        assert self.wait(lambda: not self.rtp.speaking, len(pcm) / 8000 + 5)
        return audible(self.rtp.sent[before:])[-1].time

    def first_sound(self, since: float = 0.0, timeout: float = 10.0) -> float:
        """When the first sound from ``since`` on was heard; waits for it."""
        assert self.wait(lambda: bool(audible(self.rtp.heard, since)), timeout), f"nothing heard in {timeout} s"
        return audible(self.rtp.heard, since)[0].time

    def last_sound(self, since: float, pause: float = 0.7, timeout: float = 30.0) -> float:
        """When the sound that goes on at ``since`` ended: waits until ``pause`` seconds without any have followed."""
        def ended() -> bool:
            return time.monotonic() - talk_ends(self.rtp.heard, since, pause) > pause

        assert self.wait(ended, timeout), f"it goes on after {timeout} s"
        return talk_ends(self.rtp.heard, since, pause)

    def pause(self, seconds: float) -> None:
        """Wait while the call goes on."""
        self.wait(lambda: False, seconds)

    def wait(self, true: Callable[[], bool], timeout: float) -> bool:
        """Poll ``true`` until it holds or ``timeout`` seconds have passed; returns what it was last."""
        deadline = time.monotonic() + timeout
        while not true():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    # messages out

    def _invite(self, timeout: float) -> None:
        self._sdp_version += 1
        codec = PAYLOAD_TYPES[self.codec]
        answer = self._request("INVITE", timeout, self._sdp(codec))
        if answer.status >= 300:
            raise CallFailed(answer.status, answer.first.split(" ", 2)[2])
        address = re.search(r"c=IN IP4 (\S+)", answer.body)
        media = re.search(r"m=audio (\d+) RTP/AVP (\d+)", answer.body)
        assert address and media, answer.body
        self.rtp.start((address[1], int(media[1])), int(media[2]))

    def _sdp(self, payload_type: int) -> str:
        return (
            f"v=0\r\no=- 1 {self._sdp_version} IN IP4 {self._address}\r\ns=-\r\nc=IN IP4 {self._address}\r\nt=0 0\r\n"
            f"m=audio {self.rtp.port} RTP/AVP {payload_type} {DTMF_TYPE}\r\n"
            f"a=rtpmap:{payload_type} {self.codec}/8000\r\n"
            f"a=rtpmap:{DTMF_TYPE} telephone-event/8000\r\na=fmtp:{DTMF_TYPE} 0-15\r\n"
            f"a=ptime:20\r\na={self._direction}\r\n"
        )

    def _head(self, method: str, sequence: int, body: str = "", content: str = "application/sdp") -> bytes:
        lines = [
            f"{method} {self._target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._contact.split('@')[1]};rport;branch=z9hG4bK{uuid.uuid4().hex[:12]}",
            "Max-Forwards: 70",
            f"From: {self._from or f'<sip:{self._contact}>;tag={self._tag}'}",
            f"To: {self._to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:{self._contact}>",
            *([f"Content-Type: {content}"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def _request(self, method: str, timeout: float, body: str = "", content: str = "application/sdp") -> Message:
        """Send a request, again and again until something answers; returns the final response."""
        self._sequence += 1
        sequence, key = self._sequence, (self._sequence, method)
        request = self._head(method, sequence, body, content)
        deadline = time.monotonic() + timeout
        send_at = 0.0
        with self._arrived:
            while True:
                seen = self._responses.get(key)
                if seen and seen.status >= 200:
                    return seen
                if time.monotonic() > deadline:
                    raise CallFailed(0, f"{method} had no final response in {timeout} s")
                if not seen and time.monotonic() >= send_at:
                    self._socket.sendto(request, self._switch)
                    send_at = time.monotonic() + RESEND_S
                self._arrived.wait(0.05)

    # messages in

    def _receive_all(self) -> None:
        while self._open:
            try:
                datagram, source = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            except OSError:
                return
            if datagram.strip():
                message = parse(datagram)
                if message.status:
                    self._on_response(message)
                else:
                    self._on_request(message, source)

    def _on_response(self, message: Message) -> None:
        if message.method == "INVITE" and message.status >= 200:
            self._acknowledge(message)
        with self._arrived:
            self._responses[(message.sequence, message.method)] = message
            self._arrived.notify_all()

    def _acknowledge(self, message: Message) -> None:
        """ACK a final response, and every copy of it. After a 2xx the dialog's target is the answer's Contact."""
        if message.status < 300:
            self._to = message.headers["to"]
            contact = re.search(r"<([^>]+)>", message.headers["contact"])
            assert contact
            self._target = contact[1]
        ack = self._head("ACK", message.sequence).decode()
        if message.status >= 300:  # belongs to the INVITE's own transaction: same branch, the answer's To
            ack = re.sub(r"Via: .*", f"Via: {message.headers['via']}", ack)
            ack = re.sub(r"To: .*", f"To: {message.headers['to']}", ack)
        self._socket.sendto(ack.encode(), self._switch)

    def _on_request(self, message: Message, source: tuple[str, int]) -> None:
        if message.method == "ACK":
            return
        self.requests.append(message.first)
        self.refer_to = message.headers.get("refer-to", self.refer_to)
        body = self._sdp(PAYLOAD_TYPES[self.codec]) if message.method == "INVITE" else ""
        echoed = [f"{name}: {line}" for name in ("via", "from", "to", "call-id", "cseq")
                  for line in message.headers[name].split("\n")]
        content = ["Content-Type: application/sdp"] if body else []
        lines = ["SIP/2.0 200 OK", *echoed, f"Contact: <sip:{self._contact}>", *content, f"Content-Length: {len(body)}"]
        self._socket.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), source)
        if message.method == "BYE" and not self.ended_at:
            self.end_reason = message.headers.get("reason", "")
            self.ended_by = "switch"
            self.ended_at = time.monotonic()
