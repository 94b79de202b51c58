"""What is heard: codecs, holes, comfort noise and the estimate of quality."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.media.errors import MediaError
from engine.media.rtpcodecs import NAMES, available, codec
from engine.rtp import comfortnoise, quality
from engine.rtp.conceal import Concealer
from engine.rtp.errors import Malformed


def tone(hz, seconds, rate=8000, loud=8000):
    return (loud * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def strongest(pcm, rate):
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum) * rate / len(pcm))


def rms(pcm):
    return float(np.sqrt(np.mean(np.asarray(pcm, np.float64) ** 2)))


# ---------------------------------------------------------------------- codecs


@pytest.mark.parametrize(("name", "clock", "rate"), [("PCMU", 8000, 8000), ("PCMA", 8000, 8000), ("L16", 16000, 16000),
                                                     ("L16", 8000, 8000)])
def test_a_tone_survives_the_codec(name, clock, rate):
    made = codec(name, clock)
    pcm = tone(997, 0.2, rate)
    payload = made.encode(pcm.tobytes())
    assert len(payload) == len(pcm) * made.bytes_a_tick * clock // rate
    back = np.frombuffer(made.decode(payload), np.int16)
    assert rms(back.astype(float) - pcm) < rms(pcm) / 50  # G.711: 37 dB
    assert abs(strongest(back, rate) - 997) < 6


def test_l16_is_in_network_order():
    """RFC 3551, 4.5.11. In the wrong order it is noise at full volume."""
    assert codec("L16", 16000).encode(np.array([1, -2], np.int16).tobytes()) == bytes.fromhex("0001fffe")


def test_g722_is_offered_only_where_its_package_is():
    made = pytest.importorskip("G722", reason="the extra g722 is not installed")
    assert made and "G722" in available()
    pcm = tone(3000, 0.4, 16000)
    sender, receiver = codec("G722", 8000), codec("G722", 8000)
    payload = sender.encode(pcm.tobytes())
    assert len(payload) == 3200
    assert abs(strongest(np.frombuffer(receiver.decode(payload), np.int16), 16000) - 3000) < 6


def test_a_codec_that_is_not_here_is_named(monkeypatch):
    monkeypatch.setattr("engine.media.rtpcodecs._g722", lambda: None)
    assert available() == tuple(name for name in NAMES if name != "G722")
    with pytest.raises(MediaError, match=r"pip install 'trunkline\[g722\]'"):
        codec("G722", 8000)
    with pytest.raises(MediaError, match="no codec OPUS/48000 here; there are L16"):
        codec("OPUS", 48000)


# ---------------------------------------------------------------------- holes


@pytest.mark.parametrize("hz", [90, 140, 220, 380])
def test_a_hole_of_20_ms_in_a_voice_is_filled_with_the_voice(hz):
    """A voice's pitch: the hole has the same tone, about as loud, and no step at its edges."""
    whole = tone(hz, 0.2)
    concealer = Concealer(8000)
    pieces = [whole[n * 160 : n * 160 + 160] for n in range(10)]
    out = []
    for number, piece in enumerate(pieces):
        pcm = concealer.missing(160) if number == 6 else concealer.heard(piece.tobytes())
        out.append(np.frombuffer(pcm, np.int16))
    hole, around = out[6], np.concatenate(out)[900:1160].astype(int)
    assert rms(hole) > 0.7 * rms(pieces[6])
    steepest = np.abs(np.diff(whole.astype(int))).max()
    assert np.abs(np.diff(around)).max() < 3 * steepest + 300
    assert rms(hole.astype(float) - pieces[6]) < 0.6 * rms(pieces[6])


def test_a_longer_hole_falls_silent_and_stays_so():
    """Nobody hums: after 60 ms there is nothing."""
    concealer = Concealer(8000)
    for piece in np.split(tone(200, 0.2), 10):
        concealer.heard(piece.tobytes())
    levels = [rms(np.frombuffer(concealer.missing(160), np.int16)) for _ in range(6)]
    assert levels[0] > levels[1] > levels[2] > 0
    assert levels[3:] == [0, 0, 0]


def test_after_a_hole_the_voice_comes_back_within_4_ms():
    concealer = Concealer(8000)
    whole = np.split(tone(200, 0.2), 10)
    for piece in whole:
        concealer.heard(piece.tobytes())
    for _ in range(5):
        concealer.missing(160)
    came = np.frombuffer(concealer.heard(whole[0].tobytes()), np.int16)
    assert np.array_equal(came[32:], whole[0][32:])
    assert abs(int(came[0])) < 200
    assert concealer.heard(whole[1].tobytes()) == whole[1].tobytes()


def test_a_hole_at_the_beginning_or_after_silence_is_silent():
    concealer = Concealer(16000)
    assert concealer.missing(320) == bytes(640)
    concealer.heard(tone(200, 0.1, 16000).tobytes())
    concealer.silent()
    assert concealer.missing(320) == bytes(640)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 700)), max_size=30), st.sampled_from([8000, 16000, 48000]))
def test_so_many_samples_as_were_asked_for(steps, rate):
    concealer = Concealer(rate)
    noise = np.random.default_rng(1).integers(-32768, 32767, 700).astype(np.int16)
    for lost, samples in steps:
        pcm = concealer.missing(samples) if lost else concealer.heard(noise[:samples].tobytes())
        assert len(pcm) == samples * 2


# ---------------------------------------------------------------------- comfort noise and quality


@pytest.mark.parametrize("dbov", [30, 45, 60])
def test_comfort_noise_is_as_loud_as_was_said(dbov):
    pcm = np.frombuffer(comfortnoise.noise(dbov, 8000, 8000, 0), np.int16)
    assert 20 * np.log10(rms(pcm) / 32767) == pytest.approx(-dbov, abs=0.5)


def test_comfort_noise_that_would_be_deafening_is_not():
    assert rms(np.frombuffer(comfortnoise.noise(0, 8000, 8000, 0), np.int16)) < 1100


def test_comfort_noise_goes_on_where_it_was():
    whole = comfortnoise.noise(40, 8000, 8000, 0)
    assert comfortnoise.noise(40, 8000, 160, 7960) == whole[-80:] + whole[:240]
    assert len(comfortnoise.noise(40, 8000, 30000, 5)) == 60000


def test_the_level_is_the_first_byte():
    assert comfortnoise.level(b"\xc8\x01\x02") == 0x48
    with pytest.raises(Malformed, match="empty"):
        comfortnoise.level(b"")


def test_quality_by_the_e_model():
    """Nothing wrong is 4.41; 150 ms alone is hardly noticed; 5 % lost are R = 93.2 - 1.2 - 15.8 = 76.2: 3.87."""
    assert quality.estimate(0, 0).mos == 4.41
    assert quality.estimate(0, 0.150).mos > 4.3
    assert quality.estimate(0.05, 0.05).mos == pytest.approx(3.87, abs=0.02)
    assert quality.estimate(1.0, 2.0).mos == 1.0


@given(st.floats(0, 1), st.floats(0, 3), st.floats(0, 1), st.floats(0, 3))
def test_more_loss_or_delay_is_never_better(loss, delay, more_loss, more_delay):
    worse = quality.estimate(min(1.0, loss + more_loss), delay + more_delay)
    assert worse.mos <= quality.estimate(loss, delay).mos
    assert 1.0 <= worse.mos <= 4.5
