"""The configuration of a Realtime session: what is told, what may change and when."""

import pytest

from engine.realtime import happenings as happen
from engine.realtime import orders as order
from engine.realtime.config import Moment, SessionConfig, bytes_per_ms
from engine.realtime.errors import Refused
from engine.voicenames import REALTIME
from tests.realtime.realtime_script import NOW, Session, error_of, kinds


def changed_by(session: Session, **update) -> frozenset:
    session.update(**update)
    return session.orders[-1].changed


def test_first_event_is_the_whole_session():
    """Rule: session.created comes first and has all fields with their defaults; the Python SDK's own client asks for
    interrupt_response, and sends a cancel of its own on every interruption where it is missing."""
    session = Session()
    (event,) = session.sent
    assert event["type"] == "session.created"
    assert event["session"]["audio"]["input"]["turn_detection"] == {
        "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
        "idle_timeout_ms": None, "create_response": True, "interrupt_response": True,
    }
    assert event["session"]["audio"]["output"] == {
        "format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0}
    assert event["session"]["id"] == "sess_1" and event["session"]["expires_at"] == int(NOW) + 3600


def test_update_answers_with_the_whole_session_and_changes_only_what_is_present():
    """Rule: only present fields change; session.updated has all of them, as Configure has for the engine."""
    session = Session({"instructions": "Be brief.", "audio": {"output": {"voice": "verse"}}})
    (event,) = session.update(audio={"output": {"speed": 1.25}})
    assert event["type"] == "session.updated"
    assert event["session"]["instructions"] == "Be brief."
    assert event["session"]["audio"]["output"]["voice"] == "verse"
    assert event["session"]["audio"]["output"]["speed"] == 1.25
    assert session.orders == [order.Configure(event["session"], frozenset({"audio.output.speed"}))]


@pytest.mark.parametrize(("update", "path", "value"), [
    ({"instructions": ""}, ("instructions",), ""),
    ({"instructions": None}, ("instructions",), ""),
    ({"tools": []}, ("tools",), []),
    ({"tools": None}, ("tools",), []),
    ({"max_output_tokens": None}, ("max_output_tokens",), 200),
    ({"output_modalities": []}, ("output_modalities",), ["audio"]),
    ({"audio": {"input": {"turn_detection": None}}}, ("audio", "input", "turn_detection"), None),
    ({"audio": {"input": {"transcription": None}}}, ("audio", "input", "transcription"), None),
    ({"audio": {"output": {"voice": None}}}, ("audio", "output", "voice"), "verse"),
    ({"audio": {"output": None}}, ("audio", "output", "voice"), "verse"),
    ({"audio": None}, ("audio", "output", "voice"), "verse"),
])
def test_null_and_empty_take_a_field_back(update, path, value):
    """Rule: null, "" and [] clear. What is clear is what the operator set, but for words, tools and what can be off."""
    session = Session({
        "instructions": "Be brief.", "max_output_tokens": 200, "tools": [{"type": "function", "name": "now"}],
        "audio": {"input": {"transcription": {"model": "local"}}, "output": {"voice": "verse"}},
    })
    (event,) = session.update(**update)
    found = event["session"]
    for name in path:
        found = found[name]
    assert found == value


def test_turn_detection_is_merged_in_its_type_and_replaced_by_another():
    """Rule: a threshold of server_vad must not survive in semantic_vad, nor be lost when only the silence changes."""
    session = Session()
    session.update(audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}}})
    (event,) = session.update(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 200}}})
    found = event["session"]["audio"]["input"]["turn_detection"]
    assert (found["threshold"], found["silence_duration_ms"]) == (0.7, 200)
    (event,) = session.update(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
    assert event["session"]["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True}


def test_transcription_is_merged_and_noise_reduction_keeps_its_strength():
    """Rule: only present fields change, also inside these two objects."""
    session = Session({"audio": {"input": {"transcription": {"model": "local", "language": "hi"},
                                           "noise_reduction": {"type": "near_field", "strength": 0.5}}}})
    (event,) = session.update(audio={"input": {"transcription": {"prompt": "names"},
                                               "noise_reduction": {"type": "far_field"}}})
    found = event["session"]["audio"]["input"]
    assert found["transcription"] == {"model": "local", "language": "hi", "prompt": "names"}
    assert found["noise_reduction"] == {"type": "far_field", "strength": 0.5}


def test_the_sdks_second_update_is_no_error():
    """Rule: both SDKs send a partial update with tracing right after session.created, the Python one with its own
    default model; an error event ends some clients."""
    session = Session()
    assert kinds(session.update(tracing="auto")) == ["session.updated"]
    (event,) = session.update(model="gpt-realtime-2.1", tracing={"workflow_name": "calls"})
    assert event["session"]["model"] == "local"
    assert event["session"]["tracing"] == {"workflow_name": "calls"}


def test_what_was_told_can_be_sent_back():
    """Rule: a client may send the session as it got it; nothing changes."""
    session = Session({"tools": [{"type": "function", "name": "now", "parameters": {"type": "object"}}]})
    told = session.sent[0]["session"]
    (event,) = session.client("session.update", session=told)
    assert event["session"] == told
    assert session.orders[-1].changed == frozenset()


@pytest.mark.parametrize(("form", "width"), [
    ({"type": "audio/pcm", "rate": 24000}, 48), ({"type": "audio/pcm", "rate": 16000}, 32),
    ({"type": "audio/pcm", "rate": 8000}, 16), ({"type": "audio/pcmu"}, 8), ({"type": "audio/pcma"}, 8),
])
def test_formats(form, width):
    """Rule: OpenAI's three formats, and pcm at 16 and 8 kHz besides; what was set is told as it was set."""
    session = Session()
    (event,) = session.update(audio={"input": {"format": form}, "output": {"format": form}})
    assert event["session"]["audio"]["input"]["format"] == event["session"]["audio"]["output"]["format"] == form
    assert bytes_per_ms(form) == width
    session.write(bytes(width * 250))
    assert session.protocol.input_ms == 250


def test_pcm_without_a_rate_is_24_khz():
    """Rule: the rate may be left out."""
    (event,) = Session({"audio": {"input": {"format": {"type": "audio/pcmu"}}}}).update(
        audio={"input": {"format": {"type": "audio/pcm"}}})
    assert event["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}


@pytest.mark.parametrize(("update", "code", "param"), [
    ({"colour": 1}, "unknown_parameter", "session.colour"),
    ({"audio": {"output": {"pitch": 1}}}, "unknown_parameter", "session.audio.output.pitch"),
    ({"audio": {"output": {"voice": "nobody"}}}, "invalid_value", "session.audio.output.voice"),
    ({"audio": {"output": {"voice": {"id": "nobody"}}}}, "invalid_value", "session.audio.output.voice"),
    ({"audio": {"output": {"speed": 3}}}, "invalid_value", "session.audio.output.speed"),
    ({"audio": {"input": {"format": {"type": "audio/mp3"}}}}, "invalid_value", "session.audio.input.format.type"),
    ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 44100}}}}, "invalid_value",
     "session.audio.input.format.rate"),
    ({"audio": {"input": {"turn_detection": {"threshold": 0.5}}}}, "missing_required_parameter",
     "session.audio.input.turn_detection.type"),
    ({"audio": {"input": {"turn_detection": {"type": "server_vad", "eagerness": "low"}}}}, "unknown_parameter",
     "session.audio.input.turn_detection.eagerness"),
    ({"output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
    ({"max_output_tokens": 5000}, "invalid_value", "session.max_output_tokens"),
    ({"max_output_tokens": "many"}, "invalid_value", "session.max_output_tokens"),
    ({"tool_choice": "perhaps"}, "invalid_value", "session.tool_choice"),
    ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
    ({"tools": [{"name": "x"}]}, "missing_required_parameter", "session.tools[0].type"),
    ({"instructions": 7}, "invalid_value", "session.instructions"),
    ({"modalities": ["text"]}, "unknown_parameter", "session.modalities"),
])
def test_what_is_wrong_is_named(update, code, param):
    """Rule: an error names the dotted parameter, and nothing at all has changed."""
    session = Session()
    session.update(tracing="auto")
    before = session.protocol.session
    error = error_of(session.client("session.update", event_id="mine", session={
        "type": "realtime", "instructions": "changed", **update}))
    assert (error["code"], error["param"], error["event_id"]) == (code, param, "mine")
    assert session.protocol.session == before


def test_type_is_required_and_known():
    """Rule: GA has two kinds of session and wants to be told which."""
    session = Session()
    session.update(tracing="auto")
    error = error_of(session.client("session.update", session={"instructions": "x"}))
    assert (error["code"], error["param"]) == ("missing_required_parameter", "session.type")
    error = error_of(session.client("session.update", session={"type": "translation"}))
    assert (error["code"], error["param"]) == ("invalid_value", "session.type")


def test_voice_is_fixed_once_it_was_heard():
    """Rule: cannot_update_voice after the first audio, but the same voice again (as SDKs send it) is fine."""
    session = Session()
    session.update(audio={"output": {"voice": "verse"}})
    session.say(1, ("Hello.", 500))
    session.tell(happen.ReplyEnded(1))
    assert error_of(session.update(audio={"output": {"voice": "cedar"}}))["code"] == "cannot_update_voice"
    assert kinds(session.update(audio={"output": {"voice": "verse"}})) == ["session.updated"]
    error = error_of(session.client("response.create", response={"audio": {"output": {"voice": "cedar"}}}))
    assert (error["code"], error["param"]) == ("cannot_update_voice", "response.audio.output.voice")


def test_speed_and_output_format_stay_while_a_response_runs():
    """Rule: the running audio cannot change under its listener; between responses both may."""
    session = Session()
    session.say(1, ("Hello.", 500))
    for output in ({"speed": 1.2}, {"format": {"type": "audio/pcmu"}}):
        assert error_of(session.update(audio={"output": output}))["param"].startswith("session.audio.output.")
    assert kinds(session.update(audio={"output": {"speed": 1.0}})) == ["session.updated"]
    session.tell(happen.ReplyEnded(1))
    assert changed_by(session, audio={"output": {"speed": 1.2, "format": {"type": "audio/pcmu"}}}) == {
        "audio.output.speed", "audio.output.format"}


def test_voices_are_the_operators():
    """Rule: names that are not configured are refused, the ten of OpenAI's are known unless the operator says else."""
    assert "verse" in REALTIME
    config = SessionConfig("sess_1", "local", expires_at=1, voice="anna", voices=("anna", "ravi"))
    config.update({"type": "realtime", "audio": {"output": {"voice": {"id": "ravi"}}}}, Moment())
    with pytest.raises(Refused, match="anna, ravi"):
        config.update({"type": "realtime", "audio": {"output": {"voice": "verse"}}}, Moment())


def test_a_session_may_become_one_that_only_transcribes_while_it_is_untouched():
    """Rule: ?intent=transcription sends no type; the first update has it. Later the kinds do not mix."""
    session = Session()
    (event,) = session.client("session.update", session={
        "type": "transcription", "audio": {"input": {"transcription": {"model": "local"}}}})
    assert event["session"]["object"] == "realtime.transcription_session"
    assert "output" not in event["session"]["audio"]
    session.write(bytes(4800))
    error = error_of(session.client("session.update", session={"type": "realtime"}))
    assert "not allowed" in error["message"]
    assert error_of(session.client("response.create"))["code"] == "invalid_event"
    assert session.say(1, ("Hello.", 100)) == []


def test_a_remote_mcp_server_is_said_not_to_answer():
    """Rule: a tool that cannot be had is told in the protocol's own way, once, and the session goes on."""
    session = Session()
    tool = {"type": "mcp", "server_label": "theirs", "server_url": "https://example.org/mcp"}
    assert kinds(session.update(tools=[tool])) == [
        "session.updated", "conversation.item.added", "mcp_list_tools.in_progress", "mcp_list_tools.failed",
        "conversation.item.done"]
    assert kinds(session.update(tools=[tool], instructions="x")) == ["session.updated"]
    assert session.protocol.items_for_model() == ()


def test_a_session_ends_by_itself():
    """Rule: after its time every running response is done, the client is told session_expired, the connection closes
    with 1001, and nothing is taken any more."""
    session = Session()
    session.say(1, ("Hello.", 500))
    assert session.tick(NOW + 3599) == []
    sent = session.tick(NOW + 3600)
    assert kinds(sent)[-2:] == ["response.done", "error"]
    assert sent[-2]["response"]["status"] == "failed"
    assert error_of(sent)["code"] == "session_expired"
    assert session.orders == [order.Close(1001, "Your session hit the maximum duration of 60 minutes.")]
    assert session.client("response.create") == session.tell(happen.SpeechStarted(5)) == []
