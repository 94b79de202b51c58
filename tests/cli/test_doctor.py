"""``trunkline doctor``: each thing that can be wrong on a machine is found, and the line says what to do."""

import json
import shutil
import socket

import gevent
import gevent.server
import numpy as np
import pytest

from engine import modelstore
from engine.cli import checks
from engine.cli.main import main
from engine.config import Config, HttpOptions
from engine.configfile import load
from engine.speech import voices
from engine.speech.errors import VoiceUnavailable
from engine.speech.interfaces import Chunk
from engine.telemetry.state import Snapshot
from engine.web import health
from engine.web.app import Web


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRUNKLINE_HTTP__PORT", "0")
    monkeypatch.setenv("TRUNKLINE_EVENT_SOCKET__PORT", "0")
    return tmp_path / "home"


def config(**variables: str) -> Config:
    return load(None, {f"TRUNKLINE_{name.upper()}": value for name, value in variables.items()})


def statuses(findings) -> list[str]:
    return [finding.status for finding in findings]


def test_the_command_says_what_it_found_and_ends_with_0(capsys, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    open_voices(monkeypatch, ("flite",))
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "127.64.0.1 can be bound" in shown
    assert "→ trunkline models install silero" in shown
    assert "0 fail" in shown


def test_json_is_for_scripts(capsys, tmp_path):
    """All mistakes of a configuration, and exit code 1."""
    path = tmp_path / "c.yaml"
    path.write_text("turns: {endpoint_min: 1}\nhttp: {port: x}\n")
    assert main(["doctor", "--config", str(path), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["ok"] is False
    texts = [finding["text"] for finding in result["findings"] if finding["check"] == "config"]
    assert len(texts) == 2
    assert texts[0].startswith(f"{path}:1:9: turns.endpoint_min: no such option")


def test_an_event_socket_open_to_others_is_a_warning():
    _, findings = checks.configuration(None, {"TRUNKLINE_EVENT_SOCKET__HOST": "0.0.0.0"})
    assert statuses(findings) == ["pass", "warn"]
    assert "whoever reaches it can give FreeSWITCH commands" in findings[1].text


def test_a_port_in_use_names_option_and_variable():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        found = list(checks.ports(config(event_socket__port=port, http__port="0")))
    assert statuses(found) == ["fail", "pass"]
    assert "event_socket.port (TRUNKLINE_EVENT_SOCKET__PORT)" in found[0].todo


def test_ports_of_a_running_engine_are_fine():
    """The doctor is called when something is wrong, mostly while the engine runs."""
    server = Web(HttpOptions(port=0), health.routes(lambda: Snapshot("ok", calls_active=3)))
    server.start()
    try:
        with socket.create_server(("127.0.0.1", 0)) as events:
            found = list(checks.ports(config(http__port=str(server.address[1]),
                                             event_socket__port=str(events.getsockname()[1]))))
    finally:
        server.stop()
    assert statuses(found) == ["pass", "pass"]
    assert "held by a running Trunkline (3 calls)" in found[0].text


@pytest.mark.parametrize(("calls", "status"), [("1", "pass"), ("1000000", "warn")])
def test_buffers_and_files_are_compared_with_the_calls_wanted(calls, status):
    wanted = config(event_socket__max_calls=calls)
    assert checks.receive_buffer(wanted).status == status
    assert checks.open_files(wanted).status == status
    if status == "warn":
        assert "sysctl -w net.core.rmem_max=" in checks.receive_buffer(wanted).todo
        assert "ulimit -n" in checks.open_files(wanted).todo


def test_a_folder_that_cannot_be_written(monkeypatch):
    monkeypatch.setenv("TRUNKLINE_HOME", "/proc/trunkline")
    (finding,) = checks.disk()
    assert (finding.status, "set TRUNKLINE_HOME" in finding.todo) == ("fail", True)


def test_a_disk_that_fills(monkeypatch):
    usage = shutil.disk_usage("/")
    found = []
    for free in (10**8, 10**9, 10**11):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: usage._replace(free=free))
        found += statuses(checks.disk())
    assert found == ["fail", "warn", "pass"]


def test_model_data_that_is_damaged(home, monkeypatch):
    """The right size with the wrong content: a disk fault, or a half copy."""
    model = modelstore.MODELS["silero"]
    folder = home / "models" / "silero"
    folder.mkdir(parents=True)
    for file in model.files:
        with (folder / file.name).open("wb") as out:
            out.truncate(file.size)
    found = {finding.todo: finding for finding in checks.models()}
    assert found["trunkline models install silero --force"].status == "fail"
    assert found["trunkline models install minilm"].status == "warn"


class SomeVoice:
    """Says what it was given, or nothing at all."""

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.closed = False

    def render(self, text: str):
        yield Chunk(np.zeros(self.samples, np.int16), 16000)

    def close(self) -> None:
        self.closed = True


def open_voices(monkeypatch, there: tuple[str, ...], samples: int = 100) -> list[SomeVoice]:
    opened = []

    def open_voice(name: str) -> SomeVoice:
        if name.partition(":")[0] not in there:
            raise VoiceUnavailable(f"the program of {name} is not installed")
        opened.append(SomeVoice(samples))
        return opened[-1]

    monkeypatch.setattr(voices, "open_voice", open_voice)
    return opened


@pytest.mark.parametrize(("there", "expected"), [
    (("flite", "espeak-ng"), ["pass", "pass"]), (("espeak-ng",), ["warn", "pass"]), ((), ["fail", "fail"])])
def test_every_voice_must_say_a_word(monkeypatch, there, expected):
    opened = open_voices(monkeypatch, there)
    found = list(checks.voices(Config()))
    assert statuses(found) == expected
    assert all(voice.closed for voice in opened)
    if "fail" in expected:
        assert "flite:slt is not installed" in found[0].text
        assert found[0].todo.startswith("sudo apt-get install -y flite")


def test_a_voice_without_sound_does_not_count(monkeypatch):
    """A program that is there but broken would be found by the first caller."""
    open_voices(monkeypatch, ("flite", "espeak-ng"), samples=0)
    assert statuses(checks.voices(Config())) == ["fail", "fail"]


def test_the_collection(home):
    assert checks.collection(Config()).todo == "trunkline ingest DOCUMENTS --collection sample"
    (home / "knowledge" / "sample").mkdir(parents=True)
    assert checks.collection(Config()).status == "warn"
    (home / "knowledge" / "sample" / "index").write_text("x")
    assert checks.collection(Config()).status == "pass"


def test_two_builds_of_webrtcvad(monkeypatch):
    monkeypatch.setattr(checks, "_installed", lambda name: True)
    found = list(checks.packages())
    assert statuses(found) == ["pass", "warn"]
    assert "pip uninstall -y webrtcvad webrtcvad-wheels" in found[1].todo


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(checks.sys, "version_info", (3, 9, 1))
    assert checks.python().status == "fail"


def test_freeswitch_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    program = tmp_path / "freeswitch"
    program.write_text("#!/bin/sh\necho FreeSWITCH version: 1.11.2\n")
    assert statuses(checks.freeswitch(Config(), {})) == ["pass"]
    assert statuses(checks.freeswitch(Config(), {"FREESWITCH_BIN": str(program)})) == ["fail"]
    program.chmod(0o755)
    (finding,) = checks.freeswitch(Config(), {"FREESWITCH_BIN": str(program)})
    assert (finding.status, "1.11.2" in finding.text) == ("pass", True)


@pytest.fixture
def switch():
    """An event socket that sends ``greeting`` and accepts one password."""
    servers = []

    def switch(greeting: bytes = b"Content-Type: auth/request\n\n", password: bytes = b"hush") -> str:
        def serve(connection: socket.socket, address: object) -> None:
            connection.sendall(greeting)
            sent = connection.recv(1000)
            good = sent == b"auth " + password + b"\n\n"
            reply = b"+OK accepted" if good else b"-ERR invalid"
            connection.sendall(b"Content-Type: command/reply\nReply-Text: " + reply + b"\n\n")
            connection.recv(1000)

        server = gevent.server.StreamServer(("127.0.0.1", 0), serve)
        server.start()
        servers.append(server)
        return str(server.server_port)

    yield switch
    for server in servers:
        server.stop()


@pytest.mark.parametrize(
    ("greeting", "password", "status", "says"),
    [
        (b"Content-Type: auth/request\n\n", "hush", "pass", "answers"),
        (b"Content-Type: auth/request\n\n", "wrong", "fail", "set TRUNKLINE_SWITCH__PASSWORD"),
        (b"Content-Type: auth/request\n\n", "a\nb", "fail", "line break"),
        (b"Content-Type: text/rude-rejection\n\n", "hush", "fail", "apply-inbound-acl"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "hush", "fail", "no event socket"),
    ],
)
def test_the_event_socket_of_freeswitch(switch, monkeypatch, greeting, password, status, says):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    wanted = config(switch__enabled="yes", switch__port=switch(greeting), switch__password=password)
    finding = list(checks.freeswitch(wanted, {}))[-1]
    assert finding.status == status
    assert says in finding.text + finding.todo
    assert "hush" not in finding.text + finding.todo


def test_the_password_that_everybody_knows(switch):
    wanted = config(switch__enabled="yes", switch__port=switch(password=b"ClueCon"), switch__password="ClueCon")
    assert list(checks.freeswitch(wanted, {}))[-1].status == "warn"


def test_a_freeswitch_that_does_not_run():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    finding = list(checks.freeswitch(config(switch__enabled="yes", switch__port=port), {}))[-1]
    assert (finding.status, "start FreeSWITCH" in finding.todo) == ("fail", True)


def test_help_teaches(capsys):
    with pytest.raises(SystemExit):
        main(["doctor", "--help"])
    shown = capsys.readouterr().out
    assert "examples:" in shown
    assert "exit code" in shown
