"""A virtual network and time for the frame clock: no socket, no sleep, every datagram dated."""

from collections import deque

from engine.config import MediaOptions
from engine.media.addresses import AddressPool
from engine.media.clock import FrameClock
from engine.media.unicast import UnicastSocket

FRAME_S = 0.02


class Wire:
    """Stands for the UDP socket: ``arrive`` puts a datagram in, ``sent`` is what went out, with its time."""

    def __init__(self, world):
        self.world = world
        self.waiting = deque()
        self.sent = []
        self.full = False

    def arrive(self, data, address):
        self.waiting.append((data, address))

    def recvfrom(self, size):
        if not self.waiting:
            raise BlockingIOError
        data, address = self.waiting.popleft()
        return data[:size], address

    def sendto(self, data, address):
        if self.full:
            raise BlockingIOError
        self.sent.append((self.world.now, data, address))
        return len(data)

    def getsockname(self):
        return "127.0.0.1", 40000

    def close(self):
        pass


class World:
    """Clock, socket and a FreeSWITCH that sends each leg one frame every 20 ms while it is ``fed``."""

    def __init__(self, **options):
        self.now = 1000.0
        self.options = MediaOptions(**options)
        self.clock = FrameClock(self.options.frame_ms, now=lambda: self.now)
        self.wire = Wire(self)
        addresses = AddressPool(first=0)
        self.socket = UnicastSocket(self.options, self.clock, bind=lambda ip, port: self.wire, addresses=addresses)
        self.fed = {}
        self.due = self.now + self.clock.period

    def call(self, rate=8000, **kwargs):
        """A leg whose caller speaks from now on."""
        leg = self.socket.open(rate, **kwargs)
        self.feed(leg)
        return leg

    def feed(self, leg, frame=None):
        self.fed[leg.far] = [frame or b"\x01\x00" * (leg.frame_bytes // 2), self.now]

    def starve(self, leg):
        self.fed.pop(leg.far, None)

    def run(self, seconds, step=True):
        """Let time pass; without ``step`` the process is stalled: datagrams come, nobody serves them."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now = min(end, self.due) if step else end
            for address, entry in self.fed.items():
                while entry[1] <= self.now + 1e-9:
                    self.wire.arrive(entry[0], address)
                    entry[1] += FRAME_S
            if self.now >= self.due - 1e-9 and step:
                self.due = self.clock.step(self.now)
        if not step:
            self.due = self.clock.step(self.now)
