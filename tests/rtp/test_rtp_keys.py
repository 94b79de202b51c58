"""Keys by RFC 4733: one key an event although its packets repeat, change places or are lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rtp.dtmf import ENDED_AFTER_S, KEYS, Key, KeyReceiver, KeySender

STEP = 160


def event(digit, duration, end=False):
    return bytes((KEYS.index(digit), 0x8A if end else 0x0A)) + duration.to_bytes(2, "big")


def press(digit, timestamp, packets=5, ends=3):
    """The packets of one key: ``(timestamp, payload)``."""
    going = [(timestamp, event(digit, STEP * (n + 1))) for n in range(packets)]
    return going + [(timestamp, event(digit, STEP * packets, end=True))] * ends


class Line:
    def __init__(self):
        self.receiver, self.now, self.keys = KeyReceiver(8000), 0.0, []

    def send(self, packets):
        for timestamp, payload in packets:
            self.keys += self.receiver.put(timestamp, payload, self.now)[0]
            self.now += 0.02

    def wait(self, seconds):
        self.now += seconds
        self.keys += self.receiver.due(self.now)

    @property
    def digits(self):
        return "".join(key.digit for key in self.keys)


def test_one_key_of_eight_packets():
    line = Line()
    line.send(press("5", 1000))
    line.wait(1.0)
    assert line.keys == [Key("5", 100)]


def test_a_key_whose_end_is_lost_is_told_once_it_is_certain():
    line = Line()
    line.send(press("#", 1000, ends=0))
    line.wait(0.1)
    assert line.keys == []
    line.wait(ENDED_AFTER_S)
    assert line.keys == [Key("#", 100)]
    assert not line.receiver.busy


def test_only_the_end_comes():
    line = Line()
    line.send([(1000, event("7", 960, end=True))])
    assert line.keys == [Key("7", 120)]


def test_the_next_key_ends_one_whose_end_was_lost():
    line = Line()
    line.send([*press("1", 1000, ends=0), *press("2", 5000)])
    assert line.digits == "12"


def test_the_same_key_twice_is_two_keys():
    """Told apart by the time of the beginning alone: "11" is a menu's entry, too."""
    line = Line()
    line.send([*press("1", 1000), *press("1", 3000)])
    assert line.digits == "11"


def test_the_beginning_after_the_end_is_no_new_key():
    line = Line()
    packets = press("9", 1000)
    line.send([packets[-1], *packets[:3]])
    line.wait(1.0)
    assert line.digits == "9"


def test_a_press_longer_than_a_packet_can_say_is_one_key():
    """2.5.1.3: after 8 s the event goes on in a new segment, which begins where the last one ended."""
    line = Line()
    line.send([(1000, event("0", 65535)), (1000 + 65535, event("0", 8000)), (1000 + 65535, event("0", 16000, True))])
    assert line.keys == [Key("0", (65535 + 16000) // 8)]


def test_a_flash_is_no_key():
    line = Line()
    line.send([(1000, bytes((16, 0x8A, 0, 160)))])
    assert line.keys == []


def test_what_is_no_event_is_counted():
    line = Line()
    line.send([(1000, b"\x01\x0a"), (1000, b"")])
    assert line.receiver.malformed == 2


@given(st.text(KEYS, max_size=6), st.lists(st.booleans(), min_size=60, max_size=60), st.integers(0, 2**32 - 1))
def test_half_of_the_packets_lost_changes_no_key_of_which_one_came(digits, lost, start):
    line, expected = Line(), ""
    for number, digit in enumerate(digits):
        packets = press(digit, start + number * 4000 & 0xFFFFFFFF)
        kept = [packet for packet, gone in zip(packets, lost[number * 8 :], strict=False) if not gone]
        expected += digit if kept else ""
        line.send(kept)
    line.wait(1.0)
    assert line.digits == expected


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=6), st.floats(0, 0.5)), max_size=60))
def test_any_bytes_in_any_order_do_not_crash(packets):
    line = Line()
    for timestamp, payload, pause in packets:
        line.send([(timestamp, payload)])
        line.wait(pause)
    assert len(line.keys) <= len(packets)
    assert all(key.duration_ms >= 0 for key in line.keys)


@given(st.text(KEYS, min_size=1, max_size=8), st.integers(20, 400))
def test_what_is_sent_is_received(digits, key_ms):
    sender, line, timestamp = KeySender(STEP, 8000), Line(), 2**32 - 5000
    sender.press(digits, key_ms=key_ms)
    sent = []
    for _ in range(2000):
        if not sender.busy:
            break
        packet = sender.next(timestamp & 0xFFFFFFFF)
        if packet is not None:
            sent.append(packet)
            line.send([packet[:2]])
        timestamp += STEP
    line.wait(1.0)
    assert not sender.busy
    assert line.digits == digits
    assert all(key.duration_ms == key_ms for key in line.keys)
    assert [first for _, _, first in sent].count(True) == len(digits)
    assert sum(bool(payload[1] & 0x80) for _, payload, _ in sent) == 3 * len(digits)


def test_a_key_that_there_is_not_is_named():
    with pytest.raises(ValueError, match="no key 'X'"):
        KeySender(STEP, 8000).press("1x")
