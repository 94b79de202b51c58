"""One reply on its way to playout: rates, order, speculation, faults, and being cancelled at any moment."""

from dataclasses import replace

import gevent
import numpy as np
import pytest
from call_providers import LookUp, ToneVoice, voice

from engine.dialog.brain import Request, Text
from engine.media.playout import Playout
from engine.reply import Reply
from engine.speech.interfaces import Chunk
from engine.turns.events import ReplyDone, ReplyFailed, ReplyReady, ToolCalled, ToolReturned

RATE = 8000


class Desk:
    """What a reply tells and writes."""

    def __init__(self, tone, on_event=lambda event: None):
        self.told, self.lines, self.on_event = [], [], on_event
        self.playout = Playout(RATE, 320)
        self.reply = Reply(1, tone, self.playout, RATE, self.tell, self)

    def tell(self, event):
        self.told.append(event)
        self.on_event(event)

    def write(self, event, /, **fields):
        self.lines.append((event, fields))

    def clauses(self):
        return [fields["text"] for name, fields in self.lines if name == "clause"]

    def heard(self):
        """Samples that the caller hears, the reply being released."""
        self.playout.release(1)
        frames = []
        while frame := self.playout.next_frame():
            frames.append(np.frombuffer(frame, np.int16))
        return np.concatenate(frames) if frames else np.zeros(0, np.int16)


def ask(text="when", speculative=False):
    return Request(text, (), 1, speculative)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100])
def test_any_voice_fits_the_leg(rate):
    """Also one that gives its audio in short pieces, whatever its rate (espeak-ng speaks at 22.05 kHz)."""

    class Pieces(ToneVoice):
        def render(self, text):
            (whole,) = super().render(text)
            for at in range(0, len(whole.pcm), 3000):
                yield Chunk(whole.pcm[at : at + 3000], rate)

    desk = Desk(Pieces(rate))
    desk.reply.say("Twenty letters here.")
    desk.reply.join(5)
    *ready, done = desk.told
    assert done == ReplyDone(1, False, pytest.approx(0.8, abs=0.02), False)
    seconds = [event.seconds for event in ready if isinstance(event, ReplyReady)]
    assert len(seconds) == len(ready) and seconds == sorted(seconds)
    assert seconds[0] > 0 and seconds[-1] == done.seconds
    heard = desk.heard()
    assert len(heard) == pytest.approx(0.8 * RATE, abs=400)
    # The tone of 220 Hz is one still: no piece is missing or doubled.
    crossings = np.count_nonzero(np.diff(np.signbit(heard[800:4800].astype(int))))
    assert crossings == pytest.approx(2 * 220 * 0.5, abs=4)


def test_a_speculative_reply_renders_its_first_clause_until_it_is_released():
    """Nothing is spent on a reply that the caller may never want, and the first words are ready when they do."""
    tone = ToneVoice()
    desk = Desk(tone)
    desk.reply.think(LookUp(when="One sentence here. And a second one. A third."), ask(speculative=True))
    gevent.sleep(0.05)
    assert tone.rendered == ["One sentence here."] and {type(event) for event in desk.told} == {ReplyReady}
    desk.reply.decide()
    desk.reply.join(5)
    assert desk.clauses() == tone.rendered == ["One sentence here.", "And a second one.", "A third."]
    assert isinstance(desk.told[-1], ReplyDone)


def test_the_voice_is_given_words_and_the_history_keeps_what_was_written():
    """A voice stumbles over "**Rs. 1,200**"; the model must find its own text in the history."""
    tone = ToneVoice()
    desk = Desk(tone)
    finished = []
    desk.playout.on_finished = lambda generation, heard: finished.append(heard.text)
    desk.reply.think(LookUp(when="It is **Rs. 1,200** a year! 👍! Thanks 😀"), ask())
    desk.reply.join(5)
    assert tone.rendered == ["It is one thousand two hundred rupees a year!", "Thanks"]
    assert desk.clauses() == ["It is **Rs. 1,200** a year!", "Thanks 😀"]
    desk.heard()
    assert finished == ["It is **Rs. 1,200** a year! Thanks 😀"]


def test_numbers_are_spoken_in_the_language_of_the_call():
    """Figures look the same in all languages."""
    tone = ToneVoice()
    desk = Desk(tone)
    desk.reply = Reply(2, tone, desk.playout, RATE, desk.tell, desk, "fr")
    desk.reply.say("À 17h30, 80 €.")
    desk.reply.join(5)
    assert tone.rendered == ["À dix-sept heures trente, quatre-vingts euros."]
def test_an_early_reply_is_not_rendered_until_the_caller_stops():
    """The brain may think ahead of a caller who still talks; the voice works when it is likely to be wanted."""
    tone = ToneVoice()
    desk = Desk(tone)
    desk.reply.think(LookUp(when="One sentence here. And a second one."), ask(speculative=True), early=True)
    gevent.sleep(0.05)
    assert tone.rendered == []
    desk.reply.render()
    gevent.sleep(0.05)
    assert tone.rendered == ["One sentence here."]
    desk.reply.decide()
    desk.reply.join(5)
    assert isinstance(desk.told[-1], ReplyDone)


def test_a_voice_without_a_sound_is_a_failure_and_a_brain_without_words_is_not():
    """The caller waits for the one in vain; the other has nothing to say."""

    class Mute(ToneVoice):
        def render(self, text):
            yield Chunk(np.zeros(0, np.int16), 16000)

    mute, silent = Desk(Mute()), Desk(ToneVoice())
    mute.reply.say("Hello.")
    silent.reply.think(LookUp(when=""), ask())
    for desk in (mute, silent):
        desk.reply.join(5)
    assert [type(event) for event in mute.told] == [ReplyFailed]
    assert silent.told == [ReplyDone(1, True, 0.0, False)]


@pytest.mark.parametrize("fault", [ValueError("x"), gevent.Timeout(1)])
def test_whatever_a_provider_raises_is_told_once(fault):
    """gevent's Timeout is no Exception: one that a provider lets out must not end the greenlet without a word."""
    desk = Desk(ToneVoice())
    desk.reply.think(LookUp(when=fault), ask())
    desk.reply.join(5)
    (told,) = desk.told
    assert isinstance(told, ReplyFailed) and type(fault).__name__ in told.reason
    assert [name for name, _ in desk.lines] == ["reply_failed"]


class Booking:
    """A brain that says something, books once the turn is decided, and says what came of it."""

    def __init__(self, reply):
        self.tools = {"wait_decided": reply.wait_decided, "tool_called": reply.tool_called,
                      "tool_returned": reply.tool_returned}
        self.booked = 0

    def reply(self, request):
        yield Text("Let me book that")
        request = replace(request, **self.tools)
        if request.wait_decided(5) and request.tool_called("c1", "book", "{}"):
            self.booked += 1
            request.tool_returned("c1", "Booked.", False)
        yield Text("It is booked.")


def test_a_tool_waits_for_the_decision_and_lets_the_words_before_it_be_spoken():
    """The caller hears that something is being done while it is done, not after it; and a silent tool must not wait for
    audio that only its result can give."""
    desk = Desk(ToneVoice())
    brain = Booking(desk.reply)
    desk.reply.think(brain, ask(speculative=True))
    gevent.sleep(0.02)
    assert brain.booked == 0 and desk.told == []
    desk.reply.decide()
    desk.reply.join(5)
    tools = [event for event in desk.told if isinstance(event, ToolCalled | ToolReturned)]
    assert tools == [ToolCalled(1, "c1", "book", "{}", words=4), ToolReturned("c1", "Booked.", False)]
    assert desk.clauses() == ["Let me book that", "It is booked."]


def test_a_tool_of_a_reply_that_is_not_wanted_any_more_does_not_run():
    """The caller went on in the very moment; what would be booked now, nobody asked for."""
    desk = Desk(ToneVoice())
    brain = Booking(desk.reply)
    desk.reply.think(brain, ask())
    desk.reply.cancel()
    assert not desk.reply.tool_called("c2", "book", "{}")
    desk.reply.join(5)
    assert brain.booked == 0 and desk.told == []


def test_cancelled_from_inside_its_own_call_back_it_ends_at_its_next_step():
    """The turn engine may drop a reply while it is being told that it is ready."""
    tone = ToneVoice()
    desk = Desk(tone)
    desk.on_event = lambda event: desk.reply.cancel()
    desk.reply.think(LookUp(when="One sentence here. And a second one."), ask())
    desk.reply.join(5)
    assert {type(event) for event in desk.told} == {ReplyReady} and tone.rendered == ["One sentence here."]
    assert all(greenlet.ready() for greenlet in desk.reply._greenlets)


def test_cancel_closes_brain_and_voice():
    """A stream that is being read costs money until it is closed."""
    closed = []

    class Endless:
        def reply(self, request):
            try:
                while True:
                    yield Text("word ")
                    gevent.sleep(0.001)
            finally:
                closed.append("brain")

    class Slow(ToneVoice):
        def render(self, text):
            try:
                yield Chunk(voice(0.1), RATE)
                gevent.sleep(60)
            finally:
                closed.append("voice")

    desk = Desk(Slow())
    desk.reply.think(Endless(), ask())
    gevent.sleep(0.3)
    desk.reply.cancel()
    desk.reply.join(5)
    assert sorted(closed) == ["brain", "voice"]
    assert not [event for event in desk.told if isinstance(event, ReplyDone | ReplyFailed)]


def test_a_long_answer_waits_for_its_listener():
    """Playout holds 30 s; the rest of a reading is rendered while the beginning is heard."""
    desk = Desk(ToneVoice(8000))
    desk.reply.think(LookUp(when="This sentence is forty letters long here. " * 40), ask())
    gevent.sleep(0.2)
    assert desk.playout.room() == 0 and not any(isinstance(event, ReplyDone) for event in desk.told)
    heard = 0
    desk.playout.release(1)
    with gevent.Timeout(10):
        while not (desk.reply._greenlets[1].ready() and desk.playout.generation is None):
            heard += len(desk.playout.next_frame() or b"") // 2
            gevent.sleep(0)
    assert heard == pytest.approx(40 * 41 * 0.04 * RATE, rel=0.01)
