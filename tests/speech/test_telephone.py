"""The acoustic model as it sounds through a telephone: what the transform keeps and what it drops."""

import numpy as np

from engine.speech.stt.telephone import BANDS, CEPSTRA, SHARE, STREAMS, transform, write_mllr


def cepstra_of(bands):
    """The model's features of 25 logarithms of mel bands, from the definition of the cosine transform."""
    values = [sum(level * np.cos(np.pi * order * (band + 0.5) / BANDS) for band, level in enumerate(bands))
              for order in range(CEPSTRA)]
    lifter = 1 + 11 * np.sin(np.pi * np.arange(CEPSTRA) / 22)
    return np.array(values) * np.sqrt(2 / BANDS) * np.where(np.arange(CEPSTRA), 1, np.sqrt(0.5)) * lifter


def ripple(centre):
    """A smooth bump over the mel bands, which 13 cepstra can tell."""
    return np.exp(-0.5 * ((np.arange(BANDS) - centre) / 1.5) ** 2)


def test_what_a_telephone_passes_stays_and_what_it_cuts_off_shrinks():
    """Bumps in the middle of 300 to 3400 Hz are unchanged; bumps above lose the share that the transform takes."""
    kept, lost = cepstra_of(ripple(9)), cepstra_of(ripple(22))
    assert np.linalg.norm(transform() @ kept - kept) < 0.05 * np.linalg.norm(kept)
    # All energy of this bump lies in bands that are cut off, so only the part that does not move is left.
    left = np.linalg.norm(transform() @ lost) / np.linalg.norm(lost)
    assert abs(left - (1 - SHARE)) < 0.1


def test_the_file_has_the_form_that_the_decoder_reads(tmp_path):
    """One class, three streams: size, matrix, offsets, factors of the variances."""
    write_mllr(tmp_path / "telephone.mllr")
    lines = (tmp_path / "telephone.mllr").read_text().splitlines()
    assert lines[:3] == ["1", str(STREAMS), str(CEPSTRA)]
    assert len(lines) == 2 + STREAMS * (1 + CEPSTRA + 2)
    assert all(len(line.split()) == CEPSTRA for line in lines[3:3 + CEPSTRA + 2])
