"""What calls and clients of the Realtime server leave: the same names as their clients have, and an end by anybody."""

import pytest
from call_providers import voice
from call_world import named, wait

from engine.dialog.brain import ClientCall, Text
from engine.telemetry.vocabulary import FIELDS


def texts(client):
    """The client's items, in their order: id, words, and the words that it has learnt since."""
    learnt = {one["item_id"]: one["transcript"] for one in
              client.of("conversation.item.input_audio_transcription.completed")}
    items = {one["item"]["id"]: one["item"] for one in client.of("conversation.item.done")}
    said = [(name, " ".join(part.get("transcript") or part.get("text") or learnt.get(name, "")
                            for part in item["content"])) for name, item in items.items() if item["type"] == "message"]
    return [(name, words.strip()) for name, words in said]


def filed(at, session):
    """The messages of a session as they are filed, the same way."""
    items = [item for item in at.get(f"/sessions/{session}/items")["data"] if item["type"] == "message"]
    return [(item["id"], item["content"][0].get("transcript") or item["content"][0].get("text")) for item in items]


def write(client, text):
    client.send("conversation.item.create",
                item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
    client.wait_for("conversation.item.done")


def answered(client):
    client.send("response.create")
    assert client.wait_for("response.done")["response"]["status"] == "completed"


def test_a_spoken_session_has_the_names_of_its_client(at):
    """What the client's events call an item is what GET /sessions/ID/items calls it."""
    with at.client("when is the desk open", "how much is green tea") as client:
        for _ in range(2):
            client.say()
            client.wait_for("response.done")
        session = client.events[0]["session"]["id"]
        wait(lambda: len(filed(at, session)) == 4, "not all is filed")
        assert texts(client) == filed(at, session)
    assert at.filed(session)["outcome"] == "caller_left"


def test_what_is_written_by_hand_or_answered_in_writing_is_filed_too(at):
    """Items in writing, turns that the client commits, answers as text: each is said once, under the client's name."""
    with at.client("how much is green tea") as client:
        client.update(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
        session = client.events[0]["session"]["id"]
        write(client, "when is the desk open")
        answered(client)
        client.append(voice(0.6, 24000).tobytes())
        client.send("input_audio_buffer.commit")
        answered(client)
        client.update(output_modalities=["text"])
        write(client, "do parrots fly")
        answered(client)
        known = texts(client)
    at.filed(session)
    assert known == filed(at, session)
    assert [words for _, words in known][::2] == ["when is the desk open", "how much is green tea", "do parrots fly"]
    assert [line["speaker"] for line in at.get(f"/sessions/{session}/transcript")["data"]] == ["customer", "bot"] * 3


class Delegating:
    """Has the client look for the weather."""

    def reply(self, request):
        calls = request.terms.calls if request.terms else ()
        if any(call.result for call in calls):
            yield Text("It is sunny.")
        else:
            yield ClientCall("call_1", "weather", '{"city": "Kochi"}')


@pytest.mark.parametrize("modalities", [["audio"], ["text"]])
def test_tools_of_the_client_are_filed_as_its_own(at, monkeypatch, modalities):
    """With arguments, result and the time that the client took; spoken or in writing."""
    monkeypatch.setattr(type(at.engine.casting), "_brain", lambda *of: Delegating())
    with at.client() as client:
        client.update(output_modalities=modalities, tools=[
            {"type": "function", "name": "weather", "description": "", "parameters": {"type": "object"}}])
        session = client.events[0]["session"]["id"]
        write(client, "how is the weather")
        answered(client)
        client.send("conversation.item.create",
                    item={"type": "function_call_output", "call_id": "call_1", "output": '{"sky": "clear"}'})
        answered(client)
    at.filed(session)
    (tool,) = at.get(f"/sessions/{session}/tools")["data"]
    assert (tool["side"], tool["name"], tool["status"]) == ("client", "weather", "completed")
    assert (tool["arguments"], tool["result"]) == ({"city": "Kochi"}, {"sky": "clear"})


def test_everybody_can_be_told_to_end(at):
    """DELETE /sessions/ID: the phone hangs up, a client is told why, a silent one too; over is over."""
    call = at.place()
    call.greeted()
    with at.client("when is the desk open") as client, at.client() as silent:
        client.say()
        client.wait_for("response.output_audio.delta")
        ids = [call.uuid, *(one.events[0]["session"]["id"] for one in (client, silent))]
        for session in ids[:2]:
            assert at.get(f"/sessions/{session}")["live"]
        for session in ids:
            assert at.http("DELETE", f"/sessions/{session}") == (202, {"session_id": session, "status": "ending"})
        assert client.wait_closed()[0] == 1000
        assert "DELETE /sessions" in client.closed[1]
        assert "DELETE /sessions" in silent.wait_closed()[1]
    for session in ids[:2]:
        over = at.filed(session)
        assert (over["live"], over["hangup_by"], over["outcome"]) == (False, "agent", "agent_done")
        assert at.http("DELETE", f"/sessions/{session}")[0] == 409
    assert not call.up
    assert at.http("DELETE", f"/sessions/{ids[2]}")[0] == 404


def test_keys_of_a_call_stand_in_its_transcript(at):
    """As keys, one row for those that are pressed in a row."""
    call = at.place()
    call.greeted()
    call.dtmf("42")
    wait(lambda: any(line["text"] == "42" for line in at.get(f"/sessions/{call.uuid}/transcript")["data"]), "no keys")
    call.hangup()
    at.filed(call.uuid)
    (keys,) = [line for line in at.get(f"/sessions/{call.uuid}/transcript")["data"] if line["source"] == "dtmf"]
    assert (keys["speaker"], keys["text"]) == ("customer", "42")
    assert named(at.log(call.uuid), "dtmf")


def test_lines_that_are_written_are_in_the_vocabulary():
    """Who reads logs finds every field there."""
    assert {"item"} <= FIELDS["user_said"] & FIELDS["agent_said"] & FIELDS["client_result"]
