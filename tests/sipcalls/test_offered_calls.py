"""A call is offered to a program before it is answered: what becomes of it is what the program says, or the agent."""

from dataclasses import replace

import gevent
import openai
import pytest
from call_providers import LookUp, providers, voice
from call_world import named, wait

from engine.dialog.brain import ClientCall, Text


def accept(app, call_id, event):
    app.client.realtime.calls.accept(call_id, type="realtime", model="gpt-realtime", instructions="Be brief.")


def test_an_app_that_accepts_has_the_call_before_it_is_answered(place):
    """The webhook is OpenAI's, signed as the SDK verifies it, with the INVITE's headers; the agent does not greet,
    because the program speaks first."""
    with place(providers(["when do you open"], brain=LookUp(when="At nine."))) as at:
        at.app.does = accept
        call = at.place(caller="+4930123456", called="5001", variables={"sip_h_X-Account": "42"})
        at.answered(call)
        with at.side_band(call) as client:
            session = client.events[0]["session"]
            call.pause(0.3)
            call.say(voice(0.6))
            done = client.wait_for("response.done")
            assert client.faults == []
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert at.app.faults == []
    (event,) = at.app.events
    headers = {header.name: header.value for header in event.data.sip_headers}
    assert event.type == "realtime.call.incoming" and event.data.call_id == call.uuid
    assert "+4930123456" in headers["From"] and "5001" in headers["To"] and headers["X-Account"] == "42"
    assert session["instructions"] == "Be brief." and session["model"] == "gpt-realtime"
    assert done["response"]["output"][0]["content"][0]["transcript"]== "At nine."
    assert [event["verdict"] for event in named(events, "app_answered")] == ["accepted"]
    assert not named(events, "say")
    names = [event["event"] for event in events]
    assert names.index("app_answered") < names.index("answered")
    assert [event["text"] for event in named(events, "user_said")] == ["when do you open"]


def test_tools_of_the_program_are_called_and_answered_over_the_side_band(place):
    """What was accepted with tools is a session with tools: the model calls, the client answers, the agent speaks."""

    class Weather(LookUp):
        def reply(self, request):
            self.requests.append(request)
            results = [call.result for call in request.terms.calls if call.result is not None]
            if results and not request.text:
                yield Text(f"It is {results[-1]}.")
            elif request.text.startswith("weather"):
                request.wait_decided(5)
                yield ClientCall("call_1", "weather", '{"city":"Kochi"}')
            else:
                yield Text("Welcome to the weather line.")

    brain = Weather()
    tool = {"type": "function", "name": "weather", "description": "", "parameters": {"type": "object"}}
    with place(providers(["weather please"], brain=brain)) as at:
        at.app.does = lambda app, call_id, event: app.client.realtime.calls.accept(
            call_id, type="realtime", instructions="Forecast.", tools=[tool])
        call = at.place()
        at.answered(call)
        with at.side_band(call) as client:
            client.send("response.create")
            client.wait_for("output_audio_buffer.started")
            client.wait_for("output_audio_buffer.stopped")
            call.say(voice(0.6))
            client.wait_for("response.function_call_arguments.done", name="weather")
            client.wait_for("response.done")
            output = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
            client.send("conversation.item.create", item=output)
            client.send("response.create")
            done = client.wait_for("response.done")
            assert client.faults == []
            assert not client.of("response.output_audio.delta")
        call.hears()
        call.hangup()
        at.over(call)
    assert done["response"]["output"][0]["content"][0]["transcript"] == "It is sunny."
    assert brain.requests[0].terms.instructions == "Forecast."
    assert [tool.name for tool in brain.requests[0].terms.tools] == ["weather"]


@pytest.mark.parametrize(("status", "cause"), [(603, "CALL_REJECTED"), (486, "USER_BUSY")])
def test_an_app_that_rejects_ends_the_call_with_its_status(place, status, cause):
    """The caller's network is told why, by SIP; nobody answers, and the dialplan does not go on."""
    with place() as at:
        at.app.does = lambda app, call_id, event: app.client.realtime.calls.reject(call_id, status_code=status)
        call = at.place()
        assert call.wait_end(5)
        at.over(call)
        events = at.events(call)
    assert at.app.faults == []
    assert any(f"respond {status}" in text.replace("\n", " ") or str(status) in text for _, text in call.commands)
    assert named(events, "hangup")[0]["cause"] == cause
    assert not named(events, "answered", "error")


def test_an_app_that_says_nothing_leaves_the_call_to_the_agent(place):
    """The caller does not wait for a program that hangs: after ``wait_s`` the agent answers, and it is too late for
    the program then."""
    with place(app={"wait_s": 0.5}) as at:
        call = at.place()
        call.greeted()
        with pytest.raises(openai.ConflictError):
            at.app.client.realtime.calls.accept(call.uuid, type="realtime")
        with pytest.raises(openai.ConflictError):
            at.app.client.realtime.calls.reject(call.uuid)
        call.hangup()
        at.over(call)
        events = at.events(call)
    (verdict,) = named(events, "app_answered")
    assert verdict["verdict"] == "nobody" and "0.5 s" in verdict["why"]


def test_an_app_that_refuses_the_event_is_not_waited_for(place):
    """A 4xx is a no: the call goes on in the dialplan at once, where the agent's file says so."""
    with place(app={"wait_s": 30, "else": "next"}) as at:
        at.app.statuses = [404]
        call = at.place()
        call.went_on()
        at.over(call)
        events = at.events(call)
    assert len(at.app.headers) == 1
    assert named(events, "app_answered")[0]["why"].startswith("app: HTTP 404")
    assert not named(events, "answered", "error")


def test_an_app_that_stumbles_is_asked_again_with_the_same_id(place):
    """A restart of the program costs no call: 5xx and lost connections are tried again. Each try is signed anew with
    its own time, under one id, by which the program knows that it is the same event."""
    with place() as at:
        at.app.statuses, at.app.does = [503], accept
        call = at.place()
        at.answered(call)
        call.hangup()
        at.over(call)
    assert len(at.app.headers) == 2 and len({headers["webhook-id"] for headers in at.app.headers}) == 1
    assert at.app.faults == []


def test_nobody_listens_where_the_app_should_be(place):
    """Connection refused until the time is over: the agent takes the call."""
    with place(app={"webhook": "http://127.0.0.1:9/hook", "wait_s": 0.8}) as at:
        call = at.place()
        call.greeted()
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert named(events, "app_answered")[0]["verdict"] == "nobody"


def test_another_agent_takes_a_call_that_the_app_did_not_take(place):
    """``else`` names an agent: the cast is made anew for that one, whose own app is not asked."""
    asked = []

    def cast(arrival, events):
        asked.append((arrival.variables.get("trunkline_agent"), arrival.caller_number))
        return make(arrival, events)

    with place(app={"else": "night"}) as at:
        make = at.engine.surroundings.cast
        at.engine.surroundings = replace(at.engine.surroundings, cast=cast)
        at.app.statuses = [410]
        call = at.place(caller="4930")
        call.greeted()
        call.hangup()
        at.over(call)
    assert asked == [(None, "4930"), ("night", "4930")] and len(at.app.headers) == 1


def test_a_caller_who_hangs_up_while_the_app_thinks(place):
    """The program's acceptance comes too late and is told so; nothing of the call is left."""
    with place(app={"wait_s": 30}) as at:
        call = at.place()
        wait(lambda: at.app.events, "the app was not asked")
        call.hangup()
        at.over(call)
        with pytest.raises(openai.NotFoundError):
            at.app.client.realtime.calls.accept(call.uuid, type="realtime")
        events = at.events(call)
    assert len(named(events, "hangup")) == 1 and not named(events, "answered")


def test_a_wrong_configuration_is_told_and_the_call_still_waits(place):
    """A typing error does not lose the caller: the program may accept once more."""
    seen = []

    def wrong_then_right(app, call_id, event):
        try:
            app.client.realtime.calls.accept(call_id, type="realtime", audio={"output": {"voice": "nobody"}})
        except openai.BadRequestError as fault:
            seen.append(fault.body["param"])
        accept(app, call_id, event)

    with place() as at:
        at.app.does = wrong_then_right
        call = at.place()
        at.answered(call)
        call.hangup()
        at.over(call)
    assert seen == ["session.audio.output.voice"] and at.app.faults == []


def test_a_live_call_is_referred_or_ended_by_the_program(place):
    """Only to where the configuration allows; what is more than a number or an address never reaches FreeSWITCH."""
    with place(realtime={"refer_targets": ["tel:+4930*", "sip:*@pbx.example.org"]}) as at:
        at.app.does = accept
        calls = at.app.client.realtime.calls
        call = at.place()
        at.answered(call)
        for target in ("tel:+1900123456", "sip:desk@evil.example", "tel:+4930\nhangup", "sip:a@pbx.example.org;x=1",
                       "tel:+4930}hangup"):
            with pytest.raises(openai.PermissionDeniedError):
                calls.refer(call.uuid, target_uri=target)
        calls.refer(call.uuid, target_uri="tel:+49-30-1234")
        assert call.wait_end(5)
        at.over(call)
        other = at.place()
        at.answered(other)
        calls.hangup(other.uuid)
        assert other.wait_end(5)
        at.over(other)
        with pytest.raises(openai.NotFoundError):
            calls.hangup(other.uuid)
        events = at.events(call)
    assert [event["target"] for event in named(events, "referred")] == ["sip:+49301234@127.0.0.1"]
    assert any("deflect" in text and "sip:+49301234@127.0.0.1" in text for _, text in call.commands)
    assert not any("1900123456" in text or "evil" in text for _, text in call.commands)


def test_a_refer_by_the_dialplan_goes_to_the_number(place):
    """Trunks that know no REFER: the call goes to the number in the context that it came by."""
    with place(realtime={"refer_targets": ["tel:*"], "refer_by": "dialplan"}) as at:
        at.app.does = accept
        call = at.place(extensions={"301234": ["sleep 200", "hangup USER_BUSY"]})
        at.answered(call)
        at.app.client.realtime.calls.refer(call.uuid, target_uri="tel:301234")
        assert call.wait_end(5)
        at.over(call)
    assert call.outcome.cause == "USER_BUSY"
    assert at.app.faults == []


def test_an_engine_that_stops_lets_offered_calls_go_on(place):
    """A drain does not wait for programs."""
    with place(app={"wait_s": 60}, drain_s=0.1) as at:
        call = at.place()
        wait(lambda: at.app.events, "the app was not asked")
        at.engine.drain()
        call.went_on()


def test_an_app_may_accept_after_it_has_answered_the_webhook(place):
    """Programs that queue their work."""
    with place() as at:
        at.app.later(lambda call_id: (gevent.sleep(0.2), accept(at.app, call_id, None)))
        call = at.place()
        at.answered(call)
        call.hangup()
        at.over(call)
    assert at.app.faults == []
