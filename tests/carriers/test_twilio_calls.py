"""What is asked of Twilio's REST API about a call in progress."""

from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.carriers import twilio_calls
from engine.carriers.errors import CarrierError
from engine.config import TransferTarget
from engine.streams.actions import number_of


def twiml(body):
    return ElementTree.fromstring(parse_qs(body.decode())["Twiml"][0])


def test_dialling():
    """Rule: numbers and SIP addresses have nouns of their own; ringing time is what Twilio takes."""
    (dial,) = twiml(twilio_calls.dial("+4930555001", 2, caller_id="+4930555000"))
    assert (dial.attrib, [(noun.tag, noun.text) for noun in dial]) == (
        {"answerOnBridge": "true", "timeout": "5", "callerId": "+4930555000"}, [("Number", "+4930555001")])
    (dial,) = twiml(twilio_calls.dial("sip:desk@pbx.example.org;transport=tls", 3600))
    assert dial.get("timeout") == "600" and dial[0].tag == "Sip"
    assert parse_qs(twilio_calls.complete().decode()) == {"Status": ["completed"]}
    assert twilio_calls.call_path("AC1", "CA1") == "/2010-04-01/Accounts/AC1/Calls/CA1.json"


@given(st.text(max_size=40))
def test_nothing_else_is_dialled(text):
    """Rule: what a caller or a model made up never reaches the carrier as something to dial."""
    if not twilio_calls.is_dialable(text):
        with pytest.raises(CarrierError):
            twilio_calls.dial(text, 30)


@given(st.text(max_size=200))
def test_an_action_cannot_break_out(url):
    """Rule: whatever stands in the configuration, the TwiML is the TwiML that was meant."""
    readable = "".join(char for char in url if char.isprintable())
    (dial,) = twiml(twilio_calls.dial("+4930555001", 30, action=readable))
    assert len(dial) == 1 and dial.get("action", "") == readable


@pytest.mark.parametrize("destination, number, found", [
    ("sofia/gateway/trunk/+4930555001", "", "+4930555001"), ("user/1001", "", ""),
    ("user/1001", "+4930555", "+4930555"),
    ("sofia/gateway/trunk/4930555001", "", ""), ("user/1001", "sip:a@example.org", "sip:a@example.org"),
])
def test_the_number_of_a_target(destination, number, found):
    """Rule: a carrier is given a number that somebody wrote down as one, with its country."""
    assert number_of(TransferTarget(destination=destination, number=number)) == found
