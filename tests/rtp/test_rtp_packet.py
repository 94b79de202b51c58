"""RTP packets on the wire: what RFC 3550 allows is read, what it does not is named, nothing crashes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rtp.errors import Malformed
from engine.rtp.packet import MOST_BYTES, Packet, is_rtcp, parse, serialise

packets = st.builds(
    Packet, payload_type=st.integers(0, 127), sequence=st.integers(0, 0xFFFF), timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF), payload=st.binary(max_size=400), marker=st.booleans(),
    csrcs=st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    extension=st.none() | st.tuples(st.integers(0, 0xFFFF), st.integers(0, 9).map(lambda words: b"\x01ab\x00" * words)),
)


@given(packets, st.integers(0, 255))
def test_what_is_put_together_is_read_back(packet, padding):
    assert parse(serialise(packet, padding)) == packet


@given(st.binary(max_size=200))
def test_any_bytes_are_a_packet_or_malformed(data):
    try:
        packet = parse(data)
    except Malformed:
        return
    assert len(packet.payload) <= len(data) - 12


@given(packets, st.data())
def test_a_packet_that_is_cut_off_anywhere_does_not_crash(packet, data):
    wire = serialise(packet)
    cut = data.draw(st.integers(0, len(wire)))
    try:
        parse(wire[:cut])
    except Malformed as fault:
        assert str(fault)


HEAD = "80 00 0001 00000001 00000007 "
FAULTS = {
    "empty": ("", "0 bytes"),
    "header_cut_off": ("80 00 0001 00000001 000000", "11 bytes"),
    "version_of_rtp_1": ("40 00 0001 00000001 00000007 ffff", "version 1"),
    "stun_message": ("00 01 0000 2112a442 000000000000000000000000", "version 0"),
    "csrcs_beyond_the_end": ("8f 00 0001 00000001 00000007 00000001", "15 contributing sources"),
    "extension_without_length": ("90 00 0001 00000001 00000007 bede", "cut off before its length"),
    "extension_beyond_the_end": ("90 00 0001 00000001 00000007 bede 0002 00000000", "extension of 8 bytes"),
    "padding_of_zero": ("a0 00 0001 00000001 00000007 ffff 00", "0 bytes of padding"),
    "padding_longer_than_the_payload": ("a0 00 0001 00000001 00000007 ffff 09", "9 bytes of padding"),
    "padding_without_a_payload": ("a0 00 0001 00000001 00000007", "padding"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(fault):
    data, says = FAULTS[fault]
    with pytest.raises(Malformed, match=says):
        parse(bytes.fromhex(data.replace(" ", "")))


def test_a_datagram_longer_than_any_telephone_sends_is_refused():
    with pytest.raises(Malformed, match="longer"):
        parse(b"\x80" + bytes(MOST_BYTES))


def test_padding_of_the_whole_payload_leaves_none():
    assert parse(bytes.fromhex("a0000001000000010000000700000004")).payload == b""


def test_the_marker_is_no_part_of_the_payload_type():
    packet = parse(bytes.fromhex("80e5000100000001000000070a8a03c0"))
    assert (packet.payload_type, packet.marker, packet.payload) == (101, True, bytes.fromhex("0a8a03c0"))


def test_rtcp_on_the_same_port_is_told_by_its_type():
    """RFC 5761: 64 to 95 are no payload types where both share a port."""
    assert is_rtcp(bytes.fromhex("80c80006"))
    assert is_rtcp(bytes.fromhex("81c90007"))
    assert not is_rtcp(serialise(Packet(101, 1, 1, 1, b"", True)))
    assert not is_rtcp(serialise(Packet(0, 1, 1, 1, b"", True)))
    assert not is_rtcp(b"\x80")


def test_more_sources_than_a_header_holds_are_an_error():
    with pytest.raises(ValueError, match="16 contributing"):
        serialise(Packet(0, 0, 0, 0, b"", csrcs=(1,) * 16))
    with pytest.raises(ValueError, match="no whole number of words"):
        serialise(Packet(0, 0, 0, 0, b"", extension=(1, b"abc")))
