"""What comes over the wire: all that the SDK can send is taken, and nothing at all makes the protocol raise."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import realtime as sdk
from openai.types.realtime import realtime_audio_config_input as sdk_input
from openai.types.realtime import realtime_audio_config_output as sdk_output
from openai.types.realtime import realtime_audio_input_turn_detection as sdk_turns
from openai.types.realtime import realtime_conversation_item_user_message as sdk_user
from openai.types.realtime.audio_transcription import AudioTranscription
from openai.types.realtime.realtime_truncation_retention_ratio import RealtimeTruncationRetentionRatio
from pydantic import TypeAdapter

from engine.realtime import clientevents, itemshapes, shapes
from engine.realtime import happenings as happen
from tests.realtime.realtime_script import Session, error_of, kinds

SDK_EVENT = TypeAdapter(sdk.RealtimeClientEvent)
MCP = {"type": "mcp", "server_label": "theirs", "server_url": "https://example.org", "require_approval": "never"}
FUNCTION = {"type": "function", "name": "now", "description": "The time.", "parameters": {"type": "object"}}

EVENTS = [
    {"type": "session.update", "session": {
        "type": "realtime", "model": "gpt-realtime", "output_modalities": ["audio"], "instructions": "Be brief.",
        "prompt": {"id": "p_1", "version": "2", "variables": {"name": "Ann"}}, "tools": [FUNCTION, MCP],
        "tool_choice": {"type": "function", "name": "now"}, "parallel_tool_calls": False, "max_output_tokens": "inf",
        "truncation": {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 900}},
        "tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"k": "v"}},
        "include": ["item.input_audio_transcription.logprobs"], "reasoning": {"effort": "low"},
        "audio": {
            "input": {"format": {"type": "audio/pcm", "rate": 24000}, "noise_reduction": {"type": "near_field"},
                      "transcription": {"model": "whisper-1", "language": "en", "prompt": "names"},
                      "turn_detection": {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300,
                                         "silence_duration_ms": 500, "idle_timeout_ms": 6000,
                                         "create_response": True, "interrupt_response": True}},
            "output": {"format": {"type": "audio/pcma"}, "voice": "verse", "speed": 1.25}}}},
    {"type": "session.update", "session": {"type": "transcription", "include": [], "audio": {"input": {
        "format": {"type": "audio/pcmu"}, "transcription": {"model": "gpt-realtime-whisper", "delay": "low"},
        "turn_detection": {"type": "semantic_vad", "eagerness": "high"}, "noise_reduction": None}}}},
    {"type": "input_audio_buffer.append", "audio": "AAAA"},
    {"type": "input_audio_buffer.clear"},
    {"type": "output_audio_buffer.clear"},
    {"type": "conversation.item.create", "previous_item_id": "root", "item": {
        "id": "item_x", "object": "realtime.item", "status": "completed", "type": "message", "role": "user",
        "content": [{"type": "input_text", "text": "hello"}]}},
    {"type": "response.create", "response": {
        "conversation": "none", "metadata": {"k": "v"}, "output_modalities": ["text"], "instructions": "x", "input": [],
        "max_output_tokens": 100, "tool_choice": "none", "tools": [FUNCTION], "parallel_tool_calls": True,
        "prompt": {"id": "p_1"}, "reasoning": {"effort": "high"},
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "verse"}}}},
    {"type": "response.create"},
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e["type"])
def test_full_events_of_the_sdk_are_taken(event):
    """Rule: what the SDK's own types allow in an event gets no error."""
    SDK_EVENT.validate_python(event)
    sent = Session().client(**{"kind" if name == "type" else name: value for name, value in event.items()},
                            event_id="mine")
    assert "error" not in kinds(sent)


def test_all_eleven_events_are_known():
    """Rule: each client event of the SDK has a shape here, and no other."""
    models = get_args(get_args(sdk.RealtimeClientEvent)[0])
    known = {get_args(model.model_fields["type"].annotation)[0] for model in models}
    assert known == set(clientevents.EVENTS)


@pytest.mark.parametrize(("theirs", "ours"), [
    (sdk.RealtimeSessionCreateRequest, shapes.RealtimeSession),
    (sdk.RealtimeTranscriptionSessionCreateRequest, shapes.TranscriptionSession),
    (sdk_input.RealtimeAudioConfigInput, shapes.AudioInput), (sdk_output.RealtimeAudioConfigOutput, shapes.AudioOutput),
    (sdk_input.NoiseReduction, shapes.NoiseReduction), (AudioTranscription, shapes.Transcription),
    (sdk_turns.ServerVad, shapes.ServerVad), (sdk_turns.SemanticVad, shapes.SemanticVad),
    (sdk.RealtimeFunctionTool, shapes.FunctionTool), (RealtimeTruncationRetentionRatio, shapes.RetentionRatio),
    (sdk.RealtimeReasoning, shapes.Reasoning), (sdk.RealtimeResponseCreateParams, shapes.ResponseParams),
    (sdk.RealtimeConversationItemUserMessage, itemshapes.UserMessage),
    (sdk.RealtimeConversationItemSystemMessage, itemshapes.SystemMessage),
    (sdk.RealtimeConversationItemAssistantMessage, itemshapes.AssistantMessage),
    (sdk.RealtimeConversationItemFunctionCall, itemshapes.FunctionCall),
    (sdk.RealtimeConversationItemFunctionCallOutput, itemshapes.FunctionCallOutput),
], ids=lambda model: model.__name__)
def test_no_field_of_the_sdk_is_unknown(theirs, ours):
    """Rule: a client that uses a field of the SDK's must not be told unknown_parameter. A new SDK shows here first."""
    assert set(theirs.model_fields) <= set(ours.model_fields)


def test_parts_of_a_callers_message_have_the_sdks_fields():
    """Rule: as above; the SDK has one shape for what are three here."""
    ours = (itemshapes.InputText, itemshapes.InputAudio, itemshapes.InputImage)
    assert set(sdk_user.Content.model_fields) <= {name for shape in ours for name in shape.model_fields}


@pytest.mark.parametrize(("raw", "code", "param"), [
    ("", "invalid_event", None), ("{", "invalid_event", None), ("[]", "invalid_event", None),
    ("null", "invalid_event", None), ('"x"', "invalid_event", None), (b"\xff\xfe", "invalid_event", None),
    ('{"type":"response.create","response":{"temperature":NaN}}', "invalid_event", None),
    ('{"type":"session.update","session":{"type":"realtime","instructions":"\\ud800"}}', "invalid_event", None),
    ("[" * 100_000, "invalid_event", None), ('{"a":' + "9" * 5000 + "}", "invalid_event", None),
    ("{}", "missing_required_parameter", "type"), ('{"type":"nothing.known"}', "invalid_value", "type"),
    ('{"type":7}', "invalid_value", "type"), ('{"type":["response.cancel"]}', "invalid_value", "type"),
    ('{"type":"response.cancel","why":1}', "unknown_parameter", "why"),
    ('{"type":"response.cancel","response_id":7}', "invalid_value", "response_id"),
    ('{"type":"input_audio_buffer.append"}', "missing_required_parameter", "audio"),
    ('{"type":"session.update","session":[]}', "invalid_value", "session"),
    ('{"type":"conversation.item.truncate","item_id":"x","content_index":0,"audio_end_ms":"1"}', "invalid_value",
     "audio_end_ms"),
    ('{"type":"input_audio_buffer.append","audio":"' + "A" * (16 << 20) + '"}', "invalid_event", None),
], ids=lambda value: str(value)[:40])
def test_what_is_no_event_is_an_error_event(raw, code, param):
    """Rule: the client is told what is wrong, and the session goes on."""
    session = Session()
    error = error_of(session.raw(raw))
    assert (error["code"], error["param"]) == (code, param)
    assert kinds(session.client("response.create")) == ["response.created"]


def test_examples_of_the_documentation_work():
    """Rule: what docs/realtime.md shows gets no error."""
    text = (Path(__file__).parents[2] / "docs" / "realtime.md").read_text(encoding="utf-8")
    lines = text.split("\n\n")[2].replace("<base64, 24 kHz, 16 bits>", "AAAA").splitlines()
    session = Session()
    for example in re.split(r"\n(?=    \{)", "\n".join(lines)):
        sent = session.raw(example)
        assert "error" not in kinds(sent), sent
    assert kinds(session.sent)[-1] == "response.created"


def test_the_clients_event_id_comes_back_in_errors_only():
    """Rule: event_id of the client is in error.error.event_id, our events have ids of their own."""
    session = Session()
    assert error_of(session.client("response.cancel", event_id="mine"))["event_id"] == "mine"
    assert error_of(session.client("response.cancel"))["event_id"] is None
    assert error_of(session.client("response.cancel", event_id=7))["param"] == "event_id"
    assert "mine" not in json.dumps(session.client("response.create", event_id="mine"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8,
)
WORDS = st.sampled_from(sorted({
    "type", "item", "session", "response", "content", "audio", "input", "output", "text", "role", "id", "voice",
    "format", "turn_detection", "tools", "tool_choice", "truncation", "tracing", "instructions", "metadata", "name",
    "previous_item_id", "item_id", "content_index", "audio_end_ms", "modalities", "input_audio_format", "event_id",
    "prompt", "transcription", "noise_reduction", "call_id", "arguments", "conversation", "response_id"}))
VALUES = st.sampled_from([
    "realtime", "transcription", "message", "user", "assistant", "system", "function", "mcp", "mcp_call",
    "function_call", "input_text", "input_audio", "output_audio", "text", "audio", "audio/pcm", "server_vad", "root",
    "item_1", "resp_1", "none", "auto", "pcm16", "inf", "retention_ratio", "item_reference", "function_call_output"])
NEARLY = st.recursive(
    JSON | VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5), max_leaves=20)
KINDS = st.sampled_from([*clientevents.EVENTS, "transcription_session.update"])


@settings(max_examples=400)
@given(st.one_of(JSON, NEARLY, st.builds(lambda kind, rest: {**rest, "type": kind}, KINDS,
                                         st.dictionaries(WORDS, NEARLY, max_size=4))), st.booleans())
def test_no_message_makes_it_raise(message, beta):
    """Rule: whatever a client sends, the answer is events that can be sent: an error, or what was asked for."""
    session = Session(beta=beta)
    session.tell(happen.ReplyBegun(1), happen.ReplyWords(1, "Hello."))
    sent = session.raw(json.dumps(message))
    kind = message.get("type") if isinstance(message, dict) else None
    if not isinstance(kind, str) or kind not in {*clientevents.EVENTS, "transcription_session.update"}:
        assert kinds(sent) == ["error"]
    session.tell(happen.ReplyEnded(1), happen.TurnEnded(100))


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_no_text_makes_it_raise(raw):
    """Rule: as above, for what is not even JSON."""
    assert kinds(Session().raw(raw)) == ["error"]
