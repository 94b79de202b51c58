"""A model and a voice behind HTTP in one reply of a call: from tokens to frames, cut, cancelled and failing."""

import gevent
import pytest

from engine.config.providers import ElevenLabsOptions, OpenAiChatOptions
from engine.dialog.brain import Request, Text
from engine.dialog.model import Message, Words
from engine.dialog.models.openai_chat import OpenAiChat
from engine.media.playout import Playout
from engine.net.credentials import Key
from engine.reply import Reply
from engine.speech.tts.elevenlabs import ElevenLabs
from engine.turns.events import ReplyDone, ReplyFailed
from tests.providers import fake_elevenlabs, fake_openai
from tests.providers.fake_elevenlabs import FakeElevenLabs
from tests.providers.fake_openai import FakeOpenAi

RATE = 8000


class ModelBrain:
    """The smallest brain there can be: what the caller said goes to a model."""

    def __init__(self, model) -> None:
        self.model = model

    def reply(self, request):
        for part in self.model.stream([Message("user", request.text)]):
            if isinstance(part, Words):
                yield Text(part.text)


class Desk:
    """A reply of a call at 8 kHz, and what it tells."""

    def __init__(self, started) -> None:
        self.thinker, self.speaker = started(FakeOpenAi()), started(FakeElevenLabs())
        self.thinker.script = ["Good morning, ", "caller. How ", "can I help you today?"]
        model = started(OpenAiChat("gpt", OpenAiChatOptions(base_url=f"{self.thinker.url}/v1", model="gpt-test"),
                                   Key("Authorization", f"Bearer {fake_openai.KEY}")))
        voice = started(ElevenLabs("rachel", ElevenLabsOptions(base_url=self.speaker.url, voice="voice1"),
                                   Key("xi-api-key", fake_elevenlabs.KEY)))
        self.told: list[object] = []
        self.playout = Playout(RATE, 320)
        self.reply = Reply(1, voice, self.playout, RATE, self.told.append, self)
        self.brain = ModelBrain(model)

    def write(self, event, /, **fields) -> None:
        """The event log."""

    def think(self) -> None:
        self.reply.think(self.brain, Request("Hello?", (), 1, False))


@pytest.fixture
def desk(started):
    return Desk(started)


def test_what_was_heard_is_known_to_the_word(desk):
    """Interrupted in the second clause, the history holds what the vendor's times say was played, and no word more."""
    desk.think()
    desk.reply.join(5)
    assert isinstance(desk.told[-1], ReplyDone)
    desk.playout.release(1)
    first = "Good morning, caller."
    for _ in range(round((len(first) * 0.05 + len("How can I he") * 0.05) / 0.02)):
        desk.playout.next_frame()
    assert desk.playout.cut(1).text == f"{first} How can I"


def test_the_first_clause_is_spoken_while_the_model_still_writes(desk):
    desk.thinker.stall_after = 3  # the role, two pieces of text, then nothing
    desk.think()
    with gevent.Timeout(5):
        while not desk.told:
            gevent.sleep(0.005)
    desk.playout.release(1)
    assert desk.playout.next_frame()
    desk.reply.cancel()
    assert desk.thinker.gone.wait(2)


def test_a_cancelled_reply_ends_both_requests(desk):
    """A caller who interrupts must not leave requests running that cost money and hold connections."""
    desk.thinker.stall_after = 3
    desk.speaker.stall_after = 2
    desk.think()
    with gevent.Timeout(5):
        while not (desk.thinker.running and desk.speaker.running):
            gevent.sleep(0.005)
    gevent.sleep(0.02)
    desk.reply.cancel()
    assert desk.thinker.gone.wait(2) and desk.speaker.gone.wait(2)
    desk.reply.join(2)
    assert not [event for event in desk.told if isinstance(event, ReplyFailed)]


@pytest.mark.parametrize("who", ["thinker", "speaker"])
def test_a_provider_that_breaks_off_fails_the_reply_with_its_name(desk, who):
    getattr(desk, who).break_after = 2
    desk.think()
    desk.reply.join(5)
    (failed,) = [event for event in desk.told if isinstance(event, ReplyFailed)]
    assert {"thinker": "gpt: ", "speaker": "rachel: "}[who] in failed.reason
