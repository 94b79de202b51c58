"""Transcription over HTTP against a strict server: what is sent, when it is cancelled, what becomes of faults."""

import gevent
import pytest
from hearing_caller import Caller

from engine.speech.stt.openai_batch import OpenAiBatchRecogniser, understood
from tests.fakes.number_speech import say
from tests.fakes.transcription_server import KEY, TranscriptionServer


@pytest.fixture(scope="module")
def running():
    server = TranscriptionServer()
    yield server
    server.close()


@pytest.fixture
def server(running):
    running.__dict__.update(latency_s=0.0, refuse=None, refuse_times=10**9, stall=False, drop=0, garbage=None,
                            silence=False, started=0, warmed=0, requests=[])
    return running


@pytest.fixture
def make(server):
    made = []

    def recogniser(**options):
        made.append(OpenAiBatchRecogniser(**{"base_url": server.url, "api_key": KEY, "model": "whisper-1"} | options))
        return made[-1]

    yield recogniser
    for one in made:
        one.close()


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_stretch_is_heard_whole_from_its_first_syllable(make, server, rate):
    """The pre-roll holds what was said before the voice was noticed; positions are those of the voice."""
    caller = Caller(make(), rate)
    caller.quiet(600)
    began, stopped = caller.speak("one two three")
    final = caller.wait_finals(1)[0]
    assert (final.text, final.start, final.end) == ("one two three", began, stopped)
    assert server.requests[0]["rate"] == rate
    assert server.requests[0]["seconds"] == pytest.approx(0.4 + 0.72 + 0.16, abs=0.03)
    caller.stream.close()


def test_silence_gets_its_final_too(make):
    """A final always comes, if need be empty: the turn engine waits for it."""
    caller = Caller(make())
    caller.speak("")
    assert [final.text for final in caller.wait_finals(1)] == [""]
    caller.stream.close()


def test_voice_that_goes_on_cancels_the_request_and_is_heard_as_one(make, server):
    """A pause within a sentence: what was sent at its likely end is dropped, the whole is sent at the real one."""
    server.latency_s = 0.3
    caller = Caller(make())
    began, _ = caller.speak("one two")
    gevent.sleep(0.05)
    assert server.started == 1
    _, stopped = caller.speak("three")
    final = caller.wait_finals(1)[0]
    gevent.sleep(0.3)
    assert caller.text == "one two three"
    assert (final.start, final.end) == (began, stopped)
    assert len(caller.finals) == 1
    caller.stream.close()


def test_voice_after_the_answer_is_a_stretch_of_its_own(make):
    caller = Caller(make())
    caller.speak("one")
    caller.wait_finals(1)
    caller.speak("two")
    assert [final.text for final in caller.wait_finals(2)] == ["one", "two"]
    caller.stream.close()


def test_long_speech_is_cut_at_a_quiet_place_and_no_word_is_lost(make, server):
    """Audio per request is bounded; the cut lies between words, so the parts hold every word once."""
    words = "one two three four five six seven eight nine ten"
    caller = Caller(make(longest_ms=2000))
    began = caller.fed
    caller.stream.voice_on(began)
    caller.feed(say(words, 8000, gap_ms=160))
    caller.quiet(160)
    caller.stream.voice_off(caller.fed - 1280)
    gevent.sleep(0.3)
    assert caller.text == words
    assert len(server.requests) > 1
    assert max(request["seconds"] for request in server.requests) <= 2.1
    caller.stream.close()


def test_language_vocabulary_and_extra_fields_are_sent(make, server):
    """In the way of the model: a prompt for Whisper, keywords where they exist."""
    for model in ("whisper-1", "gpt-transcribe"):
        recogniser = make(model=model, language="fr", vocabulary=["Okti", "Kerala"], extra={"temperature": "0.2"})
        assert recogniser.transcribe(say("one", 8000), 8000)[0] == "one"
    assert server.requests[0]["prompt"] == ["Okti, Kerala"]
    assert server.requests[1]["keywords[]"] == ["Okti", "Kerala"]
    assert server.requests[1]["language"] == ["fr"]
    assert server.requests[1]["temperature"] == ["0.2"]


def test_verbose_answers_bring_language_and_confidence(make, server):
    """And words that Whisper invents in silence are dropped by its own two thresholds."""
    server.silence = True
    caller = Caller(make(response_format="verbose_json"))
    caller.speak("one two")
    final = caller.wait_finals(1)[0]
    assert (final.text, final.language) == ("one two", "english")
    assert 0.8 < final.confidence < 0.83  # e ** -0.2
    caller.stream.close()


def test_confidence_from_logprobs(make):
    assert make(model="gpt-4o-transcribe", logprobs=True).transcribe(say("one", 8000), 8000)[1] == pytest.approx(0.905)


@pytest.mark.parametrize(("knob", "kind"), [
    ({"refuse": (429, {"Retry-After": "7"}, "Rate limit reached")}, "rate_limit"),
    ({"refuse": (429, {}, "Rate limit reached. Please try again in 1.8s.")}, "rate_limit"),
    ({"refuse": (503, {}, "overloaded")}, "unavailable"),
    ({"refuse": (400, {}, "no such language")}, "refused"),
    ({"stall": True}, "timeout"),
    ({"garbage": b"<html>"}, "broken"),
    ({"garbage": b'{"txt": 1}'}, "broken"),
    ({"drop": 2}, "unavailable"),
])
def test_faults_are_told_by_kind_and_the_final_still_comes(make, server, knob, kind):
    """The router decides by kind; the call goes on with an empty final."""
    told = []
    server.__dict__.update(knob)
    caller = Caller(make(total_timeout_s=0.3, on_fault=told.append))
    caller.speak("one")
    assert caller.wait_finals(1)[0].text == ""
    assert [fault.kind for fault in told] == [kind]
    if kind == "rate_limit":
        assert told[0].retry_after_s in (7.0, 1.8)
    assert KEY not in str(told[0])
    caller.stream.close()


def test_a_wrong_key_is_a_fault_of_its_own_kind(make):
    told = []
    caller = Caller(make(api_key="sk-wrong", on_fault=told.append))
    caller.speak("one")
    caller.wait_finals(1)
    assert told[0].kind == "auth"
    caller.stream.close()


def test_a_kept_connection_that_was_closed_meanwhile_costs_nothing(make, server):
    """The first request on a dead connection fails at once; it is asked again."""
    server.drop = 1
    caller = Caller(make())
    caller.speak("one")
    assert caller.wait_finals(1)[0].text == "one"
    caller.stream.close()


def test_nothing_comes_after_the_deadline_or_after_close(make, server):
    """A late answer is not a second final, and a closed stream is silent."""
    server.latency_s = 0.25
    recogniser = make(final_timeout_s=0.05)
    caller = Caller(recogniser)
    caller.speak("one")
    assert [final.text for final in caller.wait_finals(1)] == [""]
    assert recogniser.errors == 1
    caller.speak("two")
    caller.stream.close()
    gevent.sleep(0.3)
    assert len(caller.heard) == 1


def test_a_connection_is_opened_ahead(make, server):
    """At the first call, so that its first words do not wait for it."""
    caller = Caller(make())
    gevent.sleep(0.1)
    assert server.warmed == 1
    caller.stream.close()


def test_answers_that_are_no_transcripts():
    for answer in ("{}", "[]", '{"text": 7}', "plain text"):
        with pytest.raises(ValueError):
            understood(answer)
