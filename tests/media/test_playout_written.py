"""What the echo guard is told of playout: the frame that was just written, and nothing when none was."""

import numpy as np

from engine.media.playout import Playout


def test_the_frame_written_last_is_at_hand_while_speech_is_written():
    """And it is not while the reply is paused, has run dry or is over: what is not played cannot come back."""
    playout = Playout(8000, 320)
    playout.open(1)
    playout.add(1, np.arange(1, 1 + 160 * 4, dtype=np.int16), "one two three four")
    assert playout.written == b""
    playout.release(1)
    frames = [playout.next_frame() for _ in range(2)]
    assert playout.written == frames[1]
    playout.pause()
    playout.next_frame()
    assert playout.written == b""
    playout.resume()
    again = playout.next_frame()
    assert playout.written == again != b""
    playout.cut(1)
    playout.next_frame()
    assert playout.written == b""
