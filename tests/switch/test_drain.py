"""``docker/freeswitch/switch.sh``: FreeSWITCH as a container or a unit runs it; the end of it costs no call."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from siphuman import SipHuman
from sipphone import CallFailed, SipPhone
from switchboard import ROOT, Child, FreeSwitch, find_freeswitch, free_port, wait_for

SCRIPT = ROOT / "docker/freeswitch/switch.sh"

pytestmark = pytest.mark.switch


class Scripted(FreeSwitch):
    """The FreeSWITCH of ``switchboard``, started by the script."""

    def start(self) -> None:
        """As a container does: a folder for everything, and the environment."""
        binary = find_freeswitch().binary
        environment = {**self._env, "FREESWITCH_HOME": str(self.folder),
                       "FREESWITCH_CONF": str(ROOT / "freeswitch-conf"),
                       "FREESWITCH_BIN": str(binary), "FREESWITCH_CLI": str(binary.parent / "fs_cli"),
                       "FREESWITCH_MOD": str(find_freeswitch().modules), "FREESWITCH_DRAIN_S": "60"}
        self.environment = environment
        self._child = Child([str(SCRIPT), "start"], environment, self.folder / "console.log")
        wait_for(self._ready, 30, f"FreeSWITCH to start; see {self.folder}/console.log")

    def script(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another run of the script beside it, as a health check is."""
        return subprocess.run([str(SCRIPT), *arguments], capture_output=True, text=True,
                              timeout=60, check=False, env={**os.environ, **self.environment})


@pytest.fixture
def people() -> Iterator[list[SipHuman]]:
    """Who is to be hung up on in the end."""
    there: list[SipHuman] = []
    yield there
    for each in there:
        each.__exit__()


def test_a_call_may_end_before_freeswitch_does(folder: Path, people: list[SipHuman]):
    """SIGTERM: new calls are refused with 503, the call that is there goes on; when it ends, so does FreeSWITCH."""
    switch = Scripted(find_freeswitch(), folder / "scripted", free_port())
    try:
        switch.start()
        talker = SipHuman(switch.sip, after=0.1)
        people.append(talker)
        assert switch.script("health").returncode == 0
        uuid = switch.api("create_uuid")
        answered = switch.api(f"originate {{origination_uuid={uuid}}}{talker.dial_string} &park()")
        assert answered.startswith("+OK"), answered
        switch._child.signal(signal.SIGTERM)
        wait_for(lambda: "true" in switch.api("fsctl pause_check inbound"), 20, "the pause")
        with SipPhone(switch.sip) as late, pytest.raises(CallFailed) as refused:
            late.dial("1234")
        assert refused.value.status == 503, "a proxy in front takes the call elsewhere"
        assert switch._child.running and switch.api(f"uuid_exists {uuid}") == "true"
        switch.api(f"uuid_kill {uuid}")
        assert switch._child.wait(40), "it ends by itself after the last call"
    finally:
        switch.stop()
