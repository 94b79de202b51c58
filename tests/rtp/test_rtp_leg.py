"""The RTP leg in virtual time: who is heard and who is not, what is sent when, and what a re-INVITE changes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rtp_world import SWITCH, Phone, World, agreed

from engine.media.errors import MediaError
from engine.media.leg import Leg
from engine.media.rtpcodecs import codec
from engine.media.rtpleg import Told
from engine.rtp import packet as wire
from engine.rtp import rtcp
from engine.telemetry.vocabulary import FIELDS


def say(leg, pcm, gen=1, text="something"):
    leg.playout.open(gen)
    leg.playout.add(gen, pcm, text)
    leg.playout.done(gen)
    leg.playout.release(gen)


def strongest(pcm, rate):
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum) * rate / len(pcm))


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


def test_a_reinvite_with_another_codec_changes_nothing_for_the_conversation():
    """PCMU to PCMA in mid-sentence: the reply goes on, the ledger counts on, the caller's time has no hole. What comes
    by the old terms is understood until something comes by the new ones."""
    world = World()
    leg, phone, ear = call(world)
    world.run(1.0)
    say(leg, np.full(8000, 5000, np.int16), text="one two three four five")
    world.run(0.4)
    leg.change(agreed(codec="PCMA", payload_type=8))
    world.run(0.1)
    frames = len(ear.frames)
    assert abs(frames - 1.5 / 0.02) <= 2
    phone.payload_type = 8
    world.run(1.5)
    assert abs(len(ear.frames) - 3.0 / 0.02) <= 3
    assert not any(silent for _, silent in ear.frames)
    spoken = [packet for _, packet in phone.heard if packet.payload not in (b"\xff" * 160, b"\xd5" * 160)]
    assert {packet.payload_type for packet in spoken} == {0, 8}
    assert 50 <= len(spoken) <= 51
    assert set(np.diff([packet.timestamp for _, packet in phone.heard])) <= {160, 0}
    assert len({packet.ssrc for _, packet in phone.heard}) == 1


def test_a_reinvite_to_wideband_keeps_the_leg_s_rate():
    """The recogniser, the recording and the ledger count samples at the leg's rate: it never changes."""
    world = World()
    leg, phone, ear = call(world)
    world.run(0.5)
    leg.change(agreed(codec="L16", clock_rate=16000, payload_type=97, telephone_event_rate=16000))
    phone.payload_type, phone.ticks, phone.size = 97, 320, 640
    world.run(1.0)
    assert (leg.rate, leg.frame_bytes) == (8000, 320)
    assert {len(frame) for frame, _ in ear.frames} == {320}
    assert 73 <= len(ear.frames) <= 78
    wide = [packet for _, packet in phone.heard if packet.payload_type == 97]
    assert {len(packet.payload) for packet in wide} == {640}
    assert set(np.diff([packet.timestamp for packet in wide])) == {320}
    assert wide[0].ssrc != phone.heard[0][1].ssrc


def test_tones_keep_their_pitch_from_codec_to_leg_and_back():
    """A leg at 16 kHz on a PCMU line: resampled both ways, 1 kHz is 1 kHz."""
    world = World()
    leg = world.legs.open(16000)
    phone, ear = Phone(world), Ear(leg)
    leg.change(agreed())
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(160) / 8000)).astype(np.int16)
    codes = codec("PCMU", 8000).encode(tone.tobytes())
    phone.packet, original = lambda: original(codes), phone.packet
    phone.talks = True
    world.run(1.0)
    say(leg, (8000 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.int16))
    world.run(1.2)
    heard = np.frombuffer(b"".join(frame for frame, _ in ear.frames[10:60]), np.int16)
    assert abs(strongest(heard, 16000) - 1000) < 3
    sent = b"".join(packet.payload for _, packet in phone.heard if packet.payload != b"\xff" * 160)[:7200]
    assert abs(strongest(np.frombuffer(codec("PCMU", 8000).decode(sent), np.int16), 8000) - 1000) < 3


@pytest.mark.parametrize(("ptime", "ticks"), [(10, 80), (30, 240), (40, 320), (60, 480)])
def test_packets_of_other_lengths_are_cut_and_joined(ptime, ticks):
    """FreeSWITCH takes the caller's packet length for its side; the engine's frames stay 20 ms."""
    world = World()
    leg = world.legs.open(8000)
    phone, ear = Phone(world, ticks=ticks, size=ticks), Ear(leg)
    leg.change(agreed(ptime_ms=ptime))
    phone.talks = True
    say(leg, np.arange(1, 16001, dtype=np.int16))
    world.run(3.0)
    assert {len(frame) for frame, _ in ear.frames} == {320}
    assert 146 <= len(ear.frames) <= 153
    assert not any(silent for _, silent in ear.frames)
    packets = [packet for _, packet in phone.heard]
    assert {len(packet.payload) for packet in packets} == {ticks}
    assert set(np.diff([packet.timestamp for packet in packets])) == {ticks}
    loud = b"".join(packet.payload for packet in packets)
    assert 15990 <= len(loud.strip(b"\xff")) <= 16160


def test_lost_packets_are_concealed_and_marked():
    """The recogniser gets something for the time, the detector of voices is told that it is made up."""
    world = World()
    leg, phone, ear = call(world)
    voice = (8000 * np.sin(2 * np.pi * 200 * np.arange(160) / 8000)).astype(np.int16)
    codes = codec("PCMU", 8000).encode(voice.tobytes())
    phone.packet, original = lambda: original(codes), phone.packet
    phone.drop = lambda number: number == 30
    world.run(1.5)
    made_up = [index for index, (_, silent) in enumerate(ear.frames) if silent]
    assert made_up == [30]
    assert np.abs(np.frombuffer(ear.frames[30][0], np.int16)).max() > 3000
    assert leg.figures()["lost"] == 1
    assert leg.figures()["concealed_ms"] == 20


def test_a_stall_of_the_engine_loses_nothing_that_came():
    world = World()
    leg, phone, ear = call(world)
    world.run(1.0)
    world.run(0.4, step=False)
    world.run(0.6)
    assert abs(len(ear.frames) - 100) <= 2
    assert not any(silent for _, silent in ear.frames)
    assert leg.figures()["lost"] == 0


def test_speech_is_sent_ahead_by_the_lead_and_a_cut_is_heard_so_soon():
    world = World()
    leg, phone, _ = call(world)
    world.run(0.5)
    say(leg, np.repeat(np.arange(1000, 1100), 160).astype(np.int16))
    world.run(0.5)
    leg.playout.cut(1)
    spoken = [at for at, packet in phone.heard if packet.payload != b"\xff" * 160]
    assert 25 <= len(spoken) <= 28
    cut = world.now
    world.run(0.5)
    loud = [at for at, packet in phone.heard if packet.payload != b"\xff" * 160]
    assert max(loud) <= cut + 0.025 + 0.06  # the frames of the lead play, then one that falls to silence
    assert set(np.diff([packet.timestamp for _, packet in phone.heard])) == {160}


def test_the_recording_gets_each_frame_with_the_slot_in_which_it_plays():
    world = World()
    leg, phone, _ = call(world)
    slots = []
    leg.mouth = lambda frame, slot: slots.append(slot)
    world.run(1.0)
    say(leg, np.full(1600, 5000, np.int16))
    world.run(0.5)
    assert slots == list(range(slots[0], slots[0] + 10))
    assert abs(slots[0] - 50) <= 2


def test_a_key_is_told_once_and_its_time_is_silence():
    world = World()
    keys = []
    leg = world.legs.open(8000, Told(key=keys.append))
    phone, ear = Phone(world), Ear(leg)
    leg.change(agreed())
    phone.talks = True
    world.run(0.5)
    start = phone.timestamp
    for number in range(1, 9):
        phone.talks = False
        duration = min(number, 6) * 160
        payload = bytes((5, 0x8A if number >= 6 else 0x0A)) + duration.to_bytes(2, "big")
        phone.send(phone.packet(payload, payload_type=101, timestamp=start & 0xFFFFFFFF))
        world.run(0.02)
    phone.talks = True
    world.run(0.5)
    assert [(key.digit, key.duration_ms) for key in keys] == [("5", 120)]
    assert 57 <= len(ear.frames) <= 60
    assert 6 <= sum(silent for _, silent in ear.frames) <= 9
    assert all(frame == bytes(320) for frame, silent in ear.frames if silent)


def test_keys_are_sent_and_speech_waits_meanwhile():
    world = World()
    leg, phone, _ = call(world)
    world.run(0.2)
    leg.press("1#")
    say(leg, np.full(800, 5000, np.int16))
    world.run(1.0)
    events = [packet for _, packet in phone.heard if packet.payload_type == 101]
    assert [packet.payload[0] for packet in events if packet.marker] == [1, 11]
    assert sum(packet.payload[1] >> 7 for packet in events) == 6
    sequence = [packet.sequence for _, packet in phone.heard]
    assert all((after - before) & 0xFFFF == 1 for before, after in pairwise(sequence))
    kinds = ["key" if packet.payload_type == 101 else "word" if packet.payload[0] != 0xFF else ""
             for _, packet in phone.heard]
    assert kinds.count("word") == 5
    assert kinds.index("word") > len(kinds) - 1 - kinds[::-1].index("key")


def test_keys_that_were_not_agreed_are_an_error():
    world = World()
    leg, _, _ = call(world, telephone_event_pt=None)
    with pytest.raises(MediaError, match="not agreed"):
        leg.press("1")


def test_comfort_noise_is_heard_as_silence_of_that_level():
    world = World()
    leg, phone, ear = call(world, comfort_noise_pt=13)
    world.run(0.5)
    phone.send(phone.packet(b"\x32", payload_type=13))
    phone.silence(1.0)
    quiet = np.frombuffer(b"".join(frame for frame, silent in ear.frames[30:70] if silent), np.int16)
    assert len(quiet) > 30 * 160
    assert 20 * np.log10(np.sqrt(np.mean(quiet.astype(float) ** 2)) / 32767) == pytest.approx(-50, abs=1)
    assert all(packet.payload_type == 0 for _, packet in phone.heard)


def test_nothing_for_so_long_is_told_once_and_again_after_something_came():
    world = World(watchdog_ms=1000)
    lost = []
    leg = world.legs.open(8000, Told(lost=lost.append))
    phone = Phone(world)
    leg.change(agreed())
    phone.talks = True
    world.run(1.0)
    phone.silence(5.0)
    assert len(lost) == 1
    assert 1000 <= lost[0] <= 1050
    world.run(0.5)
    phone.silence(2.0)
    assert len(lost) == 2


def test_reports_keep_the_watchdog_quiet():
    """A muted caller whose telephone sends nothing: FreeSWITCH's RTCP says that it is there."""
    world = World(watchdog_ms=1000)
    lost = []
    leg = world.legs.open(8000, Told(lost=lost.append))
    Phone(world)
    leg.change(agreed())
    for _ in range(10):
        world.rtcp.arrive(rtcp.serialise([rtcp.Report(7)]), (SWITCH, 20001))
        world.run(0.5)
    assert lost == []


def test_reports_go_to_the_peer_s_port_of_reports_and_goodbye_at_the_end():
    world = World()
    leg, phone, _ = call(world)
    phone.drop = lambda number: number % 10 == 5
    world.run(20.0)
    leg.close()
    sent = [rtcp.parse(data) for _, data, to in world.rtcp.sent if to == (SWITCH, 20001)]
    assert 4 <= len(sent) <= 6
    block = sent[1][0].blocks[0]
    assert block.ssrc == phone.ssrc
    assert block.fraction == pytest.approx(25.6, abs=3)
    assert sent[-1][-1] == rtcp.Bye((sent[0][0].ssrc,))
    assert sent[-1][0].sent.packets == len(phone.heard)


def test_with_one_port_for_both_reports_go_and_come_there():
    world = World()
    leg, phone, _ = call(world, remote_rtcp=(SWITCH, 20000), rtcp_mux=True)
    world.run(6.0)
    ours = [rtcp.parse(data)[0] for _, data, to in world.rtp.sent if to == phone.address and wire.is_rtcp(data)]
    assert len(ours) >= 1
    middle = ours[0].sent.ntp >> 16 & 0xFFFFFFFF
    block = rtcp.Block(ours[0].ssrc, 0, 0, 1, 0, last_sr=middle, delay=0)
    phone.send(rtcp.serialise([rtcp.Report(7, None, (block,))]))
    world.run(0.1)
    assert leg.figures()["round_trip_ms"] > 0
    assert leg.figures()["bad_packets"] == 0


def test_behind_a_nat_the_first_that_fits_is_the_call_and_nobody_else_after_it():
    world = World(nat_peers=("198.51.100.0/24",))
    leg, phone, ear = call(world, remote=("10.0.0.5", 20000), remote_rtcp=("10.0.0.5", 20001))
    phone.talks = False
    seen_as = ("198.51.100.7", 61000)
    phone.send(b"\x80\x7f" + bytes(170), source=seen_as)
    world.run(0.1)
    assert world.legs.refused == 1
    for _ in range(10):
        phone.send(source=seen_as)
        world.run(0.02)
    assert leg.heard_from == seen_as
    assert world.rtp.sent[-1][2] == seen_as
    phone.send(source=("198.51.100.8", 61000))
    phone.send(source=("203.0.113.1", 61000))
    world.run(0.1)
    assert world.legs.refused == 3
    assert sum(not silent for _, silent in ear.frames) == 10


def test_after_a_reinvite_to_another_address_it_is_latched_anew():
    world = World(nat_peers=("198.51.100.0/24",))
    leg, phone, ear = call(world, remote=("10.0.0.5", 20000))
    phone.talks = False
    phone.send(source=("198.51.100.7", 61000))
    world.run(0.1)
    leg.change(agreed(remote=("10.0.0.6", 30000)))
    phone.send(source=("198.51.100.9", 62000))
    world.run(0.1)
    assert leg.heard_from == ("198.51.100.9", 62000)
    assert leg.far == ("198.51.100.9", 62000)


def test_two_calls_behind_one_nat_that_cannot_be_told_apart_are_not_guessed():
    """The wrong caller's voice in a call is worse than none. With a port each they are told apart."""
    for ports, told in ((1, 0), (2, 2)):
        world = World(nat_peers=("198.51.100.0/24",), ports=ports)
        legs = [world.legs.open(8000) for _ in range(2)]
        for number, leg in enumerate(legs):
            leg.change(agreed(remote=("10.0.0.5", 20000 + 2 * number)))
        for number, leg in enumerate(legs):
            data = wire.serialise(wire.Packet(0, 1, 1, number, bytes(160)))
            next(w for w in world.wires if w.port == leg.local[1]).arrive(data, ("198.51.100.7", 61000 + number))
        world.run(0.1)
        assert sum(leg.packets_in for leg in legs) == told


def test_the_port_of_a_call_that_is_over_serves_the_next():
    world = World()
    leg, phone, _ = call(world)
    world.run(0.2)
    leg.close()
    world.run(0.2)
    assert world.legs.refused == 0  # its last packets are nobody's fault
    again, _, ear = call(world)
    world.run(0.2)
    leg.close()
    world.run(0.2)
    assert len(ear.frames) > 15
    assert again.alive


def test_an_ear_that_fails_hurts_no_other_call():
    world = World()
    bad, _, _ = call(world)
    good, _, ear = call(world, remote=(SWITCH, 20002), remote_rtcp=(SWITCH, 20003))
    bad.attach(lambda frame, silent: 1 / 0)
    world.run(0.5)
    assert len(ear.frames) >= 24
    assert world.legs.ear_faults >= 24


def test_an_ear_may_close_its_leg():
    world = World()
    leg, phone, _ = call(world)
    leg.attach(lambda frame, silent: leg.close())
    world.run(0.5)
    assert leg.frames_in == 1
    assert len(world.legs) == 0


def test_a_codec_that_is_not_here_leaves_all_as_it_was():
    world = World()
    leg, phone, ear = call(world)
    world.run(0.2)
    with pytest.raises(MediaError, match="OPUS"):
        leg.change(agreed(codec="OPUS", clock_rate=48000, payload_type=111))
    world.run(0.2)
    assert leg.agreed == agreed()
    assert len(ear.frames) >= 19


@settings(max_examples=60)
@given(st.lists(st.one_of(st.binary(max_size=300), st.binary(max_size=40).map(lambda end: b"\x80\x00" + end),
                          st.binary(max_size=60).map(lambda end: b"\x81\xc9" + end),
                          st.binary(max_size=30).map(lambda end: b"\x80\x65" + end)), max_size=60))
def test_whatever_the_peer_sends_the_call_goes_on(datagrams):
    world = World()
    leg, phone, ear = call(world)
    world.run(0.1)
    for data in datagrams:
        phone.send(data)
        world.rtcp.arrive(data, (SWITCH, 20001))
        world.run(0.01)
    phone.sequence, phone.ssrc = 1, 99
    world.run(1.0)
    assert world.legs.ear_faults == 0
    assert world.clock.stats()["faults"] == 0
    assert not ear.frames[-1][1]
    assert {len(frame) for frame, _ in ear.frames} == {320}


def test_a_call_that_begins_on_hold_is_told_too():
    world = World()
    told = []
    leg = world.legs.open(8000, Told(held=told.append))
    leg.change(agreed(direction="recvonly"))
    leg.change(agreed(direction="recvonly"))
    assert told == [True]
    assert leg.on_hold
    leg.change(agreed())
    assert told == [True, False]


def test_a_sign_of_life_by_reinvite_changes_nothing():
    """FreeSWITCH renews its session by a re-INVITE with the same description, every quarter of an hour."""
    world = World()
    leg, phone, ear = call(world)
    world.run(1.0)
    leg.change(agreed())
    world.run(1.0)
    assert abs(len(ear.frames) - 100) <= 2
    assert not any(silent for _, silent in ear.frames)
    assert [packet.marker for _, packet in phone.heard].count(True) == 1
    assert leg.figures()["resyncs"] == 0


def test_the_call_s_audio_in_numbers():
    world = World()
    leg, phone, _ = call(world)
    phone.drop = lambda number: number % 20 == 10
    world.run(4.0)
    phone.send(b"\x80")
    world.run(0.1)
    figures = leg.figures()
    assert set(figures) == FIELDS["rtp_report"]
    assert (figures["codec"], figures["lost"], figures["bad_packets"]) == ("PCMU", 10, 1)
    assert figures["concealed_ms"] == 200
    assert 3.6 < figures["mos"] < 4.2
    assert figures["packets_in"] + figures["lost"] == pytest.approx(205, abs=2)


def test_the_other_side_leaves_and_another_takes_its_place():
    """FreeSWITCH ends a bridge and makes another: its old port belongs to another call by then, so nothing goes there.
    What was sent ahead and not heard is said again; the caller's time and the reply go on."""
    world = World()
    leg, phone, ear = call(world)
    world.run(1.0)
    say(leg, np.full(8000, 5000, np.int16), text="one two three four five")
    world.run(0.5)
    position = leg.playout.position
    leg.part()
    leg.part()
    phone.talks = False
    sent, before = len(phone.heard), len(ear.frames)
    world.run(1.0)
    assert len(phone.heard) == sent
    assert not leg.first_frame.is_set()
    assert position - 3 * 160 - 1600 <= leg.playout.position < position
    assert all(silent for _, silent in ear.frames[before:])
    other = Phone(world, port=20050, ssrc=55)
    leg.change(agreed(20050))
    world.run(0.2)
    other.talks = True
    world.run(1.5)
    assert sum(packet.payload != b"\xff" * 160 for _, packet in other.heard) >= 25
    assert abs(len(ear.frames) - 4.2 / 0.02) <= 8
    assert leg.playout.generation is None
    assert world.legs.refused == 0
