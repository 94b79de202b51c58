"""Whoever speaks to the engine's event socket, and how: the other calls notice nothing of it."""

import json

import pytest
from call_providers import providers
from call_world import Caller, named, read_events, wait
from gevent import socket

from engine.standin.standin import StandIn
from tests.fakes.inbound_switch import InboundSwitch


@pytest.mark.parametrize(
    "junk",
    [b"GET / HTTP/1.1\r\nHost: engine\r\n\r\n", bytes(range(256)) * 40, b"X-Long: " + b"a" * 10_000_000],
    ids=["http", "noise", "10 MB of one header"],
)  # fmt: skip
def test_what_is_no_event_socket_ends_its_own_connection(world, junk):
    """It is dropped without being kept in memory, and a call beside it goes on."""
    with world(event_socket={"port": 0, "connect_timeout_s": 1.0}) as at:
        call = at.place()
        call.hears()
        host, port = at.engine.event_socket_address.split(":")
        with socket.create_connection((host, int(port))) as stranger:
            stranger.settimeout(10)
            assert stranger.recv(100).startswith(b"connect")
            try:
                stranger.sendall(junk)
                while stranger.recv(65536):
                    continue
            except (ConnectionResetError, BrokenPipeError):
                pass  # dropped in the middle of what it sent
        wait(lambda: at.engine._server.connection_count == 1, "the stranger holds a slot")
        call.hears_silence()
        assert call.up and list(at.engine.calls) == [call.uuid]
        call.hangup()


def test_a_dialplan_that_gives_too_little_control_is_told_so(world, home):
    """Without ``full`` there is no api, without ``async`` no audio: the log names the line to write, and the call goes
    on at once."""
    with world() as at:
        call = at.place(mode="async")
        call.went_on(timeout=2)
        at.over(call)
        (fault,) = named(at.events(call), "error")
        assert "`socket host:port async full`" in fault["message"]
        assert not any("answer" in text for _, text in call.commands)

        uuid = "11111111-2222-3333-4444-555555555555"
        reply = f"Event-Name: CHANNEL_DATA\nUnique-ID: {uuid}\nAnswer-State: ringing\nContent-Type: command/reply\n" \
                "Reply-Text: %2BOK%0A\nSocket-Mode: static\nControl: full\n\n"  # fmt: skip
        host, port = at.engine.event_socket_address.split(":")
        with socket.create_connection((host, int(port))) as sync:
            sync.settimeout(5)
            assert sync.recv(100) == b"connect\n\n"
            sync.sendall(reply.encode())
            assert sync.recv(100) == b"exit\n\n"
            sync.sendall(b"Content-Type: command/reply\nReply-Text: +OK bye\n\n")
            assert sync.recv(100) == b""
        wait(lambda: not at.engine.calls, "held")
        at.engine._disk.flush()
        (log,) = home.glob(f"calls/*/*{uuid}/events.jsonl")
        assert "`socket host:port async full`" in log.read_text()


def test_orphans_are_looked_for_where_the_switch_can_be_asked(world):
    """A channel that waits for this engine, which does not know it, is ended; a call without a channel is let go."""
    listed = {"rows": []}
    owner = {}
    answers = {
        "show channels": lambda: json.dumps(listed),
        "uuid_getvar": lambda: owner["name"],
    }
    with InboundSwitch(answers) as freeswitch:
        switch = {"enabled": True, "port": freeswitch.port, "password": "x", "reconcile_every_s": 0.2}
        with world(providers(), switch=switch) as at:
            owner["name"] = at.engine.node
            call = at.place()
            listed["rows"] = [{"uuid": "lost", "state": "CS_EXECUTE", "application": "socket"},
                              {"uuid": call.uuid, "state": "CS_EXECUTE", "application": "socket"}]  # fmt: skip
            call.hears()
            assert any(f"{call.uuid} trunkline_node {at.engine.node}" in text for _, text in call.commands)
            wait(lambda: any("uuid_kill lost" in text for text in freeswitch.commands), "the orphan lives")
            assert not any(f"uuid_kill {call.uuid}" in text for text in freeswitch.commands)
            assert at.engine.snapshot().components["switch"].status == "ok"
            listed["rows"] = []
            call.went_on()
            at.over(call)
            assert "gone" in named(at.events(call), "let_go")[0]["why"]
            freeswitch.stop()
            wait(lambda: at.engine.snapshot().components["switch"].status == "degraded", "not noticed")
            assert at.engine.snapshot().components["switch"].detail


def test_two_engines_on_one_host_do_not_take_each_others_channels_for_orphans(world):
    """The owner of a channel is a process, not a host."""
    with world() as one, world() as two:
        assert one.engine.node != two.engine.node


def test_a_call_that_comes_back_is_a_new_one(world, home):
    """The dialplan may try the engine again after it let go; the first call's log is not written over."""
    with world() as at:
        again = f"socket {at.engine.event_socket_address} async full"
        call = Caller(at.switch.place(at.engine.event_socket_address, dialplan=[again]))
        call.greeted()
        first = at.engine.calls[call.uuid]
        first.let_go("a test")
        call.greeted()
        assert at.engine.calls[call.uuid] is not first
        call.hangup()
        at.over(call)
        logs = sorted(home.glob(f"calls/*/*{call.uuid}*/events.jsonl"))
        ends = [[event["by"] for event in named(read_events(log), "hangup")] for log in logs]
        assert sorted(ends) == [["caller"], ["engine"]]


def test_the_next_host_of_the_dialplan_takes_what_this_one_refuses(world):
    """``socket a|b``: fail-over costs no time."""
    with world(event_socket={"port": 0, "max_calls": 1}) as full, world() as other, StandIn() as switch:
        first = full.place()
        wait(lambda: full.engine.calls, "no call")
        hosts = f"{full.engine.event_socket_address}|{other.engine.event_socket_address}"
        second = switch.place(hosts)
        wait(lambda: second.uuid in other.engine.calls, "nobody took it", 2)
        first.hangup()
        second.hangup()
        other.over(second)
