"""Recognisers on sockets against strict servers: words and positions, lost connections, faults, deadlines, the end."""

import json

import gevent
import pytest
from hearing_caller import Caller

from engine.speech.errors import SpeechError
from engine.speech.stt.deepgram import deepgram
from engine.speech.stt.openai_realtime import openai_realtime
from tests.fakes.deepgram_server import KEY, DeepgramServer
from tests.fakes.number_speech import say
from tests.fakes.realtime_server import RealtimeServer

MAKERS = {"deepgram": (DeepgramServer, deepgram), "realtime": (RealtimeServer, openai_realtime)}
BOTH = pytest.mark.parametrize("vendor", list(MAKERS), indirect=True)
ONLY_DEEPGRAM = pytest.mark.parametrize("vendor", ["deepgram"], indirect=True)
ONLY_REALTIME = pytest.mark.parametrize("vendor", ["realtime"], indirect=True)


@pytest.fixture
def vendor(request):
    """A server, ``make(**options)`` for its recogniser, and what faults were told."""
    server_class, maker = MAKERS[request.param]
    server = server_class()
    server.faults, made = [], []
    keys = {"deepgram": KEY, "realtime": "sk-right"}

    def make(**options):
        base = {"base_url": server.url.replace("ws:", "http:"), "api_key": keys[request.param], "spares": 0,
                "on_fault": server.faults.append}
        made.append(maker(**base | options))
        return made[-1]

    server.make = make
    yield server
    for recogniser in made:
        recogniser.close()
    server.close()


def kinds(server):
    return [fault.kind for fault in server.faults]


@BOTH
@pytest.mark.parametrize("rate", [8000, 16000])
def test_words_come_while_they_are_spoken_and_the_final_when_the_voice_stops(vendor, rate):
    """Partials during the voice; one final whose words and end are those of the voice."""
    caller = Caller(vendor.make(), rate)
    gevent.sleep(0.05)
    caller.quiet(600)
    caller.on("one two")
    caller.wait_partial("one")
    began, stopped = caller.fed, 0
    caller.feed(say("three", rate))
    stopped = caller.fed
    caller.quiet(160)
    caller.stream.voice_off(stopped)
    caller.wait_finals(1)
    assert caller.text == "one two three"
    assert caller.finals[-1].end == stopped
    assert caller.finals[0].start <= began
    caller.stream.close()


@BOTH
def test_what_is_said_before_the_connection_is_open_is_heard(vendor):
    """The call begins to listen at once; connecting takes its time."""
    caller = Caller(vendor.make())
    caller.speak("one two")
    assert not vendor.peers
    caller.wait_finals(1)
    assert caller.text == "one two"
    caller.stream.close()


@BOTH
def test_several_stretches_are_told_apart(vendor):
    """On one connection, without silence between them: each has its own words and positions."""
    caller = Caller(vendor.make())
    gevent.sleep(0.05)
    spans = []
    for words in ("one two", "three", "four five six"):
        caller.quiet(400)
        spans.append(caller.speak(words))
    finals = [final for final in caller.wait_finals(3) if final.text]
    assert [final.text for final in finals] == ["one two", "three", "four five six"]
    for final, (began, stopped) in zip(finals, spans, strict=True):
        assert began - 3300 <= final.start <= began + 160
        assert final.end == stopped
    assert len(vendor.peers) == 1
    caller.stream.close()


@BOTH
@pytest.mark.parametrize("after_s", [0.3, 1.3, 2.1])
def test_a_connection_lost_in_mid_sentence_costs_no_word(vendor, after_s):
    """Wherever it breaks: a new connection hears again what the lost one had not finally told. Every word once."""
    words = "one two three four five six seven eight nine ten eleven twelve"
    vendor.drop_after_s = [after_s]
    caller = Caller(vendor.make(), pace_s=0.002)
    gevent.sleep(0.05)
    caller.speak(words)
    with gevent.Timeout(3):
        while caller.text.count("twelve") < 1:
            caller.changed.wait(0.05)
    assert caller.text == words
    assert len(vendor.peers) == 2
    assert kinds(vendor) == ["unavailable"]
    caller.stream.close()


@BOTH
def test_a_connection_lost_while_the_final_is_awaited(vendor):
    """The stretch was over, its answer was not there: it is asked for again on the new connection."""
    vendor.stall = True
    caller = Caller(vendor.make(final_timeout_s=3))
    gevent.sleep(0.05)
    caller.speak("one two")
    gevent.sleep(0.05)
    vendor.stall = False
    vendor.drop_all()
    caller.wait_finals(1)
    assert caller.text == "one two"
    caller.stream.close()


@BOTH
def test_a_spare_connection_takes_over(vendor):
    """With a spare there is no handshake to wait for; and the next spare is made."""
    caller = Caller(vendor.make(spares=1))
    gevent.sleep(0.1)
    assert len(vendor.peers) == 2
    vendor.peers[0].drop()
    gevent.sleep(0.1)
    caller.speak("one")
    caller.wait_finals(1)
    assert caller.text == "one"
    assert len(vendor.peers) == 3
    caller.stream.close()


@BOTH
def test_a_final_that_does_not_come_is_made_of_the_newest_partial(vendor):
    """By the deadline, with the words that are known, and as a fault; the dead connection is replaced."""
    caller = Caller(vendor.make(final_timeout_s=0.15))
    gevent.sleep(0.05)
    began, stopped = caller.on("one two")
    caller.wait_partial("one two")
    vendor.stall = True
    caller.quiet(160)
    gevent.sleep(0.02)
    caller.stream.voice_off(stopped)
    final = caller.wait_finals(1)[0]
    assert (final.text, final.end) == ("one two", stopped)
    assert kinds(vendor)[0] == "timeout"
    vendor.stall = False
    gevent.sleep(0.3)
    caller.speak("three")
    caller.wait_finals(2)
    assert caller.text == "one two three"
    caller.stream.close()


@BOTH
def test_a_refused_key_is_told_and_finals_come_at_once(vendor):
    """Nobody waits for a deadline when it is known that nothing will come."""
    caller = Caller(vendor.make(api_key="k-456", final_timeout_s=5))
    gevent.sleep(0.1)
    assert set(kinds(vendor)) == {"auth"}
    caller.speak("one")
    assert caller.wait_finals(1, 0.5)[0].text == ""
    assert kinds(vendor) == ["auth", "auth"]  # told again, because it spoiled this stretch
    assert "k-456" not in str(vendor.faults[0])
    caller.stream.close()


@BOTH
def test_a_rate_limit_says_how_long_to_wait(vendor):
    vendor.refuse = (429, {"Retry-After": "3"}, "too many")
    caller = Caller(vendor.make())
    gevent.sleep(0.1)
    assert kinds(vendor) == ["rate_limit"]
    assert vendor.faults[0].retry_after_s == 3
    caller.stream.close()


@BOTH
def test_a_server_that_is_not_there_is_tried_again_and_the_words_are_not_lost(vendor):
    """A restart of the vendor's front end: what is said meanwhile is heard afterwards."""
    vendor.refuse = (503, {}, "restarting")
    caller = Caller(vendor.make(final_timeout_s=3))
    gevent.sleep(0.05)
    caller.speak("one two")
    vendor.refuse = None
    caller.wait_finals(1)
    assert caller.text == "one two"
    assert set(kinds(vendor)) == {"unavailable"}
    caller.stream.close()


@BOTH
def test_close_ends_the_connection_politely_and_is_silent_afterwards(vendor):
    """No transcript after close, whatever was on its way; the vendor sees the end, not a time-out."""
    vendor.latency_s = 0.1
    recogniser = vendor.make(spares=1)
    caller = Caller(recogniser)
    gevent.sleep(0.1)
    caller.speak("one")
    caller.stream.close()
    caller.stream.close()
    gevent.sleep(0.25)
    assert caller.heard == []
    recogniser.close()
    gevent.sleep(0.05)
    assert len(vendor.ended) == len(vendor.peers) == 2
    assert 1000 in vendor.ended


@BOTH
def test_a_call_that_ends_before_it_was_connected(vendor):
    caller = Caller(vendor.make())
    caller.stream.close()
    gevent.sleep(0.05)
    assert vendor.peers == []


@BOTH
def test_voice_without_words_gets_an_empty_final(vendor):
    caller = Caller(vendor.make())
    gevent.sleep(0.05)
    caller.quiet(500)
    began, stopped = caller.fed, caller.fed + 2400
    caller.stream.voice_on(began)
    caller.quiet(460)
    caller.stream.voice_off(stopped)
    final = caller.wait_finals(1)[0]
    assert (final.text, final.start, final.end) == ("", began, stopped)
    caller.stream.close()


@BOTH
def test_a_rate_that_cannot_be_sent_is_refused_when_the_call_begins(vendor):
    with pytest.raises(SpeechError, match="11025"):
        vendor.make().open(11025, lambda heard: None)


# ---------------------------------------------------------------- Deepgram


@ONLY_DEEPGRAM
def test_settings_are_in_the_address(vendor):
    """Keyterms for nova-3 and keywords for older models; what the operator adds wins."""
    for options in ({"language": "hi"}, {"model": "nova-2", "extra": {"numerals": "true", "punctuate": "false"}}):
        Caller(vendor.make(vocabulary=["Kerala", "open day"], **options))
    gevent.sleep(0.1)
    new, old = sorted(vendor.queries, key=lambda query: query["model"], reverse=True)
    assert new["keyterm"] == ["Kerala", "open day"]
    assert new["language"] == ["hi"]
    assert new["sample_rate"] == ["8000"]
    assert old["keywords"] == ["Kerala", "open day"]
    assert (old["numerals"], old["punctuate"]) == (["true"], ["false"])


@ONLY_DEEPGRAM
def test_more_keyterms_than_deepgram_takes_are_not_sent(vendor):
    """Beyond 500 tokens transcription would stop without an error."""
    Caller(vendor.make(vocabulary=[f"name{n}" for n in range(1000)]))
    gevent.sleep(0.1)
    assert 100 < len(vendor.queries[0]["keyterm"]) <= 250


@ONLY_DEEPGRAM
def test_an_idle_connection_is_kept_open_without_audio(vendor, monkeypatch):
    """KeepAlive as text every few seconds; a caller who listens for long costs nothing and loses nothing."""
    monkeypatch.setattr("engine.speech.stt.deepgram.DeepgramWire.alive_s", 0.05)
    vendor.idle_s = 0.15
    caller = Caller(vendor.make())
    gevent.sleep(0.05)
    caller.quiet(500)
    gevent.sleep(0.5)
    assert vendor.messages.count("KeepAlive") >= 3
    assert (len(vendor.peers), vendor.seconds) == (1, 0.0)
    caller.speak("one")
    caller.wait_finals(1)
    assert caller.text == "one"
    caller.stream.close()


@ONLY_DEEPGRAM
def test_a_finalize_without_an_answer_is_made_good_by_the_next(vendor):
    """Deepgram does not promise ``from_finalize``: a later answer must not be taken for this one's, and that nothing
    was left to say is no fault."""
    vendor.mute_finalize = True
    caller = Caller(vendor.make(final_timeout_s=0.4))
    gevent.sleep(0.05)
    caller.quiet(400)
    caller.stream.voice_on(caller.fed)
    caller.quiet(300)
    caller.stream.voice_off(caller.fed)
    caller.quiet(400)
    began, stopped = caller.speak("two")
    finals = caller.wait_finals(3)
    assert [final.text for final in finals] == ["", "two", ""]
    assert finals[2].end == stopped
    assert vendor.faults == []
    caller.stream.close()


@ONLY_DEEPGRAM
def test_confidence_is_that_of_the_words(vendor):
    caller = Caller(vendor.make())
    caller.speak("one")
    assert caller.wait_finals(1)[0].confidence == 0.98
    caller.stream.close()


@ONLY_DEEPGRAM
def test_an_error_frame_is_a_fault_and_the_stream_goes_on(vendor):
    vendor.error = {"type": "Error", "description": "keyterms are not supported", "message": "x", "variant": "y"}
    caller = Caller(vendor.make())
    caller.speak("one")
    caller.wait_finals(1)
    assert caller.text == "one"
    assert kinds(vendor) == ["broken"]
    caller.stream.close()


# ---------------------------------------------------------------- OpenAI realtime


@ONLY_REALTIME
def test_the_session_is_for_transcription_and_ours_to_commit(vendor):
    """The types of openai-python refuse a wrong field; here is what must be in it."""
    Caller(vendor.make(language="ml", vocabulary=["Kerala"], noise_reduction="near_field"))
    Caller(vendor.make(model="whisper-1", vocabulary=["Kerala"], logprobs=True))
    gevent.sleep(0.1)
    live, old = sorted(vendor.sessions, key=json.dumps)
    heard = live["audio"]["input"]
    assert heard["transcription"] == {"model": "gpt-live-transcribe", "keywords": ["Kerala"], "language": "ml"}
    assert heard["noise_reduction"] == {"type": "near_field"}
    assert old["audio"]["input"]["transcription"]["prompt"] == "Kerala"
    assert old["include"] == ["item.input_audio_transcription.logprobs"]


@ONLY_REALTIME
def test_completions_in_another_order_reach_their_own_stretch(vendor):
    """OpenAI does not promise their order; the turn engine gets finals in the order of the voice."""
    vendor.latencies_s = [0.15, 0.0]
    caller = Caller(vendor.make(model="whisper-1"))
    gevent.sleep(0.05)
    caller.speak("one")
    caller.quiet(500)
    caller.speak("two")
    finals = caller.wait_finals(2)
    assert [final.text for final in finals] == ["one", "two"]
    assert finals[0].end < finals[1].start
    caller.stream.close()


@ONLY_REALTIME
def test_a_very_short_stretch_is_long_enough_to_commit(vendor):
    """A click at the very beginning of the call: commits below 100 ms are refused, so silence is added."""
    caller = Caller(vendor.make())
    gevent.sleep(0.05)
    caller.quiet(40)
    caller.stream.voice_on(0)
    caller.stream.voice_off(320)
    assert caller.wait_finals(1, 0.5)[0].text == ""
    assert (vendor.commits, vendor.faults) == (1, [])
    caller.stream.close()


@ONLY_REALTIME
@pytest.mark.parametrize(("error", "kind"), [
    ({"type": "server_error", "message": "try later"}, "unavailable"),
    ({"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "Please try again in 1.8s."}, "rate_limit"),
])
def test_a_transcription_that_failed_gives_its_partial(vendor, error, kind):
    vendor.fail = error
    caller = Caller(vendor.make())
    gevent.sleep(0.05)
    caller.speak("one")
    assert caller.wait_finals(1)[0].text == "one"
    assert kinds(vendor) == [kind]
    assert vendor.faults[0].retry_after_s == (1.8 if kind == "rate_limit" else None)
    caller.stream.close()


@ONLY_REALTIME
def test_the_end_of_a_session_is_not_the_end_of_hearing(vendor):
    """OpenAI ends sessions after an hour: a new one hears the sentence that was under way."""
    vendor.error = {"type": "invalid_request_error", "code": "session_expired", "message": "maximum duration"}
    caller = Caller(vendor.make())
    gevent.sleep(0.05)
    caller.speak("one two")
    caller.wait_finals(1)
    assert caller.text == "one two"
    assert kinds(vendor) == ["unavailable"]
    caller.stream.close()


@ONLY_REALTIME
def test_a_session_that_is_refused_is_not_tried_again_and_again(vendor):
    """A wrong model fails each time: the fault says what the server said, once."""
    caller = Caller(vendor.make(model="no-such-model", final_timeout_s=5))
    gevent.sleep(0.3)
    assert kinds(vendor) == ["refused"]
    assert "no-such-model" in str(vendor.faults[0])
    caller.speak("one")
    assert caller.wait_finals(1, 0.5)[0].text == ""
    caller.stream.close()


@ONLY_REALTIME
def test_confidence_from_logprobs(vendor):
    caller = Caller(vendor.make(logprobs=True))
    caller.speak("one")
    assert caller.wait_finals(1)[0].confidence == pytest.approx(0.905)
    caller.stream.close()


@BOTH
def test_what_is_said_during_a_long_replay_follows_in_its_turn(vendor):
    """Eight seconds of voice wait when the connection opens; the voice goes on, stops and starts again meanwhile."""
    words = " ".join(["one two three four five six seven eight nine ten"] * 3)
    vendor.refuse = (503, {}, "restarting")
    caller = Caller(vendor.make(final_timeout_s=5))
    gevent.sleep(0.02)
    caller.on(words)
    vendor.refuse = None
    with gevent.Timeout(3):
        while not vendor.peers:
            gevent.sleep(0.001)
    caller.feed(say("eleven", 8000))
    stopped = caller.fed
    caller.quiet(160)
    caller.stream.voice_off(stopped)
    caller.quiet(300)
    caller.speak("twelve")
    with gevent.Timeout(5):
        while "twelve" not in caller.text:
            caller.changed.wait(0.05)
    assert caller.text == f"{words} eleven twelve"
    assert len(vendor.peers) == 1
    caller.stream.close()
