"""The recogniser: real audio in, words out, and what happens when its worker processes do not behave."""

import os
import signal

import gevent
import numpy as np
import pytest
from gevent.event import Event
from speech_world import alive, flite, frames_of, needs_flite, noise, recording

from engine.config import SpeechOptions, VadOptions
from engine.speech.errors import SpeechError
from engine.speech.stt import wire
from engine.speech.stt.lm import build_language_model
from engine.speech.stt.pocketsphinx import PocketsphinxRecogniser
from engine.speech.stt.worker import TYPICAL_MEAN, CepstralMean
from engine.standin.line import telephone

TEXTS = ["To reset your password, open the account page and choose Forgot password.",
         "The library opens at eight and closes at ten in the evening."]
UTTERANCES = ["How do I reset my password?", "When does the library open?"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    home = os.environ.get("TRUNKLINE_HOME")
    os.environ["TRUNKLINE_HOME"] = str(tmp_path_factory.mktemp("home"))
    yield build_language_model(TEXTS, UTTERANCES)
    os.environ.pop("TRUNKLINE_HOME") if home is None else os.environ.update(TRUNKLINE_HOME=home)


@pytest.fixture(scope="module")
def recogniser(model):
    """Two workers; no process of it is left."""
    options = SpeechOptions(recogniser_workers=2, final_timeout_ms=15000)  # the audio is fed at once, not at its pace
    recogniser = PocketsphinxRecogniser(options, VadOptions(), model)
    assert recogniser.wait_ready(30)
    yield recogniser
    recogniser.close()
    gevent.sleep(0)


class Caller:
    """A stream, what it delivered, and its voice as the ears would tell it."""

    def __init__(self, recogniser, rate):
        self.rate = rate
        self.heard = []
        self.fed = 0
        self.final = Event()
        self.stream = recogniser.open(rate, self.deliver)

    def deliver(self, heard):
        self.heard.append(heard)
        if heard.final:
            self.final.set()

    def feed(self, pcm, pause=0.0):
        for frame in frames_of(pcm, self.rate):
            self.stream.feed(frame)
            self.fed += len(frame) // 2
            gevent.sleep(pause)

    def say(self, pcm, start_s=0.4, stop_s=None):
        """All of it; voice from ``start_s`` to ``stop_s`` of it (default: the end less 0.4 s)."""
        began, late = self.fed, int((start_s + 0.06) * self.rate) * 2
        stop_s = stop_s or len(pcm) / 2 / self.rate - 0.4
        self.feed(pcm[:late])
        self.stream.voice_on(began + int(start_s * self.rate))
        self.feed(pcm[late:])
        self.stream.voice_off(began + int(stop_s * self.rate))

    def words(self):
        assert self.final.wait(20)
        self.final.clear()
        return self.heard[-1].text


@pytest.mark.parametrize("rate", [16000, 8000])
def test_a_recorded_question_becomes_its_words(recogniser, rate):
    _, pcm = recording(f"password-{rate // 1000}k")
    caller = Caller(recogniser, rate)
    caller.say(pcm)
    assert caller.words() == "how do i reset my password"
    final = caller.heard[-1]
    assert (final.start, final.end) == (int(rate * 0.4), int((len(pcm) / 2 / rate - 0.4) * rate))
    assert 0.3 < final.confidence <= 1
    partials = [heard for heard in caller.heard if not heard.final]
    assert partials
    assert all(heard.start == final.start < heard.end for heard in partials)
    caller.stream.close()


def test_the_preroll_reaches_the_recogniser(recogniser):
    """Voice is known late; without the audio before it the first word would be cut."""
    rate, pcm = recording("password-16k")
    caller = Caller(recogniser, rate)
    caller.say(pcm, start_s=0.75)
    assert caller.words() == "how do i reset my password"
    caller.stream.close()


@needs_flite
def test_several_callers_talk_at_once(recogniser):
    """More streams than workers: a worker serves several calls."""
    said = ["when does the library open", "how do i reset my password", "when does the library open"]
    callers = [(Caller(recogniser, 16000), flite(text, "rms"), text) for text in said]
    for greenlet in [gevent.spawn(caller.say, pcm) for caller, pcm, _ in callers]:
        greenlet.join(20)
    assert [caller.words() for caller, _, _ in callers] == [text for _, _, text in callers]
    for caller, _, _ in callers:
        caller.stream.close()


def telephoned(pcm):
    """Through a telephone line."""
    return telephone(np.frombuffer(pcm, "<i2"), 16000).tobytes()


@needs_flite
def test_a_closed_question_is_heard_by_its_grammar(recogniser):
    """After "is that right?" only yes and no are expected; and then anything again."""
    caller = Caller(recogniser, 8000)
    caller.stream.expect("yes_no")
    caller.say(telephoned(flite("yes please", "rms")), 0.3)
    assert caller.words() == "yes please"
    caller.stream.expect("digits")
    caller.say(telephoned(flite("four seven one one", "rms")), 0.3)
    assert caller.words() == "four seven one one"
    with pytest.raises(SpeechError, match="yes_no"):
        caller.stream.expect("poems")
    caller.stream.close()


def test_silence_between_edges_is_an_empty_final(recogniser):
    """The turn engine waits for a final after each voice_off; it must come also when there were no words."""
    caller = Caller(recogniser, 8000)
    caller.say(noise(8000, 1.0, 5), stop_s=0.6)
    assert caller.words() in ("", "oh", "uh")
    caller.stream.close()


def test_a_worker_that_dies_is_replaced_and_the_utterance_is_not_lost(recogniser):
    """What was said so far is replayed to another worker."""
    rate, pcm = recording("password-16k")
    caller = Caller(recogniser, rate)
    caller.feed(pcm[:2 * rate * 6 // 10])
    caller.stream.voice_on(rate // 2)
    caller.feed(pcm[2 * rate * 6 // 10:2 * rate * 15 // 10], pause=0.005)
    (busy,) = [worker for worker in recogniser.pool.workers if worker.utterances]
    dead = busy.child.pid
    os.kill(dead, signal.SIGKILL)
    caller.feed(pcm[2 * rate * 15 // 10:], pause=0.005)
    caller.stream.voice_off(rate * 5 // 2)
    assert caller.words() == "how do i reset my password"
    assert recogniser.wait_ready(20)
    assert dead not in [worker.child.pid for worker in recogniser.pool.workers]
    caller.stream.close()


def test_a_hung_worker_costs_one_utterance_and_is_replaced(model):
    """A final always comes, if need be empty; and the next utterance finds a worker that works."""
    options = SpeechOptions(recogniser_workers=1, final_timeout_ms=3000)
    recogniser = PocketsphinxRecogniser(options, VadOptions(), model)
    try:
        assert recogniser.wait_ready(30)
        rate, pcm = recording("password-8k")
        caller = Caller(recogniser, rate)
        hung = recogniser.pool.workers[0].child.pid
        os.kill(hung, signal.SIGSTOP)
        caller.say(pcm)
        assert caller.words() == ""
        assert caller.heard[-1].final
        assert recogniser.errors == 1
        with gevent.Timeout(20):
            while alive(hung) or not recogniser.pool.workers[0].ready.is_set():
                gevent.sleep(0.02)
        caller.say(pcm)
        assert caller.words() == "how do i reset my password"
        caller.stream.close()
    finally:
        pids = [worker.child.pid for worker in recogniser.pool.workers]
        recogniser.close()
    assert not any(alive(pid) for pid in pids)


def test_an_utterance_that_kills_two_workers_is_given_up(recogniser):
    """Else one poisonous utterance would take the workers down one after the other for ever."""
    rate, pcm = recording("password-8k")
    caller = Caller(recogniser, rate)
    caller.feed(pcm[:rate])
    caller.stream.voice_on(rate // 2)
    errors = recogniser.errors
    for _ in range(2):
        with gevent.Timeout(20):
            while not (busy := [each for each in recogniser.pool.workers if each.utterances and each.child.pid]):
                gevent.sleep(0.01)
        os.kill(busy[0].child.pid, signal.SIGKILL)
        gevent.sleep(0.05)
    assert caller.words() == ""
    assert recogniser.errors == errors + 1
    assert recogniser.wait_ready(20)
    caller.stream.close()


def test_a_closed_stream_delivers_nothing(recogniser):
    rate, pcm = recording("password-8k")
    caller = Caller(recogniser, rate)
    caller.say(pcm)
    caller.stream.close()
    caller.stream.close()
    caller.heard.clear()
    gevent.sleep(0.5)
    assert caller.heard == []
    assert not any(worker.utterances for worker in recogniser.pool.workers)


def test_a_missing_model_is_an_empty_final_and_a_counted_error(recogniser, tmp_path):
    good, errors = recogniser.model, recogniser.errors
    rate, pcm = recording("password-8k")
    caller = Caller(recogniser, rate)
    recogniser.model = tmp_path / "gone"
    try:
        caller.say(pcm)
        assert caller.words() == ""
        assert recogniser.errors == errors + 1
    finally:
        recogniser.model = good
    caller.stream.close()


def test_a_rate_that_cannot_be_recognised_is_refused(recogniser):
    with pytest.raises(SpeechError, match="44100"):
        recogniser.open(44100, print)


def test_frames_to_a_worker_survive_any_cut():
    """A pipe gives bytes as it likes."""
    sent = [(1, wire.START, b"{}"), (2, wire.AUDIO, bytes(1000)), (1, wire.END, b""), (4_000_000_000, wire.CANCEL, b"")]
    data = b"".join(wire.frame(number, kind, payload) for number, kind, payload in sent)
    for size in (1, 7, 500, len(data)):
        frames = wire.Frames()
        assert [frame for at in range(0, len(data), size) for frame in frames.feed(data[at:at + size])] == sent
    with pytest.raises(ValueError, match="bytes"):
        list(wire.Frames().feed(b"\xff" * 9))


def test_the_cepstral_mean_of_a_call_is_found_in_what_the_decoder_made_of_it():
    """The decoder averages 500 frames of what it was told with the frames that it heard."""
    mean = CepstralMean(8000, None)
    told, own = TYPICAL_MEAN[8000], [value + 10 for value in TYPICAL_MEAN[8000]]
    decoders = [(500 * a + 200 * b) / 700 for a, b in zip(told, own, strict=True)]
    mean.follow(",".join(map(str, decoders)), 200)
    frames, *values = mean.state()
    assert frames == 300
    assert values == pytest.approx([(100 * a + 200 * b) / 300 for a, b in zip(told, own, strict=True)], abs=0.01)
    assert CepstralMean(8000, mean.state()).state() == mean.state()
