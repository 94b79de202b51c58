"""Who may open a carrier's stream: what is not proven is refused, unless the configuration says so aloud."""

import base64

import pytest
from call_world import named

from engine.carriers.signatures import TWILIO_HEADER, twilio_signature
from engine.web.streamtickets import tickets_of
from tests.fakes.twilio_media import ACCOUNT, CALL

TOKEN = "12345"
CLOSED = {"carrier_streams": {}}
SECRETS = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN, "EXOTEL_STREAM_USER": "exo",
           "EXOTEL_STREAM_PASSWORD": "pass word", "EXOTEL_STREAM_TOKEN": "0123456789abcdef"}


def signed(at, token=TOKEN, host=None):
    return {TWILIO_HEADER: twilio_signature(token, (host or at.ws) + "/ws/twilio")}


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def taken(phone):
    phone.hears()
    phone.hang_up()


def test_twilio_streams_that_are_taken(place):
    """Rule: Twilio's signature of the address, or a ticket of the webhook for this call, opens a stream, once; a ticket
    also names the agent."""
    with place(environ=SECRETS, doors=CLOSED) as at:
        taken(at.twilio(headers=signed(at)))
        token = tickets_of(at.engine).make(CALL, "support")
        taken(at.twilio(token=token, agent="sales", tenant="acme"))
        assert at.twilio(token=token).over() == 1008
        logs = at.logs()
    assert len(logs) == 2 and token not in str(logs)


def test_twilio_streams_that_are_refused(place):
    """Rule: no signature, one of another account or another address, and a ticket of another call open nothing: no
    call, no log."""
    with place(environ=SECRETS, doors=CLOSED, http={"trusted_proxies": []}) as at:
        other = tickets_of(at.engine).make("CA" + "9" * 32)
        phones = [
            at.twilio(), at.twilio(headers=signed(at, "other")), at.twilio(token="made up"), at.twilio(token=other),
            at.twilio(headers=signed(at, host="wss://elsewhere.example")),
            at.twilio(headers=signed(at), account_sid="AC" + "9" * 32),
            at.twilio(headers={**signed(at, host="wss://voice.example"), "X-Forwarded-Host": "voice.example",
                               "X-Forwarded-Proto": "https"}),
        ]
        assert [phone.over() for phone in phones] == [1008] * len(phones)
        assert at.logs() == []


def test_twilio_behind_a_trusted_proxy(place):
    """Rule: a proxy that is trusted says under which address Twilio knows this server."""
    with place(environ=SECRETS, doors=CLOSED, http={"trusted_proxies": ["127.0.0.1"]}) as at:
        taken(at.twilio(headers={**signed(at, host="wss://voice.example"), "X-Forwarded-Host": "voice.example",
                                 "X-Forwarded-Proto": "https"}))


EXOTEL_TAKEN = [
    ("/ws/exotel", basic("exo", "pass word")), ("/ws/exotel/0123456789abcdef?sample-rate=16000", None),
]
EXOTEL_REFUSED = [
    ("/ws/exotel", None), ("/ws/exotel", basic("exo", "other")), ("/ws/exotel", basic("", "")),
    ("/ws/exotel/0123456789abcdeX", None), ("/ws/exotel/0123456789abcdef?sample-rate=44100", None),
    ("/ws/exotel/0123456789abcdef?sample-rate=fast", None),
]


def test_exotel_doors(place):
    """Rule: password or token of the address, and a rate that there is; each refusal leaves no call behind."""
    with place(environ=SECRETS, doors=CLOSED) as at:
        refused = [at.exotel(path, headers) for path, headers in EXOTEL_REFUSED]
        phones = [at.exotel(path, headers, rate=16000 if "16000" in path else 8000, call_sid=f"call{n}")
                  for n, (path, headers) in enumerate(EXOTEL_TAKEN)]
        assert [phone.over() for phone in refused] == [1008] * len(refused)
        for phone in phones:
            taken(phone)
        assert len(at.logs()) == len(EXOTEL_TAKEN)


@pytest.mark.parametrize("network, code", [("127.0.0.0/8", None), ("203.0.113.0/24", 1008)])
def test_exotel_by_address(place, network, code):
    """Rule: an address that Exotel has named is proof enough, another one is none."""
    with place(environ=SECRETS, doors=CLOSED, carriers={"exotel": {"networks": [network]}}) as at:
        phone = at.exotel("/ws/exotel?sample_rate=8000Hz")
        if code is None:
            taken(phone)
        else:
            assert phone.over() == code


def test_nothing_is_open_without_secrets(place, monkeypatch):
    """Rule: an empty password or a missing token is no password."""
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    with place(doors=CLOSED) as at:
        phones = [at.twilio(), at.twilio(headers=signed(at, "")), at.exotel(headers=basic("", "")),
                  at.exotel("/ws/exotel/x")]
        assert [phone.over() for phone in phones] == [1008] * 4


def test_the_parameters_name_agent_and_caller(place):
    """Rule: TwiML says what Twilio does not: who calls whom, and who answers; the token stays with us."""
    with place(doors={"carrier_streams": {"twilio": {"unsigned": True}}}) as at:
        seen = []
        at.engine.began.append(lambda call: seen.append(call.channel))
        taken(at.twilio(**{"from": "+491511111", "to": "+493022222", "agent": "sales", "token": "x"}))
        (begin,) = named(at.log(), "call_started")
    assert (begin["caller"], begin["called"], begin["direction"]) == ("+491511111", "+493022222", "inbound")
    assert seen[0].variables == {"from": "+491511111", "to": "+493022222", "agent": "sales", "trunkline_agent": "sales",
                                 "twilio_call_sid": CALL}


def test_a_stream_that_never_starts(place):
    """Rule: a connection without start holds no place; and places are bounded."""
    with place(carrier_streams={"start_wait_s": 0.2, "max_streams": 1, "twilio": {"unsigned": True}}) as at:
        phone = at.twilio()
        phone.hears()
        assert at.exotel().over() == 1008, "as many as may be"
        phone.hang_up()
        second = at.twilio()
        second.carrier.started = True
        second.hang_up()
