"""The user agent on a clock that the test moves; everything it sends and tells is kept."""

from sip_peer import Party, sdp

from engine.sip.events import Changed, Confirmed, Digit, Ended, Incoming
from engine.sip.options import SipOptions
from engine.sip.transaction import Hop
from engine.sip.uas import UserAgent

HERE = Hop("UDP", "127.0.0.1", 5060)
LONG_S = 64 * 0.5


class Bench:
    def __init__(self, hop=HERE, **options):
        self.now = 1000.0
        self.hop = hop
        self.agent = UserAgent(SipOptions(**options), lambda ip: ("127.0.0.1", 5090))
        self.party = Party(transport=hop.transport)
        self.sent = []  # (seconds since the beginning, message as the party reads it, where to)
        self.told = []
        self.call = None
        self.answering = True

    def give(self, data, hop=None):
        """A message arrives; returns what is sent in answer to it."""
        self.agent.receive(data, hop or self.hop, self.now)
        return self.collect()

    def collect(self):
        fresh = []
        while self.agent.outbox or self.agent.events:
            outbox, self.agent.outbox = self.agent.outbox, []
            for data, hop in outbox:
                message = self.party.read(data)
                fresh.append(message)
                self.sent.append((round(self.now - 1000.0, 3), message, hop))
            events, self.agent.events = self.agent.events, []
            for event in events:
                self.note(event)
        return fresh

    def note(self, event):
        if isinstance(event, Incoming):
            self.call = event.call
            self.told.append("incoming")
            if self.answering:
                event.call.answer(("127.0.0.1", 40000), self.now)
        elif isinstance(event, Confirmed):
            self.told.append("confirmed")
        elif isinstance(event, Changed):
            self.told.append(event.agreed)
        elif isinstance(event, Digit):
            self.told.append((event.digit, event.duration_ms))
        elif isinstance(event, Ended):
            self.told.append(event.cause)

    def wait(self, seconds):
        """Time passes, each deadline at its time; returns what was sent, with when."""
        before, until = len(self.sent), self.now + seconds
        while self.agent.next_due is not None and self.agent.next_due <= until:
            self.now = self.agent.next_due
            self.agent.advance(self.now)
            self.collect()
        self.now = until
        return [(when, getattr(message, "status", None) or message.method) for when, message, _ in self.sent[before:]]

    def ring(self, body=None, **more):
        """An INVITE that the owner does not answer."""
        self.answering = False
        return self.give(self.party.request("INVITE", sdp() if body is None else body, **more))

    def up(self, body=None, **more):
        """A call that is answered and acknowledged."""
        answers = self.give(self.party.request("INVITE", sdp() if body is None else body, **more))
        assert [answer.status for answer in answers] == [200]
        self.give(self.party.ack(200))
        assert self.told == ["incoming", "confirmed"]
        self.told.clear()
        self.sent.clear()
        return answers[0]

    def status(self, data, hop=None):
        """The one answer to a request."""
        (answer,) = self.give(data, hop)
        return answer.status

    def assert_forgotten(self):
        """After the longest time that anything may take nothing is left."""
        self.wait(7200)
        assert self.agent.idle, (self.agent.calls, self.agent.table.servers, self.agent.table.clients)
