"""The brain within a real ``Reply``: clauses to a voice, release, and being cut at any moment."""

import json
from dataclasses import replace

import gevent
import numpy as np
from gevent.event import Event as Flag
from skill_world import call, settle, words

from engine.dialog.skills import skill
from engine.media.playout import Playout
from engine.reply import Reply
from engine.speech.interfaces import Chunk
from engine.turns.events import ReplyDone, ReplyFailed

RATE = 8000


class Beep:
    """A voice: a tenth of a second whatever the text."""

    name = "beep"

    def render(self, text):
        yield Chunk(np.full(RATE // 10, 1000, np.int16), RATE)


class Telling:
    """A reply of ``made``'s brain; ``clauses`` is what went to the voice."""

    def __init__(self, made, text="tea", speculative=False):
        self.told, self.clauses = [], []
        self.reply = Reply(1, Beep(), Playout(RATE, 320), RATE, self.told.append, self)
        request = replace(made.request(text), speculative=speculative, wait_decided=self.reply.wait_decided,
                          tool_called=self.reply.tool_called, tool_returned=self.reply.tool_returned)
        self.reply.think(made.brain, request)

    def write(self, event, /, **fields):
        if event == "clause":
            self.clauses.append(fields["text"])

    def join(self):
        self.reply.join(5)
        return self.clauses


class Shop:
    """Orders wait for ``hold``."""

    def __init__(self):
        self.begun, self.finished, self.hold = 0, 0, Flag()

        @skill(side_effect=True)
        def order() -> str:
            """Order."""
            self.begun += 1
            self.hold.wait(5)
            self.finished += 1
            return "ordered"

        self.skills = [order]


def test_an_order_waits_for_the_release(world):
    shop = Shop()
    shop.hold.set()
    telling = Telling(world(["Let me see", call("order")], "It is ordered.", own=shop.skills), speculative=True)
    gevent.sleep(0.02)
    assert (telling.clauses, shop.begun) == (["Let me see"], 0)
    telling.reply.decide()
    assert telling.join() == ["Let me see", "It is ordered."] and shop.begun == 1
    assert isinstance(telling.told[-1], ReplyDone)


def test_a_filler_is_a_clause_of_its_own(world):
    """It must be spoken at once, not wait for the sentence after it."""
    shop = Shop()
    telling = Telling(world([call("order")], "It is ordered.", own=shop.skills, filler_after_ms=200))
    gevent.sleep(0.25)
    assert telling.clauses == ["One moment, please."]
    shop.hold.set()
    assert telling.join() == ["One moment, please.", "It is ordered."]


def test_a_reply_that_is_cut_leaves_the_order_to_finish(world):
    shop = Shop()
    telling = Telling(world([call("order")], own=shop.skills))
    gevent.sleep(0.02)
    telling.reply.cancel()
    telling.join()
    shop.hold.set()
    settle()
    assert (shop.begun, shop.finished) == (1, 1)
    called, returned = telling.told
    assert (called.name, called.call_id) == ("order", returned.call_id)
    assert not returned.error and '"ordered"' in returned.result


def test_an_order_is_not_begun_for_a_reply_that_nobody_wants(world):
    """It is cancelled between the decision and the order."""
    shop = Shop()
    made = world([call("order")], "Well.", own=shop.skills)
    asking = made.brain.reply(replace(made.request(), tool_called=lambda *_: False))
    assert words(asking) == "Well." and shop.begun == 0
    assert json.loads(made.results()[0])["error"] == "not_run"


def test_a_farewell_ends_the_call_when_it_was_heard(world):
    telling = Telling(world(["Goodbye. ", call("end_call")]))
    telling.join()
    assert telling.told[-1].ends_call and not any(isinstance(event, ReplyFailed) for event in telling.told)
