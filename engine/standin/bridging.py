"""``bridge``: a leg that fails, or one that answers, talks for a while without a sound, and hangs up; or a real SIP
endpoint, which the edges call. Pure, but for that endpoint's sockets."""

import re
from dataclasses import replace

from engine.standin.actions import StartSip, StopSip
from engine.standin.activities import Activity
from engine.standin.channel import Channel
from engine.standin.headers import Profile
from engine.standin.setup import Bridge
from engine.standin.sipleg import SipLeg, is_real
from engine.standin.wire import Header


class Bridged(Activity):
    """``bridge`` to ``other``, which answers at ``answer`` and hangs up at ``until``."""

    def __init__(self, other: Profile, answer: float, until: float) -> None:
        """Times in seconds."""
        self.other, self.answer, self.until = other, answer, until
        self.begun = False

    def done(self, channel: Channel) -> bool:
        """When the other leg has hung up."""
        if not self.begun and channel.now >= self.answer:
            self.begun = True
            self._begin(channel)
        return channel.now >= self.until

    def leave(self, channel: Channel, forced: bool) -> str | None:
        """Says UNBRIDGE and sets what a bridge leaves behind."""
        if self.begun:
            self._end(channel)
        return None

    def _begin(self, channel: Channel) -> None:
        stamp, other = channel.switch.stamp(channel.now), self.other
        channel.profile = channel.profile.at(progress=stamp, bridged=stamp)
        channel.variables.put_all({
            "originated_legs": f"{other.uuid};Outbound Call;{other.callee}", "switch_m_sdp": "v=0\r\n",
            "video_media_flow": "inactive", "text_media_flow": "inactive", "audio_media_flow": "sendrecv",
            "originate_disposition": "SUCCESS", "DIALSTATUS": "SUCCESS", "originate_causes": f"{other.uuid};NONE",
            "signal_bond": other.uuid,
        })  # fmt: skip
        channel.emit("CHANNEL_BRIDGE", before=self._legs(channel))

    def _end(self, channel: Channel) -> None:
        other, cause = self.other, channel.cause or "NORMAL_CLEARING"
        channel.variables.put_all({
            "last_bridge_to": other.uuid, "bridge_channel": other.channel_name, "bridge_uuid": other.uuid,
            "signal_bond": other.uuid, "last_sent_callee_id_name": "Outbound Call",
            "last_sent_callee_id_number": other.callee, "last_bridge_hangup_cause": cause,
            "bridge_hangup_cause": cause,
        })  # fmt: skip
        channel.emit("CHANNEL_UNBRIDGE", before=self._legs(channel))
        # A controller that went ends the bridge by a reset of the channel, which counts as no end of the bridge.
        if channel.variables.get("hangup_after_bridge") == "true" and not (channel.leaving or self.cut):
            channel.hangup("NORMAL_CLEARING")

    def _legs(self, channel: Channel) -> list[Header]:
        return [("Bridge-A-Unique-ID", channel.uuid), ("Bridge-B-Unique-ID", self.other.uuid)]


class SipBridged(Bridged):
    """``bridge`` to the SIP endpoint that ``leg`` calls."""

    def __init__(self, other: Profile, leg: SipLeg, gives_up: float) -> None:
        """``gives_up``: when it has not answered by then, in seconds."""
        super().__init__(other, gives_up, float("inf"))
        self.leg = leg

    def done(self, channel: Channel) -> bool:
        """When either side has hung up, or nobody has answered."""
        leg = self.leg
        if not self.begun and leg.answered and not leg.over:
            self.begun = True
            self._begin(channel)
        return leg.over or not self.begun and channel.now >= self.answer

    def leave(self, channel: Channel, forced: bool) -> str | None:
        """As ``Bridged``; one that was never answered has failed."""
        channel.actions.append(StopSip(self.leg))
        if not self.begun and not channel.leaving:
            _fail(channel, self.other.uuid, self.leg.user, self.leg.cause or "NO_ANSWER")
        return super().leave(channel, forced)

    def sound(self, channel: Channel) -> bytes | None:
        """What the endpoint says."""
        return self.leg.play()

    def hears(self, channel: Channel, frame: bytes | None) -> None:
        """20 ms of the caller, who may have sent nothing."""
        if self.begun:
            channel.frames_heard += 1
            self.leg.hear(frame, bool(channel.variables.get("bridge_generate_comfort_noise")))


def bridge(channel: Channel, data: str) -> Bridged | None:
    """The application. It ends unicast, whatever comes of it; a failure hangs up unless ``continue_on_fail``."""
    channel.stop_unicast()
    address = data.rpartition("}")[2].rpartition("]")[2]
    number = address.rpartition("/")[2].partition("@")[0]
    uuid = channel.switch.new_uuid()
    legs = channel.setup.bridges
    plan = next((legs[part] for part in legs if part in address), Bridge(cause="NORMAL_TEMPORARY_FAILURE"))
    real = plan.cause == "NORMAL_TEMPORARY_FAILURE" and is_real(data)
    if plan.cause and not real:
        _fail(channel, uuid, number, plan.cause)
        return None
    stamp, caller = channel.switch.stamp(channel.now), channel.profile
    channel.profile = replace(caller, progress=stamp, callee=number)
    channel.other = Profile(
        username=caller.username, name=caller.name, number=caller.number, destination=number, uuid=uuid,
        channel_name=address, created=stamp, channel_created=stamp, index=0, answered=stamp, progress=stamp,
        callee=number, direction="outbound", shown=_option(data, "origination_caller_id_number"),
    )  # fmt: skip
    if real:
        leg = SipLeg(data, channel.codec.rate)
        channel.actions.append(StartSip(leg))
        return SipBridged(channel.other, leg, channel.now + float(_option(data, "originate_timeout") or 60))
    answer = channel.now + plan.answer_s
    return Bridged(channel.other, answer, answer + plan.talk_s)


def _option(data: str, name: str) -> str:
    """The value of ``{name=value,...}`` in a dial string."""
    found = re.search(rf"[{{,\[]{name}=([^,}}\]]*)", data)
    return found[1] if found else ""


def _fail(channel: Channel, uuid: str, number: str, cause: str) -> None:
    channel.variables.put_all({
        "originate_signal_bond": uuid, "originated_legs": f"{uuid};Outbound Call;{number}",
        "sip_invite_failure_status": 503, "sip_invite_failure_phrase": "Service Unavailable",
        "sip_hangup_phrase": "Service Unavailable", "last_bridge_hangup_cause": cause,
        "last_bridge_proto_specific_hangup_cause": "sip:503", "originate_disposition": cause, "DIALSTATUS": cause,
        "originate_causes": f"{uuid};{cause}", "originate_failed_cause": cause,
    })  # fmt: skip
    if channel.variables.get("continue_on_fail") != "true":
        channel.hangup(cause)
