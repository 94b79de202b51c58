"""The protocol's rules of order against a running server, by a client that knows nothing but the wire."""

import time
from types import SimpleNamespace

import gevent
import numpy as np
import pytest
from call_providers import LookUp, providers, voice
from call_world import wait

LONG = "One two three four five six seven eight nine ten eleven twelve."


def write(client, text):
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    client.send("conversation.item.create", item=item)
    return client.wait_for("conversation.item.done")["item"]["id"]


def ask(client, text="when"):
    """Ask for a spoken answer; its item, once its audio comes."""
    write(client, text)
    client.send("response.create")
    client.wait_for("response.output_audio.delta")
    return client.of("response.output_item.added")[-1]["item"]["id"]


def refused(client, kind, **fields):
    """The error that an event gets; it names the event."""
    client.send(kind, event_id="mine", **fields)
    fault = client.wait_for("error")["error"]
    assert fault["event_id"] == "mine"
    return fault


def test_one_response_at_a_time_and_one_cancel(place):
    """A second response is refused while one runs, a second cancel once it is over; the session goes on."""
    with place(providers(brain=LookUp(when=LONG))) as at, at.client() as client:
        ask(client)
        assert refused(client, "response.create")["code"] == "conversation_already_has_active_response"
        client.send("response.cancel")
        assert client.wait_for("response.done")["response"]["status"] == "cancelled"
        assert refused(client, "response.cancel")["code"] == "response_cancel_not_active"
        ask(client)
        assert client.wait_for("response.done")["response"]["status"] == "completed"
        assert len(client.of("response.done")) == len(client.of("response.created")) == 2


def test_items_that_are_not_there(place):
    """Delete, retrieve and truncate name the item that they want; so does an item that goes behind another."""
    with place() as at, at.client() as client:
        for verb, more in (("delete", {}), ("retrieve", {}), ("truncate", {"content_index": 0, "audio_end_ms": 0})):
            fault = refused(client, f"conversation.item.{verb}", item_id="item_gone", **more)
            assert (fault["code"], fault["param"]) == (f"item_{verb}_invalid_item_id", "item_id")
        own = write(client, "hello")
        client.send("conversation.item.delete", item_id=own)
        assert client.wait_for("conversation.item.deleted")["item_id"] == own
        assert refused(client, "conversation.item.retrieve", item_id=own)["code"] == "item_retrieve_invalid_item_id"


def test_truncating_beyond_the_end(place):
    """It is refused with both lengths, and what was heard stays whole; the caller's items cannot be truncated."""
    with place(providers(brain=LookUp(when="At nine."))) as at, at.client() as client:
        item = ask(client)
        client.wait_for("response.done")
        length = round(client.heard_s(item) * 1000)
        fault = refused(client, "conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=length + 500)
        assert fault["message"] == f"Audio content of {length}ms is already shorter than {length + 500}ms"
        own = client.of("conversation.item.done")[0]["item"]["id"]
        fault = refused(client, "conversation.item.truncate", item_id=own, content_index=0, audio_end_ms=0)
        assert fault["code"] == "unsupported_content_type"
        client.send("conversation.item.retrieve", item_id=item)
        assert client.wait_for("conversation.item.retrieved")["item"]["content"][0]["transcript"] == "At nine."


def test_what_is_appended_after_a_commit_is_the_next_item(place):
    """Two turns by hand: each has its own words, the second follows the first, and nothing of one is in the other."""
    with place(providers(["when do you open", "and on Monday"])) as at, at.client() as client:
        client.update(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
        for _ in range(2):
            client.append(voice(0.5, 24000).tobytes())
            client.send("input_audio_buffer.commit")
        assert refused(client, "input_audio_buffer.commit")["code"] == "input_audio_buffer_commit_empty"
        wait(lambda: len(client.of("conversation.item.input_audio_transcription.completed")) == 2, "no words")
        first, second = client.of("input_audio_buffer.committed")
        assert (first["previous_item_id"], second["previous_item_id"]) == (None, first["item_id"])
        told = {event["item_id"]: event["transcript"]
                for event in client.of("conversation.item.input_audio_transcription.completed")}
        assert told == {first["item_id"]: "when do you open", second["item_id"]: "and on Monday"}
        assert not client.of("response.created")


def test_a_response_beside_one_that_is_spoken(place):
    """``conversation: none`` runs while the agent speaks: it is done first, is no item, and disturbs nobody."""
    given = providers(brain=LookUp(when=LONG, topic="Hours."))
    with place(given) as at, at.client() as client:
        spoken = ask(client)
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "topic please"}]}
        client.send("response.create", response={"conversation": "none", "input": [item], "output_modalities": ["text"],
                                                 "metadata": {"for": "me"}})
        beside = client.wait_for("response.done")["response"]
        assert beside["metadata"] == {"for": "me"} and beside["conversation_id"] is None
        whole = client.wait_for("response.done")["response"]
        assert (whole["status"], whole["output"][0]["id"]) == ("completed", spoken)
        added = [event["item"]["id"] for event in client.of("conversation.item.added")]
        assert beside["output"][0]["id"] not in added and not client.faults


def test_turn_detection_changes_while_the_agent_speaks(place):
    """The running response goes on; the caller's next turn is taken by the new rule, and by the old one after it is
    set again: with the prefix that it says."""
    scripts = ["", "where is that"]  # what was cleared was heard, too
    with place(providers(scripts, brain=LookUp(when=LONG, where="In Kochi."))) as at, at.client() as client:
        ask(client)
        client.update(audio={"input": {"turn_detection": None}})
        client.append(np.zeros(24000, np.int16).tobytes())
        assert client.wait_for("response.done")["response"]["status"] == "completed"
        assert not client.of("input_audio_buffer.speech_started")
        client.send("input_audio_buffer.clear")
        client.wait_for("input_audio_buffer.cleared")
        client.update(audio={"input": {"turn_detection": {"type": "server_vad", "prefix_padding_ms": 0}}})
        quiet = np.zeros(12000, np.int16)
        client.append(np.concatenate([quiet, voice(0.6, 24000), quiet]).tobytes())
        assert client.wait_for("input_audio_buffer.speech_started")["audio_start_ms"] == pytest.approx(1500, abs=60)
        done = client.wait_for("response.done")["response"]
        assert done["output"][0]["content"][0]["transcript"] == "In Kochi." and not client.faults


def test_idle_time_begins_when_the_agent_was_heard_to_the_end(place):
    """Audio is sent ahead of its time: what the client still plays is no silence."""
    given = providers(brain=LookUp(when="At nine o'clock."))
    with place(given, realtime={"lead_ms": 3000}) as at, at.client() as client:
        client.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 1000}}})
        began = time.monotonic()
        item = ask(client)
        client.wait_for("response.done")
        client.wait_for("input_audio_buffer.timeout_triggered")
        # All of it was sent at once; it takes its length to be heard.
        assert time.monotonic() - began > client.heard_s(item) + 1.0 - 0.1
        assert client.wait_for("input_audio_buffer.committed")
        client.wait_for("response.created")


def test_a_session_that_is_too_old(place, monkeypatch):
    """Its response fails, an error says why, and the connection closes with 1001."""
    monkeypatch.setattr("engine.realtime.server.time", SimpleNamespace(time=lambda: time.time() - 57))
    given = providers(brain=LookUp(when=f"{LONG} {LONG} {LONG}"))
    with place(given, realtime={"max_session_minutes": 1}) as at, at.client() as client:
        ask(client)
        code, why = client.wait_closed()
        assert (code, why) == (1001, "Your session hit the maximum duration of 1 minute.")
        assert client.faults[-1]["error"]["code"] == "session_expired"
        (done,) = client.of("response.done")
        assert done["response"]["status"] == "failed"


@pytest.mark.parametrize(("path", "local"), [("/v1/realtime?mode=relay", False), ("/realtime", True),
                                             ("/realtime?mode=relay", True), ("/v1/realtime?mode=local", True)])
def test_relaying_without_an_upstream(place, path, local):
    """Who asks for it is told what to set; the middle tier's clients, who cannot ask, are served here."""
    with place() as at:
        client = at.client(path)
        if local:
            client.wait_for("session.created")
        else:
            fault = client.wait_for("error")["error"]
            assert (fault["code"], fault["param"]) == ("no_upstream", "mode")
            assert "upstream.provider" in fault["message"]
            assert client.wait_closed()[0] == 1008
        client.close()
        gevent.sleep(0)
