"""What clients may do in a Realtime session: formats, commits by hand, cancelling, truncating, writing, tools."""

import http.client
import json
import time
from contextlib import suppress

import gevent
import numpy as np
import pytest
from call_providers import ANSWER, CHAR_S, LookUp, providers, voice
from call_world import named, wait

from engine.dialog.brain import ClientCall, Text, Used
from engine.media import g711
from engine.net.errors import SocketClosed
from engine.web import realtime

FORMATS = [({"type": "audio/pcm", "rate": 24000}, 24000, 2, None),
           ({"type": "audio/pcm", "rate": 16000}, 16000, 2, None),
           ({"type": "audio/pcm", "rate": 8000}, 8000, 2, None), ({"type": "audio/pcmu"}, 8000, 1, g711.ulaw_encode),
           ({"type": "audio/pcma"}, 8000, 1, g711.alaw_encode)]  # fmt: skip


def test_every_format_both_ways(place):
    """A caller is heard and the answer has its whole length, whatever the audio looks like on the wire."""
    with place(providers(*[["when do you open"]] * len(FORMATS))) as at:
        clients = [at.client() for _ in FORMATS]
        for client, (form, *_) in zip(clients, FORMATS, strict=True):
            client.__enter__()
            told = client.update(audio={"input": {"format": form}, "output": {"format": form}})
            assert told["audio"]["output"]["format"] == form
        talks = [gevent.spawn(client.say, rate=rate, encode=encode)
                 for client, (_, rate, _, encode) in zip(clients, FORMATS, strict=True)]
        gevent.joinall(talks, raise_error=True)
        for client, (form, rate, width, _) in zip(clients, FORMATS, strict=True):
            (item,) = client.wait_for("response.done")["response"]["output"]
            assert item["content"][0]["transcript"] == ANSWER, form
            expected = len(ANSWER.replace(". ", ".")) * CHAR_S
            assert client.heard_s(item["id"], rate, width) == pytest.approx(expected, abs=0.06), form
            client.close()


def test_a_client_that_stops_sending_ends_its_turn(place):
    """Push-to-talk with the server's turn detection: nothing comes after the words, and the turn ends all the same;
    the silence that the engine made up is no audio of the client's."""
    with place(providers(["when do you open"])) as at:
        with at.client() as client:
            client.say(silence=0)
            stopped = client.wait_for("input_audio_buffer.speech_stopped")
            assert 500 <= stopped["audio_end_ms"] <= 640
            assert client.wait_for("response.done")["response"]["status"] == "completed"


def test_a_burst_is_heard_as_it_was_spoken(place):
    """All audio at once: the turn is found in it where it was."""
    with place(providers(["when do you open"])) as at:
        with at.client() as client:
            silence, tone = np.zeros(12000, np.int16), voice(0.6, 24000)
            client.append(np.concatenate([silence, tone, silence]).tobytes())
            started = client.wait_for("input_audio_buffer.speech_started")
            stopped = client.wait_for("input_audio_buffer.speech_stopped")
            assert started["audio_start_ms"] == pytest.approx(500 - 300, abs=40)
            assert stopped["audio_end_ms"] == pytest.approx(1100, abs=40)
            assert client.wait_for("response.done")["response"]["status"] == "completed"


def test_turns_by_hand(place):
    """Without turn detection the client commits; a response that it asks for at once waits for the words."""
    given = providers(["when do you open"])
    with place(given) as at:
        with at.client() as client:
            client.update(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
            client.append(voice(0.6, 24000).tobytes())
            client.send("input_audio_buffer.commit")
            client.send("response.create")
            client.wait_for("input_audio_buffer.committed")
            done = client.wait_for("response.done")["response"]
            assert done["output"][0]["content"][0]["transcript"] == ANSWER
            assert "input_audio_buffer.speech_started" not in client.kinds()
            (words,) = client.of("conversation.item.input_audio_transcription.completed")
            assert words["transcript"] == "when do you open"
            client.append(voice(0.04, 24000).tobytes())
            client.send("input_audio_buffer.commit")
            assert client.wait_for("error")["error"]["code"] == "input_audio_buffer_commit_empty"
    assert given.brain.requests[-1].text == "when do you open" and given.brain.requests[-1].history == ()


def test_what_is_written_is_answered(place):
    """Items in writing and a response: aloud, or in text; the history has both."""
    given = providers(brain=LookUp(when="At nine.", where="In Kochi."))
    with place(given) as at:
        with at.client() as client:
            ask(client, "when do you open")
            client.send("response.create")
            done = client.wait_for("response.done")["response"]
            assert done["output"][0]["content"][0]["transcript"] == "At nine."
            client.update(output_modalities=["text"])
            ask(client, "where is that")
            client.send("response.create")
            assert client.wait_for("response.output_text.done")["text"].strip() == "In Kochi."
            assert client.wait_for("response.done")["response"]["status"] == "completed"
            assert not client.faults
    assert given.brain.requests[-1].text == "where is that"
    assert given.brain.requests[-1].history == (("user", "when do you open"), ("agent", "At nine."))


def ask(client, text):
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    client.send("conversation.item.create", item=item)
    return client.wait_for("conversation.item.done")["item"]


def test_a_session_in_text_answers_what_is_spoken(place):
    """Speech in, text out; the caller who goes on ends what is being written."""
    given = providers(["when do you open", "where is that"], brain=LookUp(when="stall", where="In Kochi."))
    with place(given) as at:
        with at.client() as client:
            client.update(output_modalities=["text"])
            client.say()
            client.wait_for("response.created")
            client.say()
            assert client.wait_for("response.done")["response"]["status"] == "cancelled"
            assert client.wait_for("response.output_text.done")["text"].strip() == "In Kochi."


def test_cancel_and_truncate_keep_exactly_what_was_heard(place):
    """``response.cancel`` ends the response at once; then the client says how much of it was played, and the brain's
    history has those words: each letter of this voice takes 40 ms."""
    given = providers(brain=LookUp(when="One two three four five six seven eight nine ten."))
    with place(given) as at:
        with at.client() as client:
            ask(client, "when")
            client.send("response.create")
            item = client.wait_for("response.output_item.added")["item"]["id"]
            wait(lambda: client.heard_s(item) > 0.9, "no audio")
            client.send("response.cancel")
            assert client.wait_for("response.done")["response"]["status_details"]["reason"] == "client_cancelled"
            heard_ms = round(len("One two three") * CHAR_S * 1000) + 40
            client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=heard_ms)
            client.wait_for("conversation.item.truncated")
            client.send("conversation.item.retrieve", item_id=item)
            kept = client.wait_for("conversation.item.retrieved")["item"]["content"][0]
            ask(client, "again")
            client.send("response.create")
            client.wait_for("response.done")
            client.send("response.cancel")
            assert client.wait_for("error")["error"]["code"] == "response_cancel_not_active"
    assert kept["transcript"] == "One two three"
    assert given.brain.requests[-1].history == (("user", "when"), ("agent", "One two three"))


def test_nobody_is_answered_or_interrupted_who_does_not_want_it(place):
    """``create_response`` and ``interrupt_response`` off: turns become items; the agent talks on."""
    given = providers(["when do you open", "what about Monday"], brain=LookUp(when="One two three four five six."))
    with place(given) as at:
        with at.client() as client:
            client.update(audio={"input": {"turn_detection": {
                "type": "server_vad", "create_response": False, "interrupt_response": False}}})
            client.say()
            client.wait_for("conversation.item.done")
            client.send("response.create")
            client.wait_for("response.output_audio.delta")
            client.say(seconds=0.4)
            assert client.wait_for("response.done")["response"]["status"] == "completed"
            client.wait_for("input_audio_buffer.committed")
            gevent.sleep(0.3)
            assert len(client.of("response.created")) == 1 and not client.faults


def test_a_cough_is_not_told(place):
    """Noise over the agent's speech pauses it, and nothing else: clients would throw away what they have."""
    given = providers(["when do you open", ""], brain=LookUp(when="One two three four five six seven eight."))
    with place(given) as at:
        with at.client() as client:
            client.say()
            client.wait_for("response.output_audio.delta")
            client.say(seconds=0.16, silence=1.0)
            done = client.wait_for("response.done")["response"]
            assert done["status"] == "completed" and not client.faults
        (events,) = at.logs()
    assert named(events, "pause") and named(events, "resume")
    assert len(client.of("input_audio_buffer.speech_started")) == 1


def test_responses_beside_the_conversation(place):
    """They run at once, are bounded, and leave no item; their input is their own."""
    given = providers(brain=LookUp(a="Alpha.", b="Beta."))
    with place(given) as at:
        with at.client() as client:
            for text in ("a", "b"):
                item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
                client.send("response.create", response={"conversation": "none", "input": [item],
                            "output_modalities": ["text"], "metadata": {"topic": text}})
            done = [client.wait_for("response.done")["response"] for _ in range(2)]
            told = {one["metadata"]["topic"]: one["output"][0]["content"][0]["text"].strip() for one in done}
            assert told == {"a": "Alpha.", "b": "Beta."}
            assert not client.of("conversation.item.added")


class ToolCaller(LookUp):
    """Calls the client's tool ``weather``; with its result it answers."""

    def reply(self, request):
        self.requests.append(request)
        assert request.terms is not None
        results = [call.result for call in request.terms.calls if call.result is not None]
        if results:
            yield Text(f"It is {results[-1]}. ")
        else:
            assert [tool.name for tool in request.terms.tools] == ["weather"]
            yield Text("One moment. ")
            request.wait_decided(5)
            yield ClientCall("call_1", "weather", '{"city":"Kochi"}')
        yield Used(7, 3)


def test_a_tool_of_the_clients(place):
    """The call ends the response, the result goes on in the next one, which may be asked for before the words before
    the call are spoken out."""
    given = providers(["what about the weather"], brain=ToolCaller())
    tool = {"type": "function", "name": "weather", "description": "", "parameters": {"type": "object"}}
    with place(given) as at:
        with at.client() as client:
            client.update(tools=[tool])
            client.say()
            call = client.wait_for("response.function_call_arguments.done")
            assert (call["name"], call["arguments"]) == ("weather", '{"city":"Kochi"}')
            client.send("conversation.item.create",
                        item={"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"})
            client.send("response.create")
            first = client.wait_for("response.done")["response"]
            second = client.wait_for("response.done")["response"]
    assert first["usage"]["input_tokens"] == 7
    assert second["output"][0]["content"][0]["transcript"] == "It is sunny."
    assert not client.faults


def test_a_fault_ends_one_response_or_one_session(place):
    """A brain that fails is told as a failed response and spoken about; the session goes on, and so do others."""
    given = providers(["fail please"], ["when do you open"], brain=LookUp(fail=RuntimeError("broken")))
    with place(given) as at:
        with at.client() as client, at.client() as other:
            client.say()
            failed = client.wait_for("response.done")["response"]
            assert failed["status"] == "failed" and failed["status_details"]["error"]["code"] == "server_error"
            apology = client.wait_for("response.done")["response"]
            assert apology["output"][0]["content"][0]["transcript"] == "I am sorry."
            other.say()
            assert other.wait_for("response.done")["response"]["status"] == "completed"
            given.recogniser.feed_fault = RuntimeError("deaf")
            with suppress(SocketClosed):
                other.say(seconds=0.1)
            assert other.wait_closed()[0] == 1011


def test_limits_secrets_and_the_end_of_the_engine(place):
    """A full engine refuses, a secret brings its configuration, and draining closes what is open."""
    with place(realtime={"max_sessions": 1}, drain_s=0.2) as at:
        made = server_secret(at)
        with at.client(headers={"Authorization": f"Bearer {made}"}) as client:
            assert client.of("session.created")[0]["session"]["instructions"] == "Be kind."
            assert client.of("session.created")[0]["session"]["model"] == "local"
            full = at.client()
            assert full.wait_closed()[0] == 1013
            full.close()
            at.engine.drain()
            assert client.wait_closed()[0] == 1001
            late = at.client()
            assert late.wait_closed()[0] == 1001
            late.close()


def server_secret(at):
    """A secret made over HTTP for sessions with instructions."""
    connection = http.client.HTTPConnection(*at.web.address, timeout=5)
    connection.request("POST", "/v1/realtime/client_secrets",
                       json.dumps({"session": {"type": "realtime", "instructions": "Be kind."}}))
    answer = json.loads(connection.getresponse().read())
    connection.request("GET", "/api/session")
    session = json.loads(connection.getresponse().read())
    connection.close()
    assert session["id"].startswith("sess_") and session["client_secret"]["value"].startswith("ek_")
    assert answer["session"]["instructions"] == "Be kind."
    return answer["value"]


def test_a_client_that_says_nothing_leaves_nothing(place):
    """A session without a word costs no call: no folder, no log."""
    with place() as at:
        with at.client() as client:
            client.update(instructions="Be kind.")
        assert at.logs() == []


def test_nobody_speaks_for_too_long(place):
    """``idle_timeout_ms`` counts from the end of what was said last; then the agent says something."""
    given = providers(["when do you open"], brain=LookUp(when="At nine."))
    with place(given) as at:
        with at.client() as client:
            client.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}})
            client.say()
            client.wait_for("response.done")
            client.wait_for("input_audio_buffer.timeout_triggered", timeout=8)
            client.wait_for("response.done")
            assert not client.faults


def test_the_beta_dialect(place):
    """Old clients are served in their own words, and found out by them."""
    with place(providers(["when do you open"])) as at:
        client = at.client(strict=False)
        client.wait_for("session.created")
        client.send("session.update", session={"modalities": ["audio", "text"], "input_audio_format": "g711_ulaw",
                                               "output_audio_format": "g711_ulaw"})
        assert client.wait_for("session.updated")["session"]["input_audio_format"] == "g711_ulaw"
        client.say(rate=8000, encode=g711.ulaw_encode)
        client.wait_for("response.audio.delta")
        done = client.wait_for("response.done")["response"]
        assert done["output"][0]["content"][0]["transcript"] == ANSWER
        client.close()


def test_a_browser_comes_with_its_secret_as_a_sub_protocol(place):
    """Browsers fail a connection whose server does not choose one of the protocols that they offered."""
    with place() as at:
        secret = server_secret(at)
        with at.client(subprotocols=("realtime", f"openai-insecure-api-key.{secret}")) as client:
            assert client.of("session.created")[0]["session"]["instructions"] == "Be kind."


def test_a_visitor_of_the_talk_page_changes_nothing_of_the_agent(place):
    """The page's secret is in the hands of whoever opens it: they may talk, not tell the model who it is."""
    brain = LookUp()
    with place(providers(["when do you open"], ["when do you open"], brain=brain)) as at:
        secrets = realtime.server_of(at.engine).secrets
        secret, _ = secrets.make({"type": "realtime"}, 60, time.time(), {realtime.GUEST: "yes"})
        for protocols, heeded in ((("realtime", f"openai-insecure-api-key.{secret}"), ""), (("realtime",), "Be rude.")):
            with at.client(subprotocols=protocols) as client:
                client.update(instructions="Be rude.", tools=[{"type": "function", "name": "pay", "parameters": {}}])
                client.say()
                client.wait_for("response.done")
                terms = brain.requests[-1].terms
                assert (terms.instructions, [tool.name for tool in terms.tools]) == (heeded, ["pay"] if heeded else [])


def test_minutes_of_audio_in_one_event(place):
    """A large event is heard, and the frame clock of the others goes on meanwhile."""
    with place(providers(["when do you open"])) as at:
        with at.client() as client:
            client.append(np.concatenate([voice(1.0, 24000), np.zeros(24000 * 20, np.int16)]).tobytes())
            assert client.wait_for("response.done", timeout=10)["response"]["status"] == "completed"
