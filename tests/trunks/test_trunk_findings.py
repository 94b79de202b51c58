"""``trunkline trunk test``: what is wrong with a trunk is found before a caller finds it; the line says what to do."""

import json
import time

import pytest

from engine.cli import trunk_checks
from engine.cli.main import main
from engine.config import Config
from engine.esl.inbound import InboundClient
from engine.trunks import checks
from engine.trunks.errors import TrunkError
from engine.trunks.lookup import Lookup
from engine.trunks.switchside import SwitchSide
from tests.fakes.sip_trunk import SipTrunk
from tests.fakes.trunk_switch import TrunkSwitch, gateway, profile

NO_DNS = Lookup(servers=())


def findings(switch, name="mytrunk", **options):
    client = InboundClient("127.0.0.1", switch.port, "x")
    client.start()
    try:
        client.wait_connected(5)
        options = checks.Options(**{"lookup": NO_DNS, "wait_s": 3.0, **options})
        return list(checks.look(SwitchSide(client), name, options, time.time))
    finally:
        client.close()


def one(found, check):
    (finding,) = [finding for finding in found if finding.check == check]
    return finding


def test_a_trunk_in_order_has_no_warning():
    """Whoever sees a warning must be able to believe it."""
    date = time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    with SipTrunk(headers=("Server: edge 1", date)) as edge:
        with TrunkSwitch([gateway(port=edge.port)], variables={"mytrunk_caller_id": "+14155550100"}) as switch:
            found = findings(switch)
    assert {finding.status for finding in found} == {"pass"}, found
    assert [finding.check for finding in found] == ["gateway", "ping", "transport", "dns", "options", "codecs",
                                                    "caller id", "address", "rtp", "clock", "clock"]
    assert "200 OK" in one(found, "options").text and "edge 1" in one(found, "options").text


@pytest.mark.parametrize(("given", "check", "status", "says"), [
    ({"status": "DOWN"}, "gateway", "fail", "GATEWAY_DOWN"),
    ({"state": "FAIL_WAIT"}, "gateway", "fail", "not registered"),
    ({"ping": 0}, "ping", "warn", "off"),
    ({"ping": 0, "name": "exotel", "transport": "tcp"}, "ping", "skip", "does not say"),
    ({"ping": 5, "name": "twilio"}, "ping", "warn", "15 s or more"),
    ({"ping_ms": "0.00"}, "ping", "skip", "none has been answered"),
    ({"name": "exotel"}, "transport", "fail", "udp: exotel takes tcp or tls only"),
    ({"transport": "tls"}, "transport", "fail", "profile external has none"),
    ({"name": "twilio", "port": 5070}, "transport", "warn", "names 5060"),
    ({"name": "twilio"}, "dns", "fail", "answers 403"),
    ({"host": "no-such-name.invalid"}, "dns", "fail", "has no address"),
    ({"host": "no-such-name.invalid"}, "options", "skip", "nobody to ask"),
    ({"name": "twilio"}, "caller id", "skip", "not known"),
])  # fmt: skip
def test_what_is_wrong_with_a_gateway(given, check, status, says):
    """Each of these is a known way for a trunk to fail; a warning or a failure says what to do."""
    port = {} if "host" in given or "port" in given else {"port": 9}
    with TrunkSwitch([gateway(**{**port, **given})]) as switch:
        found = one(findings(switch, given.get("name", "mytrunk"), wait_s=0.3), check)
    assert (found.status, says in found.text) == (status, True), found
    assert found.todo or status == "skip"


@pytest.mark.parametrize(("trunk", "shown", "status"), [
    ("twilio", "+14155550100", "pass"), ("twilio", "14155550100", "fail"), ("exotel", "08047361234", "fail"),
    ("exotel", "+918047361234", "pass"), ("mytrunk", "1001", "pass"),
])  # fmt: skip
def test_the_number_that_is_shown_has_the_carriers_form(trunk, shown, status):
    """Twilio answers 400 and Exotel 403 to anything but E.164 with a plus."""
    with TrunkSwitch([gateway(name=trunk, port=9)], variables={f"{trunk}_caller_id": shown}) as switch:
        assert one(findings(switch, trunk, wait_s=0.3), "caller id").status == status


@pytest.mark.parametrize(("outbound", "codecs", "status", "says"), [
    ({}, "G722,PCMU,PCMA", "pass", "PCMU, PCMA are common"), ({}, "opus,G722", "fail", "488"),
    ({"twilio ovar absolute_codec_string": "PCMA@20i"}, "opus", "pass", "PCMA are common"),
])  # fmt: skip
def test_codecs_that_both_sides_have(outbound, codecs, status, says):
    """What the gateway says of itself wins over its profile, as in FreeSWITCH."""
    with TrunkSwitch([gateway(name="twilio", port=9)], profile(codecs=codecs), outbound=outbound) as switch:
        found = one(findings(switch, "twilio", wait_s=0.3), "codecs")
    assert (found.status, says in found.text) == (status, True), found


@pytest.mark.parametrize(("variables", "options", "status", "says"), [
    ({}, {"max_calls": 400}, "pass", "room for 8192 calls"),
    ({"rtp_end_port": "16484"}, {"max_calls": 400}, "warn", "50"),
    ({"rtp_start_port": "5000"}, {}, "fail", "5080 (SIP of profile external)"),
    ({"rtp_start_port": "40000"}, {}, "fail", "no range"), ({"rtp_start_port": ""}, {}, "skip", "not known"),
])  # fmt: skip
def test_the_range_of_rtp(variables, options, status, says):
    """Two ports a call, and nobody else's port among them: a call that gets it is silent."""
    with TrunkSwitch([gateway(port=9)], variables=variables) as switch:
        found = one(findings(switch, wait_s=0.3, **options), "rtp")
    assert (found.status, says in found.text) == (status, True), found


@pytest.mark.parametrize(("ip", "ext", "trunk", "status", "says"), [
    ("127.0.0.1", "N/A", "8.8.8.8", "fail", "loopback only"), ("10.0.0.5", "N/A", "8.8.8.8", "fail", "to nowhere"),
    ("10.0.0.5", "9.9.9.9", "8.8.8.8", "pass", "9.9.9.9"), ("10.0.0.5", "N/A", "10.0.0.9", "pass", "10.0.0.5"),
    ("10.0.0.5", "voice.example.com", "8.8.8.8", "fail", "a name where"),
])  # fmt: skip
def test_addresses_behind_nat(ip, ext, trunk, status, says):
    """One-way audio is the most common fault of a new trunk, and is nothing but this."""
    from engine.trunks import addresses, sofia

    (found,) = addresses.judge(sofia.profile(profile(ip=ip, ext=ext)), [trunk])
    assert (found.status, says in found.text) == (status, True), found


@pytest.mark.parametrize(("ahead_s", "status"), [(0, "pass"), (60, "warn"), (-4000, "fail")])
def test_clocks(ahead_s, status):
    """A clock that is wrong by minutes refuses good certificates."""
    with TrunkSwitch([gateway(port=9)], ahead_s=ahead_s) as switch:
        assert one(findings(switch, wait_s=0.3), "clock").status == status


@pytest.mark.parametrize(("answer", "status", "says"), [
    ("403 Forbidden", "pass", "does not know this program"), ("503 Service Unavailable", "warn", "takes no calls"),
])  # fmt: skip
def test_answers_to_options(answer, status, says):
    """403 proves that the way is open; 503 that the carrier is down although it answers."""
    with SipTrunk("tcp", answer) as edge, TrunkSwitch([gateway(port=edge.port, transport="tcp")]) as switch:
        found = one(findings(switch), "options")
    assert (found.status, says in found.text) == (status, True), found


def test_a_silent_trunk_is_a_failure_only_when_freeswitch_hears_nothing_either():
    """Carriers drop what comes from elsewhere than the switch: then its own pings are the better witness."""
    with SipTrunk(silent=True) as edge:
        for up, status in (("UP", "warn"), ("DOWN", "fail")):
            with TrunkSwitch([gateway(port=edge.port, status=up)]) as switch:
                assert one(findings(switch, wait_s=0.8), "options").status == status
        assert len(edge.requests) >= 4, "over UDP a request is sent again"


@pytest.mark.parametrize(("days", "name", "trusted", "status", "says"), [
    (365, None, True, "pass", "TLSv1.3"), (5, None, True, "warn", " days"), (-1, None, True, "fail", "expired"),
    (365, "another.example", True, "fail", "not valid for"), (365, None, False, "fail", "self-signed"),
])  # fmt: skip
def test_certificates(authority, days, name, trusted, status, says):
    """FreeSWITCH refuses a trunk whose certificate has run out, at night, with nothing but a line in its log."""
    ca_file = str(authority.file) if trusted else ""
    with SipTrunk("tls", context=authority.context(days, name)) as edge:
        with TrunkSwitch([gateway(port=edge.port, transport="tls")], profile(tls=True)) as switch:
            found = findings(switch, ca_file=ca_file)
    tls = one(found, "tls")
    assert tls.status == status
    assert says in tls.text or not trusted, tls
    assert one(found, "options").status == "pass", "whether it answers is another question"


def test_no_such_gateway():
    """The names that there are help more than the one that is not."""
    with TrunkSwitch([gateway(name="a"), gateway(name="b")]) as switch:
        with pytest.raises(TrunkError, match="there are: a, b"):
            findings(switch, "c")


# ---------------------------------------------------------------- the commands


@pytest.fixture
def environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    monkeypatch.setenv("TRUNKLINE_SWITCH__PASSWORD", "x")

    def use(switch):
        monkeypatch.setenv("TRUNKLINE_SWITCH__PORT", str(switch.port))

    return use


def test_the_command_ends_with_1_when_something_failed(environment, capsys):
    """Scripts go by the exit code, people by the arrows."""
    old = gateway(name="old", state="FAILED", port=9)
    with SipTrunk() as edge, TrunkSwitch([gateway(port=edge.port), old]) as switch:
        environment(switch)
        assert main(["trunk", "test", "mytrunk", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert shown["ok"] and shown["findings"][0]["check"] == "gateway"
        assert main(["trunk", "list"]) == 0
        assert "old" in capsys.readouterr().out
        assert main(["trunk", "test", "old"]) == 1
        assert "→" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "says"), [
    (["no such"], "no name of a gateway"), (["mytrunk", "--call", "12;34"], "digits"),
    (["mytrunk", "--ca-file", "/nowhere.pem"], "no such file"), (["other"], "there are: mytrunk"),
])  # fmt: skip
def test_wrong_input_is_2(environment, capsys, arguments, says):
    """Nothing that was typed reaches a dial string unread."""
    with TrunkSwitch([gateway(port=9)]) as switch:
        environment(switch)
        assert main(["trunk", "test", *arguments]) == 2
        assert says in capsys.readouterr().err
        assert not any("originate" in command for command in switch.commands)


def test_the_engines_own_ports_are_not_freeswitchs():
    """Two programs on one port of a machine: the call that draws it is silent. On another machine it is nobody's."""
    for host, status in (("127.0.0.1", "fail"), ("192.0.2.1", "pass")):
        given = checks.options_of(Config(switch={"host": host}, sip={"port": 16390}), wait_s=0.3, lookup=NO_DNS)
        with TrunkSwitch([gateway(port=9)]) as switch:
            found = one(findings(switch, taken=given.taken, wait_s=0.3), "rtp")
        assert (found.status, "16390 (SIP of the engine)" in found.text) == (status, status == "fail"), found


def test_the_doctor_looks_at_all_trunks():
    """The same findings, each with its gateway's name; what cannot be looked at is no line there."""
    with TrunkSwitch([gateway(name="a", port=9), gateway(name="b", state="FAILED", port=9)]) as switch:
        config = Config(switch={"enabled": True, "port": switch.port, "password": "x"})
        rows = list(trunk_checks.look(config, 0.5, NO_DNS))
    assert ("fail", True) in {(status, text.startswith("b: gateway: ")) for status, text, _ in rows}
    assert {text.partition(":")[0] for _, text, _ in rows} == {"a", "b"}
    assert not list(trunk_checks.look(Config(), 0.5))
