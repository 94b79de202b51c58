"""The adapter of chat completions against a strict fake: what is asked, what comes back, what each failure becomes."""

import gevent
import pytest

from engine.config.providers import AzureChatOptions, OpenAiChatOptions
from engine.dialog.model import Message, Tool, ToolCall, Usage, Words
from engine.dialog.models.openai_chat import OpenAiChat
from engine.errors import ProviderFault
from engine.net.credentials import Key
from tests.providers.fake_http import Response, error, settle
from tests.providers.fake_openai import KEY, FakeOpenAi

ASK = [Message("system", "Be brief."), Message("user", "Hello?")]
WEATHER = Tool("weather", "The weather of a place.", {"type": "object", "properties": {"place": {"type": "string"}}})


@pytest.fixture
def server(started):
    return started(FakeOpenAi())


@pytest.fixture
def model(server, started):
    def model(key=KEY, **options):
        settings = OpenAiChatOptions(base_url=f"{server.url}/v1", model=options.pop("model", "gpt-test"), **options)
        credentials = Key("Authorization", f"Bearer {key}") if key else Key()
        return started(OpenAiChat("gpt", settings, credentials))

    return model


def text(parts) -> str:
    return "".join(part.text for part in parts if isinstance(part, Words))


def fault_of(stream) -> ProviderFault:
    with pytest.raises(ProviderFault) as caught:
        list(stream)
    assert caught.value.provider == "gpt"
    return caught.value


def test_words_come_as_they_are_written_and_usage_last(server, model):
    """The first clause is spoken while the rest is being written."""
    server.each_s = 0.02
    parts = model().stream(ASK)
    assert next(parts) == Words("Hello")
    assert server.running == 1
    assert list(parts) == [Words(" there"), Words("."), Usage(12, 3)]


def test_the_request_is_what_was_asked_for(server, model):
    extra = {"reasoning_effort": "low", "temperature": 0.5}
    chat = model(extra=extra, headers={"x-tenant": "a"}, query={"tenant": "7"})
    list(chat.stream(ASK, [WEATHER], temperature=0.2, max_tokens=80))
    request = server.requests[-1]
    assert request.query == {"tenant": "7"}
    assert request.json == {
        "model": "gpt-test", "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 80,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "The weather of a place.",
                                                    "parameters": WEATHER.parameters}}],
        "reasoning_effort": "low", "temperature": 0.5}
    assert request.headers["x-tenant"] == "a"
    assert "x-stainless-retry-count" not in request.headers or request.headers["x-stainless-retry-count"] == "0"


def test_openai_itself_is_told_the_new_name_of_the_limit(server, model):
    """Its reasoning models refuse ``max_tokens``; older servers know nothing else."""
    list(model(max_tokens_field="max_completion_tokens").stream(ASK, max_tokens=5))
    assert server.requests[-1].json["max_completion_tokens"] == 5


def test_a_server_without_keys_gets_none(server, model, monkeypatch):
    """A key of the environment that was meant for OpenAI must not reach a server on the corridor."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    server.key = None
    assert text(model(key="").stream(ASK)) == "Hello there."
    assert "sk-secret" not in str(server.requests[-1].headers)


def test_tool_calls_are_put_together_from_fragments(server, model):
    server.finish = "tool_calls"
    server.script = [
        "Let me look.",
        {"tool_calls": [{"index": 0, "id": "call_a", "type": "function",
                         "function": {"name": "weather", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"pla'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": 'ce": "Kochi"}'}}]},
        {"tool_calls": [{"index": 1, "id": "call_b", "type": "function",
                         "function": {"name": "time", "arguments": ""}}]},
    ]
    assert list(model().stream(ASK, [WEATHER])) == [
        Words("Let me look."), ToolCall("call_a", "weather", '{"place": "Kochi"}'), ToolCall("call_b", "time", "{}"),
        Usage(12, 3)]


def test_calls_and_their_results_go_back_in_the_conversation(server, model):
    calls = (ToolCall("c1", "weather", '{"place": "Kochi"}'), ToolCall("c2", "time", ""))
    talk = [*ASK, Message("assistant", "", calls),
            Message("tool", "31 degrees", tool_call_id="c1"), Message("tool", "noon", tool_call_id="c2")]
    assert text(model().stream(talk)) == "Hello there."
    sent = server.requests[-1].json["messages"]
    assert sent[2]["content"] is None
    assert sent[2]["tool_calls"][1] == {"id": "c2", "type": "function", "function": {"name": "time", "arguments": "{}"}}
    assert sent[3] == {"role": "tool", "tool_call_id": "c1", "content": "31 degrees"}


def test_thoughts_of_local_models_are_not_spoken(server, model):
    server.script = ["<thi", "nk>Hmm, the caller", " wants</th", "ink>\n", "\nGood ", "morning."]
    assert text(model().stream(ASK)) == "Good morning."


def test_connections_are_used_again(server, model):
    """A handshake with a provider takes 100 ms and more; the caller would hear it in every turn."""
    chat = model()
    for _ in range(3):
        assert text(chat.stream(ASK)) == "Hello there."
    assert server.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_costs_no_turn(server, model):
    chat = model()
    server.close_idle.set()
    list(chat.stream(ASK))
    settle()
    assert text(chat.stream(ASK)) == "Hello there."


def test_warm_opens_a_connection_that_the_first_request_uses(server, model):
    chat = model()
    chat.warm()
    chat.warm()
    with gevent.Timeout(2):
        while not server.requests or server.running:
            gevent.sleep(0.005)
    settle()
    assert text(chat.stream(ASK)) == "Hello there."
    assert server.connections == 1
    assert server.requests[0].method == "HEAD" and "authorization" not in server.requests[0].headers


def test_warm_never_raises(server, model):
    server.close()
    chat = model()
    chat.warm()
    settle()
    assert fault_of(chat.stream(ASK)).kind == "unavailable"


def test_many_answers_stream_at_once(server, model):
    server.each_s = 0.01
    chat = model()
    jobs = [gevent.spawn(lambda: text(chat.stream(ASK))) for _ in range(20)]
    gevent.joinall(jobs, timeout=5)
    assert [job.value for job in jobs] == ["Hello there."] * 20


def test_any_text_can_be_sent(server, model):
    """A tool's result may hold half a surrogate pair, by an escape in its JSON."""
    assert text(model().stream([Message("user", "a\ud800\0\nb")])) == "Hello there."
    assert server.requests[-1].json["messages"][0]["content"] == "a?\0\nb"


# ---------------------------------------------------------------- ending it


def test_closing_the_iterator_ends_the_request(server, model):
    """A caller who interrupts must not pay for the rest of the answer, nor wait for it."""
    server.each_s = 0.02
    server.stall_after = 2
    parts = model().stream(ASK)
    next(parts)
    parts.close()
    assert server.gone.wait(2)


@pytest.mark.parametrize("stage", ["head", "first", "middle"])
def test_killing_the_greenlet_ends_the_request(server, model, stage):
    if stage == "head":
        server.latency_s = 60
    elif stage == "first":
        server.first_s = 60
    else:
        server.stall_after = 2
    heard = []
    greenlet = gevent.spawn(lambda: heard.extend(model().stream(ASK)))
    with gevent.Timeout(2):
        while not server.running:
            gevent.sleep(0.005)
    gevent.sleep(0.02)
    greenlet.kill()
    assert server.gone.wait(2)


def test_killing_a_greenlet_that_is_busy_with_a_part_ends_the_request(server, model):
    """It may be waiting for playout at that moment, not for the provider."""
    server.stall_after = 3

    def reader():
        for _ in model().stream(ASK):
            gevent.sleep(60)

    greenlet = gevent.spawn(reader)
    with gevent.Timeout(2):
        while not server.running:
            gevent.sleep(0.005)
    gevent.sleep(0.02)
    greenlet.kill()
    assert server.gone.wait(2)


def test_a_stream_never_begun_asks_nothing(server, model):
    model().stream(ASK).close()
    assert not server.requests


# ---------------------------------------------------------------- failures


@pytest.mark.parametrize(("knob", "said"), [
    ("latency_s", "no answer after 0.1 s"), ("first_s", "no answer after 0.1 s"), ("each_s", "no answer after 0.1 s")])
def test_the_first_word_has_a_deadline(server, model, knob, said):
    """Before the first word another provider can still save the turn."""
    setattr(server, knob, 60)
    fault = fault_of(model(first_byte_timeout_s=0.1).stream(ASK))
    assert fault.kind == "timeout" and said in str(fault)
    assert server.gone.wait(2)


def test_chunks_without_words_do_not_hold_the_first_deadline(server, model):
    """A server that only says it is alive is not answering."""
    server.each_s = 0.02
    server.script = [{"content": ""}] * 50
    assert fault_of(model(first_byte_timeout_s=0.15).stream(ASK)).kind == "timeout"


def test_the_whole_answer_has_a_deadline(server, model):
    server.stall_after = 2
    parts = model(total_timeout_s=0.5).stream(ASK)
    assert next(parts) == Words("Hello")
    fault = fault_of(parts)
    assert fault.kind == "timeout" and "not complete after 0.5 s" in str(fault)


def test_time_in_which_nobody_reads_does_not_count(server, model):
    """A long reply waits until the caller has heard its beginning; the provider is not late then."""
    server.each_s = 0.01
    parts = model(total_timeout_s=0.6, first_byte_timeout_s=0.6).stream(ASK)
    heard = [next(parts)]
    gevent.sleep(0.7)
    heard += parts
    assert text(heard) == "Hello there."


def test_an_answer_that_breaks_off_is_broken(server, model):
    server.break_after = 2
    parts = model().stream(ASK)
    assert next(parts) == Words("Hello")
    assert fault_of(parts).kind == "broken"


def test_an_answer_without_an_end_is_broken(server, model):
    """A proxy that loses its upstream often ends the stream as if all was well."""
    server.finish, server.done = None, False
    assert fault_of(model(stream_usage=False).stream(ASK)).kind == "broken"


def test_no_server_is_unavailable(server, model):
    server.close()
    fault = fault_of(model().stream(ASK))
    assert fault.kind == "unavailable" and "refused" in str(fault)


@pytest.mark.parametrize(("response", "kind", "wait", "said"), [
    (error(401, {"error": {"message": "Incorrect API key provided: sk-abcdef123", "code": "invalid_api_key"}}),
     "auth", None, "check the key"),
    (error(403, {"error": {"message": "Country not supported", "code": "unsupported_country_region_territory"}}),
     "auth", None, "HTTP 403"),
    (error(429, {"error": {"message": "Rate limit reached for gpt-test. Please try again in 1.8s.",
                           "type": "tokens", "code": "rate_limit_exceeded"}}), "rate_limit", 1.8, "try again in 1.8s"),
    (error(429, {"error": {"message": "slow down"}}, retry_after="7"), "rate_limit", 7.0, "slow down"),
    (error(429, {"error": {"message": "Please retry after 20 seconds."}}), "rate_limit", 20.0, ""),
    (error(429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}),
     "auth", None, "credit"),
    (error(500, {"error": {"message": "The server had an error", "type": "server_error"}}), "unavailable", None, ""),
    (error(503, {"error": {"message": "overloaded"}}, retry_after="2"), "unavailable", 2.0, "overloaded"),
    (Response(502, "text/html", [b"<html><h1>Bad gateway</h1></html>"]), "unavailable", None, "HTTP 502"),
    (error(400, {"error": {"message": "maximum context length", "code": "context_length_exceeded"}}),
     "refused", None, "context_length_exceeded"),
    (Response(307, headers={"Location": "https://elsewhere.example/"}), "refused", None, "correct base_url"),
    (Response(200, "text/html", [b"<html>Welcome to nginx!</html>"]), "broken", None, "check base_url"),
])
def test_each_error_has_its_kind(server, model, response, kind, wait, said):
    """The router acts on the kind: elsewhere, later, or tell the operator."""
    server.fail_with = response
    fault = fault_of(model().stream(ASK))
    assert (fault.kind, fault.retry_after_s) == (kind, wait)
    assert said in str(fault) and "sk-abcdef" not in str(fault)
    assert len(server.requests) == 1, "retrying is the router's business"


@pytest.mark.parametrize(("options", "kind", "said"), [
    ({"key": "wrong-key"}, "auth", "check the key"),
    ({"model": "gpt-none"}, "refused", "does not exist"),
    ({"extra": {"top_k": 3}}, "refused", "Unrecognized request argument supplied: top_k"),
])
def test_what_the_service_refuses_is_told(server, model, options, kind, said):
    fault = fault_of(model(**options).stream(ASK))
    assert fault.kind == kind and said in str(fault)
    assert "wrong-key" not in str(fault)


@pytest.mark.parametrize(("part", "kind"), [
    ({"error": {"message": "Rate limit reached. Please try again in 250ms.", "code": "rate_limit_exceeded"}},
     "rate_limit"),
    ({"error": {"message": "boom", "type": "server_error"}}, "unavailable"),
    ({"error": {"message": "boom"}}, "broken"),
    (b"data: {not json\n\n", "broken"),
    (b"data: 17\n\n", "broken"),
    (b'data: {"choices": [7]}\n\n', "broken"),
    (b"data: " + b"x" * (1 << 21), "broken"),
])
def test_an_error_in_the_middle_has_its_kind(server, model, part, kind):
    server.script = ["Hello", part]
    parts = model().stream(ASK)
    assert next(parts) == Words("Hello")
    assert fault_of(parts).kind == kind


def test_a_filter_that_lets_nothing_through_is_a_refusal(server, model):
    server.script, server.finish = [], "content_filter"
    assert fault_of(model().stream(ASK)).kind == "refused"


@pytest.mark.parametrize("packet", [1, 3, 7])
def test_packets_may_cut_anything(server, model, packet):
    server.packet = packet
    server.script = ["വണക്കം ", "नमस्ते", " ☎"]
    assert text(model().stream(ASK)) == "വണക്കം नमस्ते ☎"


# ---------------------------------------------------------------- Azure


@pytest.mark.parametrize(("version", "path"), [
    ("", "/openai/v1/chat/completions"), ("2024-10-21", "/openai/deployments/gpt-test/chat/completions")])
def test_azure_is_asked_in_its_own_way(server, started, version, path):
    server.azure = True
    options = AzureChatOptions(base_url=server.url, deployment="gpt-test", api_version=version, api_key=KEY)
    chat = started(OpenAiChat("gpt", options, Key("api-key", KEY)))
    assert text(chat.stream(ASK, max_tokens=9)) == "Hello there."
    request = server.requests[-1]
    assert request.path == path and request.query == ({"api-version": version} if version else {})
    assert request.json["max_completion_tokens"] == 9
