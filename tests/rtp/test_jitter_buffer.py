"""The jitter buffer: packets in any order to a stream in order and without holes; every delay is bounded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rtp.items import Item, Kind
from engine.rtp.jitterbuffer import JitterBuffer
from engine.rtp.packet import Packet

FRAME = 160
S = 0.02


def packet(number, ssrc=7, base=0, **changes):
    """The packet of the stream's ``number``-th 20 ms; its payload says which it is."""
    payload = number.to_bytes(4, "big", signed=True) * 40
    made = Packet(0, number & 0xFFFF, base + number * FRAME & 0xFFFFFFFF, ssrc, payload)
    return made._replace(**changes)


def numbers(items):
    """What was given on: the numbers of packets, ``"lost"`` and ``"silent"`` for each 20 ms without."""
    found = []
    for item in items:
        if item.kind is Kind.AUDIO:
            found.append(int.from_bytes(item.payload[:4], "big", signed=True))
        else:
            found += [item.kind.value] * (item.ticks // FRAME)
    return found


class Stream:
    """A buffer, and what came out of it with its times."""

    def __init__(self, **options):
        self.buffer = JitterBuffer(8000, FRAME, **options)
        self.items = []

    def put(self, now, *packets, **how):
        for each in packets:
            self.items += self.buffer.put(each, now, **how)

    def wait(self, now):
        self.items += self.buffer.due(now)

    @property
    def got(self):
        return numbers(self.items)


def steady(stream, first, last, at=0.0):
    for number in range(first, last):
        stream.put(at + number * S, packet(number))


def test_the_next_packet_waits_for_nothing():
    stream = Stream()
    for number in range(5):
        stream.put(number * S, packet(number))
        assert stream.got == list(range(number + 1))


def test_two_that_changed_places_come_in_order():
    stream = Stream()
    steady(stream, 0, 3)
    stream.put(0.065, packet(4))
    assert stream.got == [0, 1, 2]
    stream.put(0.075, packet(3))
    assert stream.got == [0, 1, 2, 3, 4]
    assert (stream.buffer.lost, stream.buffer.late) == (0, 0)


def test_a_lost_packet_is_waited_for_so_long_and_no_longer():
    stream = Stream()
    steady(stream, 0, 3)
    stream.put(0.08, packet(4))
    stream.wait(0.10)
    assert stream.got == [0, 1, 2]
    stream.wait(0.08 + stream.buffer.hold_s)
    assert stream.got == [0, 1, 2, "lost", 4]
    assert (stream.buffer.lost, stream.buffer.lost_ticks) == (1, FRAME)


def test_one_that_comes_too_late_is_counted_and_teaches_patience():
    stream = Stream()
    steady(stream, 0, 3)
    stream.put(0.08, packet(4))
    stream.wait(0.12)
    before = stream.buffer.hold_s
    stream.put(0.15, packet(3))
    assert stream.got == [0, 1, 2, "lost", 4]
    assert stream.buffer.late == 1
    assert stream.buffer.hold_s > before


def test_duplicates_are_heard_once():
    stream = Stream()
    steady(stream, 0, 3)
    stream.put(0.05, packet(2), packet(1))
    stream.put(0.08, packet(4), packet(4))
    stream.put(0.085, packet(3))
    assert stream.got == [0, 1, 2, 3, 4]
    assert stream.buffer.duplicates == 3


def test_sequence_and_timestamp_run_over():
    """A call of 22 minutes runs through all sequence numbers; timestamps begin anywhere."""
    stream = Stream()
    for number in range(65530, 65545):
        stream.put(number * S, packet(number, base=0xFFFFFFFF - 65535 * FRAME))
    assert stream.got == list(range(65530, 65545))


def test_a_sender_that_is_silent_and_says_so_by_its_timestamps():
    """Talkspurts: the sequence goes on, the timestamp has run on, the marker is set. No packet is missing."""
    stream = Stream()
    steady(stream, 0, 5)
    for step in range(5, 100):
        stream.wait(step * S)
    stream.put(100 * S, packet(100, sequence=5, marker=True))
    assert stream.got[:5] == [0, 1, 2, 3, 4]
    assert stream.got[-1] == 100
    assert len(stream.got) == 101
    assert stream.buffer.lost == 0
    assert (stream.buffer.lost_ticks, stream.buffer.silent_ticks) == (0, 95 * FRAME)


def test_while_nothing_comes_the_caller_s_time_goes_on():
    """A turn must end although the caller's telephone sends nothing while they are silent."""
    stream = Stream()
    steady(stream, 0, 5)
    for step in range(5, 55):
        stream.wait(step * S)
    behind = 55 * FRAME - stream.buffer.position
    assert 0 <= behind <= (stream.buffer.wait_s + S) * 8000


def test_after_comfort_noise_silence_is_not_waited_for():
    stream = Stream()
    steady(stream, 0, 5)
    stream.put(5 * S, packet(5, payload=b"\x40"), audio=False, ticks=FRAME)
    for step in range(6, 30):
        stream.wait(step * S)
    assert stream.got[5:] == ["silent"] * (len(stream.got) - 5)
    assert len(stream.got) >= 27


def test_timestamps_that_begin_anew_make_a_new_timeline():
    stream = Stream()
    steady(stream, 0, 5)
    for number in range(5, 10):
        stream.put(number * S, packet(number, base=1_000_000))
    assert stream.got == list(range(10))
    assert stream.buffer.resyncs == 1


def test_a_sender_whose_timestamps_stood_still_while_it_was_silent_is_heard_again():
    stream = Stream()
    steady(stream, 0, 5)
    for step in range(5, 105):
        stream.wait(step * S)
    for number in range(5, 15):
        stream.put((100 + number) * S, packet(number))
    assert stream.got[-10:] == list(range(5, 15))


def test_a_way_that_becomes_longer_for_good_costs_a_moment_and_not_the_call():
    stream = Stream(max_delay_s=0.1)
    steady(stream, 0, 50)
    for step in range(50, 70):
        stream.wait(step * S)
    for number in range(50, 100):
        stream.put(number * S + 0.4, packet(number))
        stream.wait(number * S + 0.4)
    heard = [number for number in stream.got if isinstance(number, int) and number >= 50]
    assert len(heard) >= 40
    assert heard[-1] == 99


def test_another_source_takes_over_and_its_predecessor_s_stragglers_do_not():
    """A transfer in FreeSWITCH changes the source; numbers begin anew."""
    stream = Stream()
    steady(stream, 0, 5)
    stream.put(5 * S, packet(1000, ssrc=8, base=77), packet(5, ssrc=7), packet(6, ssrc=7))
    stream.put(6 * S, packet(1001, ssrc=8, base=77))
    assert stream.got == [0, 1, 2, 3, 4, 1000, 1001]
    assert stream.buffer.resyncs == 1


def test_a_sequence_number_from_nowhere_is_ignored_and_two_in_a_row_are_believed():
    """RFC 3550, A.1: one is a stray packet, two are a sender that has begun anew."""
    stream = Stream()
    steady(stream, 0, 5)
    stream.put(5 * S, packet(5, sequence=40000))
    stream.put(5 * S, packet(5))
    assert stream.got == [0, 1, 2, 3, 4, 5]
    stream.put(6 * S, packet(6, sequence=20000))
    stream.put(7 * S, packet(7, sequence=20001))
    stream.put(8 * S, packet(8, sequence=20002))
    assert stream.got[-2:] == [7, 8]


def test_a_flood_does_not_run_away_with_the_caller_s_clock():
    stream = Stream()
    for number in range(2000):
        stream.put(0.001 * number, packet(number))
    assert stream.buffer.position <= 8000 * 4
    assert stream.buffer.early > 0


def test_a_key_of_absurd_length_or_time_is_no_longer_than_time():
    stream = Stream()
    steady(stream, 0, 5)
    stream.put(0.1, packet(5, payload=b"\x01\x8a\xff\xff"), audio=False, ticks=65535)
    stream.put(0.12, packet(6, timestamp=0x7FFFFFFF, payload=b"\x01\x8a\xff\xff"), audio=False, ticks=65535)
    stream.put(0.14, packet(7, timestamp=0x7FFFFFFF, payload=b"\x01\x8a\xff\xff"), audio=False, ticks=65535)
    assert stream.buffer.position <= (0.14 + 3 * S) * 8000
    stream.put(0.16, packet(8))
    assert stream.got[-1] == 8


def test_a_sender_that_comes_back_at_an_odd_time_is_cut_into_no_pieces():
    """Frames made of parts of two packets would all wait for the second: up to 20 ms for the rest of the call."""
    stream = Stream()
    steady(stream, 0, 5)
    for step in range(5, 50):
        stream.wait(step * S)
    for number in range(5, 10):
        stream.put((45 + number) * S, packet(number, base=45 * FRAME + 37))
    assert all(item.ticks % FRAME == 0 for item in stream.items)
    assert stream.got[-5:] == list(range(5, 10))
    assert 54 <= len(stream.got) <= 56


def test_packets_of_other_lengths():
    stream = Stream()
    for number, size in enumerate([240, 80, 160, 480]):
        stream.put(number * S, Packet(0, number, sum([240, 80, 160, 480][:number]), 7, bytes([number]) * size))
    assert [len(item.payload) for item in stream.items] == [240, 80, 160, 480]


def test_wide_samples_are_two_bytes_a_tick():
    buffer = JitterBuffer(16000, 320, bytes_a_tick=2)
    assert buffer.put(Packet(97, 1, 0, 7, bytes(640)), 0.0) == [Item(Kind.AUDIO, bytes(640), 320)]


@pytest.mark.parametrize("ppm", [-300, 300])
def test_a_sender_s_clock_that_is_not_ours_loses_nothing_in_an_hour(ppm):
    stream = Stream()
    for number in range(3600 * 5):
        at = number * 10 * S * (1 + ppm * 1e-6)  # every tenth packet of an hour
        stream.put(at, Packet(0, number & 0xFFFF, number * 1600 & 0xFFFFFFFF, 7, bytes(1600)))
        stream.wait(at + 0.01)
    assert {item.kind for item in stream.items} == {Kind.AUDIO}
    assert stream.buffer.resyncs == 0


events = st.lists(
    st.tuples(
        st.sampled_from(["next", "next", "next", "next", "skip", "old", "again", "jump", "key", "wait", "source"]),
        st.floats(0, 0.08), st.integers(0, 70_000),
    ),
    max_size=120,
)


@settings(max_examples=300)
@given(events, st.floats(0.04, 0.5))
def test_whatever_comes_the_stream_is_in_order_without_repeats_and_in_time(steps, max_delay):
    """Invariants: each packet at most once, in the order of the sender; ticks add up; nothing is held back longer than
    ``max_delay_s``; the stream never runs ahead of time by more than half a second and what a flood allows."""
    stream = Stream(max_delay_s=max_delay)
    buffer, now, number, ssrc, arrived, given = stream.buffer, 0.0, 0, 7, {}, []
    for kind, pause, amount in steps:
        now += pause
        ticks_before = len(stream.items)
        if kind == "wait":
            stream.wait(now)
        elif kind == "key":
            stream.put(now, packet(number, ssrc=ssrc), audio=False, ticks=amount)
            number += 1
        else:
            if kind == "skip":
                number += amount % 5
            elif kind == "jump":
                number += amount
            elif kind == "source":
                ssrc += 1
            sent = max(0, number - amount % 20) if kind == "old" else number - 1 if kind == "again" else number
            arrived.setdefault(sent, now)
            stream.put(now, packet(sent, ssrc=ssrc))
            number = max(number, sent + 1)
        stream.wait(now)
        for item in stream.items[ticks_before:]:
            assert item.ticks > 0
            if item.kind is Kind.AUDIO:
                one = int.from_bytes(item.payload[-4:], "big", signed=True)
                given.append((ssrc, one))
                assert now - arrived[one] <= max_delay + 0.081
    assert sum(item.ticks for item in stream.items) == buffer.position
    assert len(set(given)) == len(given)
    assert buffer.position <= (now + 0.6) * 8000 + 3 * 8000 * (now // 2 + 1)
    stream.wait(now + max_delay + 1e-6)
    assert len(buffer._held) == 0
