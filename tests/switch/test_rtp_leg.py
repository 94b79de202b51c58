"""The engine's SIP endpoint and RTP leg against a real FreeSWITCH: what each codec sounds like, both ways, and how soon
a caller hears, and no longer hears, what is written."""

import contextlib
import time
from collections.abc import Iterator

import gevent
import numpy as np
import pytest
from measured import Figures
from rtpstream import audible
from siphuman import SipHuman
from switchboard import HOST, FreeSwitch, wait_for

from engine.config import MediaOptions, RtpOptions
from engine.media.clock import FrameClock
from engine.media.rtpcodecs import available
from engine.media.rtpleg import RtpLeg, Told
from engine.media.rtplegs import RtpLegs
from engine.rtp.dtmf import Key
from engine.sip.endpoint import Endpoint, IncomingCall
from engine.sip.options import SipOptions

pytestmark = pytest.mark.switch


class Edge:
    """SIP and RTP of an engine without the engine: calls to it are answered, what they say is kept."""

    def __init__(self, rate: int = 16000, lead: int = 3) -> None:
        self.rate = rate
        self.clock = FrameClock()
        self.legs = RtpLegs(MediaOptions(lead_frames=lead), RtpOptions(), self.clock)
        self.calls: list[IncomingCall] = []
        self.taken: list[RtpLeg] = []
        self.heard: list[tuple[float, bytes]] = []  # when it came
        self.keys: list[Key] = []
        self.held: list[bool] = []
        self.endpoint = Endpoint((HOST, 0), self._on_call, SipOptions(codecs=available()), tcp=False)
        self.clock.start()

    def _on_call(self, call: IncomingCall) -> None:
        leg = self.legs.open(self.rate, Told(held=self.held.append, key=self.keys.append))
        leg.attach(lambda frame, silent: self.heard.append((time.monotonic(), frame)))
        agreed = call.answer(leg.local)
        assert agreed is not None
        leg.change(agreed)
        call.on_change = leg.change
        self.calls.append(call)
        self.taken.append(leg)

    def dial_string(self, codec: str, profile: str = "external") -> str:
        variables = f"absolute_codec_string='{codec}',rtp_timer_name=none"  # as the back-end dials
        return f"[{variables}]sofia/{profile}/sip:token@{HOST}:{self.endpoint.address[1]}"

    def pcm(self, last_s: float) -> np.ndarray:
        frames = [frame for _, frame in self.heard][-int(last_s * 50) :]
        return np.frombuffer(b"".join(frames), np.int16)

    def close(self) -> None:
        self.endpoint.close()
        self.legs.close()
        self.clock.stop()


@contextlib.contextmanager
def edge(**options: int) -> Iterator[Edge]:
    made = Edge(**options)
    try:
        yield made
    finally:
        made.close()


def strongest(pcm: np.ndarray, rate: int) -> tuple[float, float]:
    """Frequency (Hz) and share of the power that is within 60 Hz of it."""
    power = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    peak = int(np.argmax(power))
    width = int(60 * len(pcm) / rate)
    return peak * rate / len(pcm), float(power[max(0, peak - width) : peak + width + 1].sum() / power.sum())


def tone(hz: float, seconds: float, rate: int) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)).astype(np.int16)


def say(leg: RtpLeg, pcm: np.ndarray, gen: int = 1) -> None:
    leg.playout.open(gen)
    leg.playout.add(gen, pcm, "tone")
    leg.playout.done(gen)
    leg.playout.release(gen)


@pytest.mark.parametrize(("codec", "hz"), [
    ("L16@16000h@20i", 5000), ("L16@8000h@20i", 1000), ("PCMU@8000h@20i", 1000), ("PCMA@8000h@20i", 1000),
    ("PCMA@8000h@30i", 1000), ("G722@8000h@20i", 5000),
])  # fmt: skip
def test_freeswitch_s_tone_is_heard_clean_in_every_codec(switch: FreeSwitch, codec: str, hz: int) -> None:
    """5 kHz is only there in wideband. Wrong byte order, rate or packet length would be noise or another pitch."""
    if codec.split("@")[0] == "G722" and "G722" not in available():
        pytest.skip("the extra g722 is not installed")
    with edge() as engine:
        answer = switch.api(f"originate {engine.dial_string(codec)} &playback(tone_stream://%(20000,0,{hz}))")
        assert answer.startswith("+OK"), answer
        wait_for(lambda: len(engine.heard) > 100, 20, "two seconds of audio")
        leg = engine.taken[0]
        assert leg.agreed is not None
        assert (leg.agreed.codec, leg.agreed.clock_rate) == (codec.split("@")[0], int(codec.split("@")[1][:-1]))
        found, share = strongest(engine.pcm(1.5), 16000)
        assert abs(found - hz) < 5
        assert share > 0.98
        assert leg.bad_packets == 0


@pytest.mark.parametrize("codec", ["L16@16000h@20i", "PCMU@8000h@20i"])
def test_what_is_written_comes_back_from_freeswitch_s_echo(switch: FreeSwitch, codec: str, figures: Figures) -> None:
    """The whole way out and in, at the pitch it was written."""
    with edge(lead=1) as engine:
        assert switch.api(f"originate {engine.dial_string(codec)} &echo").startswith("+OK")
        wait_for(lambda: len(engine.heard) > 25, 20, "audio")
        leg = engine.taken[0]
        start, began = leg.frames_in, time.monotonic()
        say(leg, tone(700, 1.0, 16000))
        wait_for(lambda: leg.frames_in > start + 75, 20, "the echo")
        pcm = np.frombuffer(b"".join(frame for _, frame in engine.heard[start:]), np.int16)
        loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > 2000)
        found, _ = strongest(pcm[loud[0] : loud[0] + 12800], 16000)
        assert abs(found - 700) < 5
        back = engine.heard[start + loud[0] // 320][0]
        figures.add(f"RTP leg to FreeSWITCH's echo and back, {codec}", (back - began) * 1000, "ms")


@pytest.mark.parametrize("lead", [1, 3])
def test_a_bridged_caller_hears_all_and_soon_nothing(switch: FreeSwitch, figures: Figures, lead: int) -> None:
    """FreeSWITCH bridges a telephone to the engine. The lead comes at once: FreeSWITCH must not throw any of it away.
    After a cut the caller hears what was sent ahead, and no more."""
    human = SipHuman(switch.sip, after=0.0)
    with edge(lead=lead) as engine, human:
        bridge = f"&bridge({engine.dial_string('L16@16000h@20i')})"
        assert switch.api(f"originate {human.dial_string} {bridge}").startswith("+OK")
        wait_for(lambda: len(engine.heard) > 50, 20, "audio of the bridge")
        leg, heard = engine.taken[0], human.rtp.heard
        began = time.monotonic()
        say(leg, tone(500, 1.0, 16000))
        wait_for(lambda: len(audible(heard, began)) >= 46, 20, "all of the tone at the caller")
        first = audible(heard, began)[0].time
        figures.add(f"RTP leg: write to the caller's ear, lead of {lead}", (first - began) * 1000, "ms")
        gevent.sleep(0.5)
        say(leg, tone(500, 3.0, 16000), gen=2)
        gevent.sleep(1.0)
        cut = time.monotonic()
        leg.playout.cut(2)
        gevent.sleep(0.6)
        last = audible(heard)[-1].time
        figures.add(f"RTP leg: cut to silence at the caller, lead of {lead}", (last - cut) * 1000, "ms")
        assert last - cut < 0.5
        human.rtp.press("5")
        wait_for(lambda: [key.digit for key in engine.keys] == ["5"], 10, "the key")


def test_freeswitch_s_reports_are_understood_and_ours_are_answered(switch: FreeSwitch, figures: Figures) -> None:
    """RTCP with a real peer: its view of our packets, and the round trip."""
    with edge() as engine:
        dial = engine.dial_string("L16@16000h@20i").replace("[", "[rtcp_audio_interval_msec=1000,", 1)
        assert switch.api(f"originate {dial} &echo").startswith("+OK")
        wait_for(lambda: engine.taken and engine.taken[0].figures()["round_trip_ms"] is not None, 30, "a round trip")
        found = engine.taken[0].figures()
        assert 0 <= float(str(found["peer_lost"])) < 0.5  # before the stream it counts from zero
        assert 0 <= float(str(found["round_trip_ms"])) < 500
        figures.add("RTP leg: round trip by RTCP", float(str(found["round_trip_ms"])), "ms")


@pytest.mark.parametrize("how", ["hold", "codec"])
def test_the_caller_s_reinvite_does_not_reach_the_leg_or_does_no_harm(switch: FreeSwitch, how: str) -> None:
    """FreeSWITCH converts: a caller who changes the codec or holds the call costs the conversation nothing."""
    human = SipHuman(switch.sip, after=0.0)
    with edge() as engine, human:
        bridge = f"&bridge({engine.dial_string('L16@16000h@20i')})"
        assert switch.api(f"originate {human.dial_string} {bridge}").startswith("+OK")
        wait_for(lambda: len(engine.heard) > 50, 20, "audio of the bridge")
        leg = engine.taken[0]
        if how == "codec":
            human.change_codec("PCMA")
        else:
            human.hold()
            gevent.sleep(1.0)
            human.resume()
        gevent.sleep(0.5)
        began = time.monotonic()
        say(leg, tone(500, 1.0, 16000))
        wait_for(lambda: len(audible(human.rtp.heard, began)) >= 48, 20, "the tone at the caller")
        human.rtp.say(tone(800, 1.5, 8000))
        wait_for(lambda: np.abs(engine.pcm(0.5).astype(int)).mean() > 1000, 20, "the caller's tone")
        gevent.sleep(0.5)
        found, _ = strongest(engine.pcm(0.4), 16000)
        assert abs(found - 800) < 10
