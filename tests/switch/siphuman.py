"""Somebody who is called by the switch: answers, refuses, lets it ring, or is a machine; talks and presses keys."""

import re
import threading
import time
from typing import Any

import numpy as np
from rtpstream import PAYLOAD_TYPES
from sipphone import Message, SipPhone

REFUSALS = {"busy": "486 Busy Here", "refuse": "603 Decline", "gone": "480 Temporarily Unavailable"}


class SipHuman(SipPhone):
    """One called phone. ``manner``: answer (``after`` so many seconds), busy, refuse, gone or ring."""

    def __init__(self, switch: tuple[str, int], manner: str = "answer", after: float = 0.3, **options: Any) -> None:
        self.manner: str = manner
        self.after = after
        self.greeting: np.ndarray | None = None
        """Said as soon as they have answered."""

        self.requests_all: list[Message] = []
        """All that it was asked, in order."""

        self.invited_at = 0.0
        self.cancelled_at = 0.0
        self._invite_message: Message | None = None
        super().__init__(switch, **options)

    @property
    def dial_string(self) -> str:
        """What the switch calls it by."""
        return f"sofia/external/sip:{self._contact}"

    @property
    def uri(self) -> str:
        """Its SIP address."""
        return f"sip:{self._contact}"

    def _on_request(self, message: Message, source: tuple[str, int]) -> None:
        self.requests_all.append(message)
        if message.method == "INVITE" and not self.answered_at:
            if not self.invited_at:
                self.invited_at = time.monotonic()
                self._respond(message, "180 Ringing", source)
            if self.manner in REFUSALS:
                self._respond(message, REFUSALS[self.manner], source)
            elif self.manner == "answer" and self._invite_message is None:
                self._invite_message = message
                self._later(message, source)
        elif message.method == "CANCEL":
            self.cancelled_at = time.monotonic()
            self._respond(message, "200 OK", source)
            if self._invite_message is None or not self.answered_at:
                invite = Message(message.first, {**message.headers, "cseq": f"{message.sequence} INVITE"}, "")
                self._respond(invite, "487 Request Terminated", source)
        else:
            super()._on_request(message, source)

    def _later(self, invite: Message, source: tuple[str, int]) -> None:
        def answer() -> None:
            time.sleep(self.after)
            if not self.cancelled_at and self._open:
                self._answer(invite, source)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()

    def _answer(self, invite: Message, source: tuple[str, int]) -> None:
        """200 with our SDP; the dialog is turned around, so that our BYE goes to the caller's Contact."""
        contact = re.search(r"<([^>]+)>", invite.headers["contact"])
        media = re.search(r"m=audio (\d+) RTP/AVP ([\d ]+)", invite.body)
        address = re.search(r"c=IN IP4 (\S+)", invite.body)
        assert contact and media and address, invite
        self._target = contact[1]
        self._to = invite.headers["from"]
        self._from = f"{invite.headers['to']};tag={self._tag}"
        self.call_id = invite.headers["call-id"]
        self._respond(invite, "200 OK", source, self._sdp(PAYLOAD_TYPES[self.codec]))
        self.answered_at = time.monotonic()
        if self.greeting is not None:
            self.rtp.say(self.greeting)
        self.rtp.start((address[1], int(media[1])), PAYLOAD_TYPES[self.codec])

    def _respond(self, message: Message, status: str, source: tuple[str, int], body: str = "") -> None:
        headers = []
        for name in ("via", "from", "to", "call-id", "cseq"):
            for line in message.headers[name].split("\n"):
                headers.append(f"{name}: {line};tag={self._tag}" if name == "to" and "tag=" not in line
                               else f"{name}: {line}")
        content = ["Content-Type: application/sdp"] if body else []
        lines = [f"SIP/2.0 {status}", *headers, f"Contact: <sip:{self._contact}>", *content,
                 f"Content-Length: {len(body)}"]
        self._socket.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), source)
