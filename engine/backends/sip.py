"""The back-end for any FreeSWITCH: it bridges the channel to the engine as a SIP endpoint, and the event socket keeps
control. FreeSWITCH converts and resamples, so a codec change, a re-INVITE, hold or ``playback`` does not touch the leg.

What FreeSWITCH 1.11.2 does, read in its source and seen in real calls:

* ``bridge`` must be sent without ``event-lock``: locked, every later command would wait for its end.
* ``hangup_after_bridge`` and ``continue_on_fail`` decide whether the caller outlives the engine's leg.
* With ``socket_resume`` the end of the event socket ends the bridge at once, and the dialplan goes on; without it the
  caller would stay in a bridge with an engine that is gone. It must be off while somebody else has the channel: there
  it would reset a call that is none of ours.
* A caller who sends nothing is not forwarded at all, unless ``bridge_generate_comfort_noise`` makes up frames.
* A caller who holds makes FreeSWITCH play its hold music to the bridged leg, which would be heard as the caller.
* A leg with a timer (``rtp_timer_name``, a profile's ``soft``) is read once in 20 ms, at a phase that nobody outside
  knows, and a packet that was there too early once makes all later ones wait a frame: 5 to 30 ms. Without one each
  packet goes to the caller when it comes; then ``media_timeout`` is looked at after every 5 s without a packet.
* The end of ``bridge`` is told by CHANNEL_EXECUTE_COMPLETE; the caller is parked again, and can be bridged again.
"""

import logging
import time
from collections.abc import Iterable
from secrets import token_urlsafe
from uuid import uuid4

import gevent
from gevent.event import Event as Flag

from engine.backends.backend import FIRST_FRAME_TIMEOUT_S, Lost
from engine.config import Config
from engine.esl import command
from engine.esl.channel import Channel
from engine.esl.control import CallControl
from engine.esl.event import Event
from engine.esl.inbound import InboundClient
from engine.media.clock import FrameClock
from engine.media.errors import MediaError
from engine.media.rtpleg import RtpLeg, Told
from engine.media.rtplegs import RtpLegs
from engine.sip.endpoint import Endpoint, IncomingCall
from engine.sip.errors import EndpointError
from engine.sip.options import SipOptions

log = logging.getLogger(__name__)

RESUME = "socket_resume"

OURS = {
    "continue_on_fail": "true",
    "hangup_after_bridge": "false",
    RESUME: "true",
    "bridge_generate_comfort_noise": "-1",
    "temp_hold_music": "silence",
    "bridge_filter_dtmf": "true",
}
"""Variables of a channel while it is bridged to the engine. Keys come by the event socket, so they need not be passed
on as RTP."""

SETTLE_S = 0.1
"""What ends the bridge may be the end of the call, or a transfer of it: that is told within this."""

WITHIN_MS = 250
"""FreeSWITCH looks for missing RTP every 5 s: a limit of 5 s must be over when it looks, not a moment later."""

POLL_S = 0.01
"""How often it is looked whether the first packet has come, while a line is being attached."""

NARROW = ("PCMU", "PCMA")
"""Codecs that FreeSWITCH passes through without a look at the audio."""


class SipLines:
    """The SIP endpoint and the RTP sockets of an engine, and which calls are expected there. ``refused`` counts SIP
    calls that nobody expected."""

    def __init__(self, config: Config, clock: FrameClock) -> None:
        """Listens from now on. Raises ``MediaError`` where a port is in use."""
        self.config = config
        self.refused = 0
        self._expected: dict[str, SipLine] = {}
        options, host = config.sip, config.sip.bind or config.event_socket.host
        rtp = config.rtp.model_copy(update={
            "bind": config.rtp.bind or host,
            # A FreeSWITCH with a public address (ext-rtp-ip) may name that one to us, and send from its private one.
            "nat_peers": config.rtp.nat_peers or options.peers,
        })
        self.legs = RtpLegs(config.media, rtp, clock)
        behaviour = SipOptions(peers=options.peers, max_calls=2 * config.event_socket.max_calls)
        try:
            self.endpoint = Endpoint((host, options.port), self._on_call, behaviour, advertise=options.advertise)
        except EndpointError as fault:
            self.legs.close()
            raise MediaError(f"sip.bind, sip.port: {fault}") from fault

    def backend(self, reached_by: str) -> "SipBackend":
        """For a FreeSWITCH that reaches this host by the address ``reached_by``."""
        bound = self.endpoint.address[0]
        everywhere = bound in ("0.0.0.0", "::")  # noqa: S104
        return SipBackend(self, self.config.sip.advertise or (reached_by if everywhere else bound))

    def expect(self, line: "SipLine") -> str:
        """A token that nobody can guess: the next SIP call that asks for it is this line's."""
        token = token_urlsafe(16).replace("_", "-")
        self._expected[token] = line
        return token

    def forget(self, token: str) -> None:
        """It is not expected any more."""
        self._expected.pop(token, None)

    def close(self) -> None:
        """Hang up every leg, close all sockets. Idempotent."""
        self.endpoint.close()
        self.legs.close()

    def _on_call(self, call: IncomingCall) -> None:
        line = self._expected.pop(call.token, None)
        if line is None:
            self.refused += 1
            log.warning("SIP: nobody expects a call of %s from %s:%d", call.token[:40], *call.peer)
            call.reject(404)
        else:
            line.take(call)


class SipBackend:
    """For the channels of one FreeSWITCH, which reaches the engine by ``host``."""

    def __init__(self, lines: SipLines, host: str) -> None:
        """Opens nothing."""
        self._lines = lines
        self._host = host

    def open(self, channel_rate: int, codec: str, lost: Lost) -> "SipLine":
        """As the protocol says; any codec. The leg has 16 kHz where the caller has at least that, else 8."""
        return SipLine(self._lines, self._host, 16000 if channel_rate >= 16000 else 8000, codec, lost)


class SipLine:
    """One channel's audio by SIP and RTP. Its dialog may end and another take its place; the leg goes on."""

    backend = "sip"
    in_place = True

    def __init__(self, lines: SipLines, host: str, rate: int, codec: str, lost: Lost) -> None:
        """Made by ``SipBackend.open``."""
        options = lines.config.media
        wanted = codec if codec in NARROW and rate == 8000 else "L16"
        self._codec = f"{wanted}@{rate}h@{options.frame_ms}i"
        self._lines = lines
        self._host = host
        self._lost = lost
        self._leg: RtpLeg = lines.legs.open(rate, Told(lost=self._on_silence))
        self._token = self._leg_uuid = ""
        self._call: IncomingCall | None = None
        self._followed: CallControl | None = None
        self._over = Flag()  # the bridge under way has ended
        self._up = False
        self._why = ""
        self._telling: gevent.Greenlet | None = None
        self._closed = False

    @property
    def leg(self) -> RtpLeg:
        """The call's RTP."""
        return self._leg

    @property
    def address(self) -> str:
        """FreeSWITCH's RTP."""
        agreed = self._leg.agreed
        return f"{agreed.remote[0]}:{agreed.remote[1]}" if agreed else ""

    # ------------------------------------------------------------------ the channel

    def attach(self, session: CallControl, leaving: Flag) -> int | None:
        """As the protocol says."""
        began, before = time.monotonic(), self._leg.packets_in
        self._follow(session)
        self.keep(session)
        session.execute_nowait("bridge", self._dial(), lock=False)
        patience = self._lines.config.sip.connect_timeout_s + FIRST_FRAME_TIMEOUT_S
        while self._call is None or self._leg.packets_in == before:
            if time.monotonic() - began > patience:
                raise MediaError(self._nothing_came())
            gevent.wait([session.ended, leaving, self._over], timeout=POLL_S, count=1)
            session.raise_if_disconnected()
            if leaving.is_set():
                return None
            if self._over.is_set():
                raise MediaError(f"FreeSWITCH could not bridge the call to {self._where}: {self._why}")
        self._up = True
        self._arm(session)
        return round((time.monotonic() - began) * 1000)

    def attach_other(self, client: InboundClient, uuid: str) -> None:
        """As the protocol says."""
        for name in ("continue_on_fail", "bridge_generate_comfort_noise"):
            client.api("uuid_setvar", f"{uuid} {name} {OURS[name]}")
        client.send(command.execute("bridge", self._dial(), lock=False, uuid=uuid))

    def came_back(self, lost: Flag) -> bool:
        """A bridge that has ended does not."""
        return False

    def rejoin(self, channel: Channel) -> None:
        """Nothing to do: it may have any codec."""

    def let_go(self, session: CallControl) -> None:
        """The channel's variables are again what they were when it came."""
        self._restore(session, OURS)

    def leave(self, session: CallControl) -> None:
        """The same, but for what ends the bridge when the event socket is closed."""
        self._restore(session, [name for name in OURS if name != RESUME])

    def keep(self, session: CallControl) -> None:
        """The variables that it needs."""
        self._set(session, OURS)

    def figures(self) -> dict[str, object]:
        """What RTP and RTCP tell of the audio."""
        return self._leg.figures()

    def close(self) -> None:
        """Hang up the engine's leg, which ends the bridge; the channel goes on. Idempotent."""
        self._closed = True
        if self._telling is not None:
            self._telling.kill(block=False)
        self._lines.forget(self._token)
        call, self._call = self._call, None
        if call is not None:
            call.hangup()
        self._leg.close()

    # ------------------------------------------------------------------ the SIP call

    def take(self, call: IncomingCall) -> None:
        """FreeSWITCH's call for this line has come."""
        if self._closed:
            call.reject(487)
            return
        before, self._call = self._call, call
        if before is not None:
            before.hangup()
        call.on_change = self._leg.change
        call.on_end = lambda cause: self._ended(call)
        agreed = call.answer((self._host, self._leg.local[1]))
        if agreed is not None:
            self._leg.change(agreed)

    def _ended(self, call: IncomingCall) -> None:
        """The agent says nothing to nobody until there is another call; the call's audio clock goes on."""
        if call is self._call:
            self._call = None
            self._leg.part()

    # ------------------------------------------------------------------ inside

    @property
    def _where(self) -> str:
        return f"{self._host}:{self._lines.endpoint.address[1]}"

    def _arm(self, session: CallControl) -> None:
        """What FreeSWITCH does by itself for the caller of an engine that hangs: such an engine keeps its event socket,
        so the dialplan would wait for it. Not before there is audio: FreeSWITCH takes the variable's name for one of
        those that begin with ``execute_on_media``, too."""
        assert session.channel is not None
        config, home = self._lines.config, session.channel.home
        if config.sip.rescue and config.media.idle == "silence":
            hook = f"api_hangup_hook=uuid_transfer {session.channel.uuid} {config.sip.rescue} XML {home[2]}"
            self._set(session, {"execute_on_media_timeout": f"set {hook}"}, self._leg_uuid)

    def _dial(self) -> str:
        """Arguments of ``bridge``, for a call that is expected from now on."""
        self._lines.forget(self._token)
        self._token, self._leg_uuid = self._lines.expect(self), str(uuid4())
        self._over.clear()
        self._up, self._why = False, ""
        config = self._lines.config
        variables: dict[str, object] = {
            "absolute_codec_string": self._codec,
            "ignore_early_media": "true",
            "originate_timeout": round(config.sip.connect_timeout_s),
            "rtp_secure_media": "false",  # a profile may ask for it; the engine's own network needs none
            "origination_uuid": self._leg_uuid,
            "rtp_timer_name": "none",
        }
        if config.media.idle == "silence":
            variables["media_timeout"] = config.sip.silent_engine_ms - WITHIN_MS
        where = f"sofia/{config.sip.profile}/{self._token}@{self._where}"
        return command.channel_variables(variables, for_originate=False) + where

    def _restore(self, session: CallControl, names: Iterable[str]) -> None:
        assert session.channel is not None
        before = session.channel.variables
        self._set(session, {name: before.get(name) or "" for name in names})

    def _set(self, session: CallControl, variables: dict[str, str], uuid: str = "") -> None:
        """In one trip; on another channel where ``uuid`` names one."""
        assert session.channel is not None
        uuid = uuid or session.channel.uuid
        commands = [command.api("uuid_setvar", f"{uuid} {name} {command.escape(value)}".rstrip())
                    for name, value in variables.items()]
        session.connection.send_all(commands)

    def _follow(self, session: CallControl) -> None:
        if self._followed is not session:
            self._followed = session
            session.on("CHANNEL_EXECUTE_COMPLETE", lambda event: self._on_complete(session, event))

    def _on_complete(self, session: CallControl, event: Event) -> None:
        application, what = event.get("Application"), event.get("Application-Data") or ""
        if application == "socket":
            self._up = False  # somebody has transferred the caller: the bridge has ended for that
        elif application == "bridge" and self._token in what:
            self._why = event.get("variable_originate_disposition") or "it did not say why"
            self._over.set()
            if self._up:
                cause = event.get("variable_bridge_hangup_cause") or "no cause given"
                self._telling = gevent.spawn_later(SETTLE_S, self._tell_lost, session, cause)

    def _tell_lost(self, session: CallControl, cause: str) -> None:
        if self._up and not self._closed and session.hangup_cause is None:
            self._up = False
            self._lost(f"the bridge to the engine ended: {cause}", 0)

    def _on_silence(self, silent_ms: int) -> None:
        """FreeSWITCH sends nothing while it plays something to the caller. When it does not carry the call any more it
        says so."""
        if self._call is not None:
            log.warning("no RTP from FreeSWITCH for %d ms", silent_ms)

    def _nothing_came(self) -> str:
        if self._call is None:
            return (f"FreeSWITCH did not reach the engine at {self._where} by SIP: check sip.bind, sip.advertise and "
                    f"the sip-ip of its profile {self._lines.config.sip.profile} (sip.profile)")
        return (f"no RTP from FreeSWITCH at {self._host}:{self._leg.local[1]}: check rtp.bind, rtp.port, and what is "
                "between the two")


__all__ = ["OURS", "SipBackend", "SipLine", "SipLines"]
