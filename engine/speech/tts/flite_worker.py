"""A process that speaks with flite: ``python -m engine.speech.tts.flite_worker VOICE``.

flite is called as a library, so that audio comes while the rest of the clause is still being made, and with the times
of its words; in a process of its own, because flite ends the process on errors of its own. No gevent, no numpy here.

Requests are lines of JSON, ``{"job": 7, "text": "..."}`` (ASCII) or ``{"cancel": 7}``. Answers are frames: a header
(length, job, kind) and a payload.
"""

import ctypes
import ctypes.util
import json
import os
import select
import signal
import struct
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

from engine.speech.errors import VoiceUnavailable

READY = 0  # the voice is loaded
WORDS = 1  # JSON [[token, start s, end s], ...] of the whole clause, before its audio
AUDIO = 2  # u32 rate, then int16 samples
DONE = 3  # the clause is complete
FAILED = 4  # text: why there is no audio

HEADER = struct.Struct("<IIB")
CHUNK_SAMPLES = 1600  # flite hands audio out in pieces of at least this many: 100 ms, made in 2 to 5
VOICES = ("slt", "rms", "awb", "kal", "kal16")

_Pointer = ctypes.c_void_p


class _Wave(ctypes.Structure):
    """cst_wave of flite 2 (cst_wave.h)."""

    _fields_ = [("type", ctypes.c_char_p), ("rate", ctypes.c_int), ("count", ctypes.c_int),
                ("channels", ctypes.c_int), ("samples", ctypes.POINTER(ctypes.c_short))]


class _Streaming(ctypes.Structure):
    """cst_audio_streaming_info of flite 2 (cst_audio.h)."""


_OnAudio = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Wave), ctypes.c_int, ctypes.c_int, ctypes.c_int,
                            ctypes.POINTER(_Streaming))
_Streaming._fields_ = [("smallest", ctypes.c_int), ("on_audio", _OnAudio), ("utterance", _Pointer),
                       ("item", _Pointer), ("user", _Pointer)]

_GO_ON, _STOP = 0, -1


class Flite:
    """The library with one voice. Raises ``VoiceUnavailable`` where it is not installed."""

    def __init__(self, voice: str) -> None:
        if voice not in VOICES:
            raise VoiceUnavailable(f"flite has no voice '{voice}'; it has {', '.join(VOICES)} (speech.voice)")
        try:
            library = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
            register = ctypes.CDLL(f"libflite_cmu_us_{voice}.so.1")[f"register_cmu_us_{voice}"]
            self._call = _functions(library)
        except (OSError, AttributeError) as fault:
            raise VoiceUnavailable(f"flite's library cannot be used: {fault}. "
                                   "To install it: sudo apt-get install -y flite") from fault
        self._call["flite_init"]()
        register.restype, register.argtypes = _Pointer, [_Pointer]
        self._voice = register(None)

    def speak(self, text: bytes, on_words: Callable[[list[tuple[str, float, float]]], None],
              on_audio: Callable[[int, bytes], bool]) -> bool:
        """Render ``text``; words first, then audio with its rate, until ``on_audio`` says False. Whether it worked."""
        call = self._call
        utterance = call["new_utterance"]()
        features = ctypes.cast(utterance, ctypes.POINTER(_Pointer))[0]  # the first member of cst_utterance
        told = False

        def take(wave: Any, start: int, size: int, last: int, streaming: Any) -> int:
            nonlocal told
            if not told:
                told = True
                on_words(self._words(utterance))
            sound = wave.contents
            first = ctypes.addressof(sound.samples.contents) + 2 * start
            return _GO_ON if on_audio(sound.rate, ctypes.string_at(first, 2 * size)) else _STOP

        callback = _OnAudio(take)
        streaming = call["new_audio_streaming_info"]()
        streaming.contents.smallest = CHUNK_SAMPLES
        streaming.contents.on_audio = callback
        call["flite_feat_set_string"](features, b"input_text", text)
        call["utt_init"](utterance, self._voice)
        call["flite_feat_set"](features, b"streaming_info", call["audio_streaming_info_val"](streaming))
        worked = bool(call["utt_synth"](utterance))
        call["delete_utterance"](utterance)  # and the streaming info with it
        return worked

    def _words(self, utterance: int) -> list[tuple[str, float, float]]:
        """(token as written, start, end in seconds) of each token that is spoken."""
        call = self._call
        tokens = []
        item = call["relation_head"](call["utt_relation"](utterance, b"Token"))
        while item:
            start = call["flite_ffeature_float"](item, b"daughter1.R:SylStructure.daughter1.daughter1.R:Segment.p.end")
            end = call["flite_ffeature_float"](item, b"daughtern.R:SylStructure.daughtern.daughtern.R:Segment.end")
            if end > start:
                name = call["flite_ffeature_string"](item, b"name") or b""
                tokens.append((name.decode("ascii", "replace"), start, end))
            item = call["item_next"](item)
        return tokens


def _functions(library: ctypes.CDLL) -> dict[str, Any]:
    """The functions of libflite that are called, with their types (flite.h, cst_*.h)."""
    text, number = ctypes.c_char_p, ctypes.c_float
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "flite_init": (ctypes.c_int, []),
        "new_utterance": (_Pointer, []),
        "delete_utterance": (None, [_Pointer]),
        "utt_init": (_Pointer, [_Pointer, _Pointer]),
        "utt_synth": (_Pointer, [_Pointer]),
        "utt_relation": (_Pointer, [_Pointer, text]),
        "relation_head": (_Pointer, [_Pointer]),
        "item_next": (_Pointer, [_Pointer]),
        "flite_ffeature_float": (number, [_Pointer, text]),
        "flite_ffeature_string": (text, [_Pointer, text]),
        "flite_feat_set_string": (None, [_Pointer, text, text]),
        "flite_feat_set": (None, [_Pointer, text, _Pointer]),
        "new_audio_streaming_info": (ctypes.POINTER(_Streaming), []),
        "audio_streaming_info_val": (_Pointer, [ctypes.POINTER(_Streaming)]),
    }
    functions = {}
    for name, (result, arguments) in signatures.items():
        function = library[name]
        function.restype, function.argtypes = result, arguments
        functions[name] = function
    return functions


class Desk:
    """The clauses that wait, and what has been cancelled of them."""

    def __init__(self, flite: Flite) -> None:
        self._flite = flite
        self._jobs: deque[tuple[int, str]] = deque()
        self._cancelled: set[int] = set()
        self._line = b""

    def serve(self) -> None:
        """Render one clause after the other until standard input ends."""
        answer(0, READY)
        while self._jobs or self._listen(None):
            if self._jobs:
                self._render(*self._jobs.popleft())

    def _listen(self, timeout: float | None) -> bool:
        """Take what has come in; False when there will be no more."""
        source = sys.stdin.fileno()
        if not select.select([source], [], [], timeout)[0]:
            return True
        data = os.read(source, 1 << 16)
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if "cancel" in request:
                self._cancelled.add(request["cancel"])
            else:
                self._jobs.append((request["job"], request["text"]))
        return bool(data)

    def _render(self, job: int, text: str) -> None:
        def on_audio(rate: int, pcm: bytes) -> bool:
            if not self._listen(0):
                raise SystemExit
            if job in self._cancelled:
                return False
            answer(job, AUDIO, struct.pack("<I", rate) + pcm)
            return True

        if job in self._cancelled:
            worked = True
        else:
            worked = self._flite.speak(text.encode("ascii", "replace"),
                                       lambda words: answer(job, WORDS, json.dumps(words).encode()), on_audio)
        self._cancelled.discard(job)
        answer(job, DONE if worked else FAILED, b"" if worked else b"flite made no audio of it")


def answer(job: int, kind: int, payload: bytes = b"") -> None:
    """One frame to the engine."""
    data = memoryview(HEADER.pack(len(payload), job, kind) + payload)
    while data:
        data = data[os.write(sys.stdout.fileno(), data):]


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the engine, which then closes our input
    Desk(Flite(sys.argv[1])).serve()


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # the engine is gone
        os._exit(0)
