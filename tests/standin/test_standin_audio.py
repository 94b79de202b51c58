"""The caller's side: what is said, what is lost on the way, what is heard, and the telephone line."""

import random

import numpy as np
import pytest
import soundfile

from engine.standin.caller import CallerAudio, Heard
from engine.standin.errors import StandInError
from engine.standin.line import add_noise, band_pass, telephone, to_rate
from engine.standin.prompts import load_prompt, read_wav
from engine.standin.voice import babble, talking_frames


def tone(hertz, rate=8000, seconds=1.0, level=8000):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def power(pcm):
    return float(np.mean(pcm.astype(float) ** 2))


def strongest(pcm, rate):
    """The loudest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(pcm.astype(float) * np.hanning(len(pcm))))
    return np.argmax(spectrum) * rate / len(pcm)


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_wav_of_any_rate_and_channels_is_read(tmp_path, rate, channels):
    """Pitch and length stay, whatever the file's rate."""
    path = tmp_path / "voice.wav"
    soundfile.write(path, np.column_stack([tone(440, rate)] * channels), rate, subtype="PCM_16")
    pcm = read_wav(path, 8000)
    assert pcm.dtype == np.int16 and len(pcm) == pytest.approx(8000, abs=2)
    assert strongest(pcm, 8000) == pytest.approx(440, abs=2)
    assert power(pcm[800:-800]) == pytest.approx(power(tone(440)), rel=0.05)


def test_file_that_is_no_audio_is_a_clear_error(tmp_path):
    """The error names the file and says what to do."""
    path = tmp_path / "notes.wav"
    path.write_text("not audio")
    with pytest.raises(StandInError, match="notes.wav: not an audio file.*Give a WAV"):
        read_wav(path, 8000)
    with pytest.raises(StandInError, match="missing.wav"):
        read_wav(tmp_path / "missing.wav", 8000)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.int16), 8000)
    with pytest.raises(StandInError, match="no audio"):
        read_wav(tmp_path / "empty.wav", 8000)


def test_prompts_have_freeswitchs_names():
    """tone_stream and silence_stream as in a dialplan; a file that is missing is None."""
    pcm, loops = load_prompt("tone_stream://%(500,100,440);loops=3", 8000)
    assert (len(pcm), loops) == (4800, 3) and not pcm[4000:].any()
    assert strongest(pcm[:4000], 8000) == pytest.approx(440, abs=3)
    assert load_prompt("silence_stream://-1", 8000)[1] == -1
    assert load_prompt("/nonexistent.wav", 8000) is None


def test_caller_says_what_was_planned_frame_by_frame():
    """Speech starts in its frame, overlaps add up, silence around it."""
    caller = CallerAudio(8000, random.Random(1))
    assert caller.say(np.full(200, 100, np.int16), 2) == 4
    caller.say(np.full(40, 11, np.int16), 2)
    frames = [np.frombuffer(caller.frame(number), "<i2") for number in range(5)]
    assert not frames[0].any() and not frames[1].any() and not frames[4].any()
    assert frames[2][0] == 111 and frames[2][40] == 100 and frames[3][39] == 100 and frames[3][40] == 0


def test_said_twice_too_loud_is_clipped_not_wrapped():
    """Mixing stays within int16."""
    caller = CallerAudio(8000, random.Random(1))
    for _ in range(2):
        caller.say(np.full(160, 30000, np.int16), 0)
    assert set(np.frombuffer(caller.frame(0), "<i2")) == {32767}


def test_lost_packets_are_frames_without_rtp():
    """About the share asked for, and the same ones for the same seed."""
    def run():
        caller = CallerAudio(8000, random.Random(5))
        caller.loss = 0.1
        return [caller.frame(number) is None for number in range(5000)]

    lost = run()
    assert 0.08 < np.mean(lost) < 0.12 and lost == run()


def test_jitter_delays_but_loses_nothing():
    """FreeSWITCH reads one packet a frame: at first none is there, then they come in order, later."""
    caller = CallerAudio(8000, random.Random(5))
    caller.jitter_s = 0.06
    caller.say(np.arange(160 * 400, dtype=np.int64).astype(np.int16), 0)
    got = [frame for number in range(400) if (frame := caller.frame(number)) is not None]
    assert 390 <= len(got) < 400
    assert b"".join(got) == caller.said(400)[: len(got) * 160].astype("<i2").tobytes()


def test_what_is_heard_keeps_its_time():
    """Gaps are silence; a long packet pushes back what follows, as in a phone."""
    heard = Heard(8000)
    heard.put(3, b"\x01\x00" * 160)
    heard.put(10, b"\x02\x00" * 320)
    heard.put(11, b"\x03\x00" * 160)
    pcm = heard.until(20)
    assert len(pcm) == 20 * 160
    assert [pcm[at * 160] for at in (0, 3, 4, 10, 11, 12, 13)] == [0, 1, 0, 2, 2, 3, 0]


def test_hours_of_a_call_are_kept():
    """The recording grows as it goes."""
    heard = Heard(8000)
    for number in range(0, 60 * 50, 50):
        heard.put(number, b"\x01\x00" * 160)
    assert np.count_nonzero(heard.until(60 * 50)) == 60 * 160


def test_telephone_line_keeps_the_band_and_nothing_else():
    """300 to 3400 Hz at 8 kHz, whatever went in."""
    for hertz, passes in ((80, False), (150, False), (440, True), (1000, True), (3000, True), (3800, False)):
        out = band_pass(tone(hertz), 8000)
        ratio = 10 * np.log10(power(out[400:-400]) / power(tone(hertz)) + 1e-9)
        assert (abs(ratio) < 1) if passes else (ratio < -15), (hertz, ratio)
    out = telephone(tone(440, 16000), 16000)
    assert len(out) == 8000 and strongest(out, 8000) == pytest.approx(440, abs=2)
    assert len(telephone(tone(440, 16000), 16000, out_rate=16000)) == 16000


def test_noise_has_the_ratio_asked_for():
    """Against the speech's power where there is speech: silence around it does not count."""
    speech = np.concatenate([np.zeros(8000, np.int16), tone(440, seconds=2), np.zeros(8000, np.int16)])
    for snr in (10, 20, 30):
        noise = add_noise(speech, snr).astype(float) - speech
        assert 10 * np.log10(power(tone(440)) / power(noise)) == pytest.approx(snr, abs=0.7)
    assert (add_noise(speech, 20, seed=3) == add_noise(speech, 20, seed=3)).all()


def test_rate_that_no_filter_knows():
    """Files of any rate: by the spectrum where there is no filter."""
    pcm = to_rate(tone(440, 11000), 11000, 8000)
    assert len(pcm) == 8000 and strongest(pcm, 8000) == pytest.approx(440, abs=2)
    assert len(band_pass(np.zeros(0, np.int16), 8000)) == 0


def test_made_up_voice_is_voice_to_a_vad():
    """Load must make an engine's VAD work: webrtcvad's strictest mode takes most of it for speech."""
    import webrtcvad

    vad = webrtcvad.Vad(3)
    voice = babble(8000, 3.0)
    voiced = [vad.is_speech(voice[at : at + 160].tobytes(), 8000) for at in range(0, len(voice), 160)]
    assert np.mean(voiced) > 0.8
    frames = talking_frames(8000, 0.4)
    assert len(frames) == 250 and {len(frame) for frame in frames} == {320}
    assert sum(any(frame) for frame in frames) == 100
