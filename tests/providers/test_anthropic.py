"""The adapter of Anthropic's Messages API against a strict fake."""

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.providers import AnthropicOptions
from engine.dialog.model import Message, Tool, ToolCall, Usage, Words
from engine.dialog.models.anthropic import BEGINNING, AnthropicModel, conversation
from engine.errors import ProviderFault
from engine.net.credentials import Key
from tests.providers.fake_anthropic import KEY, FakeAnthropic
from tests.providers.fake_http import Response, error, settle

ASK = [Message("system", "Be brief."), Message("user", "Hello?")]
WEATHER = Tool("weather", "The weather of a place.", {"type": "object", "properties": {"place": {"type": "string"}}})


@pytest.fixture
def server(started):
    return started(FakeAnthropic())


@pytest.fixture
def model(server, started):
    def model(key=KEY, **options):
        settings = AnthropicOptions(base_url=server.url, model=options.pop("model", "claude-test"), **options)
        return started(AnthropicModel("claude", settings, Key("x-api-key", key)))

    return model


def text(parts) -> str:
    return "".join(part.text for part in parts if isinstance(part, Words))


def fault_of(stream) -> ProviderFault:
    with pytest.raises(ProviderFault) as caught:
        list(stream)
    assert caught.value.provider == "claude"
    return caught.value


def test_words_come_as_they_are_written_and_usage_last(server, model):
    server.each_s = 0.005
    parts = model().stream(ASK)
    assert next(parts) == Words("Hello")
    assert server.running == 1
    assert list(parts) == [Words(" there"), Words("."), Usage(25, 9)]


def test_the_request_is_what_was_asked_for(server, model):
    list(model(max_tokens=300, extra={"top_p": 0.9}).stream(ASK, [WEATHER], temperature=0.2))
    assert server.requests[-1].json == {
        "model": "claude-test", "stream": True, "max_tokens": 300, "temperature": 0.2,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "top_p": 0.9, "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello?"}]}],
        "tools": [{"name": "weather", "description": "The weather of a place.", "input_schema": WEATHER.parameters}]}
    list(model(max_tokens=300).stream(ASK, max_tokens=20))
    assert server.requests[-1].json["max_tokens"] == 20


def test_a_tool_call_comes_whole_and_thoughts_are_not_spoken(server, model):
    server.stop_reason = "tool_use"
    server.script = [("thinking", "They want the weather."), "Let me look.",
                     ("tool", "t1", "weather", ["", '{"pla', 'ce": "Kochi"}']), ("tool", "t2", "time", [])]
    assert list(model().stream(ASK, [WEATHER])) == [
        Words("Let me look."), ToolCall("t1", "weather", '{"place": "Kochi"}'), ToolCall("t2", "time", "{}"),
        Usage(25, 9)]


def test_a_conversation_with_calls_is_taken(server, model):
    """The agent greets first, calls two tools at once, was cut in mid-sentence: all of it must stay a valid request."""
    talk = [Message("system", "A"), Message("assistant", "Hello, how can I help? "), Message("user", "Weather?"),
            Message("assistant", "", (ToolCall("a", "weather", '{"place": "Kochi"}'), ToolCall("b", "time", "{oops"))),
            Message("tool", "31", tool_call_id="a"), Message("tool", "", tool_call_id="b"),
            Message("user", "and tomorrow?"), Message("system", "B"), Message("assistant", " "),
            Message("user", "hello?")]
    assert text(model().stream(talk)) == "Hello there."
    sent = server.requests[-1].json
    assert sent["system"][0]["text"] == "A\n\nB"
    assert sent["messages"][0]["content"][0]["text"] == BEGINNING
    assert [block["type"] for block in sent["messages"][4]["content"]] == ["tool_result", "tool_result", "text", "text"]
    assert sent["messages"][3]["content"][1]["input"] == {"value": "{oops"}


@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text(max_size=5)), max_size=12))
def test_any_conversation_becomes_a_valid_one(turns):
    """The fake checks what the service checks: turns alternate, begin with the user, hold no empty text."""
    _, messages = conversation([Message(role, words) for role, words in turns])
    FakeAnthropic._check(messages)
    said = [words.rstrip() for role, words in turns if role != "system" and words.strip()]
    sent = [block["text"] for message in messages for block in message["content"]]
    assert sent in (said, [BEGINNING, *said])


def test_connections_are_warmed_and_used_again(server, model):
    chat = model()
    chat.warm()
    settle()
    for _ in range(3):
        assert text(chat.stream(ASK)) == "Hello there."
    assert server.connections == 1


@pytest.mark.parametrize("stage", ["head", "first", "middle"])
def test_killing_the_greenlet_ends_the_request(server, model, stage):
    server.latency_s, server.first_s = (60 if stage == "head" else 0), (60 if stage == "first" else 0)
    server.stall_after = 3
    greenlet = gevent.spawn(lambda: list(model().stream(ASK)))
    with gevent.Timeout(2):
        while not server.running:
            gevent.sleep(0.005)
    gevent.sleep(0.02)
    greenlet.kill()
    assert server.gone.wait(2)


def test_closing_the_iterator_ends_the_request(server, model):
    server.stall_after = 5
    parts = model().stream(ASK)
    next(parts)
    parts.close()
    assert server.gone.wait(2)


def test_pings_and_thoughts_do_not_hold_the_first_deadline(server, model):
    """The service says at once that it lives; that is no answer yet."""
    server.script = [("thinking", "hm")] * 50
    server.each_s = 0.01
    fault = fault_of(model(first_byte_timeout_s=0.1).stream(ASK))
    assert fault.kind == "timeout" and "no answer after 0.1 s" in str(fault)
    assert server.gone.wait(2)


@pytest.mark.parametrize(("knob", "value", "kind"), [
    ("break_after", 4, "broken"), ("stall_after", 4, "timeout"), ("stops", False, "broken"),
    ("script", [b"data: {oops\n\n"], "broken"), ("script", [{"type": "content_block_delta"}], "broken"),
    ("script", [{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}], "unavailable"),
])
def test_an_answer_that_goes_wrong_has_its_kind(server, model, knob, value, kind):
    setattr(server, knob, value)
    assert fault_of(model(total_timeout_s=0.2 if kind == "timeout" else 60).stream(ASK)).kind == kind


def test_events_that_are_not_known_are_skipped(server, model):
    """Anthropic's versioning page: new kinds of events may come at any time."""
    server.script = [{"type": "content_block_start", "index": 0, "content_block": {"type": "server_tool_use"}},
                     {"type": "content_block_delta", "index": 0, "delta": {"type": "news_delta"}},
                     {"type": "content_block_stop", "index": 0}, {"type": "news"}, "Hello."]
    assert text(model().stream(ASK)) == "Hello."


@pytest.mark.parametrize(("response", "kind", "wait"), [
    (error(429, {"type": "error", "error": {"type": "rate_limit_error", "message": "x"}}, retry_after="12"),
     "rate_limit", 12.0),
    (error(529, {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}), "unavailable", None),
    (error(500, {"type": "error", "error": {"type": "api_error", "message": "x"}}), "unavailable", None),
    (error(413, {"type": "error", "error": {"type": "request_too_large", "message": "x"}}), "refused", None),
    (error(400, {"type": "error", "error": {"type": "invalid_request_error", "message": "x"}}), "refused", None),
    (Response(200, "text/html", [b"<html>"]), "broken", None),
])
def test_each_error_has_its_kind(server, model, response, kind, wait):
    server.fail_with = response
    fault = fault_of(model().stream(ASK))
    assert (fault.kind, fault.retry_after_s) == (kind, wait)


def test_a_wrong_key_is_told_without_the_key(model):
    fault = fault_of(model(key="sk-ant-wrong").stream(ASK))
    assert fault.kind == "auth" and "sk-ant" not in str(fault)


def test_a_refusal_without_a_word_may_be_tried_elsewhere(server, model):
    server.script, server.stop_reason = [], "refusal"
    assert fault_of(model().stream(ASK)).kind == "refused"
