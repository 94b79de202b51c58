"""A strict stand-in for the package sherpa-onnx 2.0.1: streaming transducers that hear number speech."""

from pathlib import Path

import numpy as np

from tests.fakes.number_speech import words_of


class OnlineStream:
    def __init__(self, hotwords):
        self.hotwords, self.samples, self.decoded, self.finished = hotwords, np.zeros(0, np.float32), 0, False

    def accept_waveform(self, sample_rate, waveform):
        assert sample_rate == 16000 and waveform.dtype == np.float32 and not self.finished
        assert len(waveform) == 0 or np.abs(waveform).max() <= 1
        self.samples = np.concatenate([self.samples, waveform])

    def input_finished(self):
        self.finished = True


class OnlineRecognizer:
    @classmethod
    def from_transducer(cls, tokens, encoder, decoder, joiner, num_threads=2, sample_rate=16000, feature_dim=80,
                        decoding_method="greedy_search", modeling_unit="cjkchar", bpe_vocab=""):
        for name in (tokens, encoder, decoder, joiner):
            assert Path(name).is_file(), name
        assert ".int8." in encoder and sample_rate == 16000 and feature_dim == 80
        made = cls()
        made.method = decoding_method
        return made

    def create_stream(self, hotwords=None):
        if hotwords is not None:
            assert self.method == "modified_beam_search"
        return OnlineStream(hotwords)

    def is_ready(self, stream):
        return len(stream.samples) - stream.decoded >= (1 if stream.finished else 6400)

    def decode_stream(self, stream):
        assert self.is_ready(stream)
        stream.decoded += min(6400, len(stream.samples) - stream.decoded)

    def get_result(self, stream):
        return words_of((stream.samples[:stream.decoded] * 32768).astype("<i2").tobytes(), 16000)

    def ys_probs(self, stream):
        return [-0.1 for _ in self.get_result(stream).split()]
