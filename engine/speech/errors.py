"""Errors of hearing and speaking."""

from engine.errors import TrunklineError


class SpeechError(TrunklineError):
    """A voice, a recogniser or a VAD cannot do what it was asked; the text says why and what to do."""


class VoiceUnavailable(SpeechError):
    """The program or library of a voice is not on this machine, or does not know the voice."""
