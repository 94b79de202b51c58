"""Whole calls over carriers' streams: real sockets, strict carriers, scripted providers."""

import wave

import gevent
from call_providers import ANSWER, LookUp, providers
from call_world import named, wait

from engine.config import TransferTarget
from engine.dialog.brain import Grounds, Text
from engine.streams.transfers import Wanted, transfers_of
from tests.fakes.twilio_media import ACCOUNT, CALL
from tests.fakes.twilio_rest import TwilioRest

CHAR_S = 0.015
"""As in the conftest."""

LONG = ("We open at nine in the morning and we close at six in the evening on every day of the week but not on Sundays "
        "and not on the holidays of the year when all of us are at home or by the sea and nobody is here to answer you")


class Asking:
    """A brain that asks the call for something: ``ask(actions)``; the outcome is kept, and its words are said."""

    def __init__(self, ask):
        self.ask, self.outcomes = ask, []

    def reply(self, request):
        yield Grounds("answer", 1.0, ())
        self.outcomes.append(self.ask(request.context.actions))
        yield Text("Done. ")


def asks(phone):
    """Hear the greeting, and say something."""
    phone.hears()
    phone.hears_silence()
    phone.say(0.35)


def test_a_conversation(place):
    """Rule: greeting, question, answer and the caller's goodbye are a call like any other: in the log, with its
    transport, with the carrier's id, with a recording of both sides."""
    def call(phone):
        asks(phone)
        phone.hears()
        phone.hears_silence(0.4)
        phone.hang_up()

    with place(providers(["when do you open"], ["when do you open"])) as at:
        for carrier, phone, log in at.both(call):
            (begin,) = named(log, "call_started")
            assert begin["transport"] == carrier
            assert named(log, "carrier_stream")[0]["call"] == phone.carrier.call_sid
            if carrier == "exotel":
                assert (begin["caller"], begin["called"]) == ("+919876543210", "+918047491899")
            assert [line["text"] for line in named(log, "user_said")] == ["when do you open"]
            assert [(line["text"], line["interrupted"]) for line in named(log, "agent_said")] == [
                ("Hi there.", False), (ANSWER, False)]
            assert named(log, "hangup")[0]["by"] == "caller"
            (end,) = named(log, "call_ended")
            assert end["bad_frames"] == 0 and end["underruns"] == 0
        for path in at.home.glob("calls/*/*/recording.wav"):
            with wave.open(str(path)) as recording:
                assert recording.getnchannels() == 2 and recording.getnframes() > recording.getframerate()


def test_the_caller_interrupts(place):
    """Rule: the carrier's buffer is cleared, so that the agent is silent at once; the history has the words that the
    caller heard, and none that they did not."""
    def call(phone):
        asks(phone)
        phone.hears()
        gevent.sleep(1.0)
        before = phone.voiced_s
        phone.say(0.7)
        phone.cut_at = phone.voiced_s
        assert phone.cut_at - before < 0.6, "the agent spoke on"
        phone.hears()
        phone.hang_up()

    with place(providers(["one", "no"], ["one", "no"], brain=LookUp(one=LONG))) as at:
        for _, phone, log in at.both(call):
            assert "clear" in [message["event"] for message in phone.carrier.messages]
            said = next(line["text"] for line in named(log, "agent_said") if line["interrupted"])
            heard_s = phone.cut_at - len("Hi there.") * CHAR_S
            assert LONG.startswith(said) and said
            assert len(said) * CHAR_S <= heard_s + 0.05, "a word that was not heard is in the history"
            assert len(said) * CHAR_S >= heard_s - 0.8


def test_keys_are_a_telephones(place):
    """Rule: digits that a carrier tells are collected as a telephone's, and secret ones are in no log."""
    brain = Asking(lambda actions: actions.collect_digits(min_digits=4, max_digits=4, secret=True))

    def call(phone):
        asks(phone)
        wait(lambda: any(call.started.call_sid == phone.carrier.call_sid and call.conversation.keys
                         for call in at.engine.live.values()), "nobody asks for digits")
        phone.press("1293")
        phone.hears()
        phone.hang_up()

    with place(providers(["pin"], ["pin"], brain=brain)) as at:
        for *_, log in at.both(call):
            assert [line["on"] for line in named(log, "masked")] == [True, False]
            assert named(log, "digits")[0]["count"] == 4
            assert {line["digit"] for line in named(log, "dtmf")} == {"***"}
    assert [outcome.data["digits"] for outcome in brain.outcomes] == ["1293", "1293"]


TARGETS = {
    "sales": TransferTarget(destination="sofia/gateway/trunk/+4930555001", announcement="One moment."),
    "queue": TransferTarget(kind="queue", destination="support@default"),
    "desk": TransferTarget(destination="user/1001"),
}
LOGIN = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": "secret"}


def test_twilio_takes_a_caller_over(place):
    """Rule: the call is given a <Dial> by Twilio's API when the announcement was heard; what Twilio then ends is a call
    that was handed over. A caller who comes back is not greeted as a new one."""
    brain = Asking(lambda actions: actions.transfer("sales", "blind", summary="wants to buy"))
    phone = None
    with TwilioRest(ACCOUNT, ACCOUNT, "secret", {CALL}, lambda form: phone.stop()) as rest:
        with place(providers(["sales"], brain=brain), LOGIN, TARGETS,
                   telephony={"back": "I am back."},
                   carrier_streams={"twilio": {"unsigned": True, "api_url": rest.url,
                                               "after_dial_url": "https://x.example/voice/twilio?a=1&b=2"}}) as at:
            phone = at.twilio()
            asks(phone)
            phone.over()
            log = at.log()
            again = at.twilio()
            wait(lambda: said(at, "I am back."), "the caller is not welcomed back")
            (history,) = [call.conversation.history for call in at.engine.live.values()]
            again.hang_up()
            returned = at.logs()[-1]
    assert brain.outcomes[0].ok
    assert [(line.who, line.text) for line in history[:2]] == [("agent", "Hi there."), ("user", "sales")]
    assert "The caller was connected with sales" in [line.text for line in history if line.who == "note"][0]
    assert named(returned, "caller_back") and "Hi there." not in str(named(returned, "say"))
    (form,) = rest.asked
    assert form["Twiml"] == ('<Response><Dial answerOnBridge="true" timeout="30" '
                             'action="https://x.example/voice/twilio?a=1&amp;b=2">'
                             "<Number>+4930555001</Number></Dial></Response>")
    assert phone.voiced_s >= (len("Hi there.") + len("One moment.")) * CHAR_S - 0.1, "the announcement was heard"
    assert named(log, "handover_bridged")[0]["target"] == "sales"
    assert named(log, "hangup")[0] | {"t": 0} == {"t": 0, "event": "hangup", "cause": "handed over to sales",
                                                  "by": "agent"}


def test_a_hand_over_that_twilio_refuses(place):
    """Rule: the caller stays with the agent, who is told why."""
    brain = Asking(lambda actions: actions.transfer("sales", "blind"))
    with TwilioRest(ACCOUNT, ACCOUNT, "secret", {CALL}) as rest:
        rest.fault = (400, 21220, "Call is not in-progress. Cannot redirect.")
        with place(providers(["sales"], brain=brain), LOGIN, TARGETS,
                   carrier_streams={"twilio": {"unsigned": True, "api_url": rest.url}}) as at:
            phone = at.twilio()
            asks(phone)
            wait(lambda: said(at, "Done."), "the agent does not go on")
            phone.hang_up()
            log = at.log()
    assert not brain.outcomes[0].ok and "Cannot redirect" in brain.outcomes[0].why
    assert named(log, "handover_failed")


IMPOSSIBLE = [
    ("queue", "queue", "is a queue of the switch"), ("sales", "warm", "cannot be told about the caller first"),
    ("desk", "blind", "no number"), ("nobody", "blind", "there is no target"), ("sales", "blind", "no credentials"),
]


def test_what_a_stream_cannot_do(place, monkeypatch):
    """Rule: what is impossible is said in words that the model can pass on, and the conversation goes on."""
    for name in LOGIN:
        monkeypatch.delenv(name, raising=False)
    brain = Asking(lambda actions: [actions.transfer(target, mode) for target, mode, _ in IMPOSSIBLE])
    silent = {name: one.model_copy(update={"announcement": ""}) for name, one in TARGETS.items()}
    with place(providers(["please"], brain=brain), targets=silent) as at:
        phone = at.twilio()
        asks(phone)
        wait(lambda: said(at, "Done."), "the agent does not go on")
        phone.hang_up()
    for outcome, (*_, why) in zip(brain.outcomes[0], IMPOSSIBLE, strict=True):
        assert not outcome.ok and why in outcome.why


def said(at, text):
    """Whether the agent of the call that goes on has said this."""
    return any(line.text == text for call in at.engine.live.values() for line in call.conversation.history)


def test_exotel_asks_where_to_connect(place):
    """Rule: the stream is closed, and the flow's next applet is told the number, once."""
    brain = Asking(lambda actions: actions.transfer("sales", "blind", summary="wants to buy"))
    with place(providers(["sales"], brain=brain), targets=TARGETS) as at:
        phone = at.exotel()
        asks(phone)
        assert phone.over() == 1000
        log = at.log()
        transfers = transfers_of(at.engine)
        assert transfers.take(phone.carrier.call_sid) == Wanted("+4930555001", "sales", 30.0, "wants to buy")
        assert transfers.take(phone.carrier.call_sid) is None
    assert named(log, "hangup")[0]["cause"] == "handed over to sales"


def test_the_agent_says_goodbye(place):
    """Rule: the call is ended when the goodbye was heard to its end, by Twilio's API where there is one, and by the end
    of the stream."""
    def call(phone):
        asks(phone)
        assert phone.over() == 1000

    goodbye = "Thanks for calling us today."
    with TwilioRest(ACCOUNT, ACCOUNT, "secret", {CALL}) as rest:
        with place(providers(["bye"], ["bye"], brain=LookUp(bye=f"{goodbye} FAREWELL")), LOGIN,
                   carrier_streams={"twilio": {"unsigned": True, "api_url": rest.url},
                                    "exotel": {"unsigned": True}}) as at:
            for _, phone, log in at.both(call):
                assert named(log, "agent_said")[-1]["text"] == goodbye and named(log, "hangup")[0]["by"] == "agent"
                assert phone.voiced_s >= (len("Hi there.") + len(goodbye)) * CHAR_S - 0.1
    assert rest.asked == [{"Status": "completed"}]


def test_a_carrier_that_vanishes(place):
    """Rule: a connection that is gone ends the call, and everything of it."""
    def call(phone):
        phone.hears()
        phone.vanish()

    with place() as at:
        for *_, log in at.both(call):
            assert named(log, "hangup")[0]["cause"] == "the carrier is gone"


def test_a_carrier_that_falls_silent(place):
    """Rule: carriers send audio all the time; a stream on which nothing comes holds no place for ever."""
    with place(carrier_streams={"silence_s": 2, "twilio": {"unsigned": True}}) as at:
        phone = at.twilio()
        phone.hears()
        phone._greenlets[1].kill()
        assert phone.over() == 1001
        assert "sends nothing" in named(at.log(), "hangup")[0]["cause"]


def test_garbage_in_between(place):
    """Rule: messages that make no sense cost themselves; a hundred of them, the stream."""
    with place() as at:
        phone = at.twilio()
        for message in ("{", "[]", '{"event":"media","media":{"payload":"!"}}', '{"event":"new thing"}'):
            phone.send(message)
        phone.hears()
        for _ in range(200):
            phone.send('{"event":"dtmf","dtmf":{"digit":"12"}}')
        assert phone.over() == 1007
        assert named(at.log(), "hangup")[0]["cause"] == "the stream makes no sense"


def test_a_second_stream_of_a_call(place):
    """Rule: a carrier that connects a call again has lost the first connection; the calls have names of their own, and
    the conversation goes on, with an apology for what was broken off."""
    with place() as at:
        first = at.twilio()
        first.hears()
        second = at.twilio()
        assert first.over() == 1001
        wait(lambda: said(at, "I am sorry."), "the conversation does not go on")
        second.hang_up()
        logs = at.logs()
    assert len({named(log, "call_started")[0]["id"] for log in logs}) == 2
    assert [named(log, "carrier_stream")[0]["call"] for log in logs] == [CALL, CALL]


def test_an_engine_that_stops(place):
    """Rule: streams end with the engine, and the carrier goes on with its flow (going away)."""
    with place(drain_s=0) as at:
        phone = at.twilio()
        phone.hears()
        gevent.spawn(at.engine.drain)
        assert phone.over() == 1001
