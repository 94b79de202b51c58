"""A process that recognises: ``python -m engine.speech.stt.worker``. Frames of ``wire.py`` in, JSON lines out.

pocketsphinx holds Python's global lock while it decodes, so it must not live in the engine's process. No gevent here.
One worker serves the utterances of several calls, each on a decoder of its own; decoders are kept for the next one.
"""

import contextlib
import json
import os
import select
import signal
import sys
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from engine.speech.stt import wire
from engine.speech.stt.grammars import GRAMMARS
from engine.speech.stt.lm import ARPA, DICTIONARY
from engine.speech.stt.telephone import write_mllr
from engine.speech.upsample import Doubler

RATE = 16000  # of the acoustic model
PARTIAL_SAMPLES = RATE * 3 // 10
ALTERNATIVES, LATTICE_PATHS = 5, 40  # texts that are given, paths that are looked through for them
MAX_DECODERS = 12  # 9 MB each; more utterances at once are refused
GRAMMAR_SILENCE = 0.4  # probability of silence around a grammar's words; at the decoder's 0.005 it puts words there
NICENESS = 5  # the engine's frame clock goes first

# The cepstral mean that a decoder expects before it has heard the call, by sampling rate of the call. With its own
# default nine words in ten of a call's first telephone utterance are wrong. Measured on five synthetic voices at
# -22 dBFS, the narrow one through 300 to 3400 Hz, mu-law and our upsampler.
TYPICAL_MEAN = {
    8000: (41.6, 25.9, -45.0, 38.0, -31.1, -7.6, 2.8, -37.6, 4.9, -24.1, -6.9, -7.1, -16.2),
    16000: (47.0, 0.0, 0.0, 12.5, -4.0, -1.8, 0.5, -6.5, -1.3, -3.2, 4.6, -1.3, -0.3),
}
TYPICAL_WEIGHT = 100  # frames of 10 ms that the typical mean counts for
LONGEST_MEMORY = 1000  # frames that all that was heard counts for


class CepstralMean:
    """The mean of a call, followed faster than the decoder does it.

    The decoder gives the mean that it was set to the weight of 500 frames and so needs a minute to follow a new caller.
    Here each utterance's own mean is worked out of what the decoder made of the two, and averaged.
    """

    def __init__(self, rate: int, state: list[float] | None) -> None:
        """``state`` as ``state()`` gave it after the call's last utterance; None for its first."""
        self._mean = np.array(state[1:] if state else TYPICAL_MEAN[rate])
        self._frames = state[0] if state else TYPICAL_WEIGHT

    def __str__(self) -> str:
        return ",".join(f"{value:.4f}" for value in self._mean)

    def follow(self, decoders: str, frames: int) -> None:
        """``decoders`` is the decoder's mean after an utterance of so many frames that began with ours."""
        if frames <= 0:
            return
        # cmn_live of pocketsphinx: a window of 500 frames grows by 300, then shrinks to 500 again.
        ours = (500 / 800) ** ((frames - 1) // 300) * 500 / (500 + (frames - 1) % 300 + 1)
        own = self._mean + (np.array([float(value) for value in decoders.split(",")]) - self._mean) / (1 - ours)
        self._mean = (self._mean * self._frames + own * frames) / (self._frames + frames)
        self._frames = min(self._frames + frames, LONGEST_MEMORY)

    def state(self) -> list[float]:
        """What to keep until the call's next utterance."""
        return [float(self._frames), *(round(float(value), 4) for value in self._mean)]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a decoder is for: a folder with a language model, and a sampling rate of calls in Hz."""

    model: str
    rate: int


class Decoders:
    """Decoders by kind, made when needed and used again."""

    def __init__(self) -> None:
        self._spare: dict[Kind, list[Any]] = {}
        self._made = 0

    def take(self, kind: Kind) -> Any:
        """A decoder of this kind that nobody uses."""
        spare = self._spare.setdefault(kind, [])
        if not spare:
            self._make_room(kind)
            spare.append(_decoder(kind))
            self._made += 1
        return spare.pop()

    def give_back(self, kind: Kind, decoder: Any) -> None:
        """The utterance on it is over."""
        self._spare.setdefault(kind, []).append(decoder)

    def wants_spare(self) -> Kind | None:
        """The kind whose next utterance would have to wait for its decoder to load."""
        if self._made >= MAX_DECODERS:
            return None
        return next((kind for kind, spare in self._spare.items() if not spare), None)

    def _make_room(self, kind: Kind) -> None:
        if self._made < MAX_DECODERS:
            return
        for other, spare in self._spare.items():
            if other != kind and spare:
                spare.pop()
                self._made -= 1
                return
        raise RuntimeError(f"all {MAX_DECODERS} decoders of this worker are busy")


class Utterance:
    """What one caller says, between two silences."""

    def __init__(self, decoders: Decoders, model: str, rate: int, cmn: list[float] | None,
                 grammar: str | None) -> None:
        self.kind = Kind(model, rate)
        self.decoder = decoders.take(self.kind)
        self._doubler = Doubler() if rate == 8000 else None
        self._until_partial = PARTIAL_SAMPLES
        self.text = ""
        if grammar is None:
            self.decoder.activate_search("_default")
        else:
            self.decoder.config["silprob"] = GRAMMAR_SILENCE
            self.decoder.add_jsgf_string(grammar, GRAMMARS[grammar])
            self.decoder.activate_search(grammar)
        self._mean = CepstralMean(rate, cmn)
        self.decoder.set_cmn(str(self._mean))
        self.decoder.start_utt()

    def feed(self, audio: bytes) -> bool:
        """Decode more; whether there is a new partial text."""
        pcm = np.frombuffer(audio, "<i2")
        if self._doubler:
            pcm = self._doubler.feed(pcm)
        self.decoder.process_raw(pcm.tobytes(), False, False)
        self._until_partial -= len(pcm)
        if self._until_partial > 0:
            return False
        self._until_partial = PARTIAL_SAMPLES
        before, self.text = self.text, self._hypothesis()
        return self.text != before

    def end(self) -> dict[str, Any]:
        """The final: text, confidence (mean posterior of its words, -1 without words), alternatives, and the call's
        cepstral mean."""
        self.decoder.end_utt()
        text = self._hypothesis()
        words = [segment.prob for segment in self.decoder.seg() or () if segment.word[0] not in "<["] if text else []
        confidence = min(1.0, sum(words) / len(words)) if words else -1.0
        self._mean.follow(self.decoder.get_cmn(True), self.decoder.n_frames())
        return {"text": text, "confidence": round(confidence, 3), "alternatives": self._alternatives(text),
                "cmn": self._mean.state()}

    def _alternatives(self, text: str) -> list[str]:
        """Other hypotheses of the word lattice, best first."""
        found: list[str] = []
        for hypothesis in islice(self.decoder.nbest() if text else (), LATTICE_PATHS):
            # "read(2)" is another pronunciation of "read".
            words = [word.split("(")[0] for word in hypothesis.hypstr.split() if word[0] not in "<["]
            other = " ".join(words)
            if other and other != text and other not in found:
                found.append(other)
                if len(found) == ALTERNATIVES:
                    break
        return found

    def _hypothesis(self) -> str:
        hypothesis = self.decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""


class Desk:
    """The utterances in progress, and the answers to them."""

    def __init__(self) -> None:
        self._decoders = Decoders()
        self._utterances: dict[int, Utterance] = {}

    def take(self, number: int, kind: int, payload: bytes) -> None:
        """Work on one frame. A fault costs that utterance only: its final is empty and has ``error``."""
        try:
            if kind == wire.PREPARE:
                telephone_kind = Kind(json.loads(payload)["model"], 8000)  # most calls
                self._decoders.give_back(telephone_kind, self._decoders.take(telephone_kind))
                answer({"ready": True})
            elif kind == wire.START:
                self._utterances[number] = Utterance(self._decoders, **json.loads(payload))
            elif number in self._utterances:
                self._go_on(number, kind, payload)
        except Exception as fault:  # noqa: BLE001 -- reported to the engine, which counts and logs it
            self._forget(number, usable=False)
            answer({"utterance": number, "final": True, "text": "", "confidence": -1.0, "cmn": None,
                    "error": f"{type(fault).__name__}: {fault}"})

    def _go_on(self, number: int, kind: int, payload: bytes) -> None:
        utterance = self._utterances[number]
        if kind == wire.AUDIO:
            if utterance.feed(payload):
                answer({"utterance": number, "final": False, "text": utterance.text})
        else:
            final = utterance.end()
            if kind == wire.END:
                answer({"utterance": number, "final": True, **final})
            self._forget(number, usable=True)

    def _forget(self, number: int, usable: bool) -> None:
        utterance = self._utterances.pop(number, None)
        if utterance and usable:
            self._decoders.give_back(utterance.kind, utterance.decoder)

    def rest(self) -> None:
        """Nothing to do: load a decoder ahead, so that the next utterance does not wait for it."""
        kind = self._decoders.wants_spare()
        if kind:
            self._decoders.give_back(kind, self._decoders.take(kind))


def answer(content: dict[str, Any]) -> None:
    """One line to the engine."""
    os.write(sys.stdout.fileno(), json.dumps(content).encode() + b"\n")


def _decoder(kind: Kind) -> Any:
    import pocketsphinx

    def load(**more: str) -> Any:
        return pocketsphinx.Decoder(
            hmm=pocketsphinx.get_model_path("en-us/en-us"), lm=str(Path(kind.model, ARPA)),
            dict=str(Path(kind.model, DICTIONARY)), samprate=float(RATE), loglevel="FATAL",
            fwdflat=False,  # no second pass: the final comes 80 ms earlier with the same words
            **more)

    if kind.rate != 8000:
        return load()
    with tempfile.TemporaryDirectory() as folder:
        transform = Path(folder, "telephone.mllr")
        write_mllr(transform)
        return load(mllr=str(transform))


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the engine, which then closes our input
    os.nice(NICENESS)
    source, frames, desk = sys.stdin.fileno(), wire.Frames(), Desk()
    while True:
        if not select.select([source], [], [], 0.1)[0]:
            desk.rest()
            continue
        data = os.read(source, 1 << 16)
        if not data:
            return
        for number, kind, payload in frames.feed(data):
            desk.take(number, kind, payload)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the engine is gone
        main()
