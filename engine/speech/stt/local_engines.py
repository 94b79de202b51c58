"""Speech recognition packages that run models of the operator, inside a worker process. No gevent here.

Each class loads its package and its model when it is made, and hears one utterance after the other. None of them has
been run with real weights by the tests of this project; they are written to the packages' own sources: vosk 0.3.45
(``vosk/__init__.py``), sherpa-onnx 2.0.1 (``online_recognizer.py``), pywhispercpp 1.5.1 (``model.py``).
"""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.speech.upsample import Doubler

RATE = 16000
"""All these models were trained on 16 kHz; telephone audio is doubled."""

Floats = npt.NDArray[np.float32]
Result = tuple[str, float, str]
"""Text, confidence (-1: not known), language (empty: not told)."""


class Utterance(Protocol):
    """One stretch of voice on its way to words."""

    def feed(self, pcm: bytes) -> str:
        """More audio at 16 kHz; the newest partial text, empty while there is none."""

    def end(self) -> Result:
        """No more audio comes."""


class Engine(Protocol):
    """A loaded model."""

    def begin(self) -> Utterance:
        """A new utterance; several may be under way."""


class Vosk:
    """A folder with ``am``, ``conf`` and ``graph``."""

    def __init__(self, folder: Path, threads: int, language: str, vocabulary: Sequence[str]) -> None:
        """Vosk takes neither language nor vocabulary beside its model, and threads only of its own."""
        import vosk

        vosk.SetLogLevel(-1)
        self._make: Callable[..., Any] = vosk.KaldiRecognizer
        self._model = vosk.Model(model_path=str(folder))

    def begin(self) -> "VoskUtterance":
        """With confidences of words."""
        recogniser = self._make(self._model, float(RATE))
        recogniser.SetWords(True)
        return VoskUtterance(recogniser)


class VoskUtterance:
    """Vosk ends sentences where it finds silence; they are put together again."""

    def __init__(self, recogniser: Any) -> None:
        self._recogniser = recogniser
        self._texts: list[str] = []
        self._confidences: list[float] = []

    def feed(self, pcm: bytes) -> str:
        if self._recogniser.AcceptWaveform(pcm):
            self._keep(self._recogniser.Result())
            return self._text()
        return f"{self._text()} {json.loads(self._recogniser.PartialResult())['partial']}".strip()

    def end(self) -> Result:
        self._keep(self._recogniser.FinalResult())
        confidence = sum(self._confidences) / len(self._confidences) if self._confidences else -1.0
        return self._text(), round(confidence, 3), ""

    def _keep(self, result: str) -> None:
        content = json.loads(result)
        self._texts.append(content.get("text", ""))
        self._confidences += [float(word["conf"]) for word in content.get("result", ())]

    def _text(self) -> str:
        return " ".join(text for text in self._texts if text)


class Sherpa:
    """A streaming transducer: ``tokens.txt``, ``encoder*.onnx``, ``decoder*.onnx``, ``joiner*.onnx``; with
    ``bpe.vocab`` also a vocabulary."""

    TAIL_S = 0.4
    """Silence after the voice, so that the last word leaves the model's look-ahead."""

    def __init__(self, folder: Path, threads: int, language: str, vocabulary: Sequence[str]) -> None:
        """The int8 files are taken where there are both."""
        import sherpa_onnx

        pieces = folder / "bpe.vocab"
        self._hotwords = "/".join(vocabulary) if vocabulary and pieces.is_file() else None
        biased = ({"decoding_method": "modified_beam_search", "modeling_unit": "bpe", "bpe_vocab": str(pieces)}
                  if self._hotwords else {"decoding_method": "greedy_search"})
        self._recogniser: Any = sherpa_onnx.OnlineRecognizer.from_transducer(
            tokens=str(folder / "tokens.txt"), encoder=_onnx(folder, "encoder"), decoder=_onnx(folder, "decoder"),
            joiner=_onnx(folder, "joiner"), num_threads=threads, sample_rate=RATE, feature_dim=80, **biased)

    def begin(self) -> "SherpaUtterance":
        """With the vocabulary as hotwords."""
        return SherpaUtterance(self._recogniser, self._recogniser.create_stream(hotwords=self._hotwords))


class SherpaUtterance:
    """Decodes as audio comes."""

    def __init__(self, recogniser: Any, stream: Any) -> None:
        self._recogniser = recogniser
        self._stream = stream

    def feed(self, pcm: bytes) -> str:
        self._stream.accept_waveform(RATE, _floats(pcm))
        return self._decode()

    def end(self) -> Result:
        self._stream.accept_waveform(RATE, np.zeros(int(RATE * Sherpa.TAIL_S), np.float32))
        self._stream.input_finished()
        text = self._decode()
        chances = list(self._recogniser.ys_probs(self._stream)) if text else []
        return text, round(min(1.0, math.exp(sum(chances) / len(chances))), 3) if chances else -1.0, ""

    def _decode(self) -> str:
        while self._recogniser.is_ready(self._stream):
            self._recogniser.decode_stream(self._stream)
        return str(self._recogniser.get_result(self._stream)).strip()


class Whisper:
    """One ``ggml-*.bin`` of whisper.cpp. It hears utterances whole, so there are no partials."""

    SHORTEST_S = 1.1
    """Silence is added up to here: it hears nothing in less than a second."""

    def __init__(self, folder: Path, threads: int, language: str, vocabulary: Sequence[str]) -> None:
        """Without ``language`` it is found out anew for every utterance, which costs time and errs on short ones. (An
        empty one is whisper.cpp's "auto" in this package, which does not know that word.)"""
        import _pywhispercpp
        from pywhispercpp.model import Model

        weights = min(folder.glob("ggml-*.bin"))
        with weights.open("rb") as file:
            if file.read(4) != b"lmgg":  # the package would take it, and crash at the first utterance
                raise ValueError(f"{weights} is no ggml model of whisper.cpp")
        self._library: Any = _pywhispercpp
        self._model: Any = Model(str(weights), redirect_whispercpp_logs_to=None,
                                 n_threads=threads, print_progress=False, print_realtime=False, print_timestamps=False)
        self._terms: dict[str, Any] = {"language": language, "no_context": True, "suppress_nst": True}
        if vocabulary:
            self._terms["initial_prompt"] = ", ".join(vocabulary)[:600]

    def begin(self) -> "WhisperUtterance":
        """Collects."""
        return WhisperUtterance(self)

    def hear(self, audio: Floats) -> Result:
        """The words of a whole utterance."""
        missing = int(RATE * self.SHORTEST_S) - len(audio)
        if missing > 0:
            audio = np.concatenate([audio, np.zeros(missing, np.float32)])
        segments = self._model.transcribe(audio, extract_probability=True, **self._terms)
        spoken = [segment for segment in segments if segment.text.strip() and segment.text.strip()[0] not in "[("]
        lengths = [max(segment.t1 - segment.t0, 1) for segment in spoken]
        chances = [segment.probability for segment in spoken]
        known = bool(spoken) and not any(math.isnan(chance) for chance in chances)
        mean = sum(c * n for c, n in zip(chances, lengths, strict=True)) / sum(lengths) if known else -1.0
        # The class does not tell the language that it found; the library beneath it does.
        found = self._library.whisper_lang_str(self._library.whisper_full_lang_id(self._model._ctx))
        return " ".join(segment.text.strip() for segment in spoken), round(mean, 3), str(found)


class WhisperUtterance:
    """Audio of one utterance."""

    def __init__(self, whisper: Whisper) -> None:
        self._whisper = whisper
        self._audio = bytearray()

    def feed(self, pcm: bytes) -> str:
        self._audio += pcm
        return ""

    def end(self) -> Result:
        return self._whisper.hear(_floats(bytes(self._audio)))


ENGINES: dict[str, Callable[[Path, int, str, Sequence[str]], Engine]] = {
    "vosk": Vosk, "sherpa": Sherpa, "whisper": Whisper,
}


class Widened:
    """Audio of a call at 16 kHz, whatever its rate."""

    def __init__(self, rate: int) -> None:
        """8000 or 16000."""
        self._doubler = Doubler() if rate == 8000 else None

    def feed(self, pcm: bytes) -> bytes:
        """The next samples."""
        return self._doubler.feed(np.frombuffer(pcm, "<i2")).tobytes() if self._doubler else pcm


def _floats(pcm: bytes) -> Floats:
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


def _onnx(folder: Path, part: str) -> str:
    found = sorted(folder.glob(f"{part}*.onnx"), key=lambda file: (".int8." not in file.name, file.name))
    return str(found[0])


__all__ = ["ENGINES", "Engine", "Utterance", "Widened"]
