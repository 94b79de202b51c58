"""What goes to programs and what comes from them, without sockets: signatures, headers, targets, the agent's file."""

import base64
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import OpenAI

from engine.agents.check import check
from engine.agents.errors import AgentError
from engine.agents.load import Agents
from engine.agents.options import AppOptions
from engine.apps import offer, webhook
from engine.apps.errors import AppError, ReferRefused
from engine.apps.referral import referral
from engine.arrival import Visitor, named

SECRET = "whsec_" + base64.b64encode(b"a key of the tests").decode()
CLIENT = OpenAI(api_key="k", webhook_secret=SECRET)


@given(st.dictionaries(st.text(), st.text()), st.text(), st.text())
def test_any_call_makes_an_event_that_the_sdk_verifies(variables, caller, called):
    """Callers choose what stands in their headers: whatever it is, the event is JSON in UTF-8, without line ends in a
    value, and its signature holds."""
    now = int(time.time())
    headers = webhook.sip_headers(Visitor("u-1", caller, called, variables))
    body = webhook.incoming("evt_1", "u-1", headers, now)
    signed = webhook.signed(webhook.key_of(SECRET), "evt_1", body, now)
    event = CLIENT.webhooks.unwrap(body, signed)
    assert event.data.call_id == "u-1" and event.type == "realtime.call.incoming"
    assert len(event.data.sip_headers) <= webhook.MOST_HEADERS
    assert all(len(header.value) <= webhook.LONGEST_VALUE and header.value.isprintable()
               for header in event.data.sip_headers)


def test_credentials_of_the_caller_are_not_told():
    """An INVITE that was authorised carries a digest; programs have no use for it."""
    arrival = Visitor("u", "1", "2", {"sip_h_Authorization": "Digest x", "sip_h_X-Account": "7", "secret": "s"})
    headers = {header["name"]: header["value"] for header in webhook.sip_headers(arrival)}
    assert headers == {"X-Account": "7", "From": "1", "To": "2"}


@pytest.mark.parametrize("secret", ["", "short", "whsec_###", "whsec_" + base64.b64encode(b"few").decode()])
def test_a_secret_that_is_none_is_named(secret):
    """The operator learns which variable to mend."""
    options = AppOptions.model_validate({"webhook": "http://127.0.0.1/x", "secret_env": "APP_SECRET"})
    with pytest.raises(AppError, match="APP_SECRET"):
        offer.key(options, {"APP_SECRET": secret})


@given(st.text(max_size=300) | st.from_regex(r"(tel|sip):[\x00-\x7f]{0,40}"))
def test_whatever_a_program_sends_only_plain_targets_pass(target):
    """A line end, a quote, a brace or a blank in a target would be another command to FreeSWITCH."""
    try:
        found = referral(target, ["tel:*", "sip:*@*"])
    except ReferRefused:
        return
    assert re.fullmatch(r"[A-Za-z0-9:@.+*#_-]+", found.uri) and len(found.uri) <= 256


@pytest.mark.parametrize(("target", "allowed", "passes"), [
    ("tel:+49 30 1", ["tel:*"], False), ("tel:+49(30)1-2", ["tel:+4930*"], True), ("tel:+49301", ["tel:+4931*"], False),
    ("sip:a@pbx.example.org", ["sip:*@pbx.example.org"], True), ("SIP:a@pbx.example.org", ["sip:*"], False),
    ("sip:a@evil.org", ["sip:*@pbx.example.org"], False), ("sip:a@b@pbx.example.org", ["sip:*@pbx.example.org"], False),
    ("sip:a@PBX.example.org", ["sip:*@pbx.example.org"], True), ("sip:a@pbx.example.org:99999999", ["sip:*"], False),
    ("sip:a@pbx.example.org.evil.org", ["sip:*@pbx.example.org"], False), ("tel:+4930", [], False),
    ("sip:a@pbx.example.org?Replaces=x", ["sip:*@*"], False), ("sip:a@evil.org", ["sip:*"], False),
])
def test_targets_match_whole_patterns(target, allowed, passes):
    """The host is the operator's: a ``*`` for the user does not reach across the ``@``."""
    if passes:
        assert referral(target, allowed).uri
    else:
        with pytest.raises(ReferRefused):
            referral(target, allowed)


AGENT = """
languages: {en: {greeting: Hello}}
collections: [sample]
default: %s
app:
  webhook: %s
  secret_env: APP_SECRET
  else: %s
"""


def test_an_agents_file_names_its_app(tmp_path):
    """``else`` is an agent or the dialplan; a name that nobody has is found by ``trunkline agent check``."""
    (tmp_path / "desk.yaml").write_text(AGENT % ("true", "https://app.example.org/hook", "nobody"))
    (tmp_path / "night.yaml").write_text(AGENT % ("false", "https://app.example.org/hook", "next"))
    agents = Agents.load(tmp_path)
    assert agents.get("night").options.app.otherwise == "next" and agents.get("night").options.app.wait_s == 10
    findings = [str(finding) for finding in check(agents) if "app" in str(finding)]
    assert len(findings) == 1 and "desk.yaml" in findings[0] and "there is no agent 'nobody'" in findings[0]


def test_what_is_wrong_in_an_app_is_told_with_its_line(tmp_path):
    """File, line and field."""
    (tmp_path / "desk.yaml").write_text(AGENT % ("true", "ftp://x", "Next!"))
    with pytest.raises(AgentError) as told:
        Agents.load(tmp_path)
    text = str(told.value)
    assert "desk.yaml:6" in text and "app.webhook" in text and "app.else" in text


def test_another_agent_may_be_named_for_a_call():
    """The arrival stays the caller's; only the agent is another."""
    arrival = named(Visitor("u", "1", "2", {"trunkline_agent": "desk", "x": "y"}), "night")
    assert arrival.variables == {"trunkline_agent": "night", "x": "y"} and arrival.caller_number == "1"
