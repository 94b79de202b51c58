"""Calls that a speech-to-speech model holds: a stand-in calls the engine, a strict fake is the model, on sockets."""

import json

import pytest
from call_providers import LookUp, providers, voice
from call_world import folder, named, wait

from engine.config import Config
from engine.config.skills import SkillOptions
from engine.dialog.persona import Persona
from engine.dialog.skills import skill
from engine.dialog.skills.builtin.calling import end_call
from engine.dialog.skills.executor import Executor
from engine.dialog.skills.services import Services
from engine.upstream.model import SpeechModel
from engine.upstream.service import open_upstream
from tests.fakes.speech_server import CHAR_MS, KEY, MODEL, RATE_LIMIT, Fails, SpeechServer, calls

GREETING = "Hello there."
LONG = "We open at nine on working days, and on Sundays we are closed all day long."


@skill
def opening_hours(day: str) -> str:
    """When the library is open.

    day: which day
    """
    return f"{day}: nine to six"


SKILLS = {one.name: one for one in (opening_hours, end_call)}


@pytest.fixture
def server():
    made = SpeechServer()
    made.answers.append(GREETING)
    yield made
    made.close()


@pytest.fixture
def model(server):
    """``model(**options)``: of ``upstream``."""
    opened = []

    def make(**options):
        provider = {"kind": "openai_speech_to_speech", "base_url": server.url, "model": MODEL, "api_key": KEY}
        config = Config.model_validate({"providers": {"up": provider}, "upstream": {
            "provider": "up", "voice": "marin", "retry_first_ms": 20, "retry_longest_ms": 40, **options}})
        opened.append(open_upstream(config, {}))
        executor = Executor(lambda: SKILLS, SkillOptions(), Services(SkillOptions()))
        persona = Persona("desk", "You are a librarian.", skills=tuple(SKILLS))
        return SpeechModel(opened[-1], lambda context: f"You are a librarian in a call with {context.caller}.",
                           lambda context: executor.open(context, persona))

    yield make
    for upstream in opened:
        upstream.close()


def texts(events, name):
    return [event["text"] for event in named(events, name)]


def answered(at, call, count):
    """Wait until the caller has heard so many answers, or parts of them."""
    wait(lambda: len(named(at.events(call), "agent_said")) >= count, f"not {count} answers", 15, 0.05)


def test_a_whole_call(world, server, model):
    """The model hears the caller and speaks; log, report and history are those of any call, at 8 and at 16 kHz."""
    server.answers += [GREETING, LONG, LONG]
    server.hears += ["When do you open?", "When do you open?"]
    with world(speech=model(), reports=True) as at:
        placed = {rate: at.place(rate=rate, caller="15551234") for rate in (8000, 16000)}
        for call in placed.values():
            call.greeted()
        for rate, call in placed.items():
            call.say(voice(0.6, rate))
        for call in placed.values():
            answered(at, call, 2)
            call.hangup()
        at.over(*placed.values())
        logs = {rate: at.events(call) for rate, call in placed.items()}
        for call in placed.values():
            wait(lambda call=call: (folder(call.uuid) / "report.json").exists(), "no report", 30)
    for rate, call in placed.items():
        events = logs[rate]
        assert texts(events, "agent_said") == [GREETING, LONG]
        assert texts(events, "user_said") == ["When do you open?"]
        assert [event["event"] for event in named(events, "say", "think", "on_wire", "user_said", "agent_said")] == [
            "say", "on_wire", "agent_said", "user_said", "think", "on_wire", "agent_said"]  # fmt: skip
        assert not named(events, "error", "brain_lost", "cut")
        report = json.loads((folder(call.uuid) / "report.json").read_text())
        assert [line["text"] for line in report["transcript"]] == [GREETING, "When do you open?", LONG]
        seconds = len(LONG + GREETING) * CHAR_MS / 1000
        spoken = abs(call.heard.astype(int)).reshape(-1, rate // 50).max(axis=1) > 500
        assert spoken.sum() * 0.02 == pytest.approx(seconds, abs=0.3)
    session = server.sessions[0].config
    assert session["instructions"] == "You are a librarian in a call with 15551234."
    assert session["audio"]["output"]["voice"] == "marin" and len(session["tools"]) == 2
    assert server.sent("response.create")[0]["response"]["instructions"].endswith(GREETING)


def test_an_interruption_is_cut_and_the_model_told_what_was_heard(world, server, model):
    """To the millisecond of the playout: what was not heard must not be in the model's memory."""
    server.answers += [LONG, "Pardon?"]
    with world(speech=model()) as at:
        call = at.place()
        call.greeted()
        call.say(voice(0.5))
        call.hears()
        call.pause(0.8)
        call.say(voice(0.8))
        answered(at, call, 3)
        call.hangup()
        at.over(call)
        events = at.events(call)
    (cut,) = named(events, "cut")
    said = named(events, "agent_said")
    assert [event["interrupted"] for event in said] == [False, True, False]
    assert LONG.startswith(said[1]["text"]) and 0 < len(said[1]["text"]) < len(LONG) and cut["heard"] == said[1]["text"]
    (told,) = server.sent("conversation.item.truncate")
    heard_ms = round((cut["at"] - named(events, "on_wire")[1]["at"]) * 1000)
    assert told["audio_end_ms"] == pytest.approx(heard_ms, abs=80) and told["audio_end_ms"] % 20 == 0
    assert not named(events, "error")


def test_noise_only_makes_the_agent_pause(world, server, model):
    """What the model does not take for speech: the agent goes on from the word in which it stopped."""
    server.answers.append(LONG)
    with world(speech=model()) as at:
        call = at.place()
        call.greeted()
        call.say(voice(0.5))
        call.hears()
        server.sessions[0].frame = lambda pcm: None  # it hears nothing any more
        call.say(voice(0.2))
        answered(at, call, 2)
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert texts(events, "agent_said") == [GREETING, LONG]
    assert [event["event"] for event in named(events, "pause", "resume", "cut")] == ["pause", "resume"]


def test_a_skill_runs_here_and_the_model_goes_on(world, server, model):
    """Its lines are in the log, its result with the model."""
    server.answers += [calls("opening_hours", "call_1", day="Monday"), "From nine to six."]
    with world(speech=model()) as at:
        call = at.place()
        call.greeted()
        call.say(voice(0.5))
        answered(at, call, 2)
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert texts(events, "agent_said") == [GREETING, "From nine to six."]
    assert named(events, "tool_call")[0]["skill"] == "opening_hours"
    assert named(events, "tool_result")[0]["success"]
    outputs = [event["item"]["output"] for event in server.sent("conversation.item.create")]
    assert outputs == ["Monday: nine to six"]


def test_the_model_ends_the_call_once_its_goodbye_was_heard(world, server, model):
    """``end_call`` hangs up after the last word, not before."""
    server.answers += [["It was nice to talk to you.", calls("end_call", reason="goodbye")]]
    with world(speech=model()) as at:
        call = at.place()
        call.greeted()
        call.say(voice(0.5))
        assert call.wait_end(10)
        at.over(call)
        events = at.events(call)
    assert texts(events, "agent_said") == [GREETING, "It was nice to talk to you."]
    assert named(events, "hangup")[0]["by"] == "agent"


def test_keys_are_told_to_the_model_together(world, server, model):
    """Nobody wants an answer to each digit."""
    server.answers.append("You have typed four seven.")
    with world(speech=model()) as at:
        call = at.place()
        call.greeted()
        call.dtmf("47", duration_ms=120)
        answered(at, call, 2)
        call.hangup()
        at.over(call)
    (item,) = [event["item"] for event in server.sent("conversation.item.create")]
    assert item["content"][0]["text"].endswith(": 47]")


def test_a_connection_that_breaks_is_not_noticed_by_the_caller(world, server, model):
    """The next one knows what was said."""
    server.answers += ["At nine.", "At ten."]
    server.hears += ["When do you open?", "And on Sunday?"]
    with world(speech=model()) as at:
        call = at.place()
        call.greeted()
        call.say(voice(0.5))
        answered(at, call, 2)
        server.sessions[0].peer.drop()
        wait(lambda: len(server.sessions) == 2, "no new connection")
        call.pause(0.1)
        call.say(voice(0.5))
        answered(at, call, 3)
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert texts(events, "agent_said") == [GREETING, "At nine.", "At ten."] and not named(events, "brain_lost")
    assert len(server.sessions[1].items) == 5


def test_the_call_goes_on_with_the_local_conversation(world, server, model):
    """The same call, the same history: the local brain answers what the model still owed."""
    server.hears += ["when do you open"]
    brain = LookUp(when="At nine, says the local brain.", what="At ten.")
    given = providers(["what about Monday"], brain=brain)
    server.answers.append(Fails(type="requests", code="rate_limit_exceeded", message="Please try again in 30s."))
    with world(given, speech=model()) as at:
        call = at.place()
        call.greeted()
        call.say(voice(0.5))
        answered(at, call, 2)
        call.say(voice(0.6))
        answered(at, call, 3)
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert texts(events, "agent_said") == [GREETING, "At nine, says the local brain.", "At ten."]
    assert len(named(events, "brain_lost")) == 1 and not named(events, "error")
    assert brain.requests[0].history == (("agent", GREETING),)
    numbers = [event["gen"] for event in named(events, "on_wire")]
    assert numbers == sorted(set(numbers))


def test_a_model_that_is_not_there_leaves_the_call_to_the_local_conversation(world, server, model):
    """From the greeting on."""
    server.refuse = 503, {}, "down"
    with world(speech=model(tries=1)) as at:
        call = at.place()
        call.greeted()
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert texts(events, "agent_said") == [GREETING] and len(named(events, "brain_lost")) == 1


def test_a_short_rate_limit_is_waited_out(world, server, model):
    """A tenth of a second is no reason to change the voice."""
    server.answers += [RATE_LIMIT, "At nine."]
    with world(speech=model()) as at:
        call = at.place()
        call.greeted()
        call.say(voice(0.5))
        answered(at, call, 2)
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert texts(events, "agent_said") == [GREETING, "At nine."] and not named(events, "brain_lost")
