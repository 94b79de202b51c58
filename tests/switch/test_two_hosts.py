"""FreeSWITCH on one host, the engine on another: two network namespaces with a cable between them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from callers import speak
from measured import NUMBER, Figures
from sipphone import SipPhone
from switchboard import Engine, FreeSwitch, find_freeswitch, free_port, wait_for

pytestmark = pytest.mark.switch

FAR, NEAR = "10.203.7.2", "10.203.7.1"
"""FreeSWITCH's host, and the engine's. The telephone is beside the engine, which nobody knows of it."""

SPACE = "trunkline-far"


def run(*command: str) -> None:
    """Raises ``CalledProcessError``."""
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def cable() -> Iterator[None]:
    """The two hosts."""
    try:
        run("ip", "netns", "add", SPACE)
    except (OSError, subprocess.CalledProcessError) as why:
        pytest.skip(f"no network namespaces here: {why}")
    try:
        run("ip", "link", "add", "tl-near", "type", "veth", "peer", "name", "tl-far", "netns", SPACE)
        run("ip", "addr", "add", f"{NEAR}/24", "dev", "tl-near")
        run("ip", "link", "set", "tl-near", "up")
        for command in (("addr", "add", f"{FAR}/24", "dev", "tl-far"), ("link", "set", "tl-far", "up"),
                        ("link", "set", "lo", "up"), ("route", "add", "default", "via", NEAR)):
            run("ip", "-n", SPACE, *command)
        yield
    finally:
        run("ip", "netns", "del", SPACE)


class FarSwitch(FreeSwitch):
    """FreeSWITCH on the other host."""

    host = FAR
    within = ("ip", "netns", "exec", SPACE)


@pytest.fixture(scope="module")
def far(cable: None, folder: Path, engine_port: int) -> Iterator[FarSwitch]:
    """It knows nothing of the engine but the address of its event socket."""
    switch = FarSwitch(
        find_freeswitch(), folder / "far", engine_port, FREESWITCH_SIP_IP=FAR, FREESWITCH_ESL_IP=FAR,
        FREESWITCH_ESL_PEERS=f"{NEAR}/32", FREESWITCH_SIP_TRUNKS=f"{NEAR}/32",
        FREESWITCH_TRUNKLINE_ENGINE=f"{NEAR}:{engine_port}",
    )
    try:
        switch.start()
        yield switch
    finally:
        switch.stop()


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_call_from_another_host(
    codec: str, far: FarSwitch, folder: Path, home: Path, engine_port: int, figures: Figures
) -> None:
    """``media.backend: auto`` sees where FreeSWITCH is: with the address of the event socket alone the call has audio
    both ways, hold and a change of codec, and a question is answered."""
    engine = Engine(folder, engine_port, home, event_socket={"host": NEAR}, sip={"port": free_port()})
    engine.wait_ready()
    try:
        with SipPhone(far.sip, codec=codec, address=NEAR) as caller:
            caller.dial(NUMBER)
            first = caller.first_sound()
            figures.add(f"two hosts, {codec}: answer to first sound of the greeting heard",
                        (first - caller.answered_at) * 1000, "ms")
            caller.last_sound(first)
            call = engine.call_of(caller.name)
            attached = call.wait("media_attached", 5)[0]
            assert attached["backend"] == "sip"
            assert attached["address"].startswith(FAR)
            caller.hold()
            caller.pause(1)
            caller.resume()
            caller.change_codec("PCMA" if codec == "PCMU" else "PCMU")
            caller.last_sound(caller.first_sound(caller.say(speak("When is the open day?", folder))))
            assert not call.events("media_lost")
        assert call.wait("rtp_report", 5)[0]["lost"] == 0
        wait_for(lambda: not far.channels(), 10, "all channels to end")
    finally:
        engine.child.end(10)
