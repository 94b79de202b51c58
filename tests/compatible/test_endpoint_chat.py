"""Chat completions by the stock SDK: agents, providers, the router with fail-over; what is refused."""

import openai
import pytest

from tests.compatible.conftest import calls
from tests.providers.fake_http import error

ASK = [{"role": "user", "content": "when is the desk open"}]
TOOL = {"type": "function", "function": {"name": "weather", "description": "Tells the weather.", "parameters": {
    "type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}}}


def text(stream):
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def test_with_the_embedded_default_only_the_knowledge_base_answers(world):
    """A client that knows nothing of agents gets an answer with its source, and a count of tokens."""
    answer = world().client.chat.completions.create(model="auto", messages=ASK)
    (choice,) = answer.choices
    assert "nine to five" in choice.message.content
    assert (answer.model, choice.finish_reason, choice.message.role) == ("desk", "stop", "assistant")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer.trunkline["decision"] == "answer"
    assert [cited["document"] for cited in answer.trunkline["citations"]] == ["hours"]


def test_a_stream_has_the_same_words_and_ends_with_its_usage(world):
    client = world().client
    whole = client.chat.completions.create(model="desk", messages=ASK).choices[0].message.content
    chunks = list(client.chat.completions.create(model="desk", messages=ASK, stream=True,
                                                 stream_options={"include_usage": True}))
    assert text(chunks) == whole
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens > 0
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_provider_is_asked_directly_and_tools_pass_through(world, gpt):
    """The client's own tools go to the model, its call comes back whole, and the result goes up again."""
    client = world().client
    gpt.replies["weather"] = calls("weather", '{"town": "Kochi"}')
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "the weather?"}]
    first = client.chat.completions.create(model="gpt", messages=messages, tools=[TOOL], tool_choice="auto",
                                           temperature=0.5, max_tokens=50)
    (call,) = first.choices[0].message.tool_calls
    assert first.choices[0].finish_reason == "tool_calls"
    assert first.choices[0].message.content is None
    assert (call.function.name, call.function.arguments) == ("weather", '{"town": "Kochi"}')
    gpt.replies["tool"] = ["It ", "rains."]
    messages += [first.choices[0].message.model_dump(exclude_none=True),
                 {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    second = client.chat.completions.create(model="gpt", messages=messages, tools=[TOOL])
    assert second.choices[0].message.content == "It rains."
    assert (second.usage.prompt_tokens, second.usage.completion_tokens) == (12, 3)
    assert {name: gpt.bodies[0][name] for name in ("tool_choice", "temperature", "max_tokens")} == {
        "tool_choice": "auto", "temperature": 0.5, "max_tokens": 50}
    assert gpt.bodies[0]["tools"][0]["function"]["parameters"]["required"] == ["town"]


def test_a_streamed_tool_call_is_understood_by_the_sdk(world, gpt):
    gpt.replies["weather"] = calls("weather", '{"town": "Kochi"}')
    with world().client.chat.completions.stream(
            model="gpt", messages=[{"role": "user", "content": "weather"}], tools=[TOOL]) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls[0].function.arguments == '{"town": "Kochi"}'


def test_the_answer_ends_before_a_stop_text(world, gpt):
    """Honoured here, so that it holds for every provider; also where it comes in pieces."""
    gpt.replies["count"] = ["One, t", "wo, th", "ree, four"]
    client = world().client
    asked = [{"role": "user", "content": "count"}]
    answer = client.chat.completions.create(model="gpt", messages=asked, stop=["three", "never"])
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("One, two, ", "stop")
    assert text(client.chat.completions.create(model="gpt", messages=asked, stop="two", stream=True)) == "One, "


def test_an_answer_that_reached_the_limit_says_so(world, gpt):
    client = world().client
    answer = client.chat.completions.create(model="gpt", messages=ASK, max_completion_tokens=3)
    assert (answer.choices[0].finish_reason, gpt.bodies[-1]["max_tokens"]) == ("length", 3)
    short = client.chat.completions.create(model="desk", messages=ASK, max_tokens=4)
    assert short.choices[0].finish_reason == "length"
    assert len(short.choices[0].message.content) <= 16


def test_a_response_format_goes_to_the_provider(world, gpt):
    gpt.replies["desk"] = ['{"open": "nine"}']
    answer = world().client.chat.completions.create(model="gpt", messages=ASK, response_format={"type": "json_object"},
                                                    seed=7)
    assert answer.choices[0].message.content == '{"open": "nine"}'
    assert (gpt.bodies[0]["response_format"], gpt.bodies[0]["seed"]) == ({"type": "json_object"}, 7)


def test_the_router_takes_the_next_provider_when_the_first_fails(world, gpt, spare):
    """The client sees nothing of it but the name of who answered."""
    gpt.fail_with = error(503, {"error": {"message": "overloaded", "type": "server_error"}})
    spare.replies["desk"] = ["At nine."]
    client = world(routed=True).client
    answer = client.chat.completions.create(model="auto", messages=ASK)
    assert (answer.choices[0].message.content, answer.model) == ("At nine.", "second/gpt-test")
    assert text(client.chat.completions.create(model="auto", messages=ASK, stream=True)) == "At nine."


def test_a_provider_that_is_named_is_not_replaced_by_another(world, gpt, spare):
    """Who names a provider wants this one: its fault is told, with OpenAI's status for it."""
    gpt.fail_with = error(429, {"error": {"message": "slow down", "type": "requests"}}, retry_after="7")
    client = world(routed=True).client
    with pytest.raises(openai.RateLimitError) as fault:
        client.chat.completions.create(model="first/gpt-test", messages=ASK)
    assert fault.value.response.headers["retry-after"] == "7"
    assert fault.value.type == "rate_limit_error"
    assert not spare.bodies


def test_a_stream_that_breaks_off_ends_with_an_error(world, gpt):
    """What was sent stays; the SDK raises, instead of taking a torn answer for a whole one."""
    gpt.replies["desk"] = ["At ni", {"error": {"message": "gone", "type": "server_error"}}]
    got = []
    with pytest.raises(openai.APIError):
        for chunk in world().client.chat.completions.create(model="gpt", messages=ASK, stream=True):
            got.append(chunk.choices[0].delta.content or "")
    assert "".join(got) == "At ni"


def test_a_fault_before_the_first_word_has_a_status(world, gpt):
    gpt.fail_with = error(500, {"error": {"message": "no", "type": "server_error"}})
    with pytest.raises(openai.InternalServerError) as fault:
        world().client.chat.completions.create(model="gpt", messages=ASK, stream=True)
    assert fault.value.code == "provider_unavailable"


def test_an_agent_answers_with_its_skills_and_what_was_said_before(world, gpt):
    """Its skill runs here, the client sees words; the client's system message comes after the agent's persona."""
    gpt.replies["book"] = calls("look_up", '{"what": "rooms"}')
    answer = world().client.chat.completions.create(model="clerk", messages=[
        {"role": "system", "content": "The user is called Ada."}, {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hello Ada."}, {"role": "user", "content": "book something"}])
    assert answer.choices[0].message.content == "It is done now."
    (used,) = answer.trunkline["tool_calls"]
    assert (used["name"], used["arguments"], used["status"]) == ("look_up", {"what": "rooms"}, "done")
    system, *said = gpt.bodies[0]["messages"]
    assert system["content"].index("You book rooms.") < system["content"].index("called Ada")
    assert "in writing" in system["content"]
    assert "telephone" not in system["content"]
    assert [line["content"] for line in said] == ["hi", "Hello Ada.", "book something"]


@pytest.mark.parametrize(("change", "status", "param", "told"), [
    ({"model": "nobody"}, 404, "model", "there are auto, clerk, desk, roamer, gpt, spare"),
    ({"n": 2}, 400, "n", "one answer"),
    ({"logprobs": True}, 400, "logprobs", "not told"),
    ({"tools": [TOOL], "model": "desk"}, 400, "tools", "its own skills"),
    ({"response_format": {"type": "json_object"}, "model": "desk"}, 400, "response_format", "leave it out"),
    ({"max_tokens": 5, "max_completion_tokens": 5}, 400, "max_tokens", "not both"),
    ({"temperature": 3}, 422, "temperature", "less than or equal to 2"),
    ({"messages": []}, 422, "messages", "at least 1"),
    ({"messages": [{"role": "robot", "content": "x"}]}, 400, "messages[0].role", "'robot'"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, 400,
     "messages[0].content[0]", "image_url"),
    ({"messages": [{"role": "assistant", "content": "x"}]}, 400, "messages", "the user's question"),
    ({"stop": ["a", "b", "c", "d", "e"]}, 422, "stop", "at most 4"),
    ({"modalities": ["audio"]}, 400, "modalities", "answers are text"),
    ({"wordiness": 3}, 422, "wordiness", "not permitted"),
])
def test_what_cannot_be_honoured_is_refused_by_name(world, change, status, param, told):
    """Nothing is dropped silently: the client learns which field, and what to do."""
    got, answer = world().ask("POST", "/v1/chat/completions", {"model": "desk", "messages": ASK, **change})
    assert (got, answer["error"]["param"]) == (status, param), answer
    assert told in answer["error"]["message"]
    assert answer["error"]["type"] == "invalid_request_error"


def test_other_names_of_models_are_configured(world, gpt):
    """A client whose model cannot be changed is served, too."""
    at = world(compatible={"models": {"gpt-4o-mini": "gpt"}})
    answer = at.client.chat.completions.create(model="gpt-4o-mini", messages=ASK)
    assert (answer.choices[0].message.content, answer.model) == ("Hello there.", "gpt")


def test_a_client_that_leaves_ends_the_request_to_the_provider(world, gpt):
    """Nobody pays for words that nobody reads."""
    gpt.each_s = 0.01
    gpt.replies["desk"] = ["word "] * 2000
    stream = world().client.chat.completions.create(model="gpt", messages=ASK, stream=True)
    next(iter(stream))
    stream.close()
    assert gpt.gone.wait(10)


def test_names_that_programs_make_up_cannot_fill_the_memory(world, monkeypatch):
    """Each model has a connection of its own: so many, and no more."""
    monkeypatch.setattr("engine.casting.MOST", 2)
    at = world()
    found = [at.ask("POST", "/v1/chat/completions", {"model": f"gpt/made-up-{n}", "messages": ASK}) for n in range(3)]
    assert [status for status, _ in found] == [400, 400, 503]
    assert "a restart of the engine" in found[2][1]["error"]["message"]
