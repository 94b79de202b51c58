"""What is told to a new connection of what the old one knew."""

from engine.upstream.memory import Line, Memory


def user(item_id, before=None):
    return {"type": "conversation.item.added", "previous_item_id": before, "item": {
        "id": item_id, "type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": None}]}}


def agent(item_id, before=None):
    return {"type": "conversation.item.added", "previous_item_id": before,
            "item": {"id": item_id, "type": "message", "role": "assistant", "content": []}}


def said(item_id, text):
    return {"type": "conversation.item.input_audio_transcription.completed", "item_id": item_id, "transcript": text}


def answered(item_id, text):
    return {"type": "response.output_audio_transcript.done", "item_id": item_id, "transcript": text}


def told(*events, chars=10_000):
    memory = Memory(chars)
    for event in events:
        memory.received(event)
    return memory


def texts(memory):
    return [(item["role"], item["content"][0]["text"]) for item in memory.items()]


def test_what_was_spoken_comes_back_as_text_in_its_order():
    """Transcripts come late, after the answer to them."""
    memory = told(user("a"), agent("b", "a"), answered("b", "At nine."), said("a", "When do you open?"))
    assert texts(memory) == [("user", "When do you open?"), ("assistant", "At nine.")]
    assert [item["content"][0]["type"] for item in memory.items()] == ["input_text", "output_text"]


def test_an_item_stands_behind_the_one_that_it_names():
    """A function's output is put in while the caller speaks on."""
    memory = told(user("a"), user("c", "a"), agent("b", "a"), said("a", "one"), answered("b", "two"),
                  said("c", "three"))
    assert [item["id"] for item in memory.items()] == ["a", "b", "c"]


def test_only_what_was_heard_is_remembered():
    """A new session must not believe that it said what nobody heard."""
    memory = told(agent("a"), agent("b"), answered("a", "We open at nine."), answered("b", "Never heard."))
    memory.heard("a", "We open")
    memory.heard("b", "")
    memory.received(answered("a", "We open at nine."))
    assert texts(memory) == [("assistant", "We open")]
    assert memory.lines() == [Line("agent", "We open", True)]


def test_a_clients_truncation_counts_by_its_share_of_the_audio():
    """Two seconds of four are half of the words."""
    delta = {"type": "response.output_audio.delta", "item_id": "a", "delta": "A" * (4000 * 48 * 4 // 3)}
    memory = told(agent("a"), delta, answered("a", "one two three four"),
                  {"type": "conversation.item.truncated", "item_id": "a", "audio_end_ms": 2000, "content_index": 0})
    assert texts(memory) == [("assistant", "one two")]


def test_calls_without_their_output_are_left_out():
    """The service refuses an output without its call, and a call without an output confuses the model."""
    call = {"type": "conversation.item.done", "item": {"id": "c", "type": "function_call", "call_id": "1",
                                                       "name": "search", "arguments": "{}"}}
    lonely = {"type": "conversation.item.done", "item": {"id": "d", "type": "function_call", "call_id": "2",
                                                         "name": "search", "arguments": "{}"}}
    output = {"type": "conversation.item.done", "item": {"id": "o", "type": "function_call_output", "call_id": "1",
                                                         "output": "x"}}
    memory = told(call, lonely, output)
    assert [item["id"] for item in memory.items()] == ["c", "o"] and memory.owes_answer


def test_the_oldest_goes_first_when_there_is_too_much():
    """``history_chars`` bounds what a replay costs."""
    memory = told(*(event for n in range(50) for event in (user(f"i{n}"), said(f"i{n}", "word " * 20))), chars=2000)
    kept = [item["id"] for item in memory.items()]
    assert kept == [f"i{n}" for n in range(50)][-len(kept):] and 5 < len(kept) < 15


def test_the_configuration_is_what_was_answered():
    """An update that was refused is none; groups are merged, another kind of turn detection takes the old one's place.
    """
    memory = Memory(1000)

    def update(number, **session):
        memory.sent({"type": "session.update", "event_id": number, "session": session})

    update("1", type="realtime", instructions="Be kind.", audio={"input": {"turn_detection": {
        "type": "server_vad", "threshold": 0.3}}, "output": {"voice": "marin"}})
    update("2", nonsense=True)
    update("3", audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
    memory.received({"type": "session.updated"})
    memory.received({"type": "error", "error": {"event_id": "2", "code": "unknown_parameter"}})
    memory.received({"type": "session.updated"})
    update("4", tools=[])
    (replay,) = memory.replay()
    assert replay["session"] == {"type": "realtime", "instructions": "Be kind.", "audio": {
        "input": {"turn_detection": {"type": "semantic_vad"}}, "output": {"voice": "marin"}}}
    assert memory.unanswered() == [{"type": "session.update", "event_id": "4", "session": {"tools": []}}]
