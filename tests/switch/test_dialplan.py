"""The shipped configuration and dialplan by themselves: what callers get where there is no engine, or a bad one."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from measured import NUMBER, Figures
from rtpstream import audible, tone_hz
from sipphone import CallFailed, SipPhone
from switchboard import HOST, FreeSwitch, find_freeswitch

pytestmark = pytest.mark.switch

FAILOVER_HZ = 950.0
"""The first of the three tones that mean "your call cannot be completed" (ITU-T E.180)."""


def hears_failover(caller: SipPhone) -> bool:
    """Whether the last thing the caller was played began with the fail-over's tone."""
    caller.wait(lambda: len(audible(caller.rtp.heard)) >= 12, 10)
    return abs(tone_hz(audible(caller.rtp.heard)[:12]) - FAILOVER_HZ) < 10


@contextmanager
def listener(port: int, greet: Callable[[socket.socket], None]) -> Iterator[None]:
    """Something on the engine's port which accepts one connection and does ``greet`` with it."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((HOST, port))
    server.listen(1)
    server.settimeout(10)
    held: list[socket.socket] = []

    def serve() -> None:
        connection, _ = server.accept()
        held.append(connection)
        greet(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        server.close()
        for connection in held:
            connection.close()


def test_boots_without_a_complaint(switch: FreeSwitch) -> None:
    """An operator who sees warnings from the start learns to overlook them.

    "MSG Thread 0 Started" is FreeSWITCH's own: it says so as a warning at every start.
    """
    complaints = [line for line in switch.log().splitlines() if re.search(r"\[(WARNING|ERR|CRIT|ALERT)\]", line)]
    assert [line for line in complaints if "MSG Thread" not in line] == []


def came_by(switch: FreeSwitch, caller: SipPhone) -> str:
    """Which way the call came to the fail-over, as its CDR will say."""
    return switch.api(f"uuid_getvar {switch.uuid_of(caller.name)} trunkline_failover")


def test_no_engine_is_the_next_action_at_once(
    switch: FreeSwitch, phone: Callable[..., SipPhone], figures: Figures
) -> None:
    """A refused connection costs the caller nothing: tone, then hung up with a cause that trunks route on.

    The watchdog was set before; it must not start the fail-over again while the caller is in it.
    """
    caller = phone()
    dialled = time.monotonic()
    caller.dial(NUMBER)
    figures.add("no engine: dialled to fail-over answered", (caller.answered_at - dialled) * 1000, "ms")
    assert caller.answered_at - dialled < 2
    assert hears_failover(caller)
    assert came_by(switch, caller) == "engine_gone"
    assert caller.wait_ended(15)
    assert caller.ended_at - caller.answered_at < 8
    assert "NORMAL_TEMPORARY_FAILURE" in caller.end_reason


@pytest.mark.parametrize("how", ["closed before a word", "silent"])
def test_the_watchdog_takes_calls_that_nobody_serves(
    how: str, switch: FreeSwitch, engine_port: int, phone: Callable[..., SipPhone], figures: Figures
) -> None:
    """FreeSWITCH parks such a call in silence for ever; ``sched_transfer`` before ``socket`` is what ends it."""
    def greet(connection: socket.socket) -> None:
        if how != "silent":
            connection.close()

    with listener(engine_port, greet):
        caller = phone()
        dialled = time.monotonic()
        caller.dial(NUMBER)
        figures.add(f"engine {how}: dialled to fail-over answered", (caller.answered_at - dialled) * 1000, "ms")
        assert 3 < caller.answered_at - dialled < 8
        assert hears_failover(caller)
        assert came_by(switch, caller) == "watchdog"


def test_failover_goes_to_a_human_where_one_is_named(switch: FreeSwitch, phone: Callable[..., SipPhone]) -> None:
    """``trunkline_failover_to`` is a dial string; a human who is busy leaves the caller with the tone."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as human:
        human.bind((HOST, 0))
        human.settimeout(5)
        switch.api(f"global_setvar trunkline_failover_to=sofia/external/sip:desk@{HOST}:{human.getsockname()[1]}")
        try:
            caller = phone(name="alice")
            answer = threading.Thread(target=caller.dial, args=(NUMBER,))
            answer.start()
            request, switch_address = human.recvfrom(65535)
            head = request.decode().split("\r\n")
            assert head[0].startswith("INVITE sip:desk@")
            assert "alice" in next(line for line in head if line.startswith("From"))
            echoed = [line for line in head if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
            busy = ["SIP/2.0 486 Busy Here", *(f"{x};tag=1" if x.startswith("To") else x for x in echoed)]
            human.sendto("\r\n".join([*busy, "Content-Length: 0", "", ""]).encode(), switch_address)
            answer.join()
            assert hears_failover(caller)
        finally:
            switch.api("global_setvar trunkline_failover_to=")


def test_a_number_that_is_not_the_engines_is_refused(switch: FreeSwitch, phone: Callable[..., SipPhone]) -> None:
    """The context holds nothing else: 404, and nothing a caller could dial out by."""
    with pytest.raises(CallFailed) as refused:
        phone().dial("operator")
    assert refused.value.status == 404


def test_a_stranger_is_refused(switch: FreeSwitch, phone: Callable[..., SipPhone]) -> None:
    """Trunks are known by address alone, so an address that is not in the list gets 403 before the dialplan."""
    with pytest.raises(CallFailed) as refused:
        phone(address="127.0.0.2").dial(NUMBER)
    assert refused.value.status == 403


def test_the_event_socket_is_closed_as_shipped(folder: Path, engine_port: int) -> None:
    """Whoever logs in runs programs on the host; so until peers are named, not even the right password passes."""
    shipped = FreeSwitch(find_freeswitch(), folder / "as-shipped", engine_port, FREESWITCH_ESL_PEERS=None)
    try:
        shipped.start()
        for password in (FreeSwitch.PASSWORD, "ClueCon"):
            connection, reply = shipped.login(password)
            connection.close()
            assert not reply.startswith("+OK"), password
    finally:
        shipped.stop()
