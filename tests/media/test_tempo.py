"""Tempo: another length, the same pitch and loudness."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.tempo import at_tempo

RATE = 16000


def tone(hz, seconds=1.0):
    return np.round(9000 * np.sin(2 * np.pi * hz * np.arange(int(RATE * seconds)) / RATE)).astype(np.int16)


@pytest.mark.parametrize("tempo", [0.25, 0.5, 0.8, 1.25, 2.0, 4.0])
@pytest.mark.parametrize("hz", [120, 220, 997])
def test_the_length_changes_and_the_pitch_stays(hz, tempo):
    out = at_tempo(tone(hz), RATE, tempo)
    assert len(out) == int(RATE / tempo)
    middle = out[len(out) // 5:-len(out) // 5].astype(float)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    found = np.fft.rfftfreq(len(middle), 1 / RATE)[np.argmax(spectrum)]
    assert found == pytest.approx(hz, abs=max(8, RATE / len(middle)))
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(9000 / np.sqrt(2), rel=0.12)


@given(st.integers(0, 3000), st.floats(0.25, 4.0))
def test_any_length_and_tempo_gives_so_many_samples(count, tempo):
    """Also audio shorter than what the method looks at, which stays as it is."""
    out = at_tempo(np.full(count, 100, np.int16), RATE, tempo)
    assert out.dtype == np.int16
    assert len(out) in (count, int(count / tempo))


def test_a_tempo_beyond_the_bounds_is_refused():
    with pytest.raises(ValueError, match="0.25 to 4"):
        at_tempo(tone(200), RATE, 5.0)
