"""The connection to the switch comes back by itself, and says what is wrong while it is away."""

import gevent
import pytest
from esl_peer import Switch, api_reply, reply

from engine.config import SwitchOptions
from engine.esl import command
from engine.esl.connection import ConnectionLost, Stage
from engine.esl.errors import BadArgument, CommandRefused
from engine.esl.inbound import InboundClient

PATIENCE = 10.0
STATUS = ("UP 0 years, 0 days, 0 hours, 0 minutes, 29 seconds, 103 milliseconds, 803 microseconds\n"
          "FreeSWITCH (Version 1.11.2-release git 3f13ad1 2026-08-09 16:23:10Z 64bit) is ready\n"
          "2 session(s) since startup\n1 session(s) - peak 1, last 5min 1 \n"
          "0 session(s) per Sec out of max 500, peak 1, last 5min 1 \n2000 session(s) max\n")


@pytest.fixture
def client(tidy):
    """``client(switch)``: a started client with short pauses."""
    clients = []

    def make(port, password="ClueCon", **options):
        options = {"first_pause_s": 0.02, "longest_pause_s": 0.1, "connect_timeout_s": 2.0, **options}
        clients.append(InboundClient("127.0.0.1", port, password, **options))
        clients[-1].start()
        return clients[-1]

    yield make
    for each in clients:
        each.close()


def until(condition):
    with gevent.Timeout(PATIENCE, AssertionError("it never came true")):
        while not condition():
            gevent.sleep(0.005)


def test_login_and_api(client):
    with Switch() as switch:
        switch_client = client(switch.port)
        switch_client.wait_connected(PATIENCE)
        assert switch.logins == ["auth ClueCon"]
        assert switch_client.api("version") == "+OK\n"
        switch.peers[0].rules["api nosuch"] = api_reply("-ERR nosuch Command not found!\n")
        with pytest.raises(CommandRefused, match="Command not found"):
            switch_client.api("nosuch")


def test_userauth(client):
    with Switch() as switch:
        client(switch.port, user="bob@example.com").wait_connected(PATIENCE)
        assert switch.logins == ["userauth bob@example.com:ClueCon"]


def test_wrong_password_says_what_to_compare(client, caplog):
    with Switch(password="other") as switch:
        switch_client = client(switch.port, password="secret")
        with pytest.raises(ConnectionLost, match="TRUNKLINE_SWITCH__PASSWORD"):
            switch_client.wait_connected(0.3)
        assert not switch_client.connected
        assert "secret" not in caplog.text


def test_nobody_listens_then_somebody_does(client):
    """While the switch is away each command fails at once and names the reason."""
    with Switch() as switch:
        port = switch.port
    switch_client = client(port)
    with pytest.raises(ConnectionLost, match=rf"port {port}: .*refused") as caught:
        until(lambda: switch_client.attempts > 1)
        switch_client.api("status")
    assert caught.value.stage is Stage.NOT_SENT
    assert switch_client.health().error
    with Switch(port=port):
        switch_client.wait_connected(PATIENCE)
        assert switch_client.api("status") == "+OK\n"


def test_rejected_by_acl(client, caplog):
    """FreeSWITCH says so and closes; the log names the setting."""
    with Switch(silent=True) as switch:
        switch_client = client(switch.port)
        until(lambda: switch.peers)
        switch.peers[0].write(b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n")
        switch.peers[0].sock.shutdown(2)
        until(lambda: "apply-inbound-acl" in caplog.text)
        assert not switch_client.connected


def test_subscriptions_survive_a_restart(client):
    with Switch() as switch:
        switch_client = client(switch.port)
        seen = []
        switch_client.on("HEARTBEAT", seen.append)
        switch_client.subscribe("HEARTBEAT")  # before there is a connection
        switch_client.wait_connected(PATIENCE)
        switch_client.subscribe("CUSTOM", "callcenter::info")
        switch.peers[0].event("HEARTBEAT", Up_Time="1")
        until(lambda: len(seen) == 1)
        switch.stop()
        until(lambda: not switch_client.connected)
        with Switch(port=switch.port) as second:
            switch_client.wait_connected(PATIENCE)
            second.peers[0].wait_command("event json HEARTBEAT CUSTOM callcenter::info")
            second.peers[0].event("HEARTBEAT", Up_Time="2")
            until(lambda: len(seen) == 2)


def test_pauses_grow_to_a_limit(client):
    """A switch that is down for an hour is not knocked at ten times a second."""
    with Switch() as switch:
        port = switch.port
    switch_client = client(port, first_pause_s=0.05, longest_pause_s=30.0)
    gevent.sleep(0.6)
    assert 2 <= switch_client.attempts <= 5  # at 0, 0.05, 0.15, 0.35, 0.75 s


def job_result(peer, text):
    """Rule for bgapi: the job ends at once with this text."""
    def rule(line):
        uuid = line.split("Job-UUID: ")[1]
        peer.event("BACKGROUND_JOB", body=text, Job_UUID=uuid)
        return reply(f"+OK Job-UUID: {uuid}", f"Job-UUID: {uuid}")

    peer.rules["bgapi"] = rule


def test_originate(client):
    """Variables are escaped, the job awaited, the channel's uuid is ours."""
    with Switch() as switch:
        switch_client = client(switch.port)
        switch_client.wait_connected(PATIENCE)
        peer = switch.peers[0]
        job_result(peer, "+OK 11111111\n")
        uuid = switch_client.originate("sofia/gateway/carrier/+15550100", caller_number="+15550199",
                                       caller_name="O'Neil, A", variables={"x": 1}, uuid="call-1", answer_timeout_s=7)
        assert uuid == "call-1"
        escaped = command.channel_variables({"n": "O'Neil, A"})[3:-1]
        assert peer.wait_command("bgapi").split("\n")[0] == (
            "bgapi originate {origination_uuid=call-1,origination_caller_id_number=+15550199,"
            f"origination_caller_id_name={escaped},originate_timeout=7,x=1}}"
            "sofia/gateway/carrier/+15550100 &park()")
        assert "event json BACKGROUND_JOB" in peer.commands
        job_result(peer, "-ERR USER_BUSY\n")
        with pytest.raises(CommandRefused, match="USER_BUSY"):
            switch_client.originate("user/1000", "1000", context="public")
        with pytest.raises(BadArgument):
            switch_client.originate("user/1000\napi system x")
        with pytest.raises(BadArgument):
            switch_client.originate("user/1000", caller_name="x\r\ny")


def test_originate_ends_when_the_switch_dies(client):
    with Switch() as switch:
        switch_client = client(switch.port)
        switch_client.wait_connected(PATIENCE)
        calling = gevent.spawn(switch_client.originate, "user/1000")
        switch.peers[0].wait_command("bgapi")
        gevent.sleep(0.02)
        switch.stop()
        with pytest.raises(ConnectionLost) as caught:
            calling.get(timeout=PATIENCE)
        assert caught.value.stage is Stage.ACCEPTED


def test_health(client):
    with Switch() as switch:
        switch_client = client(switch.port)
        switch_client.wait_connected(PATIENCE)
        switch.peers[0].rules["api status"] = api_reply(STATUS)
        health = switch_client.health()
        assert (health.connected, health.sessions, health.version, health.error) == (True, 1, "1.11.2-release", "")
        assert health.uptime.startswith("0 years")
        assert health.answer_ms > 0
        switch.peers[0].rules["api status"] = None
        health = switch_client.health(timeout=0.05)
        assert "status" in health.error


def test_ipv6_and_options(tidy):
    try:
        switch = Switch(host="::1")
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with switch:
        switch_client = InboundClient.from_options(SwitchOptions(host="::1", port=switch.port, password="ClueCon"))
        switch_client.start()
        switch_client.wait_connected(PATIENCE)
        switch_client.close()
        switch_client.close()
        assert not switch_client.connected
