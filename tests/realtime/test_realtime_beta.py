"""The beta dialect: old clients' words in, old clients' words out."""

import json

import pytest

from engine.realtime import dialect_beta
from engine.realtime import happenings as happen
from engine.realtime.config import defaults
from tests.realtime.realtime_script import MS_100, Session, error_of, kinds


def beta(given: dict | None = None) -> Session:
    return Session(given, beta=True)


def test_a_beta_session_is_flat():
    """Rule: session.created has beta's fields only, with beta's names for formats and modalities."""
    created, conversation = beta().sent
    session = created["session"]
    assert session["modalities"] == ["audio", "text"] and session["voice"] == "marin"
    assert (session["input_audio_format"], session["output_audio_format"]) == ("pcm16", "pcm16")
    assert session["turn_detection"]["type"] == "server_vad" and session["input_audio_transcription"] is None
    assert session["max_response_output_tokens"] == "inf" and session["temperature"] == 0.8
    assert not {"audio", "type", "output_modalities", "max_output_tokens"} & set(session)
    assert conversation["type"] == "conversation.created" and conversation["conversation"]["id"]


def test_a_beta_update_changes_what_it_names():
    """Rule: flat fields mean what the nested ones mean; the answer is flat again."""
    session = beta()
    (event,) = session.client("session.update", session={
        "modalities": ["text", "audio"], "voice": "verse", "input_audio_format": "g711_ulaw",
        "output_audio_format": "g711_alaw", "input_audio_transcription": {"model": "whisper-1"}, "speed": 1.2,
        "turn_detection": None, "temperature": 0.6, "max_response_output_tokens": 100, "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "now"}], "tool_choice": "auto",
        "input_audio_noise_reduction": {"type": "near_field"}})
    ga = session.protocol.session
    assert ga["output_modalities"] == ["audio"] and ga["max_output_tokens"] == 100 and ga["temperature"] == 0.6
    assert ga["audio"]["input"]["format"] == {"type": "audio/pcmu"}
    assert ga["audio"]["input"]["turn_detection"] is None
    assert ga["audio"]["output"] == {"format": {"type": "audio/pcma"}, "voice": "verse", "speed": 1.2}
    told = event["session"]
    assert (told["input_audio_format"], told["output_audio_format"], told["temperature"]) == (
        "g711_ulaw", "g711_alaw", 0.6)
    assert told["input_audio_transcription"]["model"] == "whisper-1" and told["turn_detection"] is None


def test_every_flat_field_comes_back_as_it_was():
    """Rule: encode after decode changes nothing, so a beta client may send a session as it got it."""
    told = beta().sent[0]["session"]
    session = beta()
    (event,) = session.client("session.update", session=told)
    assert event["type"] == "session.updated" and event["session"] == told


def test_a_beta_turn_and_response():
    """Rule: the old names, one conversation.item.created an item before anything is said of it, parts and contents of
    the old types; nothing that beta did not have."""
    session = beta({"audio": {"input": {"transcription": {"model": "local"}}}})
    session.write(MS_100)
    sent = session.tell(happen.SpeechStarted(50), happen.TurnEnded(100), happen.Transcribed("hello", True))
    assert kinds(sent) == [
        "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
        "conversation.item.created", "conversation.item.input_audio_transcription.completed"]
    sent = session.say(1, ("Good morning.", 500))
    sent += session.tell(happen.ServerToolCalled(1, "call_s", "search", "{}"), happen.ServerToolReturned("call_s", "x"),
                         happen.ClientToolCalled(1, "call_a", "now", "{}"), happen.ReplyEnded(1))
    assert kinds(sent) == [
        "response.created", "response.output_item.added", "conversation.item.created", "response.content_part.added",
        "response.audio_transcript.delta", "response.audio.delta",
        "response.output_item.added", "conversation.item.created", "response.function_call_arguments.delta",
        "response.function_call_arguments.done", "response.output_item.done",
        "response.audio.done", "response.audio_transcript.done", "response.content_part.done",
        "response.output_item.done", "response.done"]
    assert all(event["event_id"] for event in sent)
    response = sent[-1]["response"]
    assert response["modalities"] == ["audio", "text"] and response["output_audio_format"] == "pcm16"
    assert not {"audio", "output_modalities"} & set(response)
    assert [item["type"] for item in response["output"]] == ["message", "function_call"]
    assert response["output"][0]["content"] == [{"type": "audio", "transcript": "Good morning."}]


def test_beta_text():
    """Rule: response.text.*, content "text"."""
    session = beta({"output_modalities": ["text"]})
    sent = session.say(1, ("Hello.", 0)) + session.tell(happen.ReplyEnded(1))
    assert {"response.text.delta", "response.text.done"} < set(kinds(sent))
    assert sent[-1]["response"]["output"][0]["content"] == [{"type": "text", "text": "Hello."}]
    assert sent[-1]["response"]["modalities"] == ["text"]


def test_beta_items_and_responses_of_the_client():
    """Rule: an assistant's "text" is output_text; flat overrides of a response count."""
    session = beta()
    (created,) = session.client("conversation.item.create", item={
        "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hello."}]})
    assert created["item"]["content"] == [{"type": "text", "text": "Hello."}]
    session.client("response.create", response={
        "modalities": ["text"], "voice": "verse", "temperature": 0.7, "max_response_output_tokens": 9})
    wanted = session.orders[-1].session
    assert wanted["output_modalities"] == ["text"] and wanted["audio"]["output"]["voice"] == "verse"
    assert wanted["max_output_tokens"] == 9 and wanted["temperature"] == 0.7
    assert wanted != session.protocol.session


def test_errors_name_the_clients_own_field():
    """Rule: a beta client has never heard of session.audio.output.voice."""
    error = error_of(beta().client("session.update", session={"voice": "nobody"}))
    assert error["param"] == "session.voice"
    error = error_of(beta().client("session.update", session={"input_audio_format": "mp3"}))
    assert error["param"].startswith("session.input_audio_format")


def test_beta_transcription_sessions():
    """Rule: transcription_session.update has an answer of the same name."""
    session = beta()
    (event,) = session.client("transcription_session.update", session={
        "input_audio_format": "pcm16", "input_audio_transcription": {"model": "whisper-1"},
        "turn_detection": {"type": "server_vad", "threshold": 0.4}})
    assert event["type"] == "transcription_session.updated"
    assert session.protocol.session["type"] == "transcription"


@pytest.mark.parametrize(("headers", "subprotocols", "query", "is_beta"), [
    ({}, [], {}, False), ({"openai-beta": "realtime=v1"}, [], {}, True),
    ({"openai-beta": "assistants=v2"}, [], {}, False),
    ({}, ["realtime", "openai-insecure-api-key.ek_1", "openai-beta.realtime-v1"], {}, True),
    ({}, ["realtime"], {"dialect": "beta"}, True), ({"openai-beta": "realtime=v1"}, [], {"dialect": "ga"}, False),
])
def test_how_the_dialect_is_chosen(headers, subprotocols, query, is_beta):
    """Rule: header, subprotocol or query; the query has the last word."""
    assert dialect_beta.chosen(headers, subprotocols, query) is is_beta


def test_a_first_update_in_beta_makes_it_a_beta_session():
    """Rule: clients that say nothing are known by their first session.update; later ones change nothing."""
    session = Session()
    (event,) = session.client("session.update", session={"voice": "verse"})
    assert event["session"]["voice"] == "verse"
    late = Session()
    late.update(tracing="auto")
    assert error_of(late.client("session.update", session={"voice": "verse"}))["param"] == "session.type"


@pytest.mark.parametrize("session", [
    {"type": "realtime", "voice": "verse"}, {"audio": {}, "voice": "verse"}, {"instructions": "x"}, [], None])
def test_what_could_be_ga_is_ga(session):
    """Rule: only fields that nothing but beta had are a reason to change the language."""
    assert not dialect_beta.is_beta({"type": "session.update", "session": session})


def test_what_is_sent_is_not_changed_behind():
    """Rule: tables make copies; the session and the client's own event stay as they are."""
    event = {"type": "session.update", "session": {"voice": "verse", "turn_detection": {"type": "server_vad"}}}
    before = json.dumps(event)
    dialect_beta.decode(event)
    ours = {"type": "session.created", "session": {**defaults(), "id": "s", "model": "m"}}
    told = json.dumps(ours)
    dialect_beta.encode(ours)
    assert json.dumps(event) == before and json.dumps(ours) == told
