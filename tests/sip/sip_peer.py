"""The peer's side of SIP for tests: messages as FreeSWITCH sends them, and a strict reader of ours."""

import itertools
import re

from gevent import socket

from engine.sip.message import Request, Response, parse

_numbers = itertools.count(1)


MAPS = ("0 PCMU/8000", "101 telephone-event/8000")


def sdp(port=30000, ip="127.0.0.1", formats="0 101", maps=MAPS, more=(), version=1):
    lines = ["v=0", f"o=FreeSWITCH 1 {version} IN IP4 {ip}", "s=FreeSWITCH", f"c=IN IP4 {ip}", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP {formats}", *[f"a=rtpmap:{entry}" for entry in maps], *[f"a={a}" for a in more]]
    return "\r\n".join(lines) + "\r\n"


class Party:
    """One caller's dialog: makes requests, checks every answer for what RFC 3261 says it must repeat."""

    def __init__(self, host="127.0.0.1", port=5060, transport="UDP"):
        self.host, self.port, self.transport = host, port, transport
        self.call_id = f"call-{next(_numbers)}@test"
        self.tag = f"peer{next(_numbers)}"
        self.number = 0
        self.to_tag = ""
        self.target = "sip:token@127.0.0.1:5090"
        self.branches = {}

    def request(
        self, method, body="", *, number=None, branch=None, headers=(), uri=None, to_tag=None, kind="application/sdp",
        without=(), rport=True,
    ):
        """The text of a request; the next number unless told."""
        if number is None:
            if method not in ("ACK", "CANCEL"):
                self.number += 1
            number = self.number
        branch = branch or f"z9hG4bK{next(_numbers)}"
        if method == "INVITE":
            self.branches[number] = branch
        to_tag = self.to_tag if to_tag is None else to_tag
        fields = [
            ("Via", f"SIP/2.0/{self.transport} {self.host}:{self.port}{';rport' if rport else ''};branch={branch}"),
            ("Max-Forwards", "70"),
            ("From", f'"Asha" <sip:+911@{self.host}>;tag={self.tag}'),
            ("To", "<sip:token@127.0.0.1:5090>" + (f";tag={to_tag}" if to_tag else "")),
            ("Call-ID", self.call_id),
            ("CSeq", f"{number} {method}"),
            ("Contact", f"<sip:peer@{self.host}:{self.port}>"),
        ]
        given = {name.lower() for name, _ in headers}
        fields = [(n, v) for n, v in fields if n not in without and n.lower() not in given] + list(headers)
        if body:
            fields.append(("Content-Type", kind))
        fields.append(("Content-Length", str(len(body.encode()))))
        lines = [f"{method} {uri or self.target} SIP/2.0", *[f"{name}: {value}" for name, value in fields]]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def ack(self, status, number=None, body=""):
        """ACK of the answer to that INVITE: of a refusal on the same branch (RFC 3261, 17.1.1.3)."""
        number = number or self.number
        return self.request("ACK", body, number=number, branch=self.branches[number] if status >= 300 else None)

    def cancel(self, number=None):
        number = number or self.number
        return self.request("CANCEL", number=number, branch=self.branches[number], to_tag="")

    def read(self, data):
        """Parse an answer or a request of ours, and check it as a strict peer would."""
        message = parse(data)
        headers = message.headers
        assert int(headers.get("content-length")) == len(message.body)
        assert headers.get("call-id") == self.call_id
        for name in ("via", "from", "to", "cseq"):
            assert len(headers.all(name)) == 1, name
        if isinstance(message, Response):
            assert f"tag={self.tag}" in headers.get("from")
            tag = re.search(r";tag=([^;>]+)$", headers.get("to"))
            assert (tag is None) == (message.status == 100), "every answer but 100 has our tag"
            if tag and message.status < 300 and headers.get("cseq").endswith(" INVITE"):
                assert self.to_tag in ("", tag.group(1))
                self.to_tag = tag.group(1)
                contact = re.fullmatch(r"<(sip:[^>]+)>", headers.get("contact"))
                self.target = contact.group(1)
        else:
            assert isinstance(message, Request)
            assert f"tag={self.tag}" in headers.get("to") and f"tag={self.to_tag}" in headers.get("from")
        return message

    def ok_to(self, request):
        """200 to a request of ours."""
        kept = [f"{name}: {request.headers.get(name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        return ("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0"]) + "\r\n\r\n").encode()


class UdpParty(Party):
    """A caller with a real UDP socket."""

    def __init__(self, endpoint):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(10)
        super().__init__(port=self.socket.getsockname()[1])
        self.endpoint = endpoint
        self.target = f"sip:token@127.0.0.1:{endpoint.address[1]}"

    def send(self, data):
        self.socket.sendto(data, self.endpoint.address)

    def receive(self, status=None):
        """The next message; answers below the wanted status are passed over."""
        while True:
            message = self.read(self.socket.recv(65536))
            if isinstance(message, Response) and status is not None:
                if message.status < 200 and message.status != status:
                    continue
                assert message.status == status
            return message

    def close(self):
        self.socket.close()
