"""What the tests of the talk page share: what a microphone hears, and where the conversation is."""

from pathlib import Path

import numpy as np
import soundfile

TESTS = Path(__file__).parents[1]
GREETING = "Hello there. What may I do for you?"
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
TALK = "document.querySelector('trunkline-talk').talk"
MIC_RATE = 48000


def microphone(file, *parts):
    """Flags for a microphone that hears these parts, each samples at ``MIC_RATE``, over and over."""
    soundfile.write(file, np.concatenate(parts), MIC_RATE, subtype="PCM_16")
    return (*MICROPHONE, f"--use-file-for-fake-audio-capture={file}")


def silence(seconds):
    return np.zeros(int(seconds * MIC_RATE))
