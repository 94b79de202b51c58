"""``trunkline doctor`` and hand-over: an operator learns before a caller does whom nobody can reach."""

import numpy as np
import pytest

from engine.cli import checks, handover_checks
from engine.config import Config
from engine.media.waves import write_wave
from tests.fakes.inbound_switch import InboundSwitch

GATEWAY = """=================================================================================================
Name    \tmytrunk
Profile \texternal
Proxy   \tsip:trunk.example.com
State   \t{state}
Status  \t{status} (ping)
Uptime  \t100s
=================================================================================================
"""
QUEUES = "name|strategy\nsupport@default|longest-idle-agent\n+OK\n"
AGENTS = "name|status|state\n1001|{status}|Waiting\n+OK\n"
GOOD = {
    "module_exists": "true",
    "callcenter_config queue list agents": AGENTS.format(status="Available"),
    "callcenter_config queue list": QUEUES,
    "sofia status gateway mytrunk": GATEWAY.format(state="REGED", status="UP"),
    "sofia status gateway": "Invalid Gateway!\n",
    "global_getvar domain": "example.com",
    "user_exists id 1001 example.com": "true",
    "user_exists": "false",
    "sofia_contact 1001@example.com": "sofia/internal/sip:1001@10.0.0.7:5060",
}


@pytest.fixture
def doctor(tmp_path, monkeypatch):
    """``doctor(transfer, answers)``: the rows of an agent who may hand over to these targets."""
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))

    def look(transfer, answers=None, enabled=True):
        (tmp_path / "agents").mkdir(exist_ok=True)
        (tmp_path / "agents" / "desk.yaml").write_text(
            f"languages:\n  en:\n    greeting: Hello.\ncollections: [sample]\n{transfer}")
        first = answers or {}  # the first that fits is the answer
        with InboundSwitch(first | {name: text for name, text in GOOD.items() if name not in first}) as switch:
            config = Config(switch={"enabled": enabled, "port": switch.port, "password": "x"})
            return list(handover_checks.look(config, 3.0))

    return look


def one(kind, destination):
    return f"transfer:\n  boss: {{kind: {kind}, destination: \"{destination}\"}}\n"


@pytest.mark.parametrize(("kind", "destination", "answers", "status", "says"), [
    ("warm", "sofia/gateway/mytrunk/+4930555", {}, "pass", "in service (REGED)"),
    ("warm", "sofia/gateway/mytrunk/+4930555",
     {"sofia status gateway mytrunk": GATEWAY.format(state="FAIL_WAIT", status="DOWN")}, "warn", "FAIL_WAIT, DOWN"),
    ("warm", "sofia/gateway/other/+4930555", {}, "warn", "no gateway other"),
    ("blind", "user/1001", {}, "pass", "a phone is registered"),
    ("blind", "user/1001@example.com", {"sofia_contact": "error/user_not_registered"}, "warn", "no phone is"),
    ("blind", "user/1002", {}, "warn", "no user 1002 in the domain example.com"),
    ("blind", "user/1001", {"global_getvar domain": "-ERR no reply\n"}, "warn", "in which domain?"),
    ("blind", "user/1001", {"sofia_contact": "-ERR no reply\n"}, "warn", "no phone is registered"),
    ("blind", "user/${nurse}", {}, "pass", "by its channel variables"),
    ("blind", "loopback/9000", {}, "pass", "cannot be looked at without calling it"),
    ("queue", "support@default", {}, "pass", "people are there"),
    ("queue", "support@default", {"callcenter_config queue list agents": AGENTS.format(status="Logged Out")}, "warn",
     "nobody is there"),
    ("queue", "sales@default", {}, "warn", "there is no queue sales@default"),
    ("queue", "support@default", {"module_exists": "false"}, "warn", "no mod_callcenter"),
])  # fmt: skip
def test_each_kind_of_target(doctor, kind, destination, answers, status, says):
    """What is wrong is a warning with what to do about it: the agent goes on with the caller, and the service starts.
    """
    ((found, text, todo),) = doctor(one(kind, destination), answers)
    assert (found, says in text, bool(todo)) == (status, True, status != "pass")
    assert text.startswith("desk: boss: ")


def test_without_an_event_socket_nobody_is_reached(doctor):
    ((status, text, todo),) = doctor(one("warm", "user/1001"), enabled=False)
    assert (status, "desk" in text, "switch.enabled" in todo) == ("warn", True, True)


def test_hold_music_is_looked_at(doctor, tmp_path):
    """A file that is not there is a ringing tone for the caller, which nobody would notice from inside."""
    music = tmp_path / "music.wav"
    write_wave(music, np.zeros(16000, np.int16), 8000)
    transfer = (f"transfer:\n  boss: {{destination: user/1001, hold_music: {music}}}\n"
                f"  desk: {{destination: user/1001, hold_music: {tmp_path}/none.wav}}\n")
    rows = doctor(transfer)
    assert [(status, "music" in text) for status, text, _ in rows] == [("pass", True), ("warn", True), ("pass", False),
                                                                       ("pass", False)]
    assert "2 s of hold music" in rows[0][1]


def test_agents_that_hand_nobody_over_are_not_mentioned(doctor):
    """Nor are those that come with Trunkline and that nobody has to use."""
    assert doctor("") == []


def test_the_command_looks_at_hand_over(doctor):
    """Among all its other checks."""
    doctor(one("warm", "user/1001"))
    assert "hand-over" in {finding.check for finding in checks.examine(None, {})}
