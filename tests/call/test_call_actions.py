"""What skills ask of a call, in whole calls: digits, masks, the end, hand-overs and what becomes of their callers.

The stand-in has no second leg with audio: here a bridge is a transfer to an extension that keeps the caller for a
while. With real legs: tests/switch/test_handover.py.
"""


import numpy as np
import pytest
import soundfile
from call_providers import ToneVoice, providers, voice
from call_world import folder, named, read_events, wait
from phone_switch import PhoneSwitch

from engine.config import AgentOptions, TelephonyOptions, TransferTarget
from engine.dialog.brain import Text


class Obedient:
    """Does with the call what ``orders`` say, one after the other, and remembers what came of it."""

    def __init__(self, *orders):
        self.orders = list(orders)
        self.outcomes = []
        self.asked = []

    def reply(self, request):
        self.asked.append(request)
        yield Text("Very well. ")
        assert request.wait_decided(5.0)
        do, arguments = self.orders.pop(0)
        self.outcomes.append(getattr(request.context.actions, do)(**arguments))
        yield Text("It is done. ")


@pytest.fixture
def ordered(world):
    """``with ordered(*orders, answer=..., targets=...) as (at, call, brain, switch)``: a greeted caller."""
    from contextlib import contextmanager

    @contextmanager
    def begin(*orders, answer=None, targets=None, scripts=("do it please", "and again"), tone=None, **changes):
        brain = Obedient(*orders)
        with PhoneSwitch(answer or (lambda uuid: (0.1, "-ERR USER_BUSY\n"))) as switch:
            place = changes.pop("place", {})
            changes = {"switch": {"enabled": True, "port": switch.port, "password": "x"}, **changes,
                       "agent": {"greeting": "Hi.", **changes.get("agent", {})}}
            with world(providers(scripts, brain=brain, tone=tone), **changes) as at:
                at.engine.targets = lambda channel: targets or {}
                wait(lambda: at.engine._switch.connected, "no inbound connection")
                call = at.place(**place)
                call.greeted()
                yield at, call, brain, switch

    return begin


def done(brain, count=1):
    """The outcome of the last order."""
    wait(lambda: len(brain.outcomes) == count, "the action has not returned")
    return brain.outcomes[-1]


def test_digits_are_collected_and_are_no_turn(ordered):
    """The agent's reply waits for them without running out of time; the turn engine hears nothing of them."""
    order = ("collect_digits", {"min_digits": 4, "max_digits": 4})
    with ordered(order, turns={"reply_timeout_ms": 500, "away_ms": 1000}) as (at, call, brain, _):
        call.say(voice(0.5))
        call.hears()
        call.pause(1.5)
        for digit in "4711":
            call.dtmf(digit)
            call.pause(0.15)
        outcome = done(brain)
        assert (outcome.ok, outcome.data["digits"]) == (True, "4711")
        call.hears()
        call.hangup()
        at.over(call)
        assert named(at.events(call), "digits")[0]["digits"] == "4711"
        assert not named(at.events(call), "reply_timeout", "caller_away")


def test_secret_digits_stand_nowhere(ordered):
    """Log, recogniser and recording get nothing from the moment they are asked for until they are there."""
    order = ("collect_digits", {"min_digits": 6, "max_digits": 6, "secret": True})
    with ordered(order) as (at, call, brain, _):
        call.say(voice(0.5))
        wait(lambda: named(at.events(call), "masked"), "not masked")
        call.pause(0.7)
        call.say(voice(0.6))
        for digit in "493827":
            call.dtmf(digit)
            call.pause(0.15)
        assert done(brain).data["digits"] == "493827"
        call.hears()
        call.hears_silence()
        call.hangup()
        at.over(call)
        log = folder(call.uuid) / "events.jsonl"
        events = read_events(log)
        began, ended = (event["t"] for event in named(events, "masked"))
        assert "493827" not in log.read_text()
        assert {event["digit"] for event in named(events, "dtmf")} == {"***"}
        assert not [event for event in named(events, "final") if began < event["t"] < ended and event["text"] != "***"]
        at_s = named(events, "recording")[0]["at"]
        sound, rate = soundfile.read(folder(call.uuid) / "recording.wav", dtype="int16")
        hidden = sound[int((began - at_s + 0.1) * rate) : int((ended - at_s - 0.1) * rate)]
        assert len(hidden) > rate
        assert not hidden.any()
        assert np.abs(sound[int((ended - at_s) * rate) :]).max() > 1000


def test_masks_nest(ordered):
    """A skill that has masked the call for a card stays masked when digits inside it were secret as well."""
    with ordered() as (at, call, _, _):
        actions = at.engine.calls[call.uuid].actions
        actions.mask(True)
        actions.collect_digits(secret=True, timeout_s=0.1)
        assert [event["on"] for event in named(at.events(call), "masked")] == [True]
        actions.mask(False)
        actions.mask(False)
        assert [event["on"] for event in named(at.events(call), "masked")] == [True, False]
        call.hangup()
        at.over(call)


def test_the_call_ends_after_the_last_word(ordered):
    """What is being said when the end is asked for, and what the same reply says after it, is heard."""
    with ordered(("end_call", {})) as (at, call, brain, _):
        call.say(voice(0.5))
        at.over(call)
        events = at.events(call)
        assert named(events, "agent_said")[-1] == {**named(events, "agent_said")[-1],
                                                   "text": "Very well. It is done.", "interrupted": False}
        assert named(events, "hangup")[0]["by"] == "agent"


DESK = {"desk": TransferTarget(destination="user/1001", announcement="", timeout_s=5)}


def test_a_human_who_does_not_answer(ordered):
    """The caller hears ringing until it is known, then the agent, on the same connection and audio."""
    order = ("transfer", {"target": "desk", "mode": "warm", "summary": "x"})
    with ordered(order, answer=lambda uuid: (1.5, "-ERR USER_BUSY\n"), targets=DESK) as (at, call, brain, switch):
        call.say(voice(0.5))
        call.hears()
        call.hears_silence(0.2)
        call.hears()
        outcome = done(brain)
        assert not outcome.ok
        assert "busy" in outcome.why
        call.hears()
        originate = switch.sent("bgapi originate")[0]
        assert "trunkline_node=" in originate
        assert "park_timeout=" in originate
        assert "user/1001 &park()" in originate
        call.hangup()
        at.over(call)
        events = at.events(call)
        assert [event["event"] for event in events if event["event"].startswith("handover")] == [
            "handover_started", "handover_dialing", "handover_failed"]  # fmt: skip
        assert len(named(events, "media_attached")) == 1
        assert {event["why"] for event in named(events, "held", "unheld")} == {"the caller is being handed over"}
        assert not named(events, "reply_timeout", "error")


@pytest.mark.parametrize("end", ["the caller hangs up", "the engine stops"])
def test_the_end_of_the_call_while_a_human_is_being_called(end, ordered):
    """The human's phone stops ringing, and nothing of the call is left behind."""
    order = ("transfer", {"target": "desk", "mode": "blind"})
    with ordered(order, answer=lambda uuid: (30, "+OK\n"), targets=DESK, drain_s=0.2) as (at, call, brain, switch):
        call.say(voice(0.5))
        wait(lambda: switch.sent("bgapi originate"), "nobody is called")
        if end == "the caller hangs up":
            call.hangup()
            at.over(call)
        else:
            at.engine.drain()
            call.went_on()
        wait(lambda: switch.sent("api uuid_kill"), "the human's phone goes on ringing")


def test_a_human_who_answers_when_the_caller_has_just_gone(ordered):
    """FreeSWITCH does not hang up a channel that it is still making: who answers then would hear nothing for a minute.
    """
    order = ("transfer", {"target": "desk", "mode": "blind"})
    with ordered(order, answer=lambda uuid: (0.6, f"+OK {uuid}\n"), targets=DESK) as (at, call, brain, switch):
        switch.answers = {"uuid_kill": "-ERR No such channel!\n"}
        call.say(voice(0.5))
        wait(lambda: switch.sent("bgapi originate"), "nobody is called")
        call.hangup()
        wait(lambda: switch.sent("api uuid_kill"), "the human's phone goes on ringing")
        at.over(call)
        assert len(switch.sent("api uuid_kill")) > 3


# ---------------------------------------------------------------- with a human, and after

TRANSFER = ("transfer", {"target": "desk", "mode": "blind"})


@pytest.fixture
def away(ordered):
    """``with away(seconds, **changes) as (at, call, switch)``: a caller who is with a human for so long, then sent back
    by the switch."""
    from contextlib import contextmanager

    @contextmanager
    def begin(seconds, slow=None, **changes):
        place = {"extensions": {"human": [f"sleep {seconds * 1000:.0f}", "transfer 1000 XML default"]}}
        with ordered(TRANSFER, answer=lambda uuid: (0.1, f"+OK {uuid}\n"), targets=DESK, place=place,
                     **changes) as (at, call, brain, switch):  # fmt: skip

            def bridge(caller, human):
                session = at.engine.calls[caller]._session
                session.api("uuid_transfer", f"{caller} human XML default")
                switch.tell("CHANNEL_BRIDGE", {"Unique-ID": caller})

            switch.on_bridge, switch.brain, switch.slow = bridge, brain, slow or {}
            call.say(voice(0.5))
            if not slow:
                outcome = done(brain)
                assert outcome.ok, outcome.why
            assert call.uuid in at.engine.calls
            yield at, call, switch

    return begin


def test_the_caller_comes_back_to_the_same_conversation(away):
    """A new connection, the same call: one log, the history, and words that say that the agent is back."""
    options = {"after_human": "agent", "back": "Here I am again."}
    with away(1.0, telephony=options) as (at, call, switch):
        wait(lambda: named(at.events(call), "caller_back"), "the caller did not come back")
        wait(lambda: named(at.events(call), "agent_said")[-1]["text"] == "Here I am again.", "the agent says nothing")
        call.pause(0.3)
        assert f"api uuid_setvar {call.uuid} transfer_after_bridge 1000:XML:default" in switch.commands
        call.say(voice(0.5))
        wait(lambda: named(at.events(call), "think")[1:], "the agent is deaf")
        call.hangup()
        at.over(call)
        events = at.events(call)
        assert len(named(events, "call_started")) == len(named(events, "handover_bridged")) == 1
        assert not named(events, "error", "media_lost")
        assert named(events, "hangup")[0]["by"] == "caller"


def test_the_agent_knows_where_the_caller_was(away):
    """The history says with whom and how long, so that a model does not begin anew."""
    with away(1.0, telephony={"after_human": "agent", "back": "Here I am again."}) as (at, call, switch):
        wait(lambda: named(at.events(call), "caller_back"), "the caller did not come back")
        wait(lambda: named(at.events(call), "agent_said")[-1]["text"] == "Here I am again.", "the agent says nothing")
        call.pause(0.3)
        call.say(voice(0.5))
        wait(lambda: len(switch.brain.asked) > 1, "the agent is deaf")
        history = switch.brain.asked[-1].history
        assert [who for who, _ in history] == ["agent", "user", "agent", "note", "agent"]
        assert history[3][1].startswith("The caller was connected with desk, and they talked for 1 seconds.")
        call.hangup()
        at.over(call)


def test_a_hold_does_not_outlive_the_connection_that_told_it(away):
    """A phone that held the call when it was bridged takes it back while nobody tells the engine: the agent must speak
    to the caller who is back."""
    with away(1.0, telephony={"after_human": "agent", "back": "Here I am again."}) as (at, call, switch):
        at.engine.calls[call.uuid].conversation.held()
        wait(lambda: named(at.events(call), "caller_back"), "the caller did not come back")
        wait(lambda: named(at.events(call), "agent_said")[-1]["text"] == "Here I am again.", "the agent says nothing")
        call.hangup()
        at.over(call)


@pytest.mark.parametrize("humans", [False, True])
def test_what_is_recorded_of_a_talk_with_a_human(humans, away):
    """Nothing, and the log says from when on; or, where the operator wants it, FreeSWITCH's own recording until the
    caller is back."""
    with away(1.0, telephony={"after_human": "agent"}, record={"humans": humans}) as (at, call, switch):
        wait(lambda: named(at.events(call), "caller_back"), "the caller did not come back")
        call.hears()
        call.hangup()
        at.over(call)
        events = at.events(call)
        order = [event["event"] for event in named(events, "recording_gap", "recording_human", "caller_back")]
        assert order == ["recording_gap", *["recording_human"] * humans, "caller_back"]
        assert named(events, "recording_gap")[0]["humans"] is humans
        file = f"{folder(call.uuid).resolve()}/human-1.wav"
        assert switch.sent("api uuid_record") == [
            f"api uuid_record {call.uuid} {what} {file}" for what in ("start", "stop") if humans]  # fmt: skip


def test_a_caller_who_is_back_before_the_switch_has_answered(away):
    """The human hangs up at once, and FreeSWITCH is slow to answer what comes after the bridge: the caller hears the
    agent, not the hold music, and can be handed over again."""
    slow = {"api uuid_setvar ": 1.0}
    with away(0.3, telephony={"after_human": "agent", "back": "Here I am again."}, slow=slow) as (at, call, switch):
        wait(lambda: named(at.events(call), "caller_back"), "the caller did not come back")
        wait(lambda: named(at.events(call), "agent_said")[-1]["text"] == "Here I am again.", "the agent says nothing")
        call.hears_silence(0.5)
        switch.on_bridge = None
        switch.answer = lambda uuid: (0.1, "-ERR USER_BUSY\n")
        assert "busy" in at.engine.calls[call.uuid].actions.transfer("desk", "blind").why
        call.hangup()
        at.over(call)


def test_a_bridge_that_never_was(ordered):
    """The human hung up in the very moment: FreeSWITCH takes the command, connects nobody and sends the caller back.
    The agent says that it did not work, and does not claim to be back from a talk; nobody fetches a caller who is
    there."""
    place = {"extensions": {"human": ["sleep 300", "transfer 1000 XML default"]}}
    options = {"telephony": {"after_human": "agent", "back": "Here I am again."}}
    with ordered(TRANSFER, answer=lambda uuid: (0.1, f"+OK {uuid}\n"), targets=DESK, place=place,
                 **options) as (at, call, brain, switch):  # fmt: skip
        switch.on_bridge = lambda caller, human: at.engine.calls[caller]._session.api(
            "uuid_transfer", f"{caller} human XML default")
        call.say(voice(0.5))
        outcome = done(brain)
        assert not outcome.ok
        assert "hung up" in outcome.why
        wait(lambda: named(at.events(call), "agent_said")[-1]["text"].endswith("It is done."), "the agent says nothing")
        call.hangup()
        at.over(call)
        events = at.events(call)
        assert [event["why"] for event in named(events, "caller_back")] == ["they were not connected"]
        assert "Here I am again." not in {event.get("text") for event in events}
        assert not switch.sent(f"api uuid_transfer {call.uuid}")


def test_where_the_human_ends_the_call_the_way_back_is_closed(away):
    """With ``after_human: hangup`` FreeSWITCH must not send the caller back once the bridge holds."""
    with away(5.0) as (at, call, switch):
        assert f"api uuid_setvar {call.uuid} transfer_after_bridge" in switch.commands
        call.hangup()
        switch.tell("CHANNEL_HANGUP_COMPLETE", {"Unique-ID": call.uuid, "Hangup-Cause": "NORMAL_CLEARING",
                                                "variable_sip_hangup_disposition": "recv_bye"})
        at.over(call)
        assert named(at.events(call), "hangup")[0] == {**named(at.events(call), "hangup")[0], "by": "caller"}


def test_an_engine_that_stops_leaves_callers_with_their_humans(away):
    """Nothing is hung up and nothing is kept: such a call is the switch's."""
    with away(5.0, drain_s=0.2) as (at, call, switch):
        at.engine.drain()
        assert not at.engine.calls
        assert call.up
        assert not switch.sent(f"api uuid_kill {call.uuid}")


def test_a_hand_over_that_cannot_be(ordered):
    """The model is told why, in words; the caller notices nothing."""
    with ordered(targets=DESK) as (at, call, _, switch):
        actions = at.engine.calls[call.uuid].actions
        assert "there is no target 'moon'; there are: desk" in actions.transfer("moon", "blind").why
        assert "desk is a human" in actions.transfer("desk", "queue").why
        switch.__exit__()
        wait(lambda: not at.engine._switch.connected, "the connection outlives the switch")
        assert "switch.enabled" in actions.transfer("desk", "blind").why
        assert not named(at.events(call), "held", "handover_started")
        call.hangup()
        at.over(call)


def test_the_configuration_has_the_last_word_on_phrases():
    """A phrase that is given there holds for all agents and languages, an empty one too; else the agent's own."""
    french = AgentOptions(back="Me revoilà.", position="Numéro {position}.")
    assert TelephonyOptions().phrase("back", french) == "Me revoilà."
    assert TelephonyOptions(back="Hello again.").phrase("back", french) == "Hello again."
    assert TelephonyOptions(position="").phrase("position", french) == ""


def test_the_human_is_briefed_in_the_words_of_the_agent(ordered):
    """The agent's own phrase, with the keys of the configuration; a voice that gives nothing leaves nobody in silence:
    the caller goes back to the agent."""
    order = ("transfer", {"target": "desk", "mode": "warm", "summary": "It is about a bill."})
    said = []

    class Mute(ToneVoice):
        def render(self, text):
            if "Press" in text:
                said.append(text)
                return iter(())
            return super().render(text)

    options = {"agent": {"brief": "{summary} Press {accept}, or {refuse}."}, "telephony": {"accept_digit": "5"}}
    with ordered(order, answer=lambda uuid: (0.1, f"+OK {uuid}\n"), targets=DESK, tone=Mute(),
                 **options) as (at, call, brain, _):  # fmt: skip
        call.say(voice(0.5))
        outcome = done(brain)
        assert not outcome.ok
        assert "could not be told what it is about" in outcome.why
        assert said == ["It is about a bill. Press 5, or 2."]
        call.hangup()
        at.over(call)


# ---------------------------------------------------------------- calls that were placed


def outbound(at):
    """The called party has answered, and the dialplan connects the engine."""
    call = at.place(variables={"trunkline_outbound": "true"})
    wait(lambda: call.uuid in at.engine.calls and named(at.events(call), "recording"), "no audio")
    return call


def beep():
    t = np.arange(3200) / 8000
    return (8000 * np.sin(2 * np.pi * 1000 * t)).astype(np.int16)


def rough(seconds):
    """A voice with overtones: no beep."""
    t = np.arange(int(seconds * 8000)) / 8000
    return sum(3000 / n * np.sin(2 * np.pi * 140 * n * t) for n in range(1, 9)).astype(np.int16)


def test_whoever_says_hello_is_greeted(world):
    """And after the configured wait also who says nothing: a human is not left in silence for a classifier."""
    with world(providers(["hello"]), telephony={"greeting_wait_ms": 5000}) as at:
        call = outbound(at)
        call.pause(0.3)
        call.say(rough(0.5))
        call.hears(4)
        events = at.events(call)
        assert named(events, "answering")[0]["verdict"] == "human"
        assert named(events, "say")[0]["text"] == "Hello there."
        assert named(events, "on_wire")[0]["at"] < 4
    with world(telephony={"greeting_wait_ms": 100}) as at:
        call = outbound(at)
        call.hears(3)
        assert not named(at.events(call), "answering")


def test_a_machine_gets_its_message_after_the_beep(world):
    """Nothing is said over its greeting, nothing of the greeting is answered, and the call ends after the message."""
    options = {"machine": "message", "machine_message": "We call again."}
    with world(providers(["please leave a message"]), telephony=options) as at:
        call = outbound(at)
        call.say(rough(2.0))
        wait(lambda: named(at.events(call), "answering"), "not found out")
        call.pause(1.5)
        call.say(beep())
        at.over(call)
        events = at.events(call)
        assert named(events, "answering")[0]["why"] == 'said "leave a message"'
        beeped = named(events, "beep")[0]["at"]
        assert all(event["at"] > beeped for event in named(events, "on_wire"))
        assert [event["text"] for event in named(events, "agent_said")] == ["We call again."]


def test_a_machine_is_hung_up_on(world):
    """Where no message is wanted, at once."""
    with world(providers(["you have reached the mailbox of"])) as at:
        call = outbound(at)
        call.say(rough(2.0))
        at.over(call)
        assert not named(at.events(call), "agent_said")
        assert named(at.events(call), "hangup")[0]["by"] == "agent"
