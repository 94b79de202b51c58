"""FreeSWITCH calls the engine's SIP endpoint: what mod_sofia sends and how it takes our answers."""

import re
import socket
from collections.abc import Iterator

import gevent
import pytest
from switchboard import FreeSwitch, wait_for

from engine.sip.agreed import Agreed
from engine.sip.endpoint import Endpoint, IncomingCall
from engine.sip.options import SipOptions

pytestmark = pytest.mark.switch

TONE = "tone_stream://%(10000,0,440);loops=-1"
WIDE = "absolute_codec_string=L16@16000h@20i"


class Line:
    """An endpoint that answers, with one socket for the audio of all its calls."""

    def __init__(self) -> None:
        self.audio = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.audio.bind(("127.0.0.1", 0))
        self.audio.settimeout(10)
        self.calls: list[IncomingCall] = []
        self.changes: list[Agreed] = []
        self.told: list[object] = []
        self.answers = True
        self.endpoint = Endpoint(("127.0.0.1", 0), self._take, SipOptions(session_expires_s=90))
        self.at = f"127.0.0.1:{self.endpoint.address[1]}"

    def _take(self, call: IncomingCall) -> None:
        self.calls.append(call)
        call.on_change = self.changes.append
        call.on_end = self.told.append
        call.on_digit = lambda digit, ms: self.told.append(digit)
        if self.answers:
            call.answer(self.audio.getsockname())
        else:
            call.ring()

    def packets(self, payload_type: int) -> bytes:
        """The next packet with that payload type."""
        while True:
            packet = self.audio.recv(4096)
            if packet[1] & 127 == payload_type:
                return packet

    def close(self) -> None:
        self.endpoint.close()
        self.audio.close()


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.close()


def place(switch: FreeSwitch, line: Line, variables: str = WIDE) -> str:
    """FreeSWITCH calls the endpoint and plays a tone; returns the call's uuid."""
    dial = f"{{originate_timeout=10,{variables}}}sofia/external/some-token@{line.at}"
    said = switch.api(f"originate {dial} &playback({TONE})")
    assert said.startswith("+OK"), said
    return re.findall(r"[0-9a-f-]{36}", said)[0]


def ended(line: Line) -> list[object]:
    return wait_for(lambda: line.told, 10, "the end of the call")


def test_wideband_without_a_codec(switch: FreeSwitch, line: Line) -> None:
    """FreeSWITCH offers L16 at 16 kHz when told so, with keys and 20 ms, and sends what was agreed to our address."""
    uuid = place(switch, line)
    agreed = line.calls[0].agreed
    assert agreed is not None and line.calls[0].token == "some-token"
    assert (agreed.codec, agreed.clock_rate, agreed.ptime_ms) == ("L16", 16000, 20)
    assert agreed.telephone_event_pt is not None and agreed.may_send
    assert len(line.packets(agreed.payload_type)) == 12 + 640
    switch.api(f"uuid_send_dtmf {uuid} 5@200")
    assert line.packets(agreed.telephone_event_pt)[12] == 5
    switch.api(f"uuid_kill {uuid}")
    assert ended(line) == ["bye"]


def test_we_hang_up(switch: FreeSwitch, line: Line) -> None:
    """Our BYE is understood: the call is gone in FreeSWITCH."""
    uuid = place(switch, line)
    wait_for(lambda: line.calls[0].state == "up", 10, "the ACK")
    line.calls[0].hangup()
    wait_for(lambda: switch.api(f"uuid_exists {uuid}").strip() == "false", 10, "the end in FreeSWITCH")
    assert line.told == ["hangup"]
    wait_for(lambda: all(client.done for client in line.endpoint.agent.table.clients.values()), 10, "200 to our BYE")


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_narrowband(switch: FreeSwitch, line: Line, codec: str) -> None:
    """The caller's own codec goes through."""
    uuid = place(switch, line, f"absolute_codec_string={codec}@8000h@20i")
    agreed = line.calls[0].agreed
    assert agreed is not None and agreed.codec == codec and len(line.packets(agreed.payload_type)) == 172
    switch.api(f"uuid_kill {uuid}")
    assert ended(line) == ["bye"]


def test_hold(switch: FreeSwitch, line: Line) -> None:
    """uuid_hold is a re-INVITE: the audio changes, the call goes on."""
    uuid = place(switch, line)
    switch.api(f"uuid_hold {uuid}")
    wait_for(lambda: line.changes and not line.changes[-1].may_send, 10, "hold")
    switch.api(f"uuid_hold off {uuid}")
    wait_for(lambda: line.changes[-1].may_send, 10, "the end of hold")
    assert line.calls[0].state == "up" and line.told == []
    switch.api(f"uuid_kill {uuid}")
    assert ended(line) == ["bye"]


def test_another_codec(switch: FreeSwitch, line: Line) -> None:
    """uuid_media_reneg offers other codecs: FreeSWITCH sends the new one after our answer."""
    uuid = place(switch, line)
    wait_for(lambda: line.calls[0].state == "up", 10, "the ACK")
    switch.api(f"uuid_media_reneg {uuid} =PCMA")
    wait_for(lambda: line.changes and line.changes[-1].codec == "PCMA", 10, "PCMA")
    assert len(line.packets(8)) == 172
    switch.api(f"uuid_kill {uuid}")
    assert ended(line) == ["bye"]


def test_freeswitch_gives_up_while_it_rings(switch: FreeSwitch, line: Line) -> None:
    """originate_timeout is a CANCEL, and our 487 is acknowledged."""
    line.answers = False
    said = switch.api(f"originate {{originate_timeout=1,{WIDE}}}sofia/external/token@{line.at} &playback({TONE})")
    assert said.startswith("-ERR") and ended(line) == ["cancelled"]
    servers = line.endpoint.agent.table.servers
    wait_for(lambda: all(getattr(server, "state", "") != "completed" for server in servers.values()), 10, "its ACK")


def test_engine_is_full(switch: FreeSwitch, line: Line) -> None:
    """503 fails the bridge at once, so that the dialplan can go on."""
    line.endpoint.drain()
    said = switch.api(f"originate {{originate_timeout=10,{WIDE}}}sofia/external/token@{line.at} &playback({TONE})")
    assert said.startswith("-ERR") and line.calls == []
    gevent.sleep(0)
    assert line.endpoint.calls == 0
