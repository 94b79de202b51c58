"""A virtual network and time for RTP legs: no socket, no sleep, every datagram dated."""

from collections import deque

from engine.config import MediaOptions, RtpOptions
from engine.media.clock import FrameClock
from engine.media.rtplegs import RtpLegs
from engine.rtp import packet as wire
from engine.sip.agreed import Agreed

ENGINE = "127.0.0.1"
SWITCH = "127.0.0.2"


class Wire:
    """Stands for a UDP socket: ``arrive`` puts a datagram in, ``sent`` is what went out, with its time."""

    def __init__(self, world, port):
        self.world, self.port = world, port
        self.waiting = deque()
        self.sent = []
        self.full = False
        self.closed = False

    def arrive(self, data, source):
        self.waiting.append((data, source))

    def recvfrom(self, size):
        if not self.waiting:
            raise BlockingIOError
        data, source = self.waiting.popleft()
        return data[:size], source

    def sendto(self, data, address):
        assert not self.closed
        if self.full:
            raise BlockingIOError
        self.sent.append((self.world.now, data, address))
        return len(data)

    def getsockname(self):
        return ENGINE, self.port

    def close(self):
        self.closed = True


class World:
    """Clock, sockets and time; ``Phone`` is the other side of a call in it."""

    def __init__(self, media=None, **options):
        self.now = 1000.0
        self.options = MediaOptions(**(media or {}))
        self.clock = FrameClock(self.options.frame_ms, now=lambda: self.now)
        self.wires = []
        self.phones = []
        self.next_port = 40000
        self.legs = RtpLegs(self.options, RtpOptions(**options), self.clock, bind=self.bind, now=lambda: self.now,
                            wall=lambda: 1.8e9 + self.now, random=lambda: 0.5)
        self.rtp, self.rtcp = self.wires[:2]
        self.due = self.now + self.clock.period

    def bind(self, ip, port):
        if not port:
            port, self.next_port = self.next_port, self.next_port + 2
        wire = Wire(self, port)
        self.wires.append(wire)
        return wire

    def run(self, seconds, step=True):
        """Let time pass; without ``step`` the process is stalled: datagrams come, nobody serves them."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now = min(end, self.due) if step else end
            for phone in self.phones:
                phone.pass_time(self.now)
            if step and self.now >= self.due - 1e-9:
                self.due = self.clock.step(self.now)
        if not step:
            self.due = self.clock.step(self.now)


def agreed(port=20000, **changes):
    """PCMU with FreeSWITCH at this port."""
    given = {"codec": "PCMU", "clock_rate": 8000, "payload_type": 0, "ptime_ms": 20, "remote": (SWITCH, port),
             "remote_rtcp": (SWITCH, port + 1), "telephone_event_pt": 101, **changes}
    return Agreed(**given)


class Phone:
    """The other side of one call: sends a packet every ``ptime`` while it ``talks``."""

    def __init__(self, world, port=20000, codec="PCMU", payload_type=0, ticks=160, size=160, ssrc=7):
        self.world, self.address = world, (SWITCH, port)
        self.payload_type, self.ticks, self.size, self.ssrc = payload_type, ticks, size, ssrc
        self.sequence, self.timestamp = 65530, 0xFFFFFF00
        self.talks = False
        self.due = world.now
        self.ptime = ticks / 8000
        self.fill = 0xD5
        self.drop = lambda number: False
        self.number = 0
        world.phones.append(self)

    def packet(self, payload=None, marker=False, **changes):
        """The next packet's bytes; the stream goes on."""
        payload = bytes((self.fill,)) * self.size if payload is None else payload
        made = wire.Packet(self.payload_type, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc, payload,
                           marker)
        self.sequence += 1
        self.timestamp += self.ticks
        return wire.serialise(made._replace(**changes))

    def send(self, data=None, source=None):
        self.world.rtp.arrive(self.packet() if data is None else data, source or self.address)

    def pass_time(self, now):
        if not self.talks:
            self.due = max(self.due, now)
            return
        while self.due <= now + 1e-9:
            self.due += self.ptime
            data, number = self.packet(), self.number
            self.number += 1
            if not self.drop(number):
                self.send(data)

    def silence(self, seconds):
        """Nothing is sent for so long, and the timestamps run on."""
        self.talks = False
        before = self.world.now
        self.world.run(seconds)
        self.timestamp += round((self.world.now - before) * 8000 / self.ticks) * self.ticks
        self.talks = True

    @property
    def heard(self):
        """``(time, packet)`` of all RTP that was sent to it."""
        return [(round(at, 4), wire.parse(data)) for at, data, to in self.world.rtp.sent
                if to == self.address and not wire.is_rtcp(data)]
