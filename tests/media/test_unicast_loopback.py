"""The same edge on real UDP: one shared socket, each FreeSWITCH side on its own 127.x.y.z address."""

import socket

import gevent
import numpy as np
import pytest

from engine.config import MediaOptions
from engine.media.clock import FrameClock
from engine.media.errors import MediaError
from engine.media.unicast import UnicastSocket


class Switch:
    """FreeSWITCH's side of one call."""

    def __init__(self, leg):
        self.leg = leg
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((leg.local_ip, leg.local_port))
        self.got = []
        self.greenlets = [gevent.spawn(self.receive), gevent.spawn(self.send)]

    def receive(self):
        while True:
            self.got.append(self.socket.recv(2000))

    def send(self):
        number = 0
        while True:
            number += 1
            self.socket.sendto(np.full(160, number, np.int16).tobytes(), (self.leg.remote_ip, self.leg.remote_port))
            gevent.sleep(0.02)

    def close(self):
        gevent.killall(self.greenlets)
        self.socket.close()


@pytest.fixture
def edge():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    clock = FrameClock()
    unicast = UnicastSocket(MediaOptions(switch_port=max(free, 1024)), clock)
    clock.start()
    yield unicast
    clock.stop()
    unicast.close()


def wait(condition):
    with gevent.Timeout(20):
        while not condition():
            gevent.sleep(0.01)


def test_three_calls_talk_at_once_and_a_stranger_is_refused(edge):
    legs = [edge.open(8000) for _ in range(3)]
    heard = [[] for _ in legs]
    finished = []
    for index, leg in enumerate(legs):
        leg.attach(lambda frame, silent, index=index: heard[index].append(frame))
        leg.playout.on_finished = lambda gen, what: finished.append((gen, what.text))
    switches = [Switch(leg) for leg in legs]
    try:
        for leg in legs:
            assert leg.first_frame.wait(10)
        for index, leg in enumerate(legs):
            leg.playout.open(index)
            leg.playout.add(index, np.full(1600, 100 + index, np.int16), f"reply {index}")
            leg.playout.done(index)
            leg.playout.release(index)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"\x01" * 320, (edge.ip, edge.port))
            wait(lambda: edge.refused == 1)
        wait(lambda: len(finished) == 3 and all(len(frames) >= 15 for frames in heard))
        for index, switch in enumerate(switches):
            loud = np.full(160, 100 + index, np.int16).tobytes()
            wait(lambda switch=switch, loud=loud: switch.got.count(loud) == 10)
            assert {len(data) for data in switch.got} == {320}
            assert set(switch.got) <= {loud, bytes(320)}
        for frames in heard:
            numbers = [int(np.frombuffer(frame, np.int16)[0]) for frame in frames if any(frame)]
            assert numbers[0] == 1
            assert numbers == sorted(set(numbers))
    finally:
        for switch in switches:
            switch.close()


def test_a_port_in_use_is_named(edge):
    with pytest.raises(MediaError, match=f"127.0.0.1:{edge.port}: Address already in use"):
        UnicastSocket(MediaOptions(port=edge.port), FrameClock())
