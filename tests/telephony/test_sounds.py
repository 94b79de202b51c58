"""What callers on hold hear: announcements once, music without a gap, and never nothing."""

import gevent
import numpy as np
import pytest
import soundfile

from engine.media.playout import Playout
from engine.speech.errors import SpeechError
from engine.speech.interfaces import Chunk
from engine.telephony import sounds
from engine.telephony.sounds import Sounds, music, ringing, spoken


def heard(playout, frames):
    """The loudness of the next frames; None where there was none."""
    taken = [playout.next_frame() for _ in range(frames)]
    return [None if frame is None else int(np.frombuffer(frame, np.int16).max()) for frame in taken]


def level(value, frames):
    return np.full(160 * frames, value, np.int16)


def test_announcements_come_once_music_comes_back():
    """In order, without a frame of nothing between them, for as long as the caller is on hold."""
    playout = Playout(8000, 320)
    player = Sounds(playout)
    player.play(level(1, 3))
    player.play(level(2, 2))
    player.loop(level(3, 4))
    assert player.waiting
    assert heard(playout, 10) == [1, 1, 1, 2, 2, 3, 3, 3, 3, 3]
    assert not player.waiting
    player.play(level(4, 2))
    assert player.waiting
    assert heard(playout, 7) == [3, 3, 3, 4, 4, 3, 3]


def test_long_music_goes_on_where_it_was():
    """Longer than playout takes at once, and from its beginning again after its end."""
    playout = Playout(8000, 320)
    player = Sounds(playout)
    song = np.repeat(np.arange(1, 701, dtype=np.int16), 160)
    player.loop(song)
    assert heard(playout, 1400) == [*range(1, 701), *range(1, 701)]


class Speaks:
    def __init__(self, *parts):
        self.parts = parts

    def render(self, text):
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            if part is None:
                gevent.sleep(60)
            yield part


@pytest.mark.parametrize("trouble", [SpeechError("no voice"), None])
def test_a_voice_that_fails_or_hangs_leaves_the_announcement_out(trouble, monkeypatch):
    """The caller is put on hold without it, not left waiting for it."""
    monkeypatch.setattr(sounds, "RENDER_TIMEOUT_S", 0.05)
    assert len(spoken(Speaks(Chunk(level(1, 2), 8000), trouble), "One moment.", 8000)) == 0


def test_speech_comes_at_the_rate_of_the_leg():
    """Whatever the voice's own."""
    pcm = spoken(Speaks(Chunk(np.zeros(16000, np.int16), 16000), Chunk(np.zeros(8000, np.int16), 8000)), "Hello.", 8000)
    assert len(pcm) == 16000


def test_music_that_is_not_there_is_a_ringing_tone(tmp_path):
    """A wrong path in an agent's file costs the music, not the call."""
    song = tmp_path / "song.wav"
    soundfile.write(song, level(500, 50), 8000)
    assert len(music(str(song), 16000)) == 16000
    assert music(str(tmp_path / "none.wav"), 8000) is ringing(8000)
    assert 500 < np.abs(ringing(16000)).max() < 4000
