"""G.711 tables against a second, per-sample reading of the recommendation."""

import sys
import warnings

import numpy as np
import pytest

from engine.media.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode

SAMPLES = np.arange(-32768, 32768).astype(np.int16)
CODES = np.arange(256).astype(np.uint8)


def ulaw_code(sample: int) -> int:
    """G.711 table 2: the decision values of segment s are 32 * 2**s - 33 + k * 2**(s + 1), all bits inverted."""
    linear = sample >> 2
    magnitude = min(abs(linear), 8158)
    for segment in range(8):
        for step in range(16):
            if magnitude < (32 << segment) - 33 + ((step + 1) << (segment + 1)):
                return (0x7F if linear < 0 else 0xFF) - (segment * 16 + step)
    raise AssertionError(magnitude)


def alaw_code(sample: int) -> int:
    """G.711 table 1: two segments with steps of 2 (of 4096), then doubling; even bits inverted."""
    linear = sample >> 3
    magnitude = linear if linear >= 0 else -linear - 1
    bound = 0
    for index in range(128):
        bound += 2 if index < 32 else 2 << (index // 16 - 1)
        if magnitude < bound:
            return (index | (0x80 if linear >= 0 else 0)) ^ 0x55
    raise AssertionError(magnitude)


def test_ulaw_codes_are_those_of_the_recommendation():
    assert ulaw_encode(SAMPLES).tolist() == [ulaw_code(sample) for sample in SAMPLES.tolist()]


def test_alaw_codes_are_those_of_the_recommendation():
    assert alaw_encode(SAMPLES).tolist() == [alaw_code(sample) for sample in SAMPLES.tolist()]


@pytest.mark.parametrize(("encode", "decode"), [(ulaw_encode, ulaw_decode), (alaw_encode, alaw_decode)])
def test_a_code_decodes_to_a_sample_of_its_own_step(encode, decode):
    """A second transcoding must not add noise: decoding gives a value that encodes to the same code.

    µ-law has two codes of zero, 0x7F (minus zero) and 0xFF; both mean the sample 0.
    """
    again = encode(decode(CODES)).tolist()
    expected = CODES.tolist()
    if encode is ulaw_encode:
        expected[0x7F] = 0xFF
    assert again == expected


@pytest.mark.parametrize(("encode", "decode"), [(ulaw_encode, ulaw_decode), (alaw_encode, alaw_decode)])
def test_the_error_stays_within_half_a_step(encode, decode):
    """A step is at most a sixteenth of the magnitude plus bias; 4 is the rounding down to 14 or 13 bits."""
    magnitude = np.abs(SAMPLES.astype(int))
    error = np.abs(decode(encode(SAMPLES)).astype(int) - SAMPLES)
    assert np.all(error <= (magnitude + 132) / 32 + 4)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="audioop left the standard library in 3.13")
def test_all_values_equal_audioop():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import audioop
    pcm, codes = SAMPLES.tobytes(), CODES.tobytes()
    assert ulaw_encode(SAMPLES).tobytes() == audioop.lin2ulaw(pcm, 2)
    assert alaw_encode(SAMPLES).tobytes() == audioop.lin2alaw(pcm, 2)
    assert ulaw_decode(CODES).tobytes() == audioop.ulaw2lin(codes, 2)
    assert alaw_decode(CODES).tobytes() == audioop.alaw2lin(codes, 2)
