"""The caller speaks while the agent speaks, timed where the caller is: in RTP packets."""

from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest
from callers import speak
from measured import NUMBER, Figures
from rtpstream import audible, talk_ends
from sipphone import SipPhone
from switchboard import Engine, FreeSwitch

pytestmark = pytest.mark.switch

GREETING = " ".join(["Thank you for calling the help desk. All of our calls are answered by an assistant."] * 4)
TRIALS = 5


def test_the_agent_falls_silent(
    switch: FreeSwitch, engines: Callable[..., Engine], phone: Callable[..., SipPhone], folder: Path, figures: Figures
) -> None:
    """From the caller's first voiced packet to the last audible one of the agent; what was not heard is not "said"."""
    engine = engines(agent={"greeting": GREETING})
    words = speak("Excuse me, when is the open day?", folder)
    delays = []
    for trial in range(TRIALS):
        with phone() as caller:
            caller.dial(NUMBER)
            caller.first_sound()
            caller.pause(1.5 + 0.13 * trial)  # not always at the same word
            before = len(caller.rtp.sent)
            caller.say(words)
            onset = audible(caller.rtp.sent[before:])[0].time
            delays.append((talk_ends(caller.rtp.heard, onset) - onset) * 1000)
            said = engine.call_of(caller.name).wait("agent_said", 5)[0]
            assert said["interrupted"]
            assert len(said["text"]) < len(GREETING) / 2
    figures.add(f"caller's onset to the agent's last sound, median of {TRIALS}", median(delays), "ms")
    figures.add(f"caller's onset to the agent's last sound, worst of {TRIALS}", max(delays), "ms")
    assert max(delays) < 1000


def test_a_hold_is_not_taken_for_absence(
    switch: FreeSwitch, engines: Callable[..., Engine], phone: Callable[..., SipPhone]
) -> None:
    """Who put the agent on hold is away on purpose: nobody asks into the hold, and nobody hangs up."""
    engine, caller = engines(turns={"away_ms": 1500, "away_limit": 1}), phone()
    caller.dial(NUMBER)
    caller.last_sound(caller.first_sound())
    caller.hold()
    caller.pause(8)
    assert not caller.ended_at, engine.call_of(caller.name).events("agent_said")
    caller.resume()
    caller.first_sound(caller.rtp.heard[-1].time, timeout=10)  # the clock of absence runs again
