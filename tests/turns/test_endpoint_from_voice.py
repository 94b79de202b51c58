"""The wait counts from the last voiced frame, whatever the recogniser thought."""

from engine.config import TurnOptions
from engine.turns import events as ev
from engine.turns.engine import TurnEngine


def test_a_partial_transcript_that_ran_on_into_the_silence_does_not_prolong_the_wait():
    """Partials cover audio up to now, silence too: the caller would wait for that on top."""
    turns = TurnEngine(TurnOptions(endpoint_min_ms=500))
    turns.step(0.56, ev.VoiceOn(0.5))
    turns.step(2.63, ev.Transcript("where is the library", False, 0.5, 2.62))
    turns.step(2.66, ev.VoiceOff(2.5))
    turns.step(2.67, ev.Transcript("where is the library", True, 0.5, 2.5))
    turns.step(2.7, ev.ReplyReady(1))
    assert turns.deadline is not None and turns.deadline <= 3.0
    actions = turns.step(3.0, ev.Tick())
    assert any(isinstance(action, ev.Release) for action in actions)
