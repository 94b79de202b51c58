"""One call of the stand-in as its user sees it: the caller's voice, ears and fingers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.media import g711
from engine.standin.activities import Park
from engine.standin.caller import CallerAudio, Heard
from engine.standin.channel import FRAME_S, Channel
from engine.standin.errors import StandInError
from engine.standin.headers import CODECS
from engine.standin.prompts import read_wav
from engine.standin.setup import PlanAction
from engine.standin.udp import Sink
from engine.standin.unicast import Unicast

if TYPE_CHECKING:
    from engine.standin.standin import StandIn

Pcm = NDArray[np.int16]
_LAWS = {"PCMU": (g711.ulaw_encode, g711.ulaw_decode), "PCMA": (g711.alaw_encode, g711.alaw_decode)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call went. ``action``: the dialplan action that ran last ("socket 127.0.0.1:8084 async full"), empty when
    none did; ``cause``: hangup cause, empty while the call is up, CRASH when FreeSWITCH would have aborted;
    ``actions``: all that ran, in order."""

    action: str
    cause: str
    actions: tuple[str, ...]


class Call:
    """A call placed by ``StandIn.place``. Times are seconds since it was placed; audio is mono int16 at ``rate`` Hz."""

    stamped = False

    def __init__(self, standin: "StandIn", channel: Channel, record: bool, sink: Sink | None = None) -> None:
        """See ``StandIn.place``."""
        self.channel = channel
        self.rate = channel.codec.rate
        self.caller = CallerAudio(self.rate, standin.switch.dice)
        self.frames = 0
        """20 ms frames since the call was placed."""

        self.sink: Sink = sink or self
        self.unsent = 0
        """Frames for the controller that the kernel refused: nobody listens there, or its buffer is full."""

        self.send_up: Callable[[bytes], object] | None = None
        """Sends a frame to the controller while unicast has a socket; set by the stand-in."""

        self._standin = standin
        self._heard = Heard(self.rate) if record else None
        self._digits_until = 0

    # ---- the caller acts

    def say(self, audio: Path | str | Pcm, at: float | None = None) -> float:
        """Speak a WAV (any rate and channels) or samples, now or ``at`` seconds into the call; over what is being
        said already. Returns when it ends. Raises ``StandInError`` for a file that is not one."""
        pcm = read_wav(audio, self.rate) if isinstance(audio, str | Path) else audio
        frame = self.frames + 1 if at is None else round(at / FRAME_S)
        return self.caller.say(pcm, frame) * FRAME_S

    def silence(self) -> None:
        """Stop speaking at once."""
        self.caller.silence(self.frames)

    def dtmf(self, digits: str, duration_ms: int = 120) -> None:
        """Press keys, one after the other with 80 ms between them. The event comes at the end of each; while a key is
        down the caller's audio is silence."""
        for digit in digits:
            if digit not in "0123456789*#ABCD":
                raise StandInError(f"dtmf: {digit!r} is not a key. Keys are 0-9 * # A-D.")
            start = max(self.frames, self._digits_until)
            end = start + round(duration_ms / 20)
            self._digits_until = end + 4
            self.caller.muted_until = end
            delay = (end - self.frames) * FRAME_S + 0.01
            self._standin.at(delay, partial(self._digit_ended, digit, duration_ms))

    def hold(self) -> None:
        """Put the switch on hold: CHANNEL_HOLD, and no RTP; the controller gets frames of 0xFF."""
        self._hold(True)

    def unhold(self) -> None:
        """Take the switch back: CHANNEL_UNHOLD, and RTP again."""
        self._hold(False)

    def loss(self, percent: float) -> None:
        """Lose this share of the caller's packets from now on."""
        self.caller.loss = percent / 100

    def jitter(self, milliseconds: float) -> None:
        """Delay the caller's packets by up to this much from now on."""
        self.caller.jitter_s = milliseconds / 1000

    def change_codec(self, codec: str) -> None:
        """A re-INVITE in mid-call: it kills unicast."""
        if CODECS[codec].rate != self.rate:
            raise StandInError(f"change_codec: {codec} has another rate; the stand-in's caller keeps {self.rate} Hz")
        self.channel.codec_changed(self._now(), CODECS[codec])
        self._standin.carry_out(self)

    def hangup(self) -> None:
        """The caller hangs up."""
        self.channel.caller_hangup(self._now())
        self._standin.carry_out(self)

    # ---- what came of it

    @property
    def uuid(self) -> str:
        """The channel's uuid."""
        return self.channel.uuid

    @property
    def seconds(self) -> float:
        """Time since the call was placed."""
        return self.frames * FRAME_S

    @property
    def answered(self) -> float | None:
        """When the call was answered; None: not yet."""
        at = self.channel.answered_at
        return None if at is None else at - self.channel.started

    @property
    def up(self) -> bool:
        """Whether the call is neither hung up nor lost in a crash."""
        return not self.channel.cause and not self._standin.switch.crashed

    @property
    def unicast(self) -> Unicast | None:
        """The unicast that is alive now."""
        return self.channel.unicast

    @property
    def heard(self) -> Pcm:
        """All that the caller has heard, with true timing (sample 0 = the call was placed)."""
        if self._heard is None:
            raise StandInError("this call was placed with record=False: nothing of what is heard is kept")
        return self._heard.until(self.frames)

    @property
    def said(self) -> Pcm:
        """All that the caller has said, on the same timeline."""
        return self.caller.said(self.frames)

    @property
    def commands(self) -> list[tuple[float, str]]:
        """What controllers sent: seconds into the call, first line and headers."""
        return [
            (at - self.channel.started, "\n".join([command.line, *(f"{k}: {v}" for k, v in command.headers.items())]))
            for session in self.channel.all_sessions
            for at, command in session.commands
        ]

    @property
    def events(self) -> list[tuple[float, str]]:
        """Names of the channel's events, whether anybody had asked for them or not."""
        return [(at - self.channel.started, name) for at, name in self.channel.log]

    @property
    def notes(self) -> list[str]:
        """What FreeSWITCH would have logged about this call."""
        return [text for _, text in self.channel.notes]

    @property
    def outcome(self) -> Outcome:
        """How it went so far."""
        actions = tuple(_text(action) for _, action in self.channel.done_actions)
        cause = "CRASH" if self._standin.switch.crashed else self.channel.cause
        return Outcome(actions[-1] if actions else "", cause, actions)

    def write_wav(self, path: Path | str) -> Path:
        """Write the call as a stereo WAV: caller left, what the caller heard right."""
        heard, said = self.heard, self.said
        stereo = np.zeros((max(len(heard), len(said)), 2), np.int16)
        stereo[: len(said), 0] = said
        stereo[: len(heard), 1] = heard
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(str(target), stereo, self.rate, subtype="PCM_16")
        return target

    def wait(self, condition: Callable[["Call"], bool], timeout: float = 10.0) -> bool:
        """Wait until ``condition(call)`` holds (looked at once per frame, the virtual clock being moved if there is
        one) or ``timeout`` seconds of call time have passed; returns whether it holds."""
        deadline = self._now() + timeout
        while not condition(self):
            if self._now() >= deadline or self._standin.stopped:
                return False
            self._standin.pass_time(FRAME_S)
        return True

    def wait_heard(self, predicate: Callable[[Pcm], bool], timeout: float = 10.0) -> bool:
        """Wait until ``predicate(heard)`` holds."""
        return self.wait(lambda call: predicate(call.heard), timeout)

    def wait_end(self, timeout: float = 10.0) -> bool:
        """Wait until the call is over."""
        return self.wait(lambda call: not call.up, timeout)

    # ---- for the stand-in

    def tick(self, now: float) -> None:
        """20 ms of the call: its thread, one frame up, one frame down."""
        channel, number = self.channel, self.frames
        if not number:
            channel.started = now
        if channel.restless(now):
            channel.frame(now)
        send, unicast = self.send_up, channel.unicast
        spoken = self.caller.frame(number)
        if send is None or unicast is None:
            self._listen_to_switch()
            if channel.stack:
                channel.stack[-1].hears(channel, spoken)
        else:
            if type(channel.stack[-1]) is Park:  # under another application the controller hears nothing
                channel.frames_heard += 1
                try:
                    send(self._up(unicast, spoken) if spoken is None or unicast.native else spoken)
                except OSError:
                    self.unsent += 1
            if unicast.queue:
                self._listen(unicast)
        self.frames = number + 1

    def arrived(self, datagram: bytes, stamp: float) -> None:
        """A datagram came for the caller."""
        if self.channel.unicast is not None:
            self.channel.unicast.arrived(datagram)

    def _listen(self, unicast: Unicast) -> None:
        """Hear this frame of the controller."""
        played = unicast.next()
        if played:
            self.channel.frames_sent += 1
            if self._heard is not None:
                self._heard.put(self.frames, self._down(unicast, played))

    def _listen_to_switch(self) -> None:
        """Hear what FreeSWITCH itself plays."""
        stack = self.channel.stack
        if self._heard is not None and stack:
            sound = stack[-1].sound(self.channel)
            if sound:
                self._heard.put(self.frames, sound)

    def _up(self, unicast: Unicast, frame: bytes | None) -> bytes:
        if frame is None:
            return unicast.silence
        return bytes(_LAWS[unicast.native][0](np.frombuffer(frame, "<i2")))

    def _down(self, unicast: Unicast, frame: bytes) -> bytes:
        """The frame as L16; a short one is filled up with silence."""
        if unicast.native in _LAWS:
            frame = _LAWS[unicast.native][1](np.frombuffer(frame, np.uint8)).astype("<i2").tobytes()
        return frame.ljust(unicast.frame_bytes, b"\0")

    def _hold(self, on: bool) -> None:
        self.caller.on_hold = on
        self.channel.held(self._now(), on)
        self._standin.carry_out(self)

    def _digit_ended(self, digit: str, duration_ms: int) -> None:
        self.channel.dtmf(self._now(), digit, duration_ms)
        self._standin.carry_out(self)

    def _now(self) -> float:
        return self._standin.clock.now()


def _text(action: PlanAction) -> str:
    return " ".join(action).strip()
