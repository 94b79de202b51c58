"""Which voice speaks: from ``speech.voice``, with the fallback where it is not installed."""

import logging

from engine.config import SpeechOptions
from engine.speech.errors import VoiceUnavailable
from engine.speech.interfaces import Voice
from engine.speech.tts.flite import GAINS, FliteVoice
from engine.speech.tts.program import ProgramVoice

log = logging.getLogger(__name__)

ESPEAK_GAIN = 1.0


def make_voice(options: SpeechOptions) -> Voice:
    """The voice of ``options.voice``, else that of ``options.fallback_voice`` with a warning.

    Raises ``VoiceUnavailable``, saying what to install, when neither can be had.
    """
    try:
        return open_voice(options.voice, options.voice_workers)
    except VoiceUnavailable as fault:
        if options.fallback_voice in ("", options.voice):
            raise
        try:
            voice = open_voice(options.fallback_voice, options.voice_workers)
        except VoiceUnavailable as second:
            raise VoiceUnavailable(f"speech.voice: {fault}; speech.fallback_voice: {second}") from fault
        log.warning("speech.voice: %s; speaking with %s instead", fault, voice.name)
        return voice


def open_voice(name: str, workers: int = 1) -> Voice:
    """``flite:VOICE`` or ``espeak-ng:VOICE``. Raises ``VoiceUnavailable``."""
    engine, _, voice = name.partition(":")
    if engine == "flite":
        try:
            return FliteVoice(voice, workers)
        except VoiceUnavailable as fault:
            if voice not in GAINS:
                raise
            log.info("%s; using the program instead", fault)
            return ProgramVoice(name, ["flite", "-voice", voice, "-f", "/dev/stdin", "-o", "/dev/stdout"],
                                gain=GAINS[voice], ascii_only=True)
    if engine == "espeak-ng":
        if not voice.replace("-", "").replace("+", "").replace("_", "").isalnum():
            raise VoiceUnavailable(f"'{voice}' is no name of an espeak-ng voice (espeak-ng --voices lists them)")
        return ProgramVoice(name, ["espeak-ng", "-v", voice, "--stdin", "--stdout"], gain=ESPEAK_GAIN)
    raise VoiceUnavailable(f"there is no voice '{name}'; write flite:slt or espeak-ng:en-us")
