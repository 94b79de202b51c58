"""The engine's SIP endpoint and RTP leg against a real FreeSWITCH: what each codec sounds like, both ways, and how soon
a caller hears, and no longer hears, what is written."""

import contextlib
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
from engine.media.rtpleg import RtpLeg, Told
from engine.media.rtplegs import RtpLegs
from engine.rtp.dtmf import Key
from engine.sip.endpoint import Endpoint, IncomingCall

pytestmark = pytest.mark.switch


class Edge:
    """SIP and RTP of an engine without the engine: calls to it are answered, what they say is kept."""

    def __init__(self, rate: int = 16000, lead: int = 3) -> None:
        self.rate = rate
        self.clock = FrameClock()
        self.legs = RtpLegs(MediaOptions(lead_frames=lead), RtpOptions(), self.clock)
        self.calls: list[IncomingCall] = []
        self.taken: list[RtpLeg] = []
        self.heard: list[tuple[bytes, bool]] = []
        self.keys: list[Key] = []
        self.held: list[bool] = []
        self.endpoint = Endpoint((HOST, 0), self._on_call, tcp=False)
        self.clock.start()

    def _on_call(self, call: IncomingCall) -> None:
        leg = self.legs.open(self.rate, Told(held=self.held.append, key=self.keys.append))
        leg.attach(lambda frame, silent: self.heard.append((frame, silent)))
        agreed = call.answer(leg.local)
        assert agreed is not None
        leg.change(agreed)
        call.on_change = leg.change
        self.calls.append(call)
        self.taken.append(leg)

    def dial_string(self, codec: str, profile: str = "external") -> str:
        return f"[absolute_codec_string='{codec}']sofia/{profile}/sip:token@{HOST}:{self.endpoint.address[1]}"

    def pcm(self, last_s: float) -> np.ndarray:
        frames = [frame for frame, _ in self.heard][-int(last_s * 50) :]
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


@pytest.mark.parametrize(("codec", "hz"), [("L16@16000h@20i", 5000), ("L16@8000h@20i", 1000), ("PCMU@8000h@20i", 1000),
                                           ("PCMA@8000h@20i", 1000), ("PCMA@8000h@30i", 1000)])
def test_freeswitch_s_tone_is_heard_clean_in_every_codec(switch: FreeSwitch, codec: str, hz: int) -> None:
    """5 kHz is only there in wideband. Wrong byte order, rate or packet length would be noise or another pitch."""
    with edge() as engine:
        answer = switch.api(f"originate {engine.dial_string(codec)} &playback(tone_stream://%(20000,0,{hz}))")
        assert answer.startswith("+OK"), answer
        wait_for(lambda: len(engine.heard) > 100, 20, "two seconds of audio")
        agreed = engine.taken[0].agreed
        assert agreed is not None
        assert (agreed.codec, agreed.clock_rate) == (codec.split("@")[0], int(codec.split("@")[1][:-1]))
        found, share = strongest(engine.pcm(1.5), 16000)
        assert abs(found - hz) < 5
        assert share > 0.98
        print(codec, agreed.ptime_ms, engine.taken[0].figures())


@pytest.mark.parametrize("codec", ["L16@16000h@20i", "PCMU@8000h@20i"])
def test_what_is_written_comes_back_from_freeswitch_s_echo(switch: FreeSwitch, codec: str, figures: Figures) -> None:
    with edge(lead=1) as engine:
        assert switch.api(f"originate {engine.dial_string(codec)} &echo").startswith("+OK")
        wait_for(lambda: len(engine.heard) > 25, 20, "audio")
        leg = engine.taken[0]
        start = leg.frames_in
        say(leg, tone(700, 1.0, 16000))
        wait_for(lambda: leg.frames_in > start + 75, 20, "the echo")
        pcm = np.frombuffer(b"".join(frame for frame, _ in engine.heard[start:]), np.int16)
        loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > 2000)
        found, _ = strongest(pcm[loud[0] : loud[0] + 12800], 16000)
        assert abs(found - 700) < 5
        print("echo after ms", loud[0] / 16, leg.figures())


@pytest.mark.parametrize("lead", [1, 3])
def test_a_bridged_caller_hears_all_and_soon_nothing(switch: FreeSwitch, figures: Figures, lead: int) -> None:
    """FreeSWITCH bridges a telephone to the engine: no packet is lost at the lead's burst, and a cut is heard soon."""
    human = SipHuman(switch.sip, after=0.0)
    with edge(lead=lead) as engine, human:
        assert switch.api(f"originate {human.dial_string} &bridge({engine.dial_string('L16@16000h@20i')})"
                          ).startswith("+OK")
        wait_for(lambda: len(engine.heard) > 50, 20, "audio of the bridge")
        leg = engine.taken[0]
        import time
        began = time.monotonic()
        say(leg, tone(500, 1.0, 16000))
        human_hears = human.rtp.heard
        wait_for(lambda: len(audible(human_hears, began)) >= 48, 20, "the tone at the caller")
        gevent.sleep(0.5)
        first = audible(human_hears, began)
        print("lead", lead, "first ms", (first[0].time - began) * 1000, "packets", len(first),
              "gaps", np.diff([p.time for p in first]).max() * 1000)
        say(leg, tone(500, 3.0, 16000), gen=2)
        gevent.sleep(1.0)
        cut = time.monotonic()
        leg.playout.cut(2)
        gevent.sleep(0.6)
        print("cut to silence ms", (audible(human_hears, began)[-1].time - cut) * 1000, leg.figures())
        human.rtp.press("5")
        wait_for(lambda: [key.digit for key in engine.keys] == ["5"], 10, "the key")
