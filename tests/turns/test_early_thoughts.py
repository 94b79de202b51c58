"""Thinking while the caller still talks: on words that could be all of it, a few times a turn, never heard early."""

import pytest

from engine.config import TurnOptions
from engine.turns import events as ev
from engine.turns.engine import TurnEngine


class Talking:
    """A caller who goes on talking, word by word."""

    def __init__(self, **options: object) -> None:
        self.engine = TurnEngine(TurnOptions(**options))
        self.now, self.text = 0.56, ""
        self.engine.step(0.56, ev.VoiceOn(0.5))

    def say(self, word: str) -> list[str]:
        """One more word, told 0.3 s later; what is thought about because of it."""
        self.now, self.text = round(self.now + 0.3, 2), f"{self.text} {word}".strip()
        actions = self.engine.step(self.now, ev.Transcript(self.text, False, 0.5, self.now))
        return [action.text for action in actions if isinstance(action, ev.Think)]


def test_words_that_could_be_all_of_it_are_thought_about_at_once() -> None:
    """The reply to the last of them is on its way when the caller stops; open words are not worth a request."""
    talking = Talking()
    assert [talking.say(word) for word in ("when", "do", "you", "open", "on", "Saturday")] == [
        [], [], ["when do you"], ["when do you open"], [], ["when do you open on Saturday"]]


@pytest.mark.parametrize("most", [0, 2])
def test_no_oftener_than_allowed(most: int) -> None:
    """Each is a request to the model, most of them in vain."""
    talking = Talking(speculate_early=most)
    thoughts = [text for word in ("where", "is", "room", "nine", "please", "tell", "me") for text in talking.say(word)]
    assert len(thoughts) == most


def test_nothing_is_thought_early_where_speculation_is_off() -> None:
    talking = Talking(speculate=False)
    assert [talking.say(word) for word in ("where", "is", "room", "nine")] == [[], [], [], []]


def test_it_is_not_heard_before_the_caller_has_finished() -> None:
    """However early it is ready."""
    talking = Talking()
    for word in ("where", "is", "room", "nine"):
        talking.say(word)
    released = talking.engine.step(talking.now + 0.1, ev.ReplyReady(2, 3.0))
    released += talking.engine.step(3.16, ev.VoiceOff(3.0))
    released += talking.engine.step(3.2, ev.Transcript("where is room nine", True, 0.5, 3.0))
    assert not any(isinstance(action, ev.Release) for action in released)
    assert talking.engine.deadline == 3.5
    assert ev.Release(2) in talking.engine.step(3.5, ev.Tick())


def test_it_is_rendered_when_the_caller_stops() -> None:
    """Most early thoughts come to nothing; the voice must not speak for all of them."""
    talking = Talking()
    for word in ("where", "is", "room", "nine"):
        talking.say(word)
    assert ev.Render(2) in talking.engine.step(2.4, ev.VoiceOff(2.2))
    assert not any(isinstance(a, ev.Render) for a in talking.engine.step(2.5, ev.VoiceOff(2.2)))
