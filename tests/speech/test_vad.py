"""Detectors: Silero by numpy against onnxruntime, webrtcvad behind its gate, the choice between them."""

import json
import struct

import numpy as np
import pytest
from speech_world import DATA, frames_of, needs_silero, noise, recording

from engine.config import VadOptions
from engine.modelstore import ModelMissing
from engine.speech.errors import SpeechError
from engine.speech.vad import make_vad
from engine.speech.vad.onnx_weights import read_weights
from engine.speech.vad.rows import RowTable
from engine.speech.vad.webrtc import WebRtcVad, levels_db


@pytest.fixture(scope="module")
def silero():
    from engine.speech.vad.silero import SileroVad

    return SileroVad()


def probabilities(vad, name):
    """Silero's probability of every window of a recording."""
    rate, pcm = recording(name)
    row = vad.open(rate)
    seen = []
    for n, frame in enumerate(frames_of(pcm, rate), 1):
        vad.process(np.array([row]), [frame])
        if n * 20 // 32 > len(seen):
            seen.append(vad.probability(row))
    vad.close(row)
    return np.array(seen)


def expected(key):
    return np.array(json.loads((DATA / "silero-probabilities.json").read_text())[key])


@needs_silero
def test_silero_by_numpy_equals_onnxruntime(silero):
    """The fixture was computed by onnxruntime from the same file of weights."""
    seen = probabilities(silero, "password-16k")
    assert np.abs(seen - expected("password-16k")[:len(seen)]).max() < 1e-5


@needs_silero
def test_silero_on_8_khz_says_what_the_16_khz_network_says_of_upsampled_audio(silero):
    """It is run on half of the spectrum instead of upsampling; that must not change a decision."""
    seen = probabilities(silero, "password-8k")
    wanted = expected("password-8k, upsampled to 16 kHz by FFT")[:len(seen)]
    assert np.abs(seen - wanted).mean() < 0.01
    assert ((seen > 0.5) == (wanted > 0.5)).all()


@needs_silero
def test_a_row_in_a_batch_hears_what_it_hears_alone(silero):
    """Calls begin at different times and have different rates; what shares their pass must not matter."""
    wide, narrow = (frames_of(pcm, rate) for rate, pcm in (recording("password-16k"), recording("password-8k")))
    rows = [silero.open(rate) for rate in (16000, 8000, 8000)]
    together = []
    for n in range(100):
        batch = [(rows[0], wide[n]), (rows[1], narrow[n])] + ([(rows[2], narrow[n - 3])] if n >= 3 else [])
        together.append(silero.process(np.array([row for row, _ in batch]), [frame for _, frame in batch]).tolist())
    for row in rows:
        silero.close(row)
    for place, (rate, frames, late) in enumerate([(16000, wide, 0), (8000, narrow, 0), (8000, narrow, 3)]):
        row = silero.open(rate)
        alone = [bool(silero.process(np.array([row]), [frame])[0]) for frame in frames[:100 - late]]
        silero.close(row)
        assert any(alone)
        assert alone == [verdicts[place] for verdicts in together[late:]]


@needs_silero
def test_silero_refuses_a_rate_it_cannot_hear(silero):
    with pytest.raises(SpeechError, match="44100"):
        silero.open(44100)


def test_silero_demanded_but_not_installed_says_what_to_run(home):
    with pytest.raises(ModelMissing, match="trunkline models install silero"):
        make_vad(VadOptions(engine="silero"))


def test_without_silero_auto_is_webrtcvad(home):
    assert make_vad(VadOptions(engine="auto")).name == "webrtc"


def message(field, content):
    return bytes([field << 3 | 2, len(content)]) + content


def test_weights_are_read_out_of_an_onnx_file(tmp_path):
    tensor = b"\x08\x02\x08\x01\x10\x01" + message(8, b"w") + message(9, struct.pack("<2f", 1.5, -2))
    packed = message(1, b"\x01\x02") + b"\x10\x01" + message(8, b"v") + message(9, struct.pack("<2f", 3, 4))
    integers = b"\x08\x01\x10\x07" + message(8, b"n") + message(9, b"\0" * 8)
    file = tmp_path / "tiny.onnx"
    file.write_bytes(b"\x08\x08" + message(7, message(5, tensor) + message(5, packed) + message(5, integers)))
    weights = read_weights(file)
    assert set(weights) == {"w", "v"}
    assert weights["w"].tolist() == [[1.5], [-2.0]]
    assert weights["v"].tolist() == [[3.0, 4.0]]


@pytest.mark.parametrize("content", [b"", b"<html>not a model</html>", b"\x3a\xff\xff\xff\x7f", b"\xff" * 40])
def test_a_file_that_is_no_model_is_a_clear_error(tmp_path, content):
    file = tmp_path / "bad.onnx"
    file.write_bytes(content)
    with pytest.raises(SpeechError, match=r"bad\.onnx"):
        read_weights(file)


def test_levels_are_in_db_below_full_scale_whatever_the_frame_length():
    loud = np.full(160, 32767, "<i2").tobytes()
    soft = np.full(320, 328, "<i2").tobytes()
    assert levels_db([loud, soft, bytes(320)]) == pytest.approx([0, -40, -90.3], abs=0.1)


def test_the_gate_keeps_webrtcvad_out_of_noise_that_it_takes_for_voice():
    """webrtcvad takes steady pink noise for voice, longest in mode 0; a frame must also stand out of the floor."""
    import webrtcvad

    spectrum = np.fft.rfft(np.random.default_rng(2).standard_normal(8000 * 6))
    pink = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1))
    frames = frames_of((pink / pink.std() * 800).astype("<i2").tobytes(), 8000)
    bare = webrtcvad.Vad(0)
    vad = WebRtcVad(0)
    row = vad.open(8000)
    gated = [bool(vad.process(np.array([row]), [frame])[0]) for frame in frames]
    believed = sum(bare.is_speech(frame, 8000) for frame in frames)
    assert believed > 20
    assert sum(gated) < believed / 3


def test_a_row_may_be_harder_of_hearing():
    """A client's threshold: 0.5 changes nothing, a higher one wants voice further above the noise; other rows stay."""
    rng = np.random.default_rng(5)
    t = np.arange(160) / 8000
    quiet = [(rng.standard_normal(160) * 60).astype("<i2").tobytes() for _ in range(50)]
    buzz = [200 * np.sign(np.sin(2 * np.pi * 140 * (t + n * 0.02))) * (0.6 + 0.4 * np.sin(9 * t)) for n in range(25)]
    voiced = [frame.astype("<i2").tobytes() for frame in buzz]
    vad = WebRtcVad(0)
    rows = np.array([vad.open(8000) for _ in range(3)])
    vad.adjust(rows[1], 0.5)
    vad.adjust(rows[2], 1.0)
    heard = np.array([vad.process(rows, [frame] * 3) for frame in quiet + voiced])[len(quiet):].sum(axis=0)
    assert heard.tolist() == [25, 25, 0]


def test_rows_are_reused_fresh_and_the_table_grows():
    table = RowTable([("count", np.int64), ("state", np.float32, 3)], rows=2)
    rows = [table.open() for _ in range(5)]
    assert len(set(rows)) == 5
    table.data["count"][rows] = 7
    table.close(rows[2])
    again = table.open()
    assert again == rows[2]
    assert table.data["count"][again] == 0
    assert table.data["count"][rows[4]] == 7


def test_silence_is_never_voice_for_webrtcvad():
    vad = WebRtcVad()
    row = vad.open(8000)
    frames = frames_of(noise(8000, 1, 4), 8000)
    assert not any(vad.process(np.array([row]), [frame])[0] for frame in frames)
