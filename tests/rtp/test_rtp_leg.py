"""The RTP leg in virtual time: who is heard and who is not, what is sent when, and what a re-INVITE changes."""

import numpy as np
from rtp_world import SWITCH, Phone, World, agreed

from engine.media.leg import Leg
from engine.rtp import packet as wire


def say(leg, pcm, gen=1, text="something"):
    leg.playout.open(gen)
    leg.playout.add(gen, pcm, text)
    leg.playout.done(gen)
    leg.playout.release(gen)


class Ear:
    def __init__(self, leg):
        self.frames = []
        leg.attach(lambda frame, silent: self.frames.append((frame, silent)))


def call(world, **changes):
    """A leg in a call, its phone talking, and what is heard."""
    terms = agreed(**changes)
    leg = world.legs.open(8000)
    phone = Phone(world, port=terms.remote[1], ssrc=terms.remote[1])
    ear = Ear(leg)
    leg.change(terms)
    phone.talks = True
    return leg, phone, ear


def test_it_is_a_leg():
    world = World()
    leg: Leg = world.legs.open(16000)
    assert (leg.rate, leg.frame_bytes, leg.frames_in, leg.unheard) == (16000, 640, 0, 0)
    assert leg.local == ("127.0.0.1", 40000)


def test_a_frame_a_packet_without_delay():
    """What is the next packet waits for nothing: latency is what callers notice first."""
    world = World()
    leg, phone, ear = call(world)
    world.run(1.0)
    assert leg.frames_in == len(ear.frames) == 51
    assert not any(silent for _, silent in ear.frames)
    assert {len(frame) for frame, _ in ear.frames} == {320}


def test_calls_are_told_by_freeswitch_s_own_ports_and_strangers_are_refused():
    world = World()
    calls = [call(world, remote=(SWITCH, port), remote_rtcp=(SWITCH, port + 1)) for port in (20000, 20002, 20004)]
    for number, (_, phone, _) in enumerate(calls):
        phone.fill = 0x80 + number
    world.run(0.1)
    phone = calls[0][1]
    foreign = wire.serialise(wire.Packet(0, 1, 1, 99, b"\x55" * 160))
    phone.send(foreign, source=("127.0.0.9", 20000))
    phone.send(foreign, source=(SWITCH, 20009))
    world.run(0.1)
    assert world.legs.refused == 2
    heard = [{frame for frame, silent in ear.frames if not silent} for _, _, ear in calls]
    assert len(set.union(*heard)) == 3
    assert all(len(frames) == 1 for frames in heard)


def test_silence_is_sent_every_20_ms_and_timestamps_run_on():
    world = World()
    _, phone, _ = call(world)
    world.run(1.0)
    times, packets = zip(*phone.heard, strict=True)
    assert np.allclose(np.diff(times), 0.02)
    assert set(np.diff([packet.timestamp for packet in packets])) == {160}
    assert [packet.marker for packet in packets].count(True) == 1
    assert {packet.payload for packet in packets} == {b"\xff" * 160}


def test_nothing_is_said_before_the_other_side_is_there():
    """FreeSWITCH throws away what comes before the bridge stands: the first words would be lost."""
    world = World()
    leg, phone, _ = call(world)
    phone.talks = False
    say(leg, np.full(800, 5000, np.int16))
    world.run(0.3)
    assert {packet.payload for _, packet in phone.heard} == {b"\xff" * 160}
    phone.talks = True
    world.run(0.3)
    assert leg.first_frame.is_set()
    assert sum(packet.payload != b"\xff" * 160 for _, packet in phone.heard) == 5


def test_a_caller_who_sends_nothing_is_spoken_to_all_the_same():
    """Telephones with silence suppression send nothing until their user speaks."""
    world = World()
    leg, phone, ear = call(world)
    phone.talks = False
    world.run(1.0)
    assert leg.first_frame.is_set()
    assert all(silent for _, silent in ear.frames)
    assert 18 <= len(ear.frames) <= 25


def test_hold_is_told_and_nothing_is_sent_or_said_until_it_is_over():
    world = World()
    told = []
    leg, phone, _ = call(world)
    leg._told = type(leg._told)(held=told.append)
    world.run(0.2)
    leg.change(agreed(direction="inactive"))
    say(leg, np.full(800, 5000, np.int16))
    phone.talks = False
    sent = len(phone.heard)
    world.run(15.0)
    assert told == [True]
    assert len(phone.heard) == sent
    assert leg.playout.position == 0
    leg.change(agreed())
    phone.talks = True
    world.run(1.0)
    assert told == [True, False]
    assert sum(packet.payload != b"\xff" * 160 for _, packet in phone.heard) == 5
