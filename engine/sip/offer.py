"""Offer and answer for one stream of audio (RFC 3264)."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.sip.agreed import Address, Agreed, Direction
from engine.sip.errors import BadSdp, NotAcceptable
from engine.sip.sdp import Description, Media, is_address

CODECS = ("L16/16000", "PCMU", "PCMA", "L16/8000")
"""What is accepted where nothing else is asked for. FreeSWITCH converts, so no codec has to be paid for here."""

PROTOCOLS = ("RTP/AVP", "RTP/AVPF")
PTIMES = (10, 20, 30, 40, 50, 60)
"""Lengths of packets, in ms, that are agreed to; others become 20."""

_REPLY: dict[Direction, Direction] = {
    "sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive",
}  # fmt: skip
_RATES = {"PCMU": 8000, "PCMA": 8000, "G722": 8000}
_OFFERED_PT = {"PCMU": 0, "PCMA": 8, "G722": 9, "L16/16000": 97, "L16/8000": 98}
KNOWN_CODECS = tuple(_OFFERED_PT)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was found in a description: the stream at ``index`` and how its audio goes."""

    index: int
    agreed: Agreed


def codec_key(name: str, clock_rate: int) -> str:
    """A codec as options write it: ``PCMU``, ``L16/16000``."""
    return name if _RATES.get(name) == clock_rate else f"{name}/{clock_rate}"


def choose(theirs: Description, codecs: Sequence[str] = CODECS) -> Chosen:
    """The first stream of audio we can take part in, with the first of its codecs that is among ``codecs``: the order
    of the offerer counts (RFC 3264, 6.1). Raises ``NotAcceptable``, ``BadSdp``."""
    why = "no audio in the offer"
    for index, media in enumerate(theirs.media):
        if media.kind != "audio" or media.port == 0:
            continue
        if media.protocol not in PROTOCOLS:
            why = "audio other than plain RTP"
            continue
        address = media.address or theirs.address
        if not is_address(address):
            raise BadSdp("no IP address to send audio to")
        agreed = _agree(theirs, media, address, codecs)
        if agreed:
            return Chosen(index, agreed)
        why = f"none of the codecs {', '.join(codecs)} in the offer"
    raise NotAcceptable(why)


def _agree(theirs: Description, media: Media, address: str, codecs: Sequence[str]) -> Agreed | None:
    known = media.codecs()
    usable = [entry for entry in known if entry[3] == 1 and codec_key(entry[1], entry[2]) in codecs]
    if not usable:
        return None
    payload_type, codec, rate, _ = usable[0]
    keys = _companion(known, "TELEPHONE-EVENT", rate) or _companion(known, "TELEPHONE-EVENT", 8000)
    noise = _companion(known, "CN", rate)
    mux = media.attribute("rtcp-mux") is not None
    return Agreed(
        codec, rate, payload_type, _ptime(media.attribute("ptime")), (address, media.port),
        (address, media.port) if mux else _rtcp(media, address),
        direction=_our_direction(theirs, media, address),
        rtcp_mux=mux,
        telephone_event_pt=keys[0] if keys else None,
        telephone_event_rate=keys[1] if keys else 8000,
        comfort_noise_pt=noise[0] if noise else None,
    )  # fmt: skip


def _companion(known: list[tuple[int, str, int, int]], name: str, rate: int) -> tuple[int, int] | None:
    return next(((pt, own_rate) for pt, own, own_rate, _ in known if own == name and own_rate == rate), None)


def _ptime(text: str | None) -> int:
    return int(text) if text in [str(ptime) for ptime in PTIMES] else 20


def _rtcp(media: Media, address: str) -> Address:
    """``a=rtcp:port [IN IP4 address]`` (RFC 3605), else the port above."""
    parts = (media.attribute("rtcp") or "").split()
    if not parts:
        return address, min(media.port + 1, 65535)
    if not parts[0].isascii() or not parts[0].isdigit() or len(parts[0]) > 5 or int(parts[0]) > 65535:
        raise BadSdp("malformed a=rtcp")
    named = parts[3] if len(parts) == 4 and is_address(parts[3]) else address
    return named, int(parts[0])


def _our_direction(theirs: Description, media: Media, address: str) -> Direction:
    """Ours is theirs seen from here. The address 0.0.0.0 is how RFC 2543 held a call: nothing may be sent there."""
    reply = _REPLY[theirs.direction(media)]
    if address not in ("0.0.0.0", "::"):
        return reply
    return "recvonly" if reply in ("sendrecv", "recvonly") else "inactive"


def make_answer(offer: Description, chosen: Chosen, local: Address) -> Description:
    """The answer to an offer: as many streams in the same order, all but the chosen one refused by port 0."""
    media = [
        _stream(chosen.agreed, local, theirs.protocol) if index == chosen.index else
        Media(theirs.kind, 0, theirs.protocol, theirs.formats[:1] or ["0"])
        for index, theirs in enumerate(offer.media)
    ]  # fmt: skip
    return Description(local[0], [], media, origin=local[0])


def make_offer(local: Address, codecs: Sequence[str] = CODECS, agreed: Agreed | None = None) -> Description:
    """An offer of our own, for an INVITE that came without one: ``agreed`` again where something is agreed, because
    payload types must not change their meaning within a session (RFC 3264, 8.3.2)."""
    if agreed:
        return Description(local[0], [], [_stream(agreed, local, "RTP/AVP", "sendrecv")], origin=local[0])
    formats, attributes = [], []
    for codec in codecs:
        payload_type = str(_OFFERED_PT[codec])
        formats.append(payload_type)
        attributes.append(("rtpmap", f"{payload_type} {codec if '/' in codec else f'{codec}/{_RATES[codec]}'}"))
    formats.append("101")
    attributes += [("rtpmap", "101 telephone-event/8000"), ("fmtp", "101 0-15"), ("ptime", "20"), ("sendrecv", "")]
    return Description(local[0], [], [Media("audio", local[1], "RTP/AVP", formats, "", attributes)], origin=local[0])


def _stream(agreed: Agreed, local: Address, protocol: str, direction: Direction | None = None) -> Media:
    formats = [str(agreed.payload_type)]
    attributes = [("rtpmap", f"{agreed.payload_type} {agreed.codec}/{agreed.clock_rate}")]
    if agreed.telephone_event_pt is not None:
        formats.append(str(agreed.telephone_event_pt))
        attributes.append(("rtpmap", f"{agreed.telephone_event_pt} telephone-event/{agreed.telephone_event_rate}"))
        attributes.append(("fmtp", f"{agreed.telephone_event_pt} 0-15"))
    if agreed.comfort_noise_pt is not None:
        formats.append(str(agreed.comfort_noise_pt))
        attributes.append(("rtpmap", f"{agreed.comfort_noise_pt} CN/{agreed.clock_rate}"))
    attributes.append(("ptime", str(agreed.ptime_ms)))
    if agreed.rtcp_mux:
        attributes.append(("rtcp-mux", ""))
    attributes.append((direction or agreed.direction, ""))
    return Media("audio", local[1], protocol, formats, "", attributes)
