"""Channel variables at each stage of a call, in the order in which FreeSWITCH sets them. Pure.

FreeSWITCH keeps variables in a list: setting one removes it and appends it, so that the order of a later event tells
the history of the call. What a SIP stack would fill in (tags, branches, ports) has the form of the real thing and no
meaning. Stages and order: ``tests/data/esl``.
"""

import random
import time
from collections.abc import Mapping

from engine.standin.headers import Codec, Profile

Q850 = {
    "UNALLOCATED_NUMBER": 1, "NO_ROUTE_DESTINATION": 3, "NORMAL_CLEARING": 16, "USER_BUSY": 17, "NO_USER_RESPONSE": 18,
    "NO_ANSWER": 19, "SUBSCRIBER_ABSENT": 20, "CALL_REJECTED": 21, "DESTINATION_OUT_OF_ORDER": 27,
    "NORMAL_TEMPORARY_FAILURE": 41, "RECOVERY_ON_TIMER_EXPIRE": 102, "ORIGINATOR_CANCEL": 487, "MANAGER_REQUEST": 16,
}  # fmt: skip
"""Q.850 code of a hangup cause; causes that are not here count as 16."""


class Variables(dict[str, str]):
    """Ordered like FreeSWITCH's list: ``put`` moves a variable to the end, an empty value removes it."""

    def put(self, name: str, value: object) -> None:
        """Set one variable."""
        self.pop(name, None)
        text = str(value)
        if text:
            self[name] = text

    def put_all(self, values: Mapping[str, object]) -> None:
        """Set several, in order."""
        for name, value in values.items():
            self.put(name, value)


class SipLeg:
    """The made-up SIP and RTP side of the caller: only what variables show of it."""

    def __init__(self, profile: Profile, codec: Codec, dice: random.Random) -> None:
        """Tags and ports come from ``dice``, so that a seed repeats them."""
        self.profile, self.codec = profile, codec
        address, _, self.port = profile.channel_name.rpartition(":")
        self.user = address.rpartition("/")[2].partition("@")[0]
        self.tag, self.to_tag = f"{dice.getrandbits(32):08x}", _word(dice, 13)
        self.call_id = f"{dice.getrandbits(48):012x}@uac"
        self.branch, self.ack_branch = (f"z9hG4bK{dice.getrandbits(40):010x}" for _ in range(2))
        self.media_port, self.local_port = dice.randrange(30000, 60000, 2), dice.randrange(20000, 24000, 2)
        self.ssrc = dice.getrandbits(31)
        self.user_agent = "trunkline-standin"

    def _via(self, branch: str) -> str:
        return f"SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch};rport={self.port}"

    def _sdp(self, owner: str, port: int, events: str) -> str:
        codec = self.codec
        lines = ["v=0", f"o={owner} IN IP4 127.0.0.1", f"s={'-' if owner[0] == 'c' else 'FreeSWITCH'}",
                 "c=IN IP4 127.0.0.1", "t=0 0", f"m=audio {port} RTP/AVP {codec.payload} 101",
                 f"a=rtpmap:{codec.payload} {codec.name}/{codec.clock}", "a=rtpmap:101 telephone-event/8000",
                 f"a=fmtp:101 {events}", "a=ptime:20"]  # fmt: skip
        return "".join(f"{line}\r\n" for line in lines)

    def invited(self, session_id: int, asserted: str) -> dict[str, object]:
        """Variables of a channel that has been routed to the dialplan, unanswered."""
        profile, port = self.profile, self.port
        user, called = self.user, profile.destination
        identity = {"sip_P-Asserted-Identity": asserted, "sip_cid_type": "pid"} if asserted else {}
        return {
            "direction": "inbound", "uuid": profile.uuid, "session_id": session_id,
            "sip_from_user": user, "sip_from_port": port, "sip_from_uri": f"{user}@127.0.0.1:{port}",
            "sip_from_host": "127.0.0.1", "video_media_flow": "disabled", "text_media_flow": "disabled",
            "channel_name": profile.channel_name, "sip_call_id": self.call_id,
            "sip_local_network_addr": "127.0.0.1", "sip_network_ip": "127.0.0.1", "sip_network_port": port,
            "sip_invite_stamp": profile.created, "sip_received_ip": "127.0.0.1", "sip_received_port": port,
            "sip_via_protocol": "udp", "sip_from_user_stripped": user, "sip_from_tag": self.tag,
            "sofia_profile_name": "internal", "sofia_profile_url": "sip:mod_sofia@127.0.0.1:5080",
            "recovery_profile_name": "internal", **identity, "sip_full_via": self._via(self.branch),
            "sip_from_display": profile.name, "sip_full_from": self._from(), "sip_full_to": self._to(),
            "sip_allow": "INVITE, ACK, BYE, CANCEL, INFO, OPTIONS, REFER, NOTIFY, UPDATE",
            "sip_req_user": called, "sip_req_port": 5080, "sip_req_uri": f"{called}@127.0.0.1:5080",
            "sip_req_host": "127.0.0.1", "sip_to_user": called, "sip_to_port": 5080,
            "sip_to_uri": f"{called}@127.0.0.1:5080", "sip_to_host": "127.0.0.1", "sip_contact_user": user,
            "sip_contact_port": port, "sip_contact_uri": f"{user}@127.0.0.1:{port}", "sip_contact_host": "127.0.0.1",
            "sip_user_agent": self.user_agent, "sip_via_host": "127.0.0.1", "sip_via_port": port,
            "sip_via_rport": port, "max_forwards": 70,
            # the variables given with the call (sip_h_X-...) follow here, see ``media``
        }  # fmt: skip

    def media(self) -> dict[str, object]:
        """Variables of the media negotiation, which follow the SIP headers."""
        codec = self.codec
        return {
            "switch_r_sdp": self._sdp(f"caller 1 {self.profile.created // 1_000_000}", self.media_port, "0-16"),
            "ep_codec_string": f"{codec.module}.{codec.name}@{codec.clock}h@20i@{codec.bit_rate}b",
            "rtp_use_codec_string": "PCMU,PCMA", "remote_video_media_flow": "inactive",
            "remote_text_media_flow": "inactive", "remote_audio_media_flow": "sendrecv",
            "audio_media_flow": "sendrecv", "remote_media_ip": "127.0.0.1", "remote_media_port": self.media_port,
            "rtp_audio_recv_pt": codec.payload, "rtp_use_codec_name": codec.name, "rtp_use_codec_rate": codec.clock,
            "rtp_use_codec_ptime": 20, "rtp_use_codec_channels": 1,
            "rtp_last_audio_codec_string": f"{codec.name}@{codec.clock}h@20i@1c", "read_codec": codec.name,
            "original_read_codec": codec.name, "read_rate": codec.rate, "original_read_rate": codec.rate,
            "write_codec": codec.name, "write_rate": codec.rate, "dtmf_type": "rfc2833",
            "endpoint_disposition": "RECEIVED", "call_uuid": self.profile.uuid,
        }  # fmt: skip

    def local_media(self) -> dict[str, object]:
        """Variables that answering (or early media) adds."""
        owner = f"FreeSWITCH {self.profile.created // 1_000_000} {self.profile.created // 1_000_000 + 1}"
        return {
            "rtp_local_sdp_str": self._sdp(owner, self.local_port, "0-15") + "a=sendrecv\r\n",
            "local_media_ip": "127.0.0.1", "local_media_port": self.local_port, "advertised_media_ip": "127.0.0.1",
            "rtp_use_timer_name": "soft", "rtp_use_pt": self.codec.payload, "rtp_use_ssrc": self.ssrc,
            "rtp_2833_send_payload": 101, "rtp_2833_recv_payload": 101, "remote_media_ip": "127.0.0.1",
            "remote_media_port": self.media_port,
        }  # fmt: skip

    def acknowledged(self) -> dict[str, object]:
        """Variables that the caller's ACK adds, a moment after the answer."""
        return {
            "sip_to_tag": self.to_tag, "sip_from_tag": self.tag, "sip_cseq": 1, "sip_call_id": self.call_id,
            "sip_full_via": self._via(self.ack_branch), "sip_from_display": self.profile.name,
            "sip_full_from": self._from(), "sip_full_to": f"{self._to()};tag={self.to_tag}",
        }  # fmt: skip

    def _from(self) -> str:
        return f'"{self.profile.name}" <sip:{self.user}@127.0.0.1:{self.port}>;tag={self.tag}'

    def _to(self) -> str:
        return f"<sip:{self.profile.destination}@127.0.0.1:5080>"


BYE_BEFORE = {"sip_term_status": 200, "proto_specific_hangup_cause": "sip:200", "sip_term_cause": 16}
"""Set when the caller's BYE arrives, before CHANNEL_HANGUP."""


def call_record(
    profile: Profile,
    cause: str,
    ended: int,
    last: tuple[str, str],
    digits: str,
    by_caller: bool,
    frames: tuple[int, int],
) -> dict[str, object]:
    """Variables that CHANNEL_HANGUP_COMPLETE adds. Times in microseconds since 1970; ``frames``: heard from the
    caller, sent to the caller, in 20 ms frames."""
    record: dict[str, object] = {"hangup_cause": cause, "hangup_cause_q850": Q850.get(cause, 16)}
    record["digits_dialed"] = digits or "none"
    record |= _stamps(profile, ended)
    record |= {"last_app": last[0], "last_arg": last[1], "caller_id": f'"{profile.name}" <{profile.number}>'}
    record |= _durations(profile, ended)
    if not by_caller:
        record["sip_hangup_disposition"] = "send_bye"
    return record | _rtp_figures(*frames)


def _stamps(profile: Profile, ended: int) -> dict[str, object]:
    texts = {"start": profile.channel_created, "profile_start": profile.created, "answer": profile.answered,
             "end": ended}  # fmt: skip
    stamps: dict[str, object] = {
        f"{name}_stamp": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(stamp // 1_000_000))
        for name, stamp in texts.items()
        if stamp
    }
    epochs = {"start": profile.channel_created, "profile_start": profile.created, "answer": profile.answered,
              "bridge": profile.bridged, "last_hold": 0}  # fmt: skip
    later = {"resurrect": 0, "progress": profile.progress, "progress_media": 0, "end": ended}
    return (
        stamps | _epochs(epochs)
        | {"hold_accum_seconds": 0, "hold_accum_usec": 0, "hold_accum_ms": 0}
        | _epochs(later)
    )  # fmt: skip


def _epochs(stamps: Mapping[str, int]) -> dict[str, object]:
    epochs: dict[str, object] = {}
    for name, stamp in stamps.items():
        epochs |= {f"{name}_epoch": stamp // 1_000_000, f"{name}_uepoch": stamp}
    return epochs


def _durations(profile: Profile, ended: int) -> dict[str, object]:
    whole, answered = ended - profile.channel_created, profile.answered
    spans = {
        "duration": whole, "bill": ended - answered if answered else 0, "progress": 0,
        "answer": answered - profile.channel_created if answered else 0, "wait": 0, "progress_media": 0,
        "flow_bill": ended - profile.created,
    }  # fmt: skip
    durations: dict[str, object] = {}
    for suffix, divisor in (("sec", 1_000_000), ("msec", 1000), ("usec", 1)):
        for name, span in spans.items():
            prefix = {"sec": "", "msec": "m", "usec": "u"}[suffix]
            durations[f"{prefix}duration" if name == "duration" else f"{name}{suffix}"] = span // divisor
    return durations


def _rtp_figures(heard: int, sent: int) -> dict[str, object]:
    figures = {
        "in_raw_bytes": heard * 172, "in_media_bytes": heard * 172, "in_packet_count": heard,
        "in_media_packet_count": heard, "in_skip_packet_count": 0, "in_jitter_packet_count": 0,
        "in_dtmf_packet_count": 0, "in_cng_packet_count": 0, "in_flush_packet_count": 0, "in_largest_jb_size": 0,
        "in_jitter_min_variance": "0.00", "in_jitter_max_variance": "0.00", "in_jitter_loss_rate": "0.00",
        "in_jitter_burst_rate": "0.00", "in_mean_interval": "20.00", "in_flaw_total": 0,
        "in_quality_percentage": "100.00", "in_mos": "4.50", "out_raw_bytes": sent * 172,
        "out_media_bytes": sent * 172, "out_packet_count": sent, "out_media_packet_count": sent,
        "out_skip_packet_count": 0, "out_dtmf_packet_count": 0, "out_cng_packet_count": 0, "rtcp_packet_count": 0,
        "rtcp_octet_count": 0,
    }  # fmt: skip
    return {f"rtp_audio_{name}": value for name, value in figures.items()}


def _word(dice: random.Random, length: int) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz0123456789"
    return "".join(dice.choice(letters) for _ in range(length))
