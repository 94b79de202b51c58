"""RTCP: compound packets on the wire, what reports say, and when they are due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rtp.errors import Malformed
from engine.rtp.reports import Received, Reports
from engine.rtp.rtcp import App, Block, Bye, Report, Sdes, SenderInfo, Unknown, parse, serialise

word = st.integers(0, 0xFFFFFFFF)
blocks = st.lists(st.builds(Block, word, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), word, word, word, word),
                  max_size=31).map(tuple)
infos = st.builds(SenderInfo, st.integers(0, 2**64 - 1), word, word, word)
reports = st.builds(Report, word, st.none() | infos, blocks)
items = st.lists(st.tuples(st.integers(1, 8), st.binary(max_size=40)), max_size=3).map(tuple)
parts = st.lists(
    reports | st.builds(Sdes, st.lists(st.tuples(word, items), max_size=5).map(tuple))
    | st.builds(Bye, st.lists(word, max_size=5).map(tuple), st.binary(max_size=30))
    | st.builds(App, word, st.binary(min_size=4, max_size=4), st.integers(0, 5).map(lambda n: b"data" * n),
                st.integers(0, 31))
    | st.builds(Unknown, st.integers(205, 223), st.integers(0, 31), st.integers(0, 5).map(lambda n: b"\xab" * 4 * n)),
    max_size=4,
)


@given(reports, parts)
def test_what_is_put_together_is_read_back(first, rest):
    wire = serialise([first, *rest])
    if len(wire) <= 4096:
        assert parse(wire) == [first, *rest]


@given(st.binary(max_size=300))
def test_any_bytes_are_rtcp_or_malformed(data):
    try:
        found = parse(data)
    except Malformed:
        return
    assert isinstance(found[0], Report)


@given(reports, parts, st.data())
def test_a_compound_packet_with_one_byte_changed_or_cut_does_not_crash(first, rest, data):
    wire = bytearray(serialise([first, *rest]))
    wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse(bytes(wire[: data.draw(st.integers(0, len(wire)))]))
    except Malformed as fault:
        assert str(fault)


RR = "80c90001 00000007 "
FAULTS = {
    "too_short": ("80c90001", "4 bytes"),
    "first_part_is_no_report": ("81ca0002 00000007 00000000", "begins with a report"),
    "version": ("40c90001 00000007", "version 1 in part 1"),
    "length_beyond_the_end": ("80c90009 00000007", "claims 40 bytes"),
    "half_a_header_at_the_end": (RR + "80ca", "no RTCP header"),
    "more_blocks_than_bytes": ("82c90001 00000007", "no room for 2 blocks"),
    "padding_before_the_last_part": ("a0c90002 00000007 00000004" + RR, "padding in part 1"),
    "padding_of_no_whole_words": ("a0c90002 00000007 00000003", "3 bytes of padding"),
    "sdes_without_its_end": (RR + "81ca0002 00000007 01026162", "without its end"),
    "sdes_item_cut_off": (RR + "81ca0002 00000007 01096162", "cut off"),
    "sdes_with_fewer_chunks_than_it_says": (RR + "82ca0002 00000007 00000000", "ends after 1"),
    "bye_of_more_sources_than_bytes": (RR + "82cb0001 00000007", "cannot name 2"),
    "bye_with_half_a_reason": (RR + "81cb0002 00000007 09616200", "reason"),
    "app_without_a_name": (RR + "80cc0001 00000007", "no name"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(fault):
    data, says = FAULTS[fault]
    with pytest.raises(Malformed, match=says):
        parse(bytes.fromhex(data.replace(" ", "")))


def made(now=100.0, interval=5.0, random=0.5):
    return Reports(ssrc=11, cname=b"engine", interval_s=interval, now=now, wall=1.8e9, random=lambda: random)


def test_losses_are_counted_as_rfc_3550_counts_them():
    """Ten of forty missed in the interval: 64 of 256, 10 in all; with the next interval clean: 0, still 10."""
    ours = made()
    came = Received(ssrc=7, highest=139, expected=40, received=30, jitter_ticks=12)
    report, sdes = parse(ours.compose(105.0, (800, 5, 800), came))
    assert report.ssrc == 11
    assert (report.sent.timestamp, report.sent.packets, report.sent.octets) == (800, 5, 800)
    assert report.blocks == (Block(7, 64, 10, 139, 12),)
    assert sdes == Sdes(((11, ((1, b"engine"),)),))
    later = parse(ours.compose(110.0, None, Received(7, 239, 140, 130, 12)))[0]
    assert later.sent is None
    assert later.blocks == (Block(7, 0, 10, 239, 12),)


def test_duplicates_make_no_negative_part_of_losses():
    report = parse(made().compose(105.0, None, Received(7, 20, 20, 25, 0)))[0]
    assert (report.blocks[0].fraction, report.blocks[0].lost) == (0, -5)


def test_the_round_trip_is_ours_less_the_peer_s_delay():
    """Our report left at 105.0, the peer held it 0.5 s, its answer came at 105.58: 80 ms on the way."""
    ours = made()
    sent = parse(ours.compose(105.0, (0, 1, 1), None))[0]
    middle = sent.sent.ntp >> 16 & 0xFFFFFFFF
    answer = Report(7, None, (Block(11, 128, 3, 9, 40, last_sr=middle, delay=32768),))
    ours.heard([answer], 105.58)
    assert ours.round_trip_s == pytest.approx(0.08, abs=0.001)
    assert ours.peer_lost == 0.5
    assert ours.peer_jitter_ticks == 40


def test_a_peer_that_answers_before_it_was_asked_tells_no_round_trip():
    ours = made()
    ours.heard([Report(7, None, (Block(11, 0, 0, 9, 40, last_sr=0xFFFFFFF0, delay=0),))], 100.0)
    assert ours.round_trip_s is None


def test_the_peer_s_report_is_answered_with_its_time_and_our_delay():
    ours = made()
    ours.heard([Report(7, SenderInfo(0x1234_5678_9ABC_DEF0, 0, 0, 0))], 104.0)
    block = parse(ours.compose(105.5, None, Received(7, 9, 10, 10, 0)))[0].blocks[0]
    assert block.last_sr == 0x5678_9ABC
    assert block.delay == 98304


def test_reports_come_every_five_seconds_on_average_and_never_in_step():
    """RFC 3550, 6.2: half to one and a half of the interval, so that a thousand calls do not report at once."""
    ours = made(random=0.0)
    assert ours.due_at == pytest.approx(100 + 2.5 * 0.5 / 1.21828)
    ours.compose(105.0, None, None)
    assert ours.due_at == pytest.approx(105 + 5 * 0.5 / 1.21828)
    late = made(random=1.0)
    late.compose(105.0, None, None)
    assert late.due_at == pytest.approx(105 + 5 * 1.5 / 1.21828)


def test_goodbye_is_said_and_heard():
    ours = made()
    assert parse(ours.compose(105.0, None, None, bye=True))[-1] == Bye((11,))
    ours.heard([Report(7), Bye((7,))], 106.0)
    assert ours.left
