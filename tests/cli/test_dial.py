"""``trunkline dial``: wrong input and an absent switch are one line and exit code 2."""

import json
import socket

import pytest

from engine.cli.main import main


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No FreeSWITCH: a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    monkeypatch.setenv("TRUNKLINE_SWITCH__PORT", str(port))
    monkeypatch.setattr("engine.cli.dial.CONNECT_TIMEOUT_S", 0.3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["12}34", "--gateway", "x"], "no number to dial"),
        (["123", "--gateway", "a b"], "not the name of a gateway"),
        (["123", "--gateway", "x", "--variable", "nothing"], "write NAME=VALUE"),
        (["123", "--gateway", "x", "--variable", "a b=1"], "not the name of a channel variable"),
        (["123", "--gateway", "x", "--agent", "../etc"], "not the name of an agent"),
        (["123", "--gateway", "x"], "no connection to FreeSWITCH"),
    ],
)
def test_what_cannot_be_dialled(arguments, words, capsys):
    """Wrong input is found before the switch is asked, and nothing is dialled by a switch that is not there."""
    assert main(["dial", *arguments]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert len(said.err.splitlines()) == 1


def test_the_result_as_json(capsys, monkeypatch):
    """For whoever runs it in a loop: one object, and exit code 1 where nobody answered."""
    from engine.telephony.outbound import Dialled

    monkeypatch.setattr("engine.esl.inbound.InboundClient.wait_connected", lambda self, timeout: None)
    monkeypatch.setattr("engine.telephony.outbound.dial",
                        lambda *a, **k: Dialled("busy", "u", "USER_BUSY", "the line is busy", 1200))
    assert main(["dial", "123", "--gateway", "x", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["result"] == "busy"
