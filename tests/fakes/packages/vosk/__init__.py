"""A strict stand-in for the package vosk 0.3.45: hears number speech, refuses what vosk refuses."""

import json
from pathlib import Path

from tests.fakes.number_speech import hear

print("LOG (VoskAPI:ReadDataFiles()) noise on standard output must not disturb the answers")


def SetLogLevel(level):
    assert isinstance(level, int)


class Model:
    def __init__(self, model_path=None, model_name=None, lang=None):
        if model_path is None:
            raise AssertionError("vosk would fetch a model from the network")
        if not (Path(model_path) / "am/final.mdl").is_file():
            raise Exception("Failed to create a model")


class KaldiRecognizer:
    def __init__(self, model, rate):
        assert isinstance(model, Model) and isinstance(rate, float)
        self.rate, self.audio, self.done_to, self.words, self.over = int(rate), bytearray(), 0.0, False, False

    def SetWords(self, enable):
        self.words = enable

    def AcceptWaveform(self, data):
        assert isinstance(data, bytes) and len(data) % 2 == 0 and not self.over
        self.audio += data
        heard = self._heard()
        pause = len(self.audio) / 2 / self.rate - heard[-1][2] if heard else 0.0
        return 1 if pause > 0.3 else 0  # vosk ends a sentence at a silence

    def PartialResult(self):
        return json.dumps({"partial": " ".join(word for word, _, _ in self._heard())})

    def Result(self):
        heard = self._heard()
        self.done_to = len(self.audio) / 2 / self.rate
        content = {"text": " ".join(word for word, _, _ in heard)}
        if heard and self.words:
            content["result"] = [{"word": w, "start": a, "end": b, "conf": 0.5} for w, a, b in heard]
        return json.dumps(content)

    def FinalResult(self):
        self.over = True
        return self.Result()

    def _heard(self):
        return [word for word in hear(self.audio, self.rate) if word[1] >= self.done_to]
