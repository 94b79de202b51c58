"""The middle tier's own front end, unchanged, at this server: with an upstream behind it, and without."""

import json
import sys
from pathlib import Path

import pytest
from call_providers import ANSWER, LookUp, providers
from middle_tier_page import Page

from engine.config import Config
from engine.dialog.brain import Grounds, Text
from engine.knowledge.answers.answer import Citation
from engine.net.websocket import WebSocket
from engine.upstream.model import SpeechModel
from engine.upstream.service import open_upstream
from tests.fakes.speech_server import KEY, MODEL, SpeechServer, calls

sys.path.append(str(Path(__file__).parent.parent / "relay"))

from relay_world import SECRET, skills  # noqa: E402

PASSAGE = ("hours_1", "Hours", "We open at nine.")


class Grounded(LookUp):
    """Says what it stands on, as the knowledge base does."""

    def reply(self, request):
        name, title, text = PASSAGE
        yield Grounds("answer", 1.0, (Citation(name, "hours.md", title, (), 1.0, text).as_dict(),))
        yield Text(ANSWER + " ")


def visit(page):
    """Press the button, ask, be answered; speak while the next answer is spoken; press it twice more, and ask again."""
    page.start()
    page.say()
    page.wait(lambda: page.history)
    page.say()
    page.wait(lambda: len(page.playing) > 24000)
    page.say(seconds=0.8)
    page.wait(lambda: len(page.history) == 3)
    page.stop()
    page.start()
    page.say()
    page.wait(lambda: len(page.history) == 4)
    page.close()
    assert [status for status, _ in page.history] == ["completed", "cancelled", "completed", "completed"]
    assert page.history[0][1] == ANSWER and page.words.startswith(ANSWER)
    assert page.errors == []
    assert page.files[0] == PASSAGE


def test_without_an_upstream(place):
    """The engine's own providers answer, in the dialect that the page speaks, with their sources."""
    with place(providers(["when do you open"] * 4, brain=Grounded())) as at:
        visit(Page(at.web.url))


def test_an_old_client_that_says_so_is_served_in_its_dialect_there_too(place):
    """From the first event on, with no upstream behind the path."""
    with place() as at:
        socket = WebSocket.connect(at.ws + "/realtime", headers={"OpenAI-Beta": "realtime=v1"})
        assert json.loads(socket.receive(5))["session"]["input_audio_format"] == "pcm16"
        socket.close()


@pytest.fixture
def server():
    server = SpeechServer()
    yield server
    server.close()


def test_with_an_upstream(place, server):
    """The page's messages go up, the server's instructions and functions stay hidden, its sources come down."""
    server.pace = 0.05
    server.hears.extend(["When do you open?"] * 4)
    server.answers.extend([calls("search", query="hours"), calls("report_grounding", sources=["hours_1"]), ANSWER])
    server.answers.extend([ANSWER * 3, ANSWER, ANSWER])
    upstream = {"provider": "up", "voice": "marin"}
    provider = {"kind": "openai_speech_to_speech", "base_url": server.url, "model": MODEL, "api_key": KEY}
    opened = open_upstream(Config.model_validate({"providers": {"up": provider}, "upstream": upstream}), {})
    with place() as at:
        at.engine.speech = SpeechModel(opened, lambda context: SECRET, lambda context: skills())
        visit(Page(at.web.url))
    opened.close()
    assert all(session.config["instructions"] == SECRET for session in server.sessions)
