"""Rules of rewriting that hold whatever comes: nothing raises, nothing of the server's leaks, a response ends once."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engine.realtime.rewrite import CLIENT_EVENTS, Rewriter
from engine.upstream.terms import Terms

SECRET = "You are the secret voice."
TERMS = Terms(SECRET, "marin", None, 0, ({"type": "function", "name": "search", "parameters": {}},), "whisper-1")
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
                    max_leaves=12)
NAMES = ["session", "response", "item", "item_id", "event_id", "audio"]
INSIDE = st.dictionaries(st.sampled_from(["audio", "tools", "type", "name", "call_id", "instructions", "voice"]), JSON)
FIELDS = st.dictionaries(st.sampled_from(NAMES), JSON | INSIDE)


@given(JSON | st.tuples(st.sampled_from(sorted(CLIENT_EVENTS)), FIELDS).map(lambda made: {"type": made[0], **made[1]}))
def test_a_client_may_send_anything(sent):
    """It goes up, or an ``error`` comes back; a client must not be able to end its session by a strange event."""
    terms = replace(TERMS, client_tools=True)
    step = Rewriter(terms).from_client(json.dumps(sent))
    assert len(step.up) + len(step.down) == 1
    assert all(event["type"] == "error" for event, _ in step.down)
    assert all(event["type"] in CLIENT_EVENTS for event, _ in step.up)


@st.composite
def conversations(draw):
    """Events of an upstream: responses of words and calls, done, or cut off by the loss of the connection."""
    events = []
    for number in range(draw(st.integers(1, 5))):
        ids = {"response_id": f"r{number}", "output_index": 0}
        events.append({"type": "response.created", "response": {"id": f"r{number}", "conversation_id": "c"}})
        output = []
        for part in range(draw(st.integers(0, 3))):
            if draw(st.booleans()):
                item = {"id": f"i{number}{part}", "type": "function_call", "name": "search", "status": "completed",
                        "call_id": f"c{number}{part}", "arguments": json.dumps({"query": SECRET})}
            else:
                item = {"id": f"i{number}{part}", "type": "message", "role": "assistant", "content": []}
            events += [{"type": "response.output_item.added", "item": item, **ids},
                       {"type": "conversation.item.added", "item": item, "previous_item_id": None},
                       {"type": "response.output_item.done", "item": item, **ids}]
            output.append(item)
        if draw(st.integers(0, 3)):
            status = draw(st.sampled_from(["completed", "cancelled", "failed"]))
            events.append({"type": "response.done", "response": {"id": f"r{number}", "status": status,
                                                                 "output": output}})
        else:
            events.append({"type": "lost"})
    return events


@given(conversations(), st.booleans(), st.booleans())
def test_nothing_leaks_and_every_response_ends_once(events, hide, late):
    """However functions, losses and interruptions fall together. ``late``: functions are done at the very end."""
    rewriter = Rewriter(TERMS, hide_tool_turns=hide)
    down, waiting = [event for event, _ in rewriter.open().down], []

    def take(step):
        down.extend(event for event, _ in step.down)
        waiting.extend(step.calls)
        while waiting and not late:
            take(rewriter.tool_done(waiting.pop(), SECRET, {"sources": []}))

    for event in events:
        if event["type"] == "lost":
            take(rewriter.lost())
            take(rewriter.open(again=True))
        else:
            take(rewriter.from_upstream(event, json.dumps(event)))
    late = False
    take(rewriter.lost())
    assert SECRET not in json.dumps(down) and "function_call" not in json.dumps(down)
    created = [event["response"]["id"] for event in down if event["type"] == "response.created"]
    done = [event["response"]["id"] for event in down if event["type"] == "response.done"]
    assert sorted(created) == sorted(done)
