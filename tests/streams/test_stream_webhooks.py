"""From the carrier's webhook to the stream that follows from it, as a flow of the carrier has it."""

import json
from contextlib import contextmanager
from time import monotonic
from urllib.parse import urlsplit

import pytest
from call_providers import providers
from call_world import QUICK, merged, named
from stream_phone import StreamPhone
from stream_place import Place
from test_stream_calls import TARGETS, Asking, asks

from engine.config import Config
from engine.service import Engine
from engine.telemetry.aftercall import AfterCall
from engine.web import parts
from tests.fakes.carrier_webhooks import ExotelSender, TwilioSender
from tests.fakes.exotel_media import CALL as EXOTEL_CALL
from tests.fakes.exotel_media import ExotelMedia
from tests.fakes.twilio_media import ACCOUNT, CALL, TwilioMedia

BASE = "https://voice.example.org"
TOKEN = "0123456789abcdefg"
SECRETS = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": "12345", "EXOTEL_STREAM_TOKEN": TOKEN,
           "EXOTEL_WEBHOOK_TOKEN": TOKEN}


@pytest.fixture
def site(home, tidy, monkeypatch):
    """A whole engine, as it is served."""
    monkeypatch.setattr(AfterCall, "submit", lambda self, folder: None)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    @contextmanager
    def opened(given):
        changes = {"carriers": {"webhook_base_url": BASE}, "agent": {"greeting": "Hi there."}}
        engine = Engine(Config.model_validate(merged(QUICK, changes)), given)
        engine.targets = lambda channel: TARGETS
        web = parts.web(engine)
        engine.start()
        try:
            web.start()
            try:
                yield Place(engine, web, home)
            finally:
                web.stop()
        finally:
            engine.stop()

    return opened


def test_a_call_of_twilios(site):
    """Rule: the TwiML of the webhook opens the stream, and tells who calls whom; nothing else need be configured."""
    with site(providers()) as at:
        sender = TwilioSender((urlsplit(at.web.url).hostname, urlsplit(at.web.url).port), BASE, "12345", ACCOUNT)
        twiml = sender.twiml("/voice/twilio", CallSid=CALL, From="+4915112345", To="+4930555000", CallStatus="ringing",
                             Direction="inbound")
        stream = twiml.find("Connect/Stream")
        assert stream.get("url") == "wss://voice.example.org/ws/twilio"
        given = {one.get("name"): one.get("value") for one in stream.findall("Parameter")}
        phone = StreamPhone(at.ws + "/ws/twilio", TwilioMedia(monotonic(), **given))
        phone.hears()
        phone.hang_up()
        log = the_stream(at)
        sender.status(CallSid=CALL, CallStatus="completed", CallDuration="3")
    (begin,) = named(log, "call_started")
    assert (begin["transport"], begin["caller"], begin["called"]) == ("twilio", "+4915112345", "+4930555000")
    (joined,) = named(log, "carrier_joined")
    assert (joined["carrier"], joined["call"], joined["session"]) == ("twilio", CALL, CALL)


def test_a_call_of_exotels_that_is_handed_over(site):
    """Rule: the flow is told where the stream goes, and, when the agent has handed over, whom to connect."""
    brain = Asking(lambda actions: actions.transfer("sales", "blind"))
    with site(providers(["sales"], brain=brain)) as at:
        sender = ExotelSender((urlsplit(at.web.url).hostname, urlsplit(at.web.url).port), BASE, TOKEN)
        status, _, body = sender.get("/voice/exotel", CallSid=EXOTEL_CALL, CallFrom="09876543210", CallTo="08047491899")
        url = json.loads(body)["url"]
        assert (status, url) == (200, f"wss://voice.example.org/ws/exotel/{TOKEN}")
        phone = StreamPhone(at.ws + urlsplit(url).path, ExotelMedia(monotonic()))
        asks(phone)
        assert phone.over() == 1000
        _, _, body = sender.get("/exotel/connect", CallSid=EXOTEL_CALL, CallFrom="09876543210")
        assert json.loads(body)["destination"] == {"numbers": ["+4930555001"]}
        log = the_stream(at)
    assert named(log, "carrier_joined")[0]["call"] == EXOTEL_CALL
    assert named(log, "handover_bridged")[0]["target"] == "sales"


def the_stream(at):
    """The log of the call; the carrier's account of it has one of its own."""
    (log,) = [log for log in at.logs() if named(log, "carrier_stream")]
    return log
