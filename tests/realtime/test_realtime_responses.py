"""Responses of a Realtime session: their order, their ends, tools, and what stands beside the conversation."""

import base64

import pytest

from engine.realtime import happenings as happen
from engine.realtime import orders as order
from engine.realtime.replies import MOST_ASIDE
from tests.realtime.realtime_script import Session, error_of, kinds

END = ["response.output_audio.done", "response.output_audio_transcript.done", "response.content_part.done",
       "conversation.item.done", "response.output_item.done", "response.done"]


def done_of(events: list[dict]) -> dict:
    (event,) = [event for event in events if event["type"] == "response.done"]
    return event["response"]


def test_a_spoken_response():
    """Rule: the whole order of 3.4; items, indexes and ids on every delta; usage at the end."""
    session = Session()
    session.tell(happen.RateLimits(({"name": "requests", "limit": 10, "remaining": 9, "reset_seconds": 0.5},)))
    sent = session.say(1, ("Good ", 200), ("morning.", 300)) + session.tell(happen.ReplyEnded(1, 20, 5))
    assert kinds(sent) == [
        "response.created", "rate_limits.updated", "response.output_item.added", "conversation.item.added",
        "response.content_part.added", "response.output_audio_transcript.delta", "response.output_audio.delta",
        "response.output_audio_transcript.delta", "response.output_audio.delta", *END]
    assert base64.b64decode(sent[6]["delta"]) == bytes(48 * 200)
    assert sent[4]["part"] == {"type": "audio", "transcript": ""}
    for event in sent[4:13]:
        if "delta" in event or "part" in event:
            assert (event["response_id"], event["item_id"], event["output_index"], event["content_index"]) == (
                "resp_1", "item_1", 0, 0)
    response = done_of(sent)
    assert (response["status"], response["status_details"]) == ("completed", None)
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "Good morning."}]
    assert (response["usage"]["total_tokens"], response["usage"]["output_tokens"]) == (25, 5)
    assert response["audio"] == {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"}}


def test_a_written_response():
    """Rule: text mode has output_text, part type "text", and no audio even if some is rendered."""
    session = Session({"output_modalities": ["text"]})
    sent = session.say(1, ("Good ", 200), ("morning.", 300)) + session.tell(happen.ReplyEnded(1))
    assert kinds(sent) == [
        "response.created", "response.output_item.added", "conversation.item.added", "response.content_part.added",
        "response.output_text.delta", "response.output_text.delta", "response.output_text.done",
        "response.content_part.done", "conversation.item.done", "response.output_item.done", "response.done"]
    assert done_of(sent)["output"][0]["content"] == [{"type": "output_text", "text": "Good morning."}]


def test_a_response_that_the_client_asks_for():
    """Rule: it is created at once, so that a second request is refused at once; the reply that answers it is no second
    response. The order has the conversation and the configuration with its overrides."""
    session = Session({"instructions": "Be brief."})
    session.note("What is the time?")
    sent = session.client("response.create", response={
        "instructions": "Be long.", "metadata": {"topic": "time"}, "max_output_tokens": 50,
        "tools": [{"type": "function", "name": "now"}], "tool_choice": {"type": "function", "name": "now"}})
    assert kinds(sent) == ["response.created"]
    assert (sent[0]["response"]["metadata"], sent[0]["response"]["max_output_tokens"]) == ({"topic": "time"}, 50)
    wanted = session.orders[-1]
    assert isinstance(wanted, order.Respond) and wanted.response_id == "resp_1" and not wanted.aside
    assert [item["content"][0]["text"] for item in wanted.items] == ["What is the time?"]
    assert wanted.session["instructions"] == "Be long." and wanted.session["tools"][0]["name"] == "now"
    assert session.protocol.session["instructions"] == "Be brief."
    error = error_of(session.client("response.create", event_id="second"))
    assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "second")
    assert "resp_1" in error["message"]
    assert session.protocol.generation_of("resp_1") is None
    sent = session.say(7, ("Ten.", 200), response_id="resp_1") + session.tell(happen.ReplyEnded(7))
    assert "response.created" not in kinds(sent)
    assert done_of(sent)["metadata"] == {"topic": "time"}
    assert session.protocol.generation_of("resp_1") == 7


def test_a_reply_to_the_caller_takes_the_place_of_a_response_that_has_not_begun():
    """Rule: one response at a time; whatever is heard belongs to one that clients know."""
    session = Session()
    session.client("response.create")
    assert "response.created" not in kinds(session.say(1, ("Yes.", 100)))
    session.tell(happen.ReplyEnded(1))
    assert kinds(session.tell(happen.ReplyBegun(2, "resp_1"))) == ["response.created"]


def test_a_new_reply_ends_the_one_before():
    """Rule: a response that gives way is cancelled by the turn, before the new one is created."""
    session = Session()
    session.say(1, ("Good morning, how are you?", 900))
    sent = session.tell(happen.ReplyBegun(2))
    assert kinds(sent) == [*END, "response.created"]
    assert done_of(sent)["status_details"] == {"type": "cancelled", "reason": "turn_detected"}


def test_input_of_its_own():
    """Rule: ``input`` replaces the conversation; it may refer to items of it."""
    session = Session()
    first = session.note("one")["id"]
    session.note("two")
    item = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Sum up."}]}
    session.client("response.create", response={"input": [{"type": "item_reference", "id": first}, item]})
    assert [i["content"][0]["text"] for i in session.orders[-1].items] == ["one", "Sum up."]
    error = error_of(session.client("response.create", response={
        "conversation": "none", "input": [{"type": "item_reference", "id": "item_none"}]}))
    assert error["param"] == "response.input[0].id"


def test_responses_beside_the_conversation():
    """Rule: conversation "none" runs in parallel, adds no items, keeps its metadata; there is a bound."""
    session = Session()
    session.say(1, ("Good morning.", 500))
    sent = session.client("response.create", response={
        "conversation": "none", "output_modalities": ["text"], "metadata": {"topic": "mood"}})
    assert sent[0]["response"]["conversation_id"] is None and session.orders[-1].aside
    sent = session.say(2, ("cheerful", 0), response_id="resp_2") + session.tell(happen.ReplyEnded(2))
    assert "conversation.item.added" not in kinds(sent) and "conversation.item.done" not in kinds(sent)
    assert (done_of(sent)["metadata"], done_of(sent)["id"]) == ({"topic": "mood"}, "resp_2")
    assert [i["role"] for i in session.protocol.items_for_model()] == ["assistant"]
    assert session.protocol.response_id == "resp_1"
    for _ in range(MOST_ASIDE):
        session.client("response.create", response={"conversation": "none"})
    error = error_of(session.client("response.create", response={"conversation": "none"}))
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")


# ---------------------------------------------------------------- ends


def test_interrupted_by_the_caller():
    """Rule: response.done cancelled, turn_detected; the item is incomplete; the model knows the heard words only."""
    session = Session()
    session.say(1, ("Good morning. ", 900), ("How can I help you?", 1200))
    sent = session.tell(happen.SpeechStarted(5000), happen.ReplyCut(1, "turn_detected", "Good morning. How", 1100))
    assert kinds(sent) == ["input_audio_buffer.speech_started", *END]
    response = done_of(sent)
    assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert response["output"][0]["status"] == "incomplete"
    (item,) = session.protocol.items_for_model()
    assert item["content"] == [{"type": "output_audio", "transcript": "Good morning. How"}]


def test_an_answer_that_nobody_heard_is_not_in_the_conversation_of_the_model():
    """Rule: no unheard text stays in the model's context."""
    session = Session()
    session.say(1, ("Good morning.", 900))
    session.tell(happen.ReplyCut(1, "turn_detected", "", 0))
    assert session.protocol.items_for_model() == ()


def test_cancelled_by_the_client():
    """Rule: it is done at once with client_cancelled, the engine is told; what still comes of it is not shown, but the
    words that were heard count."""
    session = Session()
    session.say(1, ("Good morning. How are you?", 900))
    sent = session.client("response.cancel")
    assert done_of(sent)["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert session.orders == [order.CancelReply("resp_1")]
    late = session.tell(happen.ReplyWords(1, " Well?"), happen.ReplyAudio(1, bytes(480), 10),
                        happen.ReplyCut(1, "client_cancelled", "Good morning.", 400), happen.ReplyEnded(1))
    assert late == []
    assert session.protocol.items_for_model()[0]["content"][0]["transcript"] == "Good morning."


def test_cancelled_before_it_began():
    """Rule: a reply that begins for a cancelled response is never seen."""
    session = Session()
    session.client("response.create")
    session.client("response.cancel")
    assert session.say(1, ("Good morning.", 900), response_id="resp_1") == []


@pytest.mark.parametrize("fields", [{}, {"response_id": "resp_none"}, {"response_id": "resp_1"}])
def test_nothing_to_cancel(fields):
    """Rule: response_cancel_not_active; the session is as it was."""
    session = Session()
    session.say(1, ("Good morning.", 900))
    session.tell(happen.ReplyEnded(1))
    assert error_of(session.client("response.cancel", **fields))["code"] == "response_cancel_not_active"


@pytest.mark.parametrize("fields", [{}, {"response_id": "resp_1"}])
def test_who_cancels_what_the_callers_voice_has_just_cut(fields):
    """Rule: the two cross on the way; the client gets no error, and the next reply is not cut."""
    session = Session()
    session.say(1, ("Good morning.", 900))
    session.tell(happen.SpeechStarted(1000), happen.ReplyCut(1, "turn_detected", "Good", 300))
    assert session.client("response.cancel", **fields) == [] and session.orders == []
    assert error_of(session.client("response.cancel", response_id="resp_none"))["code"] == "response_cancel_not_active"
    session.say(2, ("Well?", 300))
    assert done_of(session.client("response.cancel"))["id"] == "resp_2"


def test_one_of_several_is_cancelled_by_its_id():
    """Rule: response_id names the response, also one that stands aside."""
    session = Session()
    session.say(1, ("Good morning.", 900))
    session.client("response.create", response={"conversation": "none"})
    assert done_of(session.client("response.cancel", response_id="resp_2"))["id"] == "resp_2"
    assert session.protocol.response_id == "resp_1"


@pytest.mark.parametrize(("code", "kind"), [
    ("rate_limit_exceeded", "rate_limit_error"), ("server_error", "server_error")])
def test_a_response_that_fails(code, kind):
    """Rule: a failed generation is no error event but response.done failed; the next response may come."""
    session = Session()
    session.client("response.create")
    session.tell(happen.ReplyBegun(1, "resp_1"))
    sent = session.tell(happen.ReplyFailed(1, code, "Please try again in 1.8s."))
    assert kinds(sent) == ["response.done"]
    assert done_of(sent)["status_details"] == {
        "type": "failed", "error": {"type": kind, "code": code, "message": "Please try again in 1.8s."}}
    assert kinds(session.client("response.create")) == ["response.created"]


def test_a_response_that_is_cut_short_by_its_limit():
    """Rule: incomplete, with the reason."""
    session = Session()
    session.say(1, ("Good morning", 500))
    response = done_of(session.tell(happen.ReplyEnded(1, 5, 9, "max_output_tokens")))
    assert (response["status"], response["status_details"]["reason"]) == ("incomplete", "max_output_tokens")


def test_a_reply_of_nothing_is_a_response_all_the_same():
    """Rule: exactly one response.done, always."""
    session = Session()
    session.tell(happen.ReplyBegun(1))
    sent = session.tell(happen.ReplyEnded(1), happen.ReplyEnded(1), happen.ReplyFailed(1, "server_error", "late"))
    assert kinds(sent) == ["response.done"] and done_of(sent)["output"] == []


def test_replies_that_are_not_known_are_not_told():
    """Rule: what is stale cannot start anything."""
    session = Session()
    assert session.tell(happen.ReplyWords(9, "Hello"), happen.ReplyAudio(9, b"xx", 1), happen.ReplyEnded(9),
                        happen.ReplyCut(9, "turn_detected", "", 0), happen.ServerToolReturned("call_9", "x")) == []


# ---------------------------------------------------------------- tools


def test_a_function_of_the_clients():
    """Rule: item added, arguments as delta and done (GA: with the name), item done; the message stays open, for the
    agent may still be speaking."""
    session = Session()
    session.say(1, ("One moment. ", 700))
    sent = session.tell(happen.ClientToolCalled(1, "call_a", "get_price", '{"of": "tea"}'))
    assert kinds(sent) == [
        "response.output_item.added", "conversation.item.added", "response.function_call_arguments.delta",
        "response.function_call_arguments.done", "conversation.item.done", "response.output_item.done"]
    assert (sent[0]["item"]["arguments"], sent[0]["item"]["status"], sent[0]["output_index"]) == ("", "in_progress", 1)
    assert (sent[3]["name"], sent[3]["call_id"], sent[3]["arguments"]) == ("get_price", "call_a", '{"of": "tea"}')
    assert (sent[5]["item"]["status"], sent[5]["item"]["arguments"]) == ("completed", '{"of": "tea"}')
    sent = session.tell(happen.ReplyAudio(1, bytes(4800), 100), happen.ReplyEnded(1))
    assert kinds(sent) == ["response.output_audio.delta", *END]
    assert [item["type"] for item in done_of(sent)["output"]] == ["message", "function_call"]


def test_the_answer_to_a_function_may_come_while_the_agent_still_speaks():
    """Rule: response.create after a function's output waits for the running response instead of failing, for the
    filler before a call is heard longer than most functions take."""
    session = Session()
    session.say(1, ("One moment. ", 700))
    session.tell(happen.ClientToolCalled(1, "call_a", "get_price", "{}"))
    session.client("conversation.item.create", item={"type": "function_call_output", "call_id": "call_a",
                                                     "output": "3 euros"})
    assert session.client("response.create") == []
    assert error_of(session.client("response.create"))["code"] == "conversation_already_has_active_response"
    sent = session.tell(happen.ReplyEnded(1))
    assert kinds(sent)[-2:] == ["response.done", "response.created"]
    assert [item["type"] for item in session.orders[-1].items] == ["message", "function_call", "function_call_output"]


@pytest.mark.parametrize(("detection", "created"), [({"type": "server_vad"}, 0),
                                                    ({"type": "server_vad", "create_response": False}, 1)])
def test_a_waiting_response_gives_way_to_the_callers_turn(detection, created):
    """Rule: who interrupts is answered; a second response for the same would be one too many."""
    session = Session({"audio": {"input": {"turn_detection": detection}}})
    session.say(1, ("One moment. ", 700))
    session.tell(happen.ClientToolCalled(1, "call_a", "get_price", "{}"))
    session.client("response.create")
    sent = session.tell(happen.ReplyCut(1, "turn_detected", "One", 300))
    assert kinds(sent).count("response.created") == created


def test_a_waiting_response_is_cancelled_with_the_running_one():
    """Rule: who cancels wants silence, not the next response."""
    session = Session()
    session.say(1, ("One moment. ", 700))
    session.tell(happen.ClientToolCalled(1, "call_a", "get_price", "{}"))
    session.client("response.create")
    session.client("response.cancel")
    assert session.tell(happen.SpeechStopped(5000), happen.ReplyCut(1, "client_cancelled", "One", 300)) == []


def test_a_skill_of_the_engines_is_an_mcp_call():
    """Rule: SDKs run each function_call themselves and fail on names they do not know; an mcp_call they only show."""
    session = Session()
    sent = session.tell(happen.ReplyBegun(1), happen.ServerToolCalled(1, "call_s", "search", '{"query": "tea"}'))
    assert kinds(sent)[1:] == [
        "response.output_item.added", "conversation.item.added", "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done", "response.mcp_call.in_progress"]
    session.tell(happen.ReplyWords(1, "Tea is 3 euros."))
    sent = session.tell(happen.ServerToolReturned("call_s", "[1]: tea 3 euros"))
    assert kinds(sent) == ["response.mcp_call.completed", "conversation.item.done", "response.output_item.done"]
    assert sent[-1]["item"]["output"] == "[1]: tea 3 euros"
    session.tell(happen.ReplyEnded(1))
    assert [item["type"] for item in session.protocol.items_for_model()] == ["mcp_call", "message"]


def test_a_skill_that_fails_or_never_returns():
    """Rule: each item that was added is done; a response does not end before its items."""
    session = Session()
    session.tell(happen.ReplyBegun(1), happen.ServerToolCalled(1, "call_s", "search", "{}"),
                 happen.ServerToolCalled(1, "call_t", "search", "{}"))
    sent = session.tell(happen.ServerToolReturned("call_s", "", "timed out"))
    assert kinds(sent)[0] == "response.mcp_call.failed"
    assert sent[-1]["item"]["error"] == {"type": "tool_execution_error", "message": "timed out"}
    sent = session.tell(happen.ReplyCut(1, "turn_detected", "", 0))
    assert kinds(sent) == ["response.mcp_call.failed", "conversation.item.done", "response.output_item.done",
                           "response.done"]


def test_a_skill_beside_the_conversation_is_not_to_be_retrieved():
    """Rule: JavaScript clients retrieve an mcp_call that is in progress; aside there is no item to retrieve."""
    session = Session()
    session.client("response.create", response={"conversation": "none"})
    sent = session.tell(happen.ReplyBegun(1, "resp_1"), happen.ServerToolCalled(1, "call_s", "search", "{}"),
                        happen.ServerToolReturned("call_s", "x"))
    assert "response.mcp_call.in_progress" not in kinds(sent)
    assert kinds(sent)[-2:] == ["response.mcp_call.completed", "response.output_item.done"]


def test_skills_may_be_hidden():
    """Rule: shown is the operator's choice; nothing of a hidden call is told."""
    session = Session()
    session.tell(happen.ReplyBegun(1))
    assert session.tell(happen.ServerToolCalled(1, "call_s", "search", "{}", shown=False),
                        happen.ServerToolReturned("call_s", "x")) == []


def test_sources_are_annotations_and_an_extension_for_those_who_ask():
    """Rule: what an answer stands on reaches every client; the event of Azure's sample only those that know it."""
    source = {"chunk_id": "c1", "title": "Prices", "snippet": "Tea 3 euros"}
    for extensions in (False, True):
        session = Session(extensions=extensions)
        session.say(1, ("Tea is 3 euros.", 500))
        sent = session.tell(happen.ReplyCited(1, (source,)))
        assert kinds(sent) == (["extension.middle_tier_tool_response"] if extensions else [])
        if extensions:
            assert sent[0]["tool_name"] == "report_grounding" and '"chunk": "Tea 3 euros"' in sent[0]["tool_result"]
        response = done_of(session.tell(happen.ReplyEnded(1)))
        assert response["output"][0]["content"][0]["annotations"] == [source]


def test_a_custom_voice_is_named_in_responses_by_its_id():
    """Rule: the SDKs take a string there."""
    session = Session({"audio": {"output": {"voice": {"id": "verse"}}}})
    (created,) = session.client("response.create")
    assert created["response"]["audio"]["output"]["voice"] == "verse"


@pytest.mark.parametrize(("params", "code", "param"), [
    ({"conversation": "other"}, "invalid_value", "response.conversation"),
    ({"metadata": {str(n): "x" for n in range(17)}}, "invalid_value", "response.metadata"),
    ({"metadata": {"k": "x" * 513}}, "invalid_value", "response.metadata.k"),
    ({"temperature": "hot"}, "invalid_value", "response.temperature"),
    ({"voice": "verse"}, "unknown_parameter", "response.voice"),
    ({"audio": {"output": {"voice": "nobody"}}}, "invalid_value", "response.audio.output.voice"),
    ({"input": [{"type": "message", "role": "robot", "content": []}]}, "invalid_value", "response.input[0].role"),
])
def test_what_is_wrong_with_a_response_is_named(params, code, param):
    """Rule: the dotted parameter; and there is no response."""
    session = Session()
    error = error_of(session.client("response.create", response=params))
    assert (error["code"], error["param"]) == (code, param)
    assert session.protocol.response_id is None and session.orders == []


# ---------------------------------------------------------------- phone calls


def test_what_is_heard_on_the_phone_is_told():
    """Rule: started after the part was added, stopped after the response was done; a plain client hears of neither."""
    session = Session(phone=True)
    session.say(1, ("Good morning.", 900))
    assert kinds(session.tell(happen.PlaybackStarted(1))) == ["output_audio_buffer.started"]
    session.tell(happen.ReplyEnded(1))
    (stopped,) = session.tell(happen.PlaybackStopped(1))
    assert (stopped["type"], stopped["response_id"]) == ("output_audio_buffer.stopped", "resp_1")
    plain = Session()
    plain.say(1, ("Good morning.", 900))
    assert plain.tell(happen.PlaybackStarted(1), happen.PlaybackStopped(1)) == []


def test_an_interruption_on_the_phone():
    """Rule: the server knows what was played: it truncates unasked and says that the audio was dropped, also when the
    response was done before its audio was."""
    session = Session(phone=True)
    session.say(1, ("Good morning. How are you?", 1900))
    session.tell(happen.PlaybackStarted(1), happen.ReplyEnded(1))
    sent = session.tell(happen.ReplyCut(1, "turn_detected", "Good morning.", 800))
    assert kinds(sent) == ["conversation.item.truncated", "output_audio_buffer.cleared"]
    assert sent[0]["audio_end_ms"] == 800
    assert session.protocol.items_for_model()[0]["content"][0]["transcript"] == "Good morning."


def test_the_client_clears_what_is_about_to_be_heard():
    """Rule: cleared once, with the response it was of; the engine drops the audio."""
    session = Session(phone=True)
    assert session.client("output_audio_buffer.clear") == []
    session.say(1, ("Good morning.", 900))
    session.tell(happen.PlaybackStarted(1))
    assert kinds(session.client("output_audio_buffer.clear")) == ["output_audio_buffer.cleared"]
    assert session.orders[-1] == order.ClearOutput()
    assert "output_audio_buffer.cleared" not in kinds(session.tell(happen.ReplyCut(1, "client_cancelled", "Good", 300)))
