"""Calling out: what may be dialled, what is sent to the switch, and what comes of each answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import TelephonyOptions, TransferTarget
from engine.esl.errors import BadArgument, CommandRefused
from engine.telephony.causes import cause_in, in_words
from engine.telephony.outbound import BadCall, channel_variables, dial, endpoint_of

OPTIONS = TelephonyOptions(caller_number="+4930555100")


class Client:
    """Takes the place of the inbound connection; builds the command as the real one does."""

    def __init__(self, refusal=""):
        self.refusal = refusal
        self.commands = []

    def originate(self, endpoint, target, **given):
        from engine.esl import command

        variables = {"origination_uuid": given["uuid"], "origination_caller_id_number": given["caller_number"],
                     "originate_timeout": given["answer_timeout_s"], **given["variables"]}
        self.commands.append(command.originate(endpoint, target, variables, dialplan=given["dialplan"],
                                               context=given["context"]))
        if self.refusal:
            raise CommandRefused("originate", self.refusal)
        return given["uuid"]


def test_an_answered_call_goes_to_the_engines_extension():
    """With the agent, the number and the operator's variables on the channel, early media ignored."""
    client = Client()
    result = dial(client, OPTIONS, "+15550100", gateway="carrier", agent="support", variables={"customer": "Ms Rao"})
    assert result.result == "answered"
    (command,) = client.commands
    assert command.endswith("sofia/gateway/carrier/+15550100 trunkline_outbound XML public")
    for part in ("trunkline_outbound=true", "trunkline_agent=support", "trunkline_dialled=+15550100",
                 "ignore_early_media=true", "origination_caller_id_number=+4930555100"):
        assert part in command


@pytest.mark.parametrize(
    ("refusal", "result"),
    [("-ERR USER_BUSY", "busy"), ("-ERR NO_ANSWER", "no_answer"), ("-ERR CALL_REJECTED", "refused"),
     ("-ERR UNALLOCATED_NUMBER", "wrong_number"), ("-ERR GATEWAY_DOWN", "failed"), ("-ERR", "failed")],
)  # fmt: skip
def test_each_answer_has_its_result(refusal, result):
    """And words that say it."""
    done = dial(Client(refusal), OPTIONS, "+15550100", gateway="carrier", agent="")
    assert done.result == result
    assert done.why == in_words(cause_in(refusal))


@given(st.text(max_size=30))
def test_only_numbers_and_names_get_into_a_dial_string(text):
    """A dial string can hold variables, further destinations and, by a line end, commands: none of that comes in."""
    for arguments in ({"number": text, "gateway": "carrier"}, {"number": "123", "gateway": text}):
        try:
            endpoint = endpoint_of(OPTIONS, **arguments)
        except BadCall:
            continue
        assert set(endpoint) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+._-/")
        assert endpoint.count("/") == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("a b", "1"), ("", "1"), ("api_on_answer\n", "1"), ("trunkline_outbound", "false"), ("origination_uuid", "x")],
)
def test_variables_have_names_of_variables(name, value):
    """And none of those that make the call ours."""
    with pytest.raises(BadCall):
        channel_variables("support", "123", {name: value})


@pytest.mark.parametrize("value", ["a\nb", "${system(rm)}", "a}b", "a\rb"])
def test_values_that_would_be_commands_are_refused(value):
    """Before anything is sent."""
    client = Client()
    with pytest.raises((BadCall, BadArgument)):
        dial(client, OPTIONS, "123", gateway="carrier", agent="", variables={"order": value})
    assert client.commands == []


@pytest.mark.parametrize(
    "destination",
    ["user/1001", "sofia/gateway/mytrunk/+493055500", "sofia/external/sip:desk@10.0.0.7:5070", "support@default"],
)
def test_targets_that_may_be_named(destination):
    """What operators write."""
    assert TransferTarget(destination=destination).destination == destination


@pytest.mark.parametrize(
    "destination", ["", "a b", "{x=1}user/1", "user/1,user/2", "user/1|user/2", "user/1\napi status", "${x}", "a'b"]
)
def test_targets_that_may_not(destination):
    """One destination, no variables: what else is wanted belongs into FreeSWITCH's own configuration."""
    with pytest.raises(ValueError, match="destination"):
        TransferTarget(destination=destination)
