"""Offer and answer (RFC 3264): what is agreed, and what we say to it."""

import pytest
from sip_peer import MAPS, sdp

from engine.sip.agreed import Agreed
from engine.sip.errors import BadSdp, NotAcceptable
from engine.sip.offer import CODECS, choose, make_answer, make_offer
from engine.sip.sdp import parse_sdp

LOCAL = ("10.0.0.2", 40000)
HEAD = "v=0\r\no=a 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"


def agree(text, codecs=CODECS):
    return choose(parse_sdp(text.encode()), codecs).agreed


def answer(text, codecs=CODECS):
    """The lines of our answer."""
    offer = parse_sdp(text.encode())
    chosen = choose(offer, codecs)
    body = make_answer(offer, chosen, LOCAL).serialise()
    ours = choose(parse_sdp(body), codecs).agreed if chosen.agreed.direction != "inactive" else chosen.agreed
    assert (ours.codec, ours.payload_type, ours.telephone_event_pt) == (
        chosen.agreed.codec, chosen.agreed.payload_type, chosen.agreed.telephone_event_pt)  # fmt: skip
    return body.decode().split("\r\n")


def test_freeswitch_offers_wideband():
    """What mod_sofia sends for L16 at 16 kHz: keys at both clocks, of which the codec's counts."""
    text = HEAD + (
        "m=audio 30000 RTP/AVP 98 101 102 13\r\na=rtpmap:98 L16/16000\r\na=rtpmap:101 telephone-event/16000\r\n"
        "a=rtpmap:102 telephone-event/8000\r\na=rtpmap:13 CN/8000\r\na=ptime:20\r\n"
    )
    assert agree(text) == Agreed(
        "L16", 16000, 98, 20, ("10.0.0.1", 30000), ("10.0.0.1", 30001), telephone_event_pt=101,
        telephone_event_rate=16000)  # fmt: skip
    lines = answer(text)
    assert "m=audio 40000 RTP/AVP 98 101" in lines and "a=rtpmap:98 L16/16000" in lines


def test_order_of_the_offerer_counts():
    """The first of its codecs that we take, whatever we like best."""
    assert agree(sdp(formats="18 8 0", maps=())).codec == "PCMA"
    assert agree(sdp(formats="18 8 0", maps=()), ("PCMU",)).codec == "PCMU"


def test_payload_types_by_number_alone_and_by_name():
    """0, 8, 9 and 13 need no rtpmap; a map of ours wins over the table (RFC 3551, 3)."""
    assert agree(sdp(formats="9", maps=()), ("G722",)) == Agreed(
        "G722", 8000, 9, 20, ("127.0.0.1", 30000), ("127.0.0.1", 30001))  # fmt: skip
    assert agree(sdp(formats="9", maps=()), ("G722",)).sample_rate == 16000
    assert agree(sdp(formats="0 13", maps=())).comfort_noise_pt == 13
    assert agree(sdp(formats="0", maps=("0 pcma/8000",))).codec == "PCMA"


def test_stereo_is_not_taken():
    """L16/16000/2 has two samples at a time."""
    with pytest.raises(NotAcceptable, match="none of the codecs"):
        agree(sdp(formats="97", maps=("97 L16/16000/2",)))
    assert agree(sdp(formats="97", maps=("97 L16/16000/1",))).codec == "L16"


@pytest.mark.parametrize(("theirs", "ours"), [
    (None, "sendrecv"), ("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"),
    ("inactive", "inactive"),
])  # fmt: skip
def test_direction_is_mirrored(theirs, ours):
    """RFC 3264, 6.1; in the stream or for the whole session."""
    assert agree(sdp(more=[theirs] if theirs else [])).direction == ours
    assert f"a={ours}" in answer(sdp(more=[theirs] if theirs else []))
    if theirs:
        assert agree(sdp().replace("t=0 0\r\n", f"t=0 0\r\na={theirs}\r\n")).direction == ours


def test_hold_by_address():
    """c=0.0.0.0 is how RFC 2543 holds a call: nothing may be sent."""
    held = agree(sdp(ip="0.0.0.0"))
    assert held.direction == "recvonly" and not held.may_send
    assert agree(sdp(ip="0.0.0.0", more=["recvonly"])).direction == "inactive"


def test_address_of_the_stream_wins():
    """Its own c= line is nearer than the session's."""
    text = sdp().replace("a=rtpmap:0", "c=IN IP4 10.9.9.9\r\na=rtpmap:0")
    assert agree(text).remote == ("10.9.9.9", 30000)
    assert agree(sdp(ip="2001:db8::1").replace("IP4", "IP6")).remote == ("2001:db8::1", 30000)


def test_rtcp_where_it_is_said_to_be():
    """rtcp-mux, a=rtcp with and without an address, else the next port."""
    mux = agree(sdp(more=["rtcp-mux"]))
    assert mux.rtcp_mux and mux.remote_rtcp == mux.remote and "a=rtcp-mux" in answer(sdp(more=["rtcp-mux"]))
    assert agree(sdp(more=["rtcp:30011"])).remote_rtcp == ("127.0.0.1", 30011)
    assert agree(sdp(more=["rtcp:30011 IN IP4 10.0.0.9"])).remote_rtcp == ("10.0.0.9", 30011)
    assert agree(sdp(port=65535)).remote_rtcp == ("127.0.0.1", 65535)


@pytest.mark.parametrize(("ptime", "agreed"), [("20", 20), ("10", 10), ("60", 60), ("30", 30), ("7", 20), ("2000", 20),
                                               ("", 20), ("x", 20)])
def test_length_of_packets(ptime, agreed):
    """Whole tens up to 60 ms; whoever asks for something odd gets 20."""
    assert agree(sdp(more=[f"ptime:{ptime}"])).ptime_ms == agreed
    assert f"a=ptime:{agreed}" in answer(sdp(more=[f"ptime:{ptime}"]))


def test_other_streams_are_refused_in_their_place():
    """An answer has as many m= lines as the offer, refused ones with port 0 (RFC 3264, 6)."""
    text = HEAD + (
        "m=video 31000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\nm=audio 0 RTP/AVP 0\r\n"
        "m=audio 31002 RTP/SAVP 0\r\na=crypto:1 x\r\nm=audio 30000 RTP/AVP 8 0\r\nm=image 31004 udptl t38\r\n"
        "m=audio 30006 RTP/AVP 0\r\n"
    )
    assert [line for line in answer(text) if line.startswith("m=")] == [
        "m=video 0 RTP/AVP 99", "m=audio 0 RTP/AVP 0", "m=audio 0 RTP/SAVP 0", "m=audio 40000 RTP/AVP 8",
        "m=image 0 UDPTL t38", "m=audio 0 RTP/AVP 0",
    ]  # fmt: skip


@pytest.mark.parametrize("text", [
    HEAD, HEAD + "m=video 31000 RTP/AVP 99\r\n", HEAD + "m=audio 31000 RTP/SAVP 0\r\n",
    HEAD + "m=audio 0 RTP/AVP 0\r\n",
    HEAD + "m=audio 31000 RTP/AVP 18\r\n", HEAD + "m=audio 31000 RTP/AVP\r\n", HEAD + "m=audio 31000 RTP/AVP x 200\r\n",
    HEAD + "m=audio 31000 RTP/AVP 0\r\na=rtpmap:0 PCMU/16000\r\n",
])  # fmt: skip
def test_nothing_to_agree_on(text):
    """No audio, encrypted audio, audio that is switched off, or codecs we have not."""
    with pytest.raises(NotAcceptable):
        agree(text)


@pytest.mark.parametrize("text", [
    "", "hello", "m=audio 1 RTP/AVP 0\r\n", HEAD + "nonsense\r\n", HEAD + "m=audio x RTP/AVP 0\r\n",
    HEAD + "m=audio 70000 RTP/AVP 0\r\n", HEAD + "m=audio\r\n", HEAD + "c=IN IP4\r\n",
    HEAD + "m=audio 31000 RTP/AVP 96\r\na=rtpmap:96\r\n", HEAD + "m=audio 31000 RTP/AVP 96\r\na=rtpmap:x PCMU/8000\r\n",
    HEAD + "m=audio 31000 RTP/AVP 0\r\na=rtcp:x\r\n", HEAD + "m=audio 31000 RTP/AVP 0\r\na=rtcp:99999\r\n",
    sdp(ip="host.example.in"), sdp(ip="224.2.1.1/127"), sdp(ip="10.0.0.300"), HEAD + "x=y\r\n" * 500,
    sdp() + "a=" + "x" * 20000,
])  # fmt: skip
def test_description_that_makes_no_sense(text):
    """Told apart from one that only does not suit: the warning says what is wrong."""
    with pytest.raises(BadSdp):
        agree(text)


def test_our_own_offer_is_understood():
    """What we offer to an INVITE without an offer, and what we offer again."""
    offer = make_offer(LOCAL, CODECS)
    assert [entry[1:3] for entry in parse_sdp(offer.serialise()).media[0].codecs()] == [
        ("L16", 16000), ("PCMU", 8000), ("PCMA", 8000), ("L16", 8000), ("TELEPHONE-EVENT", 8000),
    ]  # fmt: skip
    agreed = agree(sdp(formats="0 96", maps=(MAPS[0], "96 telephone-event/8000"), more=["sendonly"]))
    again = choose(parse_sdp(make_offer(LOCAL, CODECS, agreed).serialise())).agreed
    assert (again.codec, again.telephone_event_pt, again.direction) == ("PCMU", 96, "sendrecv")
