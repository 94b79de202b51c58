"""Resampling: level and pitch kept, aliases and images down, streaming independent of the chunks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.media.errors import MediaError
from engine.media.resample import RATES, STREAM_RATES, Resampler, resample

AMPLITUDE = 16000
STREAM_PAIRS = [(a, b) for a in STREAM_RATES for b in STREAM_RATES if a != b]
WHOLE_PAIRS = [(a, b) for a in RATES for b in RATES if a != b]


def tone(hz, rate, seconds=0.5):
    return np.round(AMPLITUDE * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def level_db(pcm):
    """Level in dB below the test tone."""
    return 20 * np.log10(max(np.sqrt(np.mean(pcm.astype(float) ** 2)), 1e-3) / (AMPLITUDE / np.sqrt(2)))


def spectrum(pcm, rate):
    """Frequencies and amplitude of a steady stretch, in dB of the strongest."""
    window = np.kaiser(len(pcm), 14)
    amplitude = np.abs(np.fft.rfft(pcm.astype(float) * window))
    return np.fft.rfftfreq(len(pcm), 1 / rate), 20 * np.log10(amplitude / amplitude.max() + 1e-9)


def streamed(pcm, rate_from, rate_to):
    return Resampler(rate_from, rate_to).process(pcm)


@pytest.mark.parametrize(("rate_from", "rate_to"), STREAM_PAIRS)
@pytest.mark.parametrize("method", [streamed, resample])
def test_the_voice_band_passes_and_images_are_60_db_down(method, rate_from, rate_to):
    top = min(rate_from, rate_to) / 2
    for part in (0.1, 0.5, 0.8):
        out = method(tone(part * top, rate_from), rate_from, rate_to)[rate_to // 20 : -rate_to // 20]
        assert abs(level_db(out)) < 0.3
        hz, db = spectrum(out, rate_to)
        assert abs(hz[np.argmax(db)] - part * top) < 10
        assert db[hz > 1.15 * top].max(initial=-200) < -60


@pytest.mark.parametrize(("rate_from", "rate_to"), [(a, b) for a, b in STREAM_PAIRS if a > b])
@pytest.mark.parametrize("method", [streamed, resample])
def test_aliases_are_60_db_down(method, rate_from, rate_to):
    """A tone above the new band must vanish: folded back it would be a whistle in the caller's ear."""
    for part in np.arange(1.15, rate_from / rate_to, 0.11):
        out = method(tone(part * rate_to / 2, rate_from), rate_from, rate_to)[rate_to // 20 : -rate_to // 20]
        assert level_db(out) < -60


@pytest.mark.parametrize(("rate_from", "rate_to"), WHOLE_PAIRS)
def test_whole_audio_keeps_its_length_pitch_and_place(rate_from, rate_to):
    source = tone(440, rate_from)
    out = resample(source, rate_from, rate_to)
    assert len(out) == -(-len(source) * rate_to // rate_from)
    expected = tone(440, rate_to)[: len(out)].astype(int)
    inner = slice(rate_to // 50, len(out) - rate_to // 50)
    assert np.abs(out[inner] - expected[inner]).max() < AMPLITUDE * 0.002


@pytest.mark.parametrize(("rate_from", "rate_to"), STREAM_PAIRS)
def test_the_stream_is_as_late_as_it_says_and_never_over_1_5_ms(rate_from, rate_to):
    resampler = Resampler(rate_from, rate_to)
    out = resampler.process(tone(440, rate_from))
    times = np.arange(len(out)) / rate_to - resampler.delay_ms / 1000
    expected = AMPLITUDE * np.sin(2 * np.pi * 440 * times)
    assert np.abs(out - expected)[rate_to // 50 :].max() < AMPLITUDE * 0.003
    assert resampler.delay_ms <= 1.5


@pytest.mark.parametrize(("rate_from", "rate_to"), STREAM_PAIRS)
def test_a_frame_in_is_a_frame_out_from_the_first_on(rate_from, rate_to):
    resampler = Resampler(rate_from, rate_to)
    for _ in range(3):
        assert len(resampler.process(tone(300, rate_from, 0.02))) == rate_to // 50


@settings(max_examples=60, deadline=None)
@given(
    pair=st.sampled_from(STREAM_PAIRS),
    cuts=st.lists(st.integers(0, 1500), max_size=12),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_chunking_gives_the_same_samples(pair, cuts, seed):
    """Carriers' frames have any length; what is heard may not depend on it, not by one bit."""
    pcm = np.random.default_rng(seed).integers(-32768, 32768, 1500).astype(np.int16)
    whole = Resampler(*pair).process(pcm)
    resampler = Resampler(*pair)
    chunks = np.split(pcm, sorted(cuts))
    assert np.concatenate([resampler.process(chunk) for chunk in chunks]).tolist() == whole.tolist()


def test_full_scale_is_clipped_and_does_not_wrap():
    square = np.where(np.arange(1600) // 40 % 2, 32767, -32768).astype(np.int16)
    for out in (resample(square, 16000, 8000), Resampler(16000, 8000).process(square)):
        loud = np.abs(out.astype(int)) > 30000
        assert loud.mean() > 0.5
        assert np.abs(np.diff(out.astype(int))[loud[:-1] & loud[1:]]).max() < 6000


def test_equal_rates_copy():
    pcm = tone(440, 8000)
    for out in (resample(pcm, 8000, 8000), Resampler(8000, 8000).process(pcm)):
        assert out.tolist() == pcm.tolist()
        assert not np.shares_memory(out, pcm)


def test_nothing_in_is_nothing_out():
    nothing = np.zeros(0, dtype=np.int16)
    assert len(resample(nothing, 22050, 8000)) == 0
    assert len(Resampler(8000, 16000).process(nothing)) == 0


def test_an_unknown_rate_is_named():
    with pytest.raises(MediaError, match="12345"):
        resample(tone(440, 8000), 8000, 12345)
    with pytest.raises(MediaError, match="22050"):
        Resampler(22050, 8000)
