"""Voice activity detectors, and which one to take."""

from engine import modelstore
from engine.config import VadOptions
from engine.speech.interfaces import Vad


def make_vad(options: VadOptions) -> Vad:
    """The detector of ``options.engine``. Raises ``ModelMissing`` when Silero is demanded and not installed."""
    if options.engine == "silero" or (options.engine == "auto" and modelstore.installed("silero")):
        from engine.speech.vad.silero import SileroVad

        return SileroVad(options.threshold)
    from engine.speech.vad.webrtc import WebRtcVad

    return WebRtcVad(options.aggressiveness)
