"""Webhooks end to end: a real server, senders that sign, repeat and refuse as the carriers do."""

import json

import pytest

from engine.web.streamtickets import tickets_of
from tests.fakes.carrier_webhooks import ExotelSender, TwilioSender
from tests.providers.fake_openai import KEY

CALL = {"CallSid": "CA" + "1" * 32, "From": "+12349013030", "To": "+18005551212", "Direction": "inbound"}
SID = CALL["CallSid"]


def test_a_call_of_twilios_gets_its_stream_and_a_ticket_for_it(site):
    """The ticket proves that the stream belongs to a call that Twilio has announced; a repetition gets the same one."""
    at = site()
    root = at.twilio.twiml("/voice/twilio", times=2, CallStatus="ringing", **CALL)
    stream = root.find("Connect/Stream")
    assert stream.get("url") == "wss://voice.example.org/ws/twilio"
    named = {one.get("name"): one.get("value") for one in stream}
    assert (named["from"], named["to"]) == ("+12349013030", "+18005551212")
    assert tickets_of(at.engine).redeem(named["token"]).call_sid == SID
    assert tickets_of(at.engine).redeem(named["token"]) is None
    found = at.session(SID)
    assert (found["transport"], found["state"], found["live"]) == ("twilio", "ringing", True)
    assert (found["from_number"], found["to_number"], found["direction"]) == ("+12349013030", "+18005551212", "inbound")
    assert [one["session_id"] for one in at.listed("transport=twilio", 1)] == [found["session_id"]]


def test_a_call_that_nobody_answered_ends_as_its_carrier_says(site):
    """There is no audio and no call of the engine: what the carrier told is the session."""
    at = site()
    at.twilio.status(CallStatus="initiated", **{**CALL, "Direction": "outbound-api"})
    at.twilio.status(CallStatus="ringing", **{**CALL, "Direction": "outbound-api"})
    at.twilio.status(times=3, CallStatus="no-answer", SipResponseCode="480", **{**CALL, "Direction": "outbound-api"})
    found = at.session(SID, lambda one: one["status"] != "active")
    assert (found["state"], found["status"], found["outcome"], found["direction"]) == (
        "no_answer", "no_answer", "not_answered", "outbound")
    assert (found["hangup_cause"], found["customer_phone"]) == ("SIP 480", "+18005551212")
    at.twilio.status(CallStatus="ringing", SequenceNumber="1", **CALL)
    assert at.session(SID)["state"] == "no_answer"  # what comes late opens no new session
    assert len(at.get("/sessions")["data"]) == 1


def test_out_of_order_callbacks_never_move_a_session_back(site):
    """`answered` overtook `ringing`: the session stays answered, and ends once."""
    at = site()
    at.twilio.status(CallStatus="in-progress", SequenceNumber="2", **CALL)
    at.twilio.status(CallStatus="ringing", SequenceNumber="1", **CALL)
    found = at.session(SID, lambda one: one["state"] == "answered")
    assert found["answered_at"]
    at.twilio.status(CallStatus="completed", CallDuration="12", SequenceNumber="3", **CALL)
    at.twilio.status(CallStatus="busy", SequenceNumber="4", **CALL)
    found = at.session(SID, lambda one: one["ended_at"])
    assert (found["state"], found["carrier"], found["carrier_call_id"]) == ("ended", "twilio", SID)


@pytest.mark.parametrize("headers", [
    {"X-Twilio-Signature": None}, {"X-Twilio-Signature": "0/KCTR6DLpKmkAf8muzZqo1nDgQ="}, {"X-Twilio-Signature": ""},
])
def test_unsigned_webhooks_are_401_and_leave_nothing(site, headers):
    """Whoever finds the address must not make up calls."""
    at = site()
    status, _, body = at.twilio.post("/voice/twilio", headers=headers, CallStatus="ringing", **CALL)
    assert (status, json.loads(body)["error"]["code"]) == (401, "unproven")
    assert at.get("/sessions")["data"] == [] and len(at.hooks.calls) == 0


def test_a_signature_for_another_url_account_or_body_is_refused(site):
    """A proxy in between must tell the right URL, so the error names the option."""
    at = site()
    elsewhere = TwilioSender(at.web.address, "https://other.example.org", "12345")
    status, _, body = elsewhere.post("/voice/twilio", CallStatus="ringing", **CALL)
    assert status == 401 and "webhook_base_url" in json.loads(body)["error"]["message"]
    other = TwilioSender(at.web.address, at.twilio.base, "12345", account="AC" + "9" * 32)
    assert other.post("/voice/twilio", CallStatus="ringing", **CALL)[0] == 401
    assert at.twilio.tell_json("/webhook/twilio", {"CallSid": SID, "CallStatus": "busy"}, tampered=b" ")[0] == 401
    assert at.twilio.tell_json("/webhook/twilio", {"CallSid": SID, "CallStatus": "busy"})[0] == 204
    assert at.session(SID, lambda one: one["ended_at"])["state"] == "busy"


def test_without_a_token_nothing_is_taken_unless_the_config_says_so_aloud(site, caplog):
    """The insecure default is the one that everybody forgets to change."""
    at = site(environ={})
    unsigned = {"X-Twilio-Signature": None}
    assert at.twilio.post("/voice/twilio", headers=unsigned, CallStatus="ringing", **CALL)[0] == 401
    assert at.exotel.get("/webhook/exotel", CallSid="a1")[0] == 401
    assert "webhooks" not in at.get("/health")["components"]
    open_to_all = site(environ={}, carriers={"twilio": {"unsigned": True}, "exotel": {"unsigned": True}})
    assert "carriers.twilio.unsigned is on" in caplog.text and "carriers.exotel.unsigned is on" in caplog.text
    assert open_to_all.twilio.post("/voice/twilio", headers=unsigned, CallStatus="ringing", **CALL)[0] == 200
    assert open_to_all.exotel.get("/webhook/exotel", CallSid="a1")[0] == 200
    told = open_to_all.get("/health")["components"]["webhooks"]
    assert told["status"] == "degraded" and "twilio and exotel" in told["detail"]


@pytest.mark.parametrize("proof", [
    {"user": "key", "password": "token"}, {"token": "a-token-of-sixteen"}, {"secret": "a secret"}])
def test_each_proof_of_exotels_opens_every_path(site, proof):
    at = site()
    sender = ExotelSender(at.web.address, at.exotel.base, **proof)
    assert sender.get("/webhook/exotel", CallSid="a1", CallStatus="ringing")[0] == 200
    assert sender.post("/webhook/exotel", {"CallSid": "a1", "Status": "completed"}, times=3)[0] == 200
    assert sender.post("/webhook/exotel", {"CallSid": "a2", "EventType": "answered"}, as_json=True)[0] == 200
    assert sender.post("/exotel/call", {"CallSid": "a3"})[0] == 200


@pytest.mark.parametrize("proof", [
    {}, {"user": "key", "password": "wrong"}, {"token": "a-token-of-sixteem"}, {"secret": "another"}])
def test_no_other_proof_does(site, proof):
    at = site()
    sender = ExotelSender(at.web.address, at.exotel.base, **proof)
    for path in ("/webhook/exotel", "/exotel/call", "/exotel/dtmf", "/voice/exotel", "/exotel/connect"):
        assert sender.post(path, {"CallSid": "a1", "digits": "1"})[0] == 401
    assert sender.get("/webhook/exotel", CallSid="a1")[0] == 401


def test_addresses_that_are_not_exotels_are_refused_whatever_they_know(site):
    """A password may leak; an address list is cheap."""
    far = site(carriers={"exotel": {"networks": ["203.0.113.0/24"]}})
    assert far.exotel.get("/webhook/exotel", CallSid="a1")[0] == 401
    near = site(environ={}, carriers={"exotel": {"networks": ["127.0.0.0/8"]}})
    assert near.exotel.get("/webhook/exotel", CallSid="a1")[0] == 200


def test_exotels_quirks_become_one_call(site):
    """Digits in quotation marks, numbers with a 0, India's time without a zone, years that are none."""
    at = site()
    at.exotel.get("/webhook/exotel", CallSid="b7", CallFrom="09876543210", CallTo="08047361234", Direction="incoming",
                  CallStatus="ringing", EndTime="1970-01-01 05:30:00", CurrentTime="2026-11-21 15:30:00", digits="12")
    found = at.session("b7")
    assert (found["from_number"], found["to_number"], found["state"]) == ("+919876543210", "+918047361234", "ringing")
    line = next(one for one in at.get("/sessions/b7/events")["data"] if one["event"] == "carrier_told")
    assert (line["at"], line["more"]) == ("2026-11-21T10:00:00+00:00", {"digits": "12"})
    at.exotel.post("/webhook/exotel", {"CallSid": "b7", "Status": "completed", "EventType": "terminal",
                                       "RecordingUrl": "https://recordings.exotel.com/a/b7.mp3"}, as_json=True)
    found = at.session("b7", lambda one: one["ended_at"])
    assert (found["state"], found["carrier_recording"]) == ("ended", "https://recordings.exotel.com/a/b7.mp3")


def test_garbage_of_a_proven_sender_is_400_and_says_what(site):
    at = site()
    for found, what in (({}, "CallSid is missing"), ({"CallSid": "../../etc"}, "CallSid is no id")):
        status, _, body = at.exotel.post("/webhook/exotel", found)
        assert status == 400 and what in json.loads(body)["error"]["message"]
    status, _, body = at.exotel.post("/webhook/exotel", ["no", "object"], as_json=True)
    assert status == 400 and "no object" in json.loads(body)["error"]["message"]


def test_a_call_of_which_too_much_is_told_is_slowed_down(site):
    """One call cannot take the engine from the others."""
    at = site(carriers={"webhooks_per_minute_per_call": 5})
    got = [at.exotel.get("/webhook/exotel", CallSid="c1", CurrentTime=f"2026-11-21 10:00:{number:02}")[0]
           for number in range(7)]
    assert got == [200] * 5 + [429] * 2
    assert at.exotel.get("/webhook/exotel", CallSid="c2")[0] == 200


def test_calls_known_from_webhooks_are_bounded(site):
    """The one that was quiet longest makes room, and its session is over."""
    at = site(carriers={"max_calls": 10})
    for number in range(15):
        at.exotel.get("/webhook/exotel", CallSid=f"d{number}", CallStatus="ringing")
    assert len(at.hooks.calls) == 10
    assert at.session("d0", lambda one: one["ended_at"])["hangup_cause"].startswith("another one needed its place")


def test_where_exotel_streams_to_and_whom_it_connects(site):
    """The answers of the dynamic URLs; whom to connect is told once."""
    at = site(environ={"EXOTEL_API_KEY": "key", "EXOTEL_API_TOKEN": "token", "EXOTEL_STREAM_TOKEN": "stream-token"})
    for ask in (lambda: at.exotel.get("/voice/exotel", CallSid="e1"),
                lambda: at.exotel.post("/voice/exotel", {"CallSid": "e1"})):
        status, _, body = ask()
        assert status == 200
        assert json.loads(body) == {"url": "wss://voice.example.org/ws/exotel/stream-token"}
    at.numbers["e1"] = "+918047360000"
    answers = [json.loads(at.exotel.get("/exotel/connect", CallSid="e1", CurrentTime=time)[2])["destination"]
               for time in ("2026-11-21 10:00:00", "2026-11-21 10:00:00", "2026-11-21 10:05:00")]
    assert answers == [{"numbers": ["+918047360000"]}] * 2 + [{"numbers": []}]


def test_a_call_goes_to_freeswitch_with_its_id(site):
    """The INVITE's header is what the session is joined by."""
    at = site(carriers={"twilio": {"answer": "sip", "sip_uri": "sip:agent@voice.example.org;transport=tls"}})
    sip = at.twilio.twiml("/voice/twilio", CallStatus="ringing", **CALL).find("Dial/Sip")
    assert sip.text == f"sip:agent@voice.example.org;transport=tls?X-Trunkline-Twilio={SID}"
    ended = at.twilio.twiml("/voice/twilio", CallStatus="completed", DialCallStatus="completed", **CALL)
    assert len(ended) == 0


def test_an_engine_that_drains_sends_carriers_to_their_fallback(site):
    """Twilio asks its fallback URL after a 5xx; a stream that nobody takes would end the call. Told events go on."""
    at = site()
    at.engine._draining = True
    assert at.twilio.post("/voice/twilio", CallStatus="ringing", **CALL)[0] == 503
    assert at.exotel.get("/voice/exotel", CallSid="a1")[0] == 503
    at.twilio.status(CallStatus="completed", **CALL)
    at.engine._draining = False
    assert at.twilio.post("/voice/twilio", CallStatus="ringing", **{**CALL, "CallSid": "CA2"})[0] == 200


def test_metrics_count_sessions_by_state(site):
    at = site()
    assert 'trunkline_sessions{state="talking"} 0.0' in at.get("/metrics")


@pytest.fixture
def talking(site):
    """Agents with a model that is a strict fake."""
    from tests.providers.fake_openai import FakeOpenAi

    gpt = FakeOpenAi()
    made = lambda **options: site(**{  # noqa: E731
        "providers": {"gpt": {"kind": "openai_chat", "base_url": f"{gpt.url}/v1", "model": "gpt-test", "api_key": KEY}},
        **options}).with_agents()
    yield gpt, made
    gpt.close()


def test_keys_are_answered_by_the_agent_as_exotel_takes_it(talking):
    """CallSid is the conversation; 1 means what the config says; the answer is ExoML, JSON or text."""
    gpt, made = talking
    gpt.script = ["We are open <from> nine."]
    at = made(carriers={"dtmf_intents": {"1": "When are you open?"}})
    _, headers, body = at.exotel.post("/exotel/call", {"CallSid": "f1", "From": "09876543210"})
    assert headers.get_content_type() == "text/xml" and b"<Say>Hello from the desk.</Say>" in body
    assert b'<Gather action="https://voice.example.org/exotel/dtmf"' in body
    _, _, body = at.exotel.post("/exotel/dtmf", {"CallSid": "f1", "digits": '"1"'}, times=2)
    assert b"<Say>We are open &lt;from&gt; nine.</Say>" in body
    _, _, body = at.exotel.get("/exotel/dtmf", CallSid="f1", digits="1", CurrentTime="2026-11-21 10:00:00")
    assert body == b"We are open <from> nine."
    _, _, body = at.exotel.get("/exotel/dtmf", CallSid="f1", digits="1", as_="gather")
    assert json.loads(body)["gather_prompt"] == {"text": "We are open <from> nine."}
    said = [row["text"] for row in at.get("/sessions/f1/transcript")["data"] if row["speaker"] == "customer"]
    assert len(said) <= 3 and set(said) <= {"When are you open?"}
    found = at.session("f1", lambda one: one["carrier_accounts"])
    assert (found["transport"], found["carrier"], found["state"]) == ("text", "exotel", "talking")
    assert found["carrier_accounts"][0]["transport"] == "exotel"
    at.exotel.post("/webhook/exotel", {"CallSid": "f1", "Status": "completed"})
    assert at.session("f1", lambda one: one["ended_at"])["state"] == "ended"
    assert len(at.get("/sessions")["data"]) == 1


def test_twilios_gather_goes_on_with_the_answer(talking):
    gpt, made = talking
    gpt.script = ["At nine."]
    at = made(carriers={"twilio": {"answer": "text"}})
    root = at.twilio.twiml("/voice/twilio", CallStatus="ringing", **CALL)
    assert root.find("Gather/Say").text == "Hello from the desk."
    root = at.twilio.twiml("/voice/twilio", CallStatus="in-progress", SpeechResult="when do you open", **CALL)
    assert (root.find("Gather/Say").text, root.find("Gather").get("action")) == (
        "At nine.", "https://voice.example.org/voice/twilio")


def test_an_answer_that_takes_too_long_is_a_sentence_not_a_silence(talking):
    """The carrier gives up after 15 s, the caller before: there is always something to hear."""
    gpt, made = talking
    gpt.first_s = 30.0
    at = made(carriers={"answer_s": 0.3, "late_texts": {"en": "One moment longer."}})
    _, _, body = at.exotel.post("/exotel/dtmf", {"CallSid": "g1", "digits": "1"})
    assert b"<Say>One moment longer.</Say>" in body


def test_an_agent_that_is_not_there_is_a_sentence_too(site):
    at = site()
    _, _, body = at.exotel.post("/exotel/call", {"CallSid": "h1"})
    assert b"<Say>An error occurred. Please try again.</Say>" in body
    _, _, body = at.exotel.post("/exotel/dtmf", {"CallSid": "h1", "digits": "1"})
    assert b"<Say>An error occurred. Please try again.</Say>" in body
