"""Which recognisers there are, by the names that a configuration gives them."""

from typing import Any

from engine.speech.errors import SpeechError
from engine.speech.interfaces import Recogniser
from engine.speech.stt import local

KINDS = ("openai_batch", "openai_realtime", "deepgram", *local.KINDS, "pocketsphinx")


def make_recogniser(kind: str, **options: Any) -> Recogniser:
    """A recogniser of this kind; ``options`` are those of its constructor: ``OpenAiBatchRecogniser``,
    ``openai_realtime``, ``deepgram``, ``LocalRecogniser`` or ``PocketsphinxRecogniser``. Only what is used is imported.

    Raises ``SpeechError`` for a kind or an option that there is not, ``ModelMissing`` where a package or a model folder
    is missing. Nothing is asked of a vendor here: a wrong key shows in the first call, as a ``ProviderFault``.
    """
    make: Any
    if kind == "openai_batch":
        from engine.speech.stt.openai_batch import OpenAiBatchRecogniser as make
    elif kind == "openai_realtime":
        from engine.speech.stt.openai_realtime import openai_realtime as make
    elif kind == "deepgram":
        from engine.speech.stt.deepgram import deepgram as make
    elif kind == "pocketsphinx":
        from engine.speech.stt.pocketsphinx import PocketsphinxRecogniser as make
    elif kind in local.KINDS:
        make, options = local.LocalRecogniser, {"kind": kind, **options}
    else:
        raise SpeechError(f"there is no recogniser '{kind}'; known are: {', '.join(KINDS)}")
    try:
        made: Recogniser = make(**options)
    except TypeError as fault:
        raise SpeechError(f"recogniser '{kind}': {fault}") from fault
    return made


__all__ = ["KINDS", "make_recogniser"]
