"""Items of a Realtime conversation, and truncation to the words that were heard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.realtime import happenings as happen
from engine.realtime import orders as order
from engine.realtime.items import Bounds
from engine.realtime.spoken import Spoken
from tests.realtime.realtime_script import Session, error_of, kinds


def texts(session: Session) -> list[str]:
    return [item["content"][0]["text"] for item in session.protocol.items_for_model()]


def heard(session: Session) -> str:
    (event,) = session.client("conversation.item.retrieve", item_id="item_1")
    return event["item"]["content"][0]["transcript"]


def truncate(session: Session, ms: int, item_id: str = "item_1", content_index: int = 0) -> list[dict]:
    return session.client("conversation.item.truncate", item_id=item_id, content_index=content_index, audio_end_ms=ms)


# ---------------------------------------------------------------- create, delete, retrieve


def test_items_stand_where_they_were_put():
    """Rule: at the end, at the front ("root"), or after the named one; the answer names the one before."""
    session = Session()
    first = session.note("one")
    session.note("three")
    sent = session.client("conversation.item.create", previous_item_id=first["id"], item={
        "type": "message", "role": "user", "content": [{"type": "input_text", "text": "two"}]})
    assert kinds(sent) == ["conversation.item.added", "conversation.item.done"]
    assert {event["previous_item_id"] for event in sent} == {first["id"]}
    session.note("zero", previous_item_id="root")
    assert texts(session) == ["zero", "one", "two", "three"]
    assert session.sent[-1]["previous_item_id"] is None


@pytest.mark.parametrize("item", [
    {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be brief."}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": "Hello."}]},
    {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAAA", "transcript": "Hi"}]},
    {"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "Look:"}, {"type": "input_image", "image_url": "data:image/png;base64,AA=="}]},
    {"type": "function_call", "name": "now", "arguments": "{}", "call_id": "call_1"},
    {"type": "function_call", "name": "now", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "ten"},
    {"type": "mcp_approval_response", "id": "mcpr_1", "approval_request_id": "a", "approve": True},
])
def test_every_kind_of_item_can_be_made(item):
    """Rule: all kinds of the SDK's types are taken, told complete, and never with audio bytes."""
    added, done = Session().client("conversation.item.create", item=item)
    assert added["item"] == done["item"]
    assert added["item"]["id"] and added["item"]["type"] == item["type"]
    assert all("audio" not in part for part in added["item"].get("content", []))


def test_speech_that_a_client_writes_down_as_an_item():
    """Rule: audio without words is to be transcribed; its words come as those of any turn; the audio is kept."""
    session = Session({"audio": {"input": {"transcription": {"model": "local"}}}})
    session.client("conversation.item.create", item={
        "type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAEC"}]})
    assert session.orders == [order.TranscribeItem("item_1", b"\x00\x01\x02")]
    (completed,) = session.tell(happen.Transcribed("hello", True, item_id="item_1"))
    assert completed["item_id"] == "item_1"
    (found,) = session.client("conversation.item.retrieve", item_id="item_1")
    assert found["item"]["content"] == [{"type": "input_audio", "transcript": "hello", "audio": "AAEC"}]


def test_ids_are_the_clients_if_it_wants():
    """Rule: an id that is given is kept; the same again is an error."""
    session = Session()
    item = {"id": "mine", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}
    assert session.client("conversation.item.create", item=item)[0]["item"]["id"] == "mine"
    assert error_of(session.client("conversation.item.create", item=item))["param"] == "item.id"
    assert len(session.protocol.conversation) == 1


def test_deleted_items_are_gone():
    """Rule: deleted is acknowledged; the model does not see it, and its id is unknown from then on."""
    session = Session()
    item = session.note("secret")
    session.note("open")
    (event,) = session.client("conversation.item.delete", item_id=item["id"])
    assert (event["type"], event["item_id"]) == ("conversation.item.deleted", item["id"])
    assert texts(session) == ["open"]
    assert error_of(session.client("conversation.item.delete", item_id=item["id"]))["param"] == "item_id"


def test_the_audio_of_a_deleted_item_is_gone_too():
    """Rule: an id that is used again must not bring back what was deleted."""
    session = Session()
    for part in ({"type": "input_audio", "audio": "AAEC"}, {"type": "input_text", "text": "hello"}):
        session.client("conversation.item.create", item={
            "id": "mine", "type": "message", "role": "user", "content": [part]})
        (found,) = session.client("conversation.item.retrieve", item_id="mine")
        assert ("audio" in found["item"]["content"][0]) == (part["type"] == "input_audio")
        session.client("conversation.item.delete", item_id="mine")


def test_an_item_that_is_being_said_cannot_be_deleted():
    """Rule: deltas of an item that is gone make clients throw."""
    session = Session()
    session.say(1, ("Hello.", 200))
    assert "cancel" in error_of(session.client("conversation.item.delete", item_id="item_1"))["message"]
    session.tell(happen.ReplyEnded(1))
    assert kinds(session.client("conversation.item.delete", item_id="item_1")) == ["conversation.item.deleted"]


@pytest.mark.parametrize(("kind", "fields", "code"), [
    ("create", {"previous_item_id": "item_none"}, "item_create_invalid_previous_item_id"),
    ("retrieve", {"item_id": "item_none"}, "item_retrieve_invalid_item_id"),
    ("delete", {"item_id": "item_none"}, "item_delete_invalid_item_id"),
    ("truncate", {"item_id": "item_none", "content_index": 0, "audio_end_ms": 0}, "item_truncate_invalid_item_id"),
])
def test_unknown_items(kind, fields, code):
    """Rule: an id that is not there is an error with the client's own event id, and nothing else."""
    session = Session()
    if kind == "create":
        fields = {**fields, "item": {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "x"}]}}
    error = error_of(session.client(f"conversation.item.{kind}", event_id="mine", **fields))
    assert (error["code"], error["event_id"]) == (code, "mine")
    assert session.orders == [] and session.protocol.items_for_model() == ()


@pytest.mark.parametrize(("item", "code", "param"), [
    ({"type": "message", "role": "user"}, "missing_required_parameter", "item.content"),
    ({"type": "message", "content": []}, "missing_required_parameter", "item.role"),
    ({"type": "message", "role": "user", "content": []}, "invalid_value", "item.content"),
    ({"type": "message", "role": "user", "content": [{"type": "output_text", "text": "x"}]}, "invalid_value",
     "item.content[0].type"),
    ({"type": "message", "role": "user", "content": [{"type": "input_text"}]}, "missing_required_parameter",
     "item.content[0].text"),
    ({"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "*"}]}, "invalid_value",
     "item.content[0].audio"),
    ({"type": "function_call_output", "output": "x"}, "missing_required_parameter", "item.call_id"),
    ({"type": "letter"}, "invalid_value", "item.type"),
    ({}, "missing_required_parameter", "item.type"),
    ("hello", "invalid_value", "item"),
])
def test_what_is_wrong_with_an_item_is_named(item, code, param):
    """Rule: the dotted parameter of the first thing that is wrong; no item is made."""
    session = Session()
    error = error_of(session.client("conversation.item.create", item=item))
    assert (error["code"], error["param"]) == (code, param)
    assert len(session.protocol.conversation) == 0


def test_a_conversation_is_bounded():
    """Rule: what clients may make is bounded in number and length; deleting makes room."""
    session = Session(bounds=Bounds(items=2, chars=1000))
    first = session.note("one")
    session.note("two")
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "three"}]}
    assert error_of(session.client("conversation.item.create", item=item))["code"] == "conversation_too_long"
    session.client("conversation.item.delete", item_id=first["id"])
    assert error_of(session.client("conversation.item.create", item={
        **item, "content": [{"type": "input_text", "text": "x" * 900}]}))["code"] == "conversation_too_long"
    session.note("three")
    assert texts(session) == ["two", "three"]
    session.write(bytes(4800))
    assert error_of(session.client("input_audio_buffer.commit"))["code"] == "conversation_too_long"
    assert error_of(session.update(tools=[{"type": "mcp", "server_label": "x"}]))["code"] == "conversation_too_long"


# ---------------------------------------------------------------- truncate


def test_truncation_keeps_the_words_that_were_heard():
    """Rule: acknowledged at once with the client's own time; the words are the engine's, from its playout account."""
    session = Session()
    session.say(1, ("Good morning. ", 1000), ("How are you?", 1000))
    (event,) = truncate(session, 1500)
    assert (event["type"], event["audio_end_ms"]) == ("conversation.item.truncated", 1500)
    assert session.orders == [order.Truncate("item_1", "resp_1", 1500)]
    assert session.tell(happen.Truncated("item_1", 1500, "Good morning. How are")) == []
    assert heard(session) == "Good morning. How are"


def test_words_are_estimated_until_the_engine_knows():
    """Rule: clients retrieve the item as soon as it is truncated; no unheard word may be in it."""
    session = Session()
    session.say(1, ("Good morning. ", 1000), ("How are you?", 1000))
    truncate(session, 1500)
    assert heard(session) == "Good morning. How"
    truncate(session, 0)
    assert heard(session) == ""
    assert session.protocol.items_for_model() == ()


def test_truncation_beyond_the_audio():
    """Rule: more than there is, or than an earlier truncation has left, is the error that clients know by its words."""
    session = Session()
    session.say(1, ("Good morning.", 1000))
    error = error_of(truncate(session, 1200))
    assert error["message"] == "Audio content of 1000ms is already shorter than 1200ms"
    assert (error["type"], error["code"]) == ("invalid_request_error", None)
    truncate(session, 600)
    assert "600ms is already shorter" in error_of(truncate(session, 800))["message"]


def test_a_client_that_rounds_up_is_right():
    """Rule: 20 ms frames at 22,050 Hz are no whole milliseconds; one more is no error."""
    session = Session()
    session.tell(happen.ReplyBegun(1), happen.ReplyWords(1, "Hello."), happen.ReplyAudio(1, bytes(48), 999.6))
    assert kinds(truncate(session, 1000)) == ["conversation.item.truncated"]
    assert heard(session) == "Hello."


@pytest.mark.parametrize("given", [{}, {"output_modalities": ["text"]}])
def test_only_audio_of_the_agent_can_be_truncated(given):
    """Rule: unsupported_content_type for text, for the caller's items, and for what a client made up itself."""
    session = Session(given)
    item = session.note()
    assert error_of(truncate(session, 0, item["id"]))["code"] == "unsupported_content_type"
    session.client("conversation.item.create", item={"id": "mine", "type": "message", "role": "assistant", "content": [
        {"type": "output_audio", "transcript": "Hello."}]})
    assert error_of(truncate(session, 0, "mine"))["code"] == "unsupported_content_type"
    session.say(1, ("Hello.", 500))
    sent = truncate(session, 0, "item_2")
    assert kinds(sent) == (["error"] if given else ["conversation.item.truncated"])


def test_content_index_is_checked():
    """Rule: an answer has one part."""
    session = Session()
    session.say(1, ("Hello.", 500))
    assert error_of(truncate(session, 0, content_index=1))["param"] == "content_index"
    assert error_of(truncate(session, -1))["param"] == "audio_end_ms"


def test_the_engine_truncates_unasked():
    """Rule: where its clock knows better, the client is told."""
    session = Session()
    session.say(1, ("Good morning. How are you?", 2000))
    (event,) = session.tell(happen.Truncated("item_1", 700, "Good morning."))
    assert (event["type"], event["audio_end_ms"]) == ("conversation.item.truncated", 700)
    assert heard(session) == "Good morning."
    assert "700ms is already shorter" in error_of(truncate(session, 900))["message"]


def test_heard_words_of_a_function_call_before_it():
    """Rule: the model sees the filler it has said before a call, and the call."""
    session = Session()
    session.say(1, ("One moment. ", 700))
    session.tell(happen.ClientToolCalled(1, "call_a", "get_price", "{}"), happen.ReplyEnded(1))
    assert [item["type"] for item in session.protocol.items_for_model()] == ["message", "function_call"]


def test_words_that_come_before_their_audio_share_it():
    """Rule: a model is ahead of its voice: words that came together are heard one after the other, none at once."""
    spoken = Spoken()
    spoken.words("one two ")
    spoken.words("three four")
    spoken.audio(1000)
    assert [spoken.heard(ms) for ms in (10, 500, 999)] == ["", "one two", "one two three"]


@given(st.lists(st.tuples(st.sampled_from(["one ", "two three ", "four", " five", "नमस्ते "]), st.integers(0, 900))),
       st.lists(st.integers(0, 4000), min_size=1))
def test_heard_words_grow_with_the_audio_and_are_never_half(clauses, times):
    """Rule: what was heard is a prefix of what was said, in whole words, more of it the later the audio ends, and all
    of it at the end."""
    spoken = Spoken()
    for text, ms in clauses:
        spoken.words(text)
        spoken.audio(ms)
    words = spoken.text.split()
    before: list[str] = []
    for ms in sorted(times):
        found = spoken.heard(ms).split()
        assert found == words[: len(found)] and len(found) >= len(before)
        before = found
    assert spoken.heard(spoken.ms) == spoken.text
