"""Silero VAD by numpy, batched over calls.

The network (MIT, weights from ``trunkline models install``) looks at windows of 32 ms: magnitudes of four short-time
spectra, four convolutions, one LSTM cell, one probability. It exists for 16 and for 8 kHz; the 16 kHz one holds better
in noise also on telephone audio. An 8 kHz call therefore runs on the 16 kHz network, but is never upsampled: of a
signal without anything above 4 kHz, the 256-point spectrum at 16 kHz is, up to 4 kHz, twice the 128-point spectrum of
the 8 kHz samples, and zero above. So the lower half of the basis, every second sample of it, is all that is needed.
That saves the upsampler, its delay and half of the arithmetic.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine import modelstore
from engine.speech.errors import SpeechError
from engine.speech.interfaces import Rows, Verdicts
from engine.speech.vad.onnx_weights import read_weights
from engine.speech.vad.rows import RowTable

Floats = npt.NDArray[np.float32]

FILE = "silero_vad_op18_ifless.onnx"
WINDOW_MS = 32  # longer than any frame, so that a frame completes one window at most
CONTEXT_MS = 4  # of the window before, which the network sees again
STATE = 128  # LSTM cells

# How long the probability stays up after the last frame above -50 dBFS, of speech at -22 dBFS by five synthetic voices:
# nine times in ten longer than this; at the median 80 ms at 16 kHz, 110 on a telephone band.
TAIL_MS = {8000: 80, 16000: 60}

LEAST = 0.02
"""A client's threshold is never nearer to 0, where all is voice, or to 1, where nothing is."""


class Network:
    """The network for windows at one sampling rate. Stateless: the LSTM's state is the caller's."""

    def __init__(self, weights: dict[str, Floats], rate: int) -> None:
        if rate not in (8000, 16000):
            raise SpeechError(f"Silero hears 8000 or 16000 Hz, not {rate}")
        self.rate = rate
        self.window = rate * WINDOW_MS // 1000
        self.context = rate * CONTEXT_MS // 1000
        self.window_bytes = 2 * (self.context + self.window)  # 16-bit samples that one run sees
        basis = weights["model.stft.forward_basis_buffer"][:, 0, :]  # 129 cosines, 129 sines, of 256 samples
        bins, size = basis.shape[0] // 2, basis.shape[1]
        if rate == 8000:
            bins, size = 65, size // 2
            basis = 2 * np.concatenate([basis[:65, ::2], basis[129:129 + 65, ::2]])
        self._bins, self._size = bins, size
        self._basis = np.ascontiguousarray(basis.T)

        def convolution(layer: int, inputs: slice, taps: slice) -> Floats:
            kernel = weights[f"model.encoder.{layer}.reparam_conv.weight"][:, inputs, taps]  # outputs, inputs, taps
            return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, kernel.shape[0]))

        every = slice(None)
        # The last two see one or two steps of time only; taps that would meet the zero padding are left out.
        self._kernels = (convolution(0, slice(bins), every), convolution(1, every, every),
                         convolution(2, every, slice(1, 3)), convolution(3, every, slice(1, 2)))
        self._biases = tuple(weights[f"model.encoder.{layer}.reparam_conv.bias"] for layer in range(4))
        rnn = "model.decoder.rnn."
        self._lstm = np.ascontiguousarray(np.hstack([weights[rnn + "weight_ih"], weights[rnn + "weight_hh"]]).T)
        self._lstm_bias = weights[rnn + "bias_ih"] + weights[rnn + "bias_hh"]
        self._out = weights["model.decoder.decoder.2.weight"][0, :, 0]
        self._out_bias = weights["model.decoder.decoder.2.bias"][0]

    def run(self, audio: Floats, hidden: Floats, cell: Floats) -> tuple[Floats, Floats, Floats]:
        """Probability of voice, next hidden and next cell state, of each row.

        ``audio`` is (rows, context + window) in -1..1, the states are (rows, 128).
        """
        rows = len(audio)
        spectra = self._magnitudes(audio)  # rows, 1 + 4 + 1 steps, bins: padded for the first convolution
        width = 3 * self._bins
        steps = np.lib.stride_tricks.as_strided(spectra, (rows, 4, width), spectra.strides)
        first = np.zeros((rows, 5, 128), np.float32)  # padded on the left; the second convolution strides by 2
        first[:, 1:] = self._relu(steps.reshape(rows * 4, width), 0).reshape(rows, 4, 128)
        along = first.strides
        steps = np.lib.stride_tricks.as_strided(first, (rows, 2, 384), (along[0], 2 * along[1], along[2]))
        second = self._relu(steps.reshape(rows * 2, 384), 1).reshape(rows, 128)
        features = self._relu(self._relu(second, 2), 3)

        gates = np.concatenate([features, hidden], axis=1) @ self._lstm
        gates += self._lstm_bias
        candidate = np.tanh(gates[:, 256:384])
        gates = _sigmoid(gates)
        cell = gates[:, 128:256] * cell + gates[:, :128] * candidate
        hidden = gates[:, 384:] * np.tanh(cell)
        return _sigmoid(np.maximum(hidden, 0) @ self._out + self._out_bias), hidden, cell

    def _magnitudes(self, audio: Floats) -> Floats:
        """(rows, 6, bins): four short-time spectra between two steps of zeros."""
        rows, size, pad = len(audio), self._size, self._size // 4
        # Mirrored at the right edge. At 8 kHz the mirror of 16 kHz lies half a sample further, hence the edge twice.
        mirrored = audio[:, :-pad - 1:-1] if self.rate == 8000 else audio[:, -2:-pad - 2:-1]
        audio = np.concatenate([audio, mirrored], axis=1)
        frames = np.lib.stride_tricks.sliding_window_view(audio, size, axis=1)[:, ::size // 2]
        spectrum = frames.reshape(rows * 4, size) @ self._basis
        spectrum *= spectrum
        power = spectrum[:, :self._bins] + spectrum[:, self._bins:]
        magnitudes = np.zeros((rows, 6, self._bins), np.float32)
        np.sqrt(power.reshape(rows, 4, self._bins), out=magnitudes[:, 1:5])
        return magnitudes

    def _relu(self, steps: Floats, layer: int) -> Floats:
        out = steps @ self._kernels[layer]
        out += self._biases[layer]
        return np.maximum(out, 0, out=out)


def _sigmoid(x: Floats) -> Floats:
    half: Floats = np.tanh(x * np.float32(0.5))
    half += 1
    half *= np.float32(0.5)
    return half


class SileroVad:
    """Rows of calls at 8 or 16 kHz. A frame is voice when the newest whole window is."""

    name = "silero"
    reach_frames = 2

    def __init__(self, threshold: float = 0.5, file: Path | None = None) -> None:
        """``file`` instead of the installed weights. Raises ``ModelMissing`` where there are none."""
        weights = read_weights(file or modelstore.path("silero") / FILE)
        try:
            self._networks = {rate: Network(weights, rate) for rate in (8000, 16000)}
        except (KeyError, IndexError, ValueError) as fault:
            raise SpeechError(f"the Silero weights are not the expected ones: {fault}") from fault
        self._threshold = threshold
        self._rows = RowTable([("hidden", np.float32, STATE), ("cell", np.float32, STATE), ("probability", np.float32),
                               ("threshold", np.float32)])
        self._rates: dict[int, int] = {}
        self._waiting: dict[int, bytes] = {}  # context, then what waits for its window to be whole

    def open(self, rate: int) -> int:
        """A row for a new call at this rate; its state is fresh."""
        if rate not in self._networks:
            raise SpeechError(f"Silero hears 8000 or 16000 Hz, not {rate}")
        row = self._rows.open()
        self._rates[row] = rate
        self._rows.data["threshold"][row] = self._threshold
        self._waiting[row] = bytes(2 * self._networks[rate].context)
        return row

    def close(self, row: int) -> None:
        """Free the row."""
        del self._rates[row], self._waiting[row]
        self._rows.close(row)

    def adjust(self, row: int, threshold: float) -> None:
        """See ``Adjustable``: so much of the way from the configured probability to 0 or to 1."""
        own = self._threshold
        sure = 2 * threshold * own if threshold <= 0.5 else own + (2 * threshold - 1) * (1 - own)
        self._rows.data["threshold"][row] = min(max(sure, LEAST), 1 - LEAST)

    def tail_ms(self, rate: int) -> int:
        """How long verdicts of voice surely go on after the voice itself."""
        return TAIL_MS[rate]

    def probability(self, row: int) -> float:
        """Of the row's newest window."""
        return float(self._rows.data["probability"][row])

    def process(self, rows: Rows, frames: list[bytes]) -> Verdicts:
        """Whether each row's newest frame is voice. ``rows`` has no row twice."""
        due: dict[int, tuple[list[int], list[bytes]]] = {rate: ([], []) for rate in self._networks}
        for row, frame in zip(rows.tolist(), frames, strict=True):
            rate = self._rates[row]
            network = self._networks[rate]
            audio = self._waiting[row] + frame
            if len(audio) >= network.window_bytes:
                due[rate][0].append(row)
                due[rate][1].append(audio[:network.window_bytes])
                audio = audio[network.window_bytes - network.context * 2:]
            self._waiting[row] = audio
        for rate, (ready, windows) in due.items():
            if ready:
                self._look(self._networks[rate], np.array(ready), b"".join(windows))
        return np.asarray(self._rows.data["probability"][rows] >= self._rows.data["threshold"][rows])

    def _look(self, network: Network, rows: Rows, pcm: bytes) -> None:
        """Run the network on a whole window of each row."""
        data = self._rows.data
        audio = np.frombuffer(pcm, "<i2").reshape(len(rows), -1) * np.float32(1 / 32768)
        outcome = network.run(audio, data["hidden"][rows], data["cell"][rows])
        data["probability"][rows], data["hidden"][rows], data["cell"][rows] = outcome
