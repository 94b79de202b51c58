"""Options of audio: its way to the engine, voice detection, what is recorded."""

from typing import Literal

from pydantic import Field

from engine.config.base import Options


class MediaOptions(Options):
    """Audio between FreeSWITCH and the engine."""

    backend: Literal["auto", "unicast", "sip"] = "auto"
    """How it is carried (``docs/engineer/media.md``). ``unicast``: UDP on loopback, for a FreeSWITCH on this host.
    ``sip``: FreeSWITCH bridges each call to the engine as a SIP endpoint, which works between hosts, and through codec
    changes and ``playback``. ``auto``: unicast for calls of a FreeSWITCH on this host, sip for those of others."""

    bind: str = "127.0.0.1"
    """Address of the engine's one UDP socket for unicast. FreeSWITCH must be on this host."""

    port: int = Field(0, ge=0, le=65535)
    """Port of that socket; 0 takes a free one."""

    switch_port: int = Field(9000, ge=1024, le=65535)
    """Port that FreeSWITCH binds for each call, on that call's own 127.x.y.z address."""

    frame_ms: int = Field(20, ge=10, le=60)
    """Length of a frame; FreeSWITCH fixes it when unicast starts, 20 ms on practically every trunk."""

    lead_frames: int = Field(3, ge=1, le=10)
    """Frames written ahead of real time while the agent speaks: 3 hide 40 ms of scheduling, and are what a caller
    still hears (about 50 ms) after the agent is stopped, because FreeSWITCH cannot flush them."""

    idle: Literal["silence", "none"] = "silence"
    """What is written while the agent is silent. Carriers drop calls without RTP, so: silence."""

    watchdog_ms: int = Field(300, ge=100)
    """No frame for so long means that unicast has died (it sends one every 20 ms, RTP or not): attach it anew."""

    max_reattach: int = Field(3, ge=0)
    """How often in one call media is attached anew before the call is given to the dialplan's next action."""


class VadOptions(Options):
    """When the caller's voice starts and stops."""

    engine: Literal["auto", "silero", "webrtc"] = "auto"
    """``auto``: Silero where its data is installed (``trunkline models install``), else webrtcvad."""

    threshold: float = Field(0.5, gt=0, lt=1)
    """Silero's probability from which a frame counts as voice."""

    aggressiveness: int = Field(3, ge=0, le=3)
    """webrtcvad's mode. 3 makes the fewest false starts on noisy lines."""

    onset_ms: int = Field(60, ge=20)
    """Voice must last this long to count as a start; the start is then dated back to its first frame."""

    hangover_ms: int = Field(160, ge=20)
    """Silence must last this long to count as a stop, dated back to the last voiced frame. Gaps between words are
    shorter; the turn engine adds its own patience on top."""

    echo_guard: bool = True
    """Voice no louder than our own speech comes back on this line is not the caller's. How loud that is is learned in
    the call; louder voice always counts, also while the agent speaks."""

    echo_margin_db: float = Field(6.0, ge=0, le=20)
    """How far above the learned echo the caller's voice must be while the agent speaks."""

    preroll_ms: int = Field(400, ge=100, le=1000)
    """Audio before the start that the recogniser gets too, so that first syllables are not lost."""


class RecordOptions(Options):
    """What a call leaves on disk below ``$TRUNKLINE_HOME/calls``."""

    audio: bool = True
    """A stereo WAV, caller left, agent right, written while the call goes on."""

    humans: bool = False
    """Whether FreeSWITCH records what callers and humans say to each other after a hand-over, as ``human-1.wav`` beside
    it. Off, because the human has to agree as well. FreeSWITCH's user must be able to write into the calls' folders."""

    page: bool = True
    """The call page, one HTML file."""
