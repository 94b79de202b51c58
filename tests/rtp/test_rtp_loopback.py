"""The same on real UDP: legs that talk to each other over loopback, and the sockets that they share."""

import socket

import gevent
import numpy as np
import pytest

from engine.config import MediaOptions, RtpOptions
from engine.media.clock import FrameClock
from engine.media.errors import MediaError
from engine.media.rtplegs import RtpLegs
from engine.sip.agreed import Agreed


@pytest.fixture
def sides():
    """Two engines' RTP on one clock."""
    clock = FrameClock()
    both = [RtpLegs(MediaOptions(), RtpOptions(), clock) for _ in range(2)]
    clock.start()
    yield both
    clock.stop()
    for side in both:
        side.close()


def wait(condition):
    with gevent.Timeout(20):
        while not condition():
            gevent.sleep(0.01)


def towards(leg, codec="L16", clock_rate=16000, payload_type=97):
    ip, port = leg.local
    return Agreed(codec, clock_rate, payload_type, 20, (ip, port), (ip, port + 1), telephone_event_pt=101)


def strongest(pcm, rate):
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum) * rate / len(pcm))


@pytest.mark.parametrize(("codec", "clock_rate", "payload_type"), [("L16", 16000, 97), ("PCMA", 8000, 8)])
def test_two_legs_talk(sides, codec, clock_rate, payload_type):
    """Both at 16 kHz, whatever the line: each hears the other's tone, clean, and the key."""
    legs = [side.open(16000) for side in sides]
    heard = [[], []]
    finished = []
    for index, leg in enumerate(legs):
        leg.attach(lambda frame, silent, index=index: heard[index].append(frame))
        leg.playout.on_finished = lambda gen, what: finished.append(what.text)
        leg.change(towards(legs[1 - index], codec, clock_rate, payload_type))
    for index, leg in enumerate(legs):
        assert leg.first_frame.wait(10)
        pcm = (8000 * np.sin(2 * np.pi * (600 + 300 * index) * np.arange(16000) / 16000)).astype(np.int16)
        leg.playout.open(1)
        leg.playout.add(1, pcm, f"tone {index}")
        leg.playout.done(1)
        leg.playout.release(1)
    wait(lambda: len(finished) == 2 and all(len(frames) > 70 for frames in heard))
    for index, frames in enumerate(heard):
        pcm = np.frombuffer(b"".join(frames), np.int16)
        loud = np.flatnonzero(np.abs(pcm.astype(int)) > 4000)
        assert 15000 < loud[-1] - loud[0] < 17500
        assert abs(strongest(pcm[loud[0] : loud[-1]], 16000) - (900 - 300 * index)) < 3
    legs[0].press("5")
    wait(lambda: legs[1].keys_in == 1)
    assert [leg.figures()["lost"] for leg in legs] == [0, 0]


def test_a_stranger_on_the_network_is_not_heard(sides):
    leg, other = (side.open(8000) for side in sides)
    leg.change(towards(other, "PCMU", 8000, 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"\x80\x00" + bytes(170), leg.local)
        wait(lambda: sides[0].refused == 1)
    assert leg.packets_in == 0


def test_a_port_in_use_is_named_and_nothing_stays_open(sides):
    port = sides[0].ports[0].address[1]
    with pytest.raises(MediaError, match=f"rtp.port: cannot bind UDP 127.0.0.1:{port}: Address already in use"):
        RtpLegs(MediaOptions(), RtpOptions(port=port), FrameClock())
    with pytest.raises(MediaError, match="Address already in use"):
        RtpLegs(MediaOptions(), RtpOptions(port=port - 2, ports=2), FrameClock())


def test_an_odd_port_and_a_network_that_is_none_are_refused_by_the_configuration():
    with pytest.raises(ValueError, match="30001 is odd"):
        RtpOptions(port=30001)
    with pytest.raises(ValueError, match=r"198\.51\.100\.0/33"):
        RtpOptions(nat_peers=("198.51.100.0/33",))
