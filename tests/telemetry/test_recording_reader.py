"""Reading recordings: also those that a crash left."""

import base64
import io
import struct
import wave

import numpy as np
import pytest
import sample_call

from engine.telemetry.errors import TelemetryError
from engine.telemetry.recording import read


def test_peaks_are_the_extremes_of_each_stretch(tmp_path):
    path = tmp_path / "r.wav"
    samples = np.arange(-40, 40, dtype="<i2").reshape(-1, 2)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
    recording = read(path)
    assert (recording.rate, len(recording.samples), recording.seconds) == (8000, 40, 0.005)
    peaks = recording.peaks(4)
    assert peaks.shape == (2, 4, 2)
    assert peaks[0].tolist() == [[-40, -22], [-20, -2], [0, 18], [20, 38]]
    assert peaks[1].tolist() == [[-39, -21], [-19, -1], [1, 19], [21, 39]]
    assert recording.peaks(1000).shape == (2, 1000, 2)


@pytest.mark.parametrize("length", [0, 10, 0xFFFFFFFF])
def test_a_header_that_was_never_finished(tmp_path, length):
    """A crashed engine leaves a header of the start of the call, or of its last update."""
    path = tmp_path / "r.wav"
    sample_call.recording(path, seconds=1.0)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 40, length)
    path.write_bytes(data + b"\x00")  # and half a sample
    assert len(read(path).samples) == (2 if length == 10 else 8000)


def test_the_data_uri_is_a_right_wav(tmp_path):
    path = tmp_path / "r.wav"
    sample_call.recording(path, seconds=0.5)
    recording = read(path)
    head, _, data = recording.data_uri().partition(",")
    assert head == "data:audio/wav;base64"
    with wave.open(io.BytesIO(base64.b64decode(data))) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8000, 4000)
        assert file.readframes(4000) == recording.samples.tobytes()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a WAV file"),
        (b"RIFF\0\0\0\0WAVE", "without audio format or data"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "without audio format or data"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 7, 2, 8000, 16000, 2, 8), "not 16-bit PCM"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 0, 8000, 0, 0, 16), "not 16-bit PCM"),
    ],
)
def test_what_is_no_recording_is_said(tmp_path, data, says):
    path = tmp_path / "r.wav"
    path.write_bytes(data)
    with pytest.raises(TelemetryError, match=says):
        read(path)
    with pytest.raises(TelemetryError, match="cannot be read"):
        read(tmp_path / "none.wav")


def test_a_recording_without_a_sample_is_empty(tmp_path):
    path = tmp_path / "r.wav"
    sample_call.recording(path, seconds=0)
    recording = read(path)
    assert recording.seconds == 0
    assert not recording.peaks(5).any()
