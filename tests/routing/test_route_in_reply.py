"""Routed models and voices in a real reply: what comes to the caller when a provider breaks off."""

import gevent
import numpy as np
import pytest
from routing_world import World, fault

from engine.dialog.brain import Request, Text
from engine.dialog.model import Message, Words
from engine.media.playout import Playout
from engine.reply import Reply
from engine.routing.routed import RoutedModel, RoutedVoice
from engine.turns.events import ReplyDone, ReplyFailed

RATE = 8000
SECOND = 8000


class Thinker:
    """A brain that says what the model says."""

    def __init__(self, model):
        self.model = model

    def reply(self, request):
        for part in self.model.stream([Message("user", request.text)]):
            if isinstance(part, Words):
                yield Text(part.text)


class Desk:
    """One reply after another on one leg, as a call makes them."""

    def __init__(self, world):
        self.world, self.told, self.lines, self.number = world, [], [], 0
        self.model, self.voice = RoutedModel(world.route), RoutedVoice(world.route)

    def write(self, event, /, **fields):
        self.lines.append((event, fields))

    def reply(self, think="", say=""):
        """The events of one reply, and the samples that its caller hears."""
        self.number += 1
        playout, told = Playout(RATE, 320), []
        reply = Reply(self.number, self.voice, playout, RATE, told.append, self)
        if think:
            reply.think(Thinker(self.model), Request(think, (), self.number, False))
        else:
            reply.say(say)
        reply.join(5)
        gevent.sleep(0)
        playout.release(self.number)
        heard = 0
        while frame := playout.next_frame():
            heard += int(np.count_nonzero(np.frombuffer(frame, np.int16)))
        return told[-1], heard


@pytest.fixture
def desk():
    return Desk(World(text="""
providers:
  thinker: {models: {m: {capabilities: [llm], accuracy_score: 0.9}}}
  other: {models: {m: {capabilities: [llm]}}}
  first: {models: {m: {capabilities: [tts], accuracy_score: 0.9}}}
  second: {models: {m: {capabilities: [tts]}}}
"""))


def test_providers_that_fail_before_they_begin_are_not_noticed(desk):
    """A whole answer in one voice."""
    desk.world.does(thinker=[[fault()]], other=[["It is open until six. ", "Do come."]],
                    first=[[fault()]], second=[[SECOND]])
    told, heard = desk.reply(think="when")
    assert isinstance(told, ReplyDone) and heard == 2 * SECOND
    assert desk.world.asked() == {"first": 1, "other": 1, "second": 2, "thinker": 1}


def test_a_voice_that_breaks_off_fails_the_reply_and_the_apology_has_another_voice(desk):
    """The caller hears what there was, then the apology; nothing is said twice."""
    desk.world.does(first=[[SECOND], [800, fault("broken")]], second=[[SECOND]],
                    thinker=[["It is open until six. ", "Do come."]])
    told, heard = desk.reply(think="when")
    assert isinstance(told, ReplyFailed) and heard == SECOND + 800
    assert isinstance(desk.reply(say="Sorry, something went wrong.")[0], ReplyDone)
    assert desk.world.asked() == {"first": 2, "second": 1, "thinker": 1}


def test_a_model_that_breaks_off_fails_the_reply_and_the_retry_asks_another(desk):
    """The words that it gave stay; the next request goes elsewhere."""
    desk.world.does(thinker=[["It is open until six. ", fault("broken")]], other=[["At six."]], first=[[SECOND]])
    assert isinstance(desk.reply(think="when")[0], ReplyFailed)
    told, heard = desk.reply(think="when")
    assert isinstance(told, ReplyDone) and heard == SECOND


def test_with_nobody_left_the_reply_fails_with_the_names(desk):
    """The reason stands in the call's log."""
    desk.world.does(thinker=[[fault()]], other=[[fault()]])
    told, _ = desk.reply(think="when")
    assert isinstance(told, ReplyFailed) and "asked: thinker/m, other/m" in told.reason
