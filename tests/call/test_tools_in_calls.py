"""A brain that runs tools, in a whole call: not ahead of the decision, and what came of them is known ever after."""

from dataclasses import replace

import gevent
from call_providers import providers, voice
from call_world import named, wait

from engine.dialog.brain import Text
from engine.senses import Hearing


class Booking:
    """Books when asked to, in a greenlet of the tool's own, as whoever runs tools must."""

    def __init__(self):
        self.requests, self.ran, self.tools = [], [], []

    def reply(self, request):
        self.requests.append(request)
        if not request.text.startswith("book"):
            yield Text("You are welcome.")
            return
        yield Text("I am booking a table for two people for you, one moment please. ")
        if request.wait_decided(5) and request.tool_called("c1", "book", '{"people": 2}'):
            self.tools.append(gevent.spawn(self.book, request))
            self.tools[-1].join()
        yield Text("It is booked.")

    def book(self, request):
        self.ran.append(request.text)
        gevent.sleep(0.6)
        request.tool_returned("c1", "Booked for two.", False)


def test_a_tool_runs_once_and_the_next_request_knows_of_it_though_the_caller_cut_in(world):
    """Peers lose the result of an interrupted tool, and the model books a second time."""
    brain = Booking()
    with world(providers(["book a table", "thanks anyway"], brain=brain)) as at:
        call = at.place()
        call.greeted()
        call.say(voice(0.6))
        call.hears()
        call.say(voice(0.8))
        call.hears_silence(seconds=0.1)
        wait(lambda: any(request.text == "thanks anyway" for request in brain.requests), "it was not asked")
        call.hears()
        call.hears_silence(seconds=0.6)
        call.hangup()
        at.over(call)
        events = at.events(call)
    gevent.joinall(brain.tools)
    assert brain.ran == ["book a table"]
    last = brain.requests[-1]
    (tool,) = last.tools
    assert (tool.name, tool.arguments, tool.result, tool.error) == ("book", '{"people": 2}', "Booked for two.", False)
    who = [who for who, _ in last.history]
    assert who == ["agent", "user", "agent"] and tool.after == 3  # greeting, question, what was heard of the answer
    assert named(events, "cut")


def test_a_number_by_keys_is_a_turn_while_it_is_asked_for_and_the_language_may_change(world):
    """Keys of a number that was asked for are its digits, taken with the last one; before and after they are none."""
    brain = Booking()
    with world(providers(brain=brain)) as at:
        call = at.place()
        call.greeted()
        (talk,) = [call._conversation for call in at.engine.calls.values()]
        call.dtmf("7")
        wait(lambda: named(at.events(call), "dtmf"), "the key was not heard")
        talk.collect(2)
        senses = talk._senses
        speech = senses.config.speech.model_copy(update={"language": "ml"})
        talk.change(replace(senses, config=senses.config.model_copy(update={"speech": speech})))
        call.dtmf("42")
        call.hears()
        call.hears_silence()
        talk.collect_end()
        call.dtmf("9")
        call.pause(0.3)
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert [event["text"] for event in named(events, "user_said")] == ["4 2"]


class Leg:
    """Of a leg, what hearing needs."""

    rate = 8000

    def __init__(self, written):
        self.playout = self
        self.written = written


def test_the_ears_are_told_what_is_played():
    """The echo guard knows what may come back on each line."""

    class Ears:
        def open(self, rate, listener):
            return type("Row", (), {"ours": b""})()

        def hear(self, batch):
            self.ours = [(frame, row.ours) for row, frame, _ in batch]

    ears = Ears()
    hearing, speaking, silent, gone = Hearing(ears), Leg(b"speech"), Leg(b""), Leg(b"x")
    hearing.add(speaking, None)
    hearing.add(silent, None)
    hearing.hear([(speaking, b"a", False), (silent, b"b", False), (gone, b"c", False)])
    assert ears.ours == [(b"a", b"speech"), (b"b", b"")]
