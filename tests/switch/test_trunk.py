"""``trunkline trunk``: what it says of gateways of a real FreeSWITCH, and a test call by one."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from siphuman import SipHuman
from switchboard import ROOT, TRUNKLINE, FreeSwitch, find_freeswitch, free_port, wait_for

from tests.fakes.sip_trunk import SipTrunk

pytestmark = pytest.mark.switch

ENGINES = "of-the-engine"
"""Password of the engine's own login."""

GATEWAY = """<include>
<gateway name="{name}">
  <param name="proxy" value="127.0.0.1:{port}"/>
  <param name="register" value="false"/>
  <param name="ping" value="{ping}"/>
  <variables><variable name="absolute_codec_string" value="PCMU@20i" direction="outbound"/></variables>
</gateway>
</include>
"""


@pytest.fixture(scope="module")
def edge() -> Iterator[SipTrunk]:
    with SipTrunk(headers=("Server: edge of the tests",)) as trunk:
        yield trunk


@pytest.fixture(scope="module")
def trunked(folder: Path, edge: SipTrunk) -> Iterator[FreeSwitch]:
    """A FreeSWITCH with our configuration and three gateways: one that answers, one that is gone, a telephone."""
    conf = folder / "trunked-conf"
    shutil.copytree(ROOT / "freeswitch-conf", conf)
    external = conf / "sip_profiles/external"
    external.mkdir(exist_ok=True)
    switch = FreeSwitch(find_freeswitch(), folder / "trunked", free_port(),
                        FREESWITCH_DIALPLANS_DIR=str(ROOT / "dialplans"), FREESWITCH_ESL_ENGINE_PASSWORD=ENGINES)
    switch._command[switch._command.index("-conf") + 1] = str(conf)
    (external / "edge.xml").write_text(GATEWAY.format(name="edge", port=edge.port, ping=5))
    (external / "gone.xml").write_text(GATEWAY.format(name="gone", port=free_port(), ping=0))
    with SipHuman(switch.sip, after=0.2) as human:
        port = human.dial_string.rpartition(":")[2]
        (external / "desk.xml").write_text(GATEWAY.format(name="desk", port=port, ping=0))
        try:
            switch.start()
            yield switch
        finally:
            switch.stop()


def trunk(switch: FreeSwitch, *arguments: str, **more: str) -> tuple[int, dict]:
    """Run ``trunkline trunk``: its exit code and its JSON. ``more`` of the environment wins."""
    environment = {"PATH": "/usr/bin:/bin", "TRUNKLINE_SWITCH__PORT": str(switch.esl_port),
                   "TRUNKLINE_SWITCH__PASSWORD": switch.PASSWORD, "TRUNKLINE_HOME": str(switch.folder), **more}
    done = subprocess.run([*TRUNKLINE, "trunk", *arguments, "--json"], cwd=ROOT, capture_output=True, text=True,
                          timeout=110, env=environment)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def statuses(shown: dict) -> dict[str, str]:
    return {finding["check"]: finding["status"] for finding in shown["findings"]}


def test_a_trunk_that_answers(trunked: FreeSwitch, edge: SipTrunk):
    """State, pings, codecs, ports and clock as FreeSWITCH itself tells them, and our own OPTIONS beside its."""
    wait_for(lambda: "<pingtime>0.00" not in trunked.api("sofia xmlstatus gateway edge"), 20, "FreeSWITCH's ping")
    code, shown = trunk(trunked, "test", "edge", "--caller-id", "+4930555100")
    assert code == 0 and shown["ok"], shown
    assert statuses(shown) == dict.fromkeys(
        ("gateway", "ping", "transport", "dns", "options", "codecs", "caller id", "address", "rtp", "clock"), "pass"
    ) | {"rtp": statuses(shown)["rtp"]}, shown
    texts = {finding["check"]: finding["text"] for finding in shown["findings"]}
    assert "PCMU" in texts["codecs"] and "G722" not in texts["codecs"], "the gateway's own list wins"
    assert "edge of the tests" in texts["options"]
    agents = {headers.get("user-agent") for _, headers in edge.requests}
    assert {"Trunkline", "FreeSWITCH"} <= agents, "both asked"


def test_a_trunk_that_is_gone(trunked: FreeSwitch):
    """FreeSWITCH says UP of a gateway that it does not ping: the request of our own shows what that is worth."""
    _, shown = trunk(trunked, "test", "gone")
    found = statuses(shown)
    assert (found["gateway"], found["ping"], found["options"]) == ("pass", "warn", "warn"), shown


def test_the_engines_own_login_is_enough(trunked: FreeSwitch):
    """It may ask for a list of commands only; what it may not, a gateway's variables, the profile tells."""
    code, shown = trunk(trunked, "test", "edge", "--caller-id", "+4930555100",
                        TRUNKLINE_SWITCH__USER="engine@event-socket", TRUNKLINE_SWITCH__PASSWORD=ENGINES)
    assert code == 0, shown
    assert statuses(shown)["clock"] == statuses(shown)["gateway"] == "pass"
    assert "G722" in next(finding["text"] for finding in shown["findings"] if finding["check"] == "codecs")


def test_a_call_by_a_trunk(trunked: FreeSwitch):
    """--call rings, is answered, and ends by itself."""
    code, shown = trunk(trunked, "test", "desk", "--call", "+4930555100", "--caller-id", "+4930555200")
    call = shown["findings"][-1]
    assert (call["check"], call["status"]) == ("call", "pass"), call
    assert "PCMU" in call["text"]
    wait_for(lambda: not trunked.channels(), 10, "the end of the call")
    assert code == 0 or statuses(shown)["options"] != "pass"


def test_the_list(trunked: FreeSwitch):
    _, shown = trunk(trunked, "list")
    transports = {each["name"]: each["transport"] for each in shown["trunks"]}
    assert transports == dict.fromkeys(("edge", "gone", "desk"), "udp")
