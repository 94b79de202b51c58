"""Clients that are attached to a live call: they see what happens, and act on it; the call goes on without them."""

import gevent
import httpx2
import pytest
from call_providers import ANSWER, LookUp, providers, voice
from call_world import named, wait
from openai import OpenAI

SHORT = "At ten."
LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."


def closed_of(client):
    client.wait_closed()
    client.close()
    return client.closed


def test_a_supervisor_sees_what_was_said_and_what_happens(place):
    """Whoever comes in the middle is told the items there are, then every event but audio; and changes nothing: the
    agent is asked exactly as without anybody attached."""
    brain = LookUp(when=SHORT, what=SHORT)
    script = ["when do you open", "what on Monday"]
    with place(providers(script, brain=brain), app=None) as at:
        call = at.place()
        call.greeted()
        call.say(voice(0.6))
        call.hears()
        call.hears_silence()
        with at.side_band(call) as client:
            wait(lambda: len(client.of("conversation.item.done")) == 3, "the items were not told")
            said = [(item["role"], item["content"][0]["transcript"])
                    for item in (event["item"] for event in client.of("conversation.item.done"))]
            call.say(voice(0.6))
            client.wait_for("input_audio_buffer.speech_started")
            client.wait_for("conversation.item.input_audio_transcription.completed", transcript="what on Monday")
            client.wait_for("output_audio_buffer.started")
            client.wait_for("response.done")
            client.wait_for("output_audio_buffer.stopped")
            call.dtmf("5")
            client.wait_for("input_audio_buffer.dtmf_event_received", event="5")
            kinds = client.kinds()
            assert client.faults == []
            call.hangup()
            assert closed_of(client)[0] == 1000
        at.over(call)
        events = at.events(call)
    assert said == [("assistant", "Hello there."), ("user", "when do you open"), ("assistant", SHORT)]
    assert "response.output_audio.delta" not in kinds and "response.output_audio_transcript.delta" in kinds
    assert [request.terms for request in brain.requests] == [None] * len(brain.requests)
    assert [text for _, text in brain.requests[-1].history] == ["Hello there.", "when do you open", SHORT]
    assert [event["clients"] for event in named(events, "attached")] == [1]


def test_several_are_attached_and_one_leaves(place):
    """What happens is told to all; answers to a question only to who has asked; the call does not end with any."""
    with place(providers(["when do you open", "what now"], brain=LookUp(when=SHORT, what=SHORT)), app=None) as at:
        call = at.place()
        call.greeted()
        with at.side_band(call) as one, at.side_band(call) as other:
            call.say(voice(0.6))
            items = [client.wait_for("response.output_item.added")["item"]["id"] for client in (one, other)]
            assert items[0] == items[1]
            one.wait_for("response.done")
            one.send("conversation.item.retrieve", item_id=items[0])
            one.send("response.cancel")
            one.wait_for("error")
            other.wait_for("response.done")
            one.close()
            call.hears_silence()
            call.say(voice(0.6))
            other.wait_for("response.done")
            assert other.faults == [] and not other.of("conversation.item.retrieved")
            assert one.of("conversation.item.retrieved")
        call.pause(0.2)
        assert call.up
        call.hangup()
        at.over(call)


def test_instructions_hold_from_the_next_answer_on_and_nothing_is_forgotten(place):
    """``session.update`` acts on the call: the next request has the client's instructions, and the whole history."""
    brain = LookUp(when=SHORT, what=SHORT)
    with place(providers(["when do you open", "what on Monday"], brain=brain), app=None) as at:
        call = at.place()
        call.greeted()
        call.say(voice(0.6))
        call.hears()
        call.hears_silence()
        with at.side_band(call) as client, at.side_band(call) as other:
            client.update(instructions="Speak like a pirate.")
            assert other.wait_for("session.updated")["session"]["instructions"] == "Speak like a pirate."
            client.send("conversation.item.create", item={
                "type": "message", "role": "system", "content": [{"type": "input_text", "text": "A gold customer."}]})
            client.wait_for("conversation.item.done")
            call.say(voice(0.6))
            client.wait_for("response.done")
            assert client.faults == [] == other.faults
        call.hangup()
        at.over(call)
    last = brain.requests[-1]
    assert last.terms.instructions == "Speak like a pirate." and last.text == "what on Monday"
    assert list(last.history) == [("agent", "Hello there."), ("user", "when do you open"), ("agent", SHORT),
                                  ("note", "A gold customer.")]


def test_a_caller_who_cuts_in_truncates_the_item_unasked(place):
    """The engine's own clock knows what was heard: clients of calls need not truncate, and are told."""
    brain = LookUp(long=LONG)
    with place(providers(["long please", "stop it now", "go on"], brain=brain), app=None) as at:
        call = at.place()
        call.greeted()
        with at.side_band(call) as client:
            client.update(instructions="Mine.")
            call.say(voice(0.6))
            item = client.wait_for("response.output_item.added")["item"]["id"]
            started = client.wait_for("output_audio_buffer.started")
            call.pause(1.2)
            call.say(voice(0.9))
            done = client.wait_for("response.done", timeout=8)["response"]
            cut = client.of("conversation.item.truncated")
            assert client.of("output_audio_buffer.cleared")[0]["response_id"] == started["response_id"]
            wait(lambda: any(request.text == "stop it now" for request in brain.requests), "it was not asked")
            call.hangup()
            client.wait_closed()
            assert client.faults == []
        at.over(call)
        events = at.events(call)
    assert done["status_details"]["reason"] == "turn_detected"
    assert [event["item_id"] for event in client.of("conversation.item.truncated")][:1] == [item] or cut
    heard = named(events, "cut")[0]["heard"]
    assert heard and LONG.startswith(heard)
    told = next(request for request in brain.requests if request.text == "stop it now")
    assert ("agent", heard) in told.history


@pytest.mark.parametrize("how", ["response.cancel", "output_audio_buffer.clear"])
def test_a_client_silences_the_agent_on_the_phone(place, how):
    """The caller hears it stop; the item keeps what was heard, and the next reply comes when it is asked for."""
    with place(providers(["long please"], brain=LookUp(long=LONG)), app=None) as at:
        call = at.place()
        call.greeted()
        with at.side_band(call) as client:
            call.say(voice(0.6))
            item = client.wait_for("response.output_item.added")["item"]["id"]
            client.wait_for("output_audio_buffer.started")
            call.pause(1.0)
            client.send(how)
            assert client.wait_for("response.done")["response"]["status_details"]["reason"] == "client_cancelled"
            wait(lambda: client.of("conversation.item.truncated"), "it was not truncated")
            client.send("conversation.item.retrieve", item_id=item)
            kept = client.wait_for("conversation.item.retrieved")["item"]["content"][0]["transcript"]
            assert client.of("output_audio_buffer.cleared")
            assert client.faults == []
        call.hears_silence()
        call.hangup()
        at.over(call)
        (cut,) = named(at.events(call), "cut")
    assert kept == cut["heard"] and LONG.startswith(kept) and kept != LONG


def test_a_client_truncates_what_was_said(place):
    """``conversation.item.truncate`` takes unheard words out of the history; more than there was is an error."""
    brain = LookUp(what=SHORT)
    with place(providers(["when do you open", "what on Monday"], brain=brain), app=None) as at:
        call = at.place()
        call.greeted()
        with at.side_band(call) as client:
            call.say(voice(0.6))
            item = client.wait_for("response.output_item.added")["item"]["id"]
            client.wait_for("response.done")
            client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=60_000)
            assert "already shorter" in client.wait_for("error")["error"]["message"]
            client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=700)
            client.wait_for("conversation.item.truncated")
            call.say(voice(0.6))
            client.wait_for("response.done")
        call.hangup()
        at.over(call)
    (kept,) = [text for who, text in brain.requests[-1].history if who == "agent" and text != "Hello there."]
    assert ANSWER.startswith(kept) and 0 < len(kept) < len(ANSWER)


def test_the_client_answers_turns_itself(place):
    """``create_response: false``: the engine hears and waits; ``response.create`` speaks."""
    brain = LookUp(when=SHORT, what=SHORT)
    with place(providers(["when do you open"], brain=brain), app=None) as at:
        call = at.place()
        call.greeted()
        with at.side_band(call) as client:
            client.update(audio={"input": {"turn_detection": {"type": "server_vad", "create_response": False}}})
            call.say(voice(0.6))
            client.wait_for("conversation.item.input_audio_transcription.completed")
            call.pause(0.5)
            assert brain.requests == []
            client.send("response.create")
            client.wait_for("output_audio_buffer.stopped")
            client.send("response.create", response={"conversation": "none", "output_modalities": ["text"],
                                                     "metadata": {"topic": "mood"}, "input": [{
                                                         "type": "message", "role": "user", "content": [
                                                             {"type": "input_text", "text": "Is he angry?"}]}]})
            aside = client.wait_for("response.done")["response"]
            assert aside["metadata"] == {"topic": "mood"} and aside["output"][0]["content"][0]["type"] == "output_text"
            assert client.faults == []
        call.hears()
        call.hangup()
        at.over(call)
    assert brain.requests[0].text == "when do you open"


def test_who_comes_in_the_middle_of_a_reply_may_take_the_floor(place):
    """The reply that nobody attached has seen begin is stopped, and what was heard of it is an item like any other."""
    brain = LookUp(long=LONG, what=SHORT)
    with place(providers(["long please", "what now"], brain=brain), app=None) as at:
        call = at.place()
        call.greeted()
        call.say(voice(0.6))
        call.hears()
        with at.side_band(call) as client:
            call.pause(0.5)
            client.send("response.create", response={"instructions": "Sum up.", "input": [{
                "type": "message", "role": "user", "content": [{"type": "input_text", "text": "what did I ask"}]}]})
            done = client.wait_for("response.done")["response"]
            assert done["status"] == "completed" and client.faults == []
            items = [event["item"] for event in client.of("conversation.item.done")]
        call.hangup()
        at.over(call)
        cut = named(at.events(call), "cut")[0]["heard"]
    assert brain.requests[-1].terms.instructions == "Sum up."
    assert cut and LONG.startswith(cut)
    assert [item["content"][0]["transcript"] for item in items] == ["Hello there.", "long please", cut, SHORT]


def test_secret_digits_are_not_told(place):
    """A card number that the caller keys in while the call is masked reaches nobody who is attached."""
    with place(app=None) as at:
        call = at.place()
        call.greeted()
        (live,) = at.engine.calls.values()
        with at.side_band(call) as client:
            live.conversation.mask(True)
            call.dtmf("42")
            wait(lambda: len([1 for line in live.events.events() if line["event"] == "dtmf"]) == 2, "no keys")
            live.conversation.mask(False)
            call.dtmf("7")
            client.wait_for("input_audio_buffer.dtmf_event_received")
            assert [event["event"] for event in client.of("input_audio_buffer.dtmf_event_received")] == ["7"]
        call.hangup()
        at.over(call)


def test_who_may_not_attach_is_told_why(place):
    """No such call; a browser's secret; a program's key, where the call was offered to none; one too many; audio, which
    is the caller's."""
    keys = {"desk": {"key": "k" * 32, "scopes": ["talk", "admin"]}, "viewer": {"key": "v" * 32, "scopes": ["read"]},
            "program": {"key": "p" * 32, "scopes": ["talk"]}}
    mine = {"headers": {"Authorization": "Bearer " + "k" * 32}}
    with place(app=None, http={"keys": keys}, realtime={"max_sidebands": 1}) as at:
        call = at.place()
        call.greeted()
        secret = OpenAI(api_key="k" * 32, base_url=at.web.url + "/v1").realtime.client_secrets.create().value
        for headers, why in (({"Authorization": f"Bearer {secret}"}, "API key"),):
            assert why in closed_of(at.side_band(call, headers=headers))[1]
        with pytest.raises(Exception, match="403"):
            at.side_band(call, headers={"Authorization": "Bearer " + "v" * 32})
        program = {"Authorization": "Bearer " + "p" * 32}
        assert "scope admin" in closed_of(at.side_band(call, headers=program))[1]
        answer = httpx2.post(f"{at.web.url}/v1/realtime/calls/{call.uuid}/hangup", headers=program)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_scope")
        with at.side_band(call, **mine) as client:
            assert "max_sidebands" in closed_of(at.side_band(call, **mine))[1]
            client.append(b"\0" * 960)
            assert "phone call" in client.wait_for("error")["error"]["message"]
        call.hangup()
        at.over(call)
        code, why = closed_of(at.side_band(call, **mine))
    assert code == 1008 and "no call" in why


def test_a_client_that_vanishes_or_floods_leaves_the_call_alone(place):
    """Nonsense is an error event; a connection that is gone is forgotten; the caller hears nothing of it."""
    with place(providers(["when do you open"], brain=LookUp(when=SHORT)), app=None) as at:
        call = at.place()
        call.greeted()
        client = at.side_band(call)
        client.wait_for("session.created")
        for nonsense in ("{", "[]", '{"type":"x"}', '{"type":"session.update","session":{"type":"realtime","x":1}}'):
            client._socket.send(nonsense)
            client.wait_for("error")
        client._socket._socket.close()
        client._reader.kill()
        call.say(voice(0.6))
        call.hears()
        call.hears_silence()
        call.hangup()
        at.over(call)
        assert not named(at.events(call), "error")
        client.close()
    gevent.sleep(0)
