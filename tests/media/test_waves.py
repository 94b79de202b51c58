"""Sound files of any kind in, clear errors for what is none."""

import numpy as np
import pytest
import soundfile

from engine.media.errors import MediaError
from engine.media.waves import read_sound, read_sound_at, write_wave


def tone(rate, seconds=0.5, hz=440):
    return np.round(12000 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def test_what_is_written_is_read_again_to_the_bit(tmp_path):
    pcm = np.arange(-32768, 32767, 7).astype(np.int16)
    write_wave(tmp_path / "folder" / "a.wav", pcm, 8000)
    back, rate = read_sound(tmp_path / "folder" / "a.wav")
    assert rate == 8000
    assert back.tolist() == pcm.tolist()


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize(("name", "subtype"), [("a.wav", "PCM_16"), ("a.wav", "ULAW"), ("a.flac", "PCM_24")])
def test_any_rate_and_format_becomes_the_rate_that_is_wanted(tmp_path, name, subtype, rate):
    soundfile.write(tmp_path / name, tone(rate), rate, subtype=subtype)
    pcm = read_sound_at(tmp_path / name, 8000)
    assert pcm.dtype == np.int16
    assert abs(len(pcm) - 4000) <= 1
    inner = pcm[200:3800].astype(int) - tone(8000)[200:3800]
    assert np.abs(inner).max() < 400


def test_channels_are_mixed(tmp_path):
    left, right = tone(8000), tone(8000, hz=1000)
    soundfile.write(tmp_path / "a.wav", np.stack((left, right), axis=1), 8000)
    pcm, _ = read_sound(tmp_path / "a.wav")
    assert np.abs(pcm - (left.astype(int) + right) / 2).max() <= 1


def test_stereo_is_written(tmp_path):
    write_wave(tmp_path / "a.wav", np.stack((tone(8000), -tone(8000)), axis=1), 8000)
    assert soundfile.info(tmp_path / "a.wav").channels == 2


@pytest.mark.parametrize("content", [b"", b"this is not audio\n" * 50, b"RIFF\x00\x00\x00\x00WAVE"])
def test_a_file_that_is_no_sound_is_named(tmp_path, content):
    path = tmp_path / "foo.wav"
    path.write_bytes(content)
    with pytest.raises(MediaError, match="foo.wav: (not a sound file|a sound file without)"):
        read_sound(path)


def test_a_file_without_samples_is_named(tmp_path):
    write_wave(tmp_path / "foo.wav", np.zeros(0, np.int16), 8000)
    with pytest.raises(MediaError, match="foo.wav: a sound file without any sound"):
        read_sound(tmp_path / "foo.wav")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(MediaError, match="foo.wav: No such file"):
        read_sound(tmp_path / "foo.wav")
    with pytest.raises(MediaError, match="Is a directory"):
        read_sound(tmp_path)


def test_an_odd_rate_is_named(tmp_path):
    soundfile.write(tmp_path / "foo.wav", tone(12345), 12345)
    with pytest.raises(MediaError, match="12345 Hz; convert"):
        read_sound_at(tmp_path / "foo.wav", 8000)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="cannot be written"):
        write_wave(tmp_path / "file" / "a.wav", tone(8000), 8000)
