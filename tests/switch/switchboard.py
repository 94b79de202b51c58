"""The two programs of the real-call suite: FreeSWITCH with the configuration shipped here, and the engine.

Nothing here imports the engine: it is started the way an operator starts it, and judged by what it prints, by the files
that it writes and by what callers hear.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
TRUNKLINE = [sys.executable, "-m", "engine"]
"""The ``trunkline`` command of this checkout."""


_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "FREESWITCH"))}
"""What children inherit: nothing that would configure FreeSWITCH, or tell the engine that it is under test."""


class NotFound(Exception):
    """There is no FreeSWITCH to test with; the text says where was looked."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A FreeSWITCH on this machine."""

    binary: Path
    modules: Path


def find_freeswitch() -> Installation:
    """From ``FREESWITCH_BIN`` or the PATH; modules from ``FREESWITCH_MOD`` or beside the binary; else ``NotFound``."""
    named = os.environ.get("FREESWITCH_BIN")
    found = shutil.which(named or "freeswitch")
    if not found:
        raise NotFound(f"FREESWITCH_BIN={named} is no program" if named else
                       "no FreeSWITCH: FREESWITCH_BIN is not set and there is no freeswitch on the PATH")
    binary = Path(found).resolve()
    beside = binary.parent.parent / "lib/freeswitch/mod"
    modules = Path(os.environ.get("FREESWITCH_MOD") or beside)
    if not (modules / "mod_sofia.so").exists():
        raise NotFound(f"no mod_sofia.so in {modules}: set FREESWITCH_MOD to the folder of FreeSWITCH's modules")
    return Installation(binary, modules)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for(true: Callable[[], Any], timeout: float, what: str) -> Any:  # noqa: ANN401
    """Poll until ``true()`` is truthy and return it; ``AssertionError`` naming ``what`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := true()):
        assert time.monotonic() < deadline, f"waited {timeout} s for {what}"
        time.sleep(0.02)
    return value


class Child:
    """One child process in a group of its own, its output in a file."""

    def __init__(self, command: list[str], env: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command, env={**_ENVIRONMENT, **env}, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, not to its children."""
        self.process.send_signal(number)

    def wait(self, timeout: float) -> bool:
        """Whether it ended within ``timeout`` seconds."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self, timeout: float) -> None:
        """SIGTERM, then SIGKILL to whatever is left of its group."""
        if self.running:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            self.wait(timeout)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(5)


class FreeSwitch:
    """FreeSWITCH with the shipped ``freeswitch-conf/`` and ``dialplans/``; only what vars.xml reads is given."""

    PASSWORD = "of-the-tests"
    host = HOST
    """Its address; here the same for SIP, RTP and the event socket."""

    within: tuple[str, ...] = ()
    """What it is started by: a command that ends in the command to run."""

    def __init__(self, installation: Installation, folder: Path, engine_port: int, **variables: str | None) -> None:
        """``variables`` of the environment are added to the ones that a test run needs; None takes one away."""
        self.folder = folder
        self.sip = (self.host, free_port(socket.SOCK_DGRAM))
        self.esl_port = free_port()
        rtp = 20000 + os.getpid() % 20 * 500
        environment: dict[str, str | None] = {
            "FREESWITCH_SIP_PORT": str(self.sip[1]),
            "FREESWITCH_SIP_TRUNKS": f"{HOST}/32",
            "FREESWITCH_RTP_START_PORT": str(rtp),
            "FREESWITCH_RTP_END_PORT": str(rtp + 498),
            "FREESWITCH_TRUNKLINE_ENGINE": f"{HOST}:{engine_port}",
            "FREESWITCH_ESL_PORT": str(self.esl_port),
            "FREESWITCH_ESL_PASSWORD": self.PASSWORD,
            "FREESWITCH_ESL_PEERS": "127.0.0.0/8",
            "FREESWITCH_LOGLEVEL": "debug",
            **variables,
        }
        self._env = {name: value for name, value in environment.items() if value is not None}
        places = {name: folder / name for name in
                  ("log", "db", "run", "certs", "temp", "storage", "recordings", "scripts", "sounds")}
        for place in places.values():
            place.mkdir(parents=True, exist_ok=True)
        self._command = [*self.within, str(installation.binary), "-nonat", "-np", "-nf", "-nc"]
        self._command += ["-conf", str(ROOT / "freeswitch-conf"), "-mod", str(installation.modules)]
        for name, place in places.items():
            self._command += [f"-{name}", str(place)]
        self._child: Child | None = None

    def start(self) -> None:
        """Start it and wait until its event socket and its SIP profile are there."""
        self._child = Child(self._command, self._env, self.folder / "console.log")
        wait_for(self._ready, 30, f"FreeSWITCH to start; see {self.folder}/log/freeswitch.log")

    def _ready(self) -> bool:
        assert self._child and self._child.running, f"FreeSWITCH ended; see {self.folder}/console.log"
        try:
            with socket.create_connection((self.host, self.esl_port), 1):
                return "Created agent for external" in self.log()
        except OSError:
            return False

    def log(self) -> str:
        """All that it has logged."""
        path = self.folder / "log/freeswitch.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def login(self, password: str) -> tuple[socket.socket, str]:
        """An inbound event-socket connection and FreeSWITCH's answer to the password."""
        connection = socket.create_connection((self.host, self.esl_port), 5)
        _read_block(connection)
        connection.sendall(f"auth {password}\n\n".encode())
        return connection, _read_block(connection)[0].get("Reply-Text", "")

    def api(self, command: str) -> str:
        """The answer of an api command."""
        connection, _ = self.login(self.PASSWORD)
        with connection:
            connection.sendall(f"api {command}\n\n".encode())
            return _read_block(connection)[1].strip()

    def channels(self) -> list[dict[str, str]]:
        """The channels that are up."""
        rows: list[dict[str, str]] = json.loads(self.api("show channels as json")).get("rows", [])
        return rows

    def uuid_of(self, caller: str) -> str:
        """The uuid of the call from that number or name. FreeSWITCH lists a channel a little after it is there."""
        def find() -> str | None:
            return next((row["uuid"] for row in self.channels() if row["cid_num"] == caller), None)

        found: str = wait_for(find, 5, f"the channel of {caller}")
        return found

    def stop(self) -> None:
        """SIGTERM; it takes some seconds."""
        if self._child:
            self._child.end(15)


def _read_block(connection: socket.socket) -> tuple[dict[str, str], str]:
    """One event-socket message: headers and body."""
    data = b""
    while b"\n\n" not in data:
        more = connection.recv(4096)
        if not more:
            return {}, ""
        data += more
    head, _, body = data.partition(b"\n\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\n"))
    while len(body) < int(headers.get("Content-Length", 0)):
        body += connection.recv(65536)
    return headers, body.decode()


class Engine:
    """``trunkline serve`` as a child process."""

    def __init__(
        self, folder: Path, port: int, home: Path, *, program: list[str] | None = None, **options: dict[str, Any]
    ) -> None:
        """``program``: what to run instead of ``trunkline serve``; it gets the path of the configuration last."""
        self.home = home
        config: dict[str, Any] = {"http": {"port": 0}, **options}
        config["event_socket"] = {"port": port, **config.get("event_socket", {})}
        path = folder / "engine.yaml"
        path.write_text(json.dumps(config, indent=2))  # JSON is YAML
        self.log = folder / "engine.log"
        self._skip = len(self.log.read_text(errors="replace")) if self.log.exists() else 0
        self._known = set(self._logs())
        environment = {"TRUNKLINE_HOME": str(home), "OMP_NUM_THREADS": "1"}
        command = [*(program or [*TRUNKLINE, "serve", "--config"]), str(path)]
        self.child = Child(command, environment, self.log)

    def wait_ready(self) -> None:
        """Wait for the ready line; an engine that ends instead is an ``AssertionError`` with what it printed."""
        wait_for(lambda: "trunkline ready" in self.output() or not self.child.running, 60, "the engine's ready line")
        assert self.child.running, f"the engine ended:\n{self.output()}"

    def workers_left(self) -> bool:
        """Whether any process of the engine's group is still there."""
        try:
            os.killpg(self.child.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def output(self) -> str:
        """What this engine has printed."""
        return self.log.read_text(errors="replace")[self._skip :]

    def _logs(self) -> list[Path]:
        return list(self.home.glob("calls/**/events.jsonl"))

    def calls(self) -> list["CallLog"]:
        """The calls that this engine has logged, in no order."""
        return [CallLog(path) for path in self._logs() if path not in self._known]

    def call_of(self, caller: str) -> "CallLog":
        """The log of the call from that number or name; waits for it to appear."""
        def find() -> CallLog | None:
            return next((call for call in self.calls() if call.caller == caller), None)

        found: CallLog = wait_for(find, 5, f"the event log of {caller}")
        return found


@dataclass(frozen=True, slots=True)
class CallLog:
    """The event log of one call."""

    path: Path

    @property
    def caller(self) -> str:
        """The caller's number, as FreeSWITCH gave it."""
        started = self.events("call_started")
        return str(started[0]["caller"]) if started else ""

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """Its events in order, or those of one name. A line that is being written is not there yet."""
        lines = self.path.read_text().splitlines(keepends=True)
        events = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in events if not name or event["event"] == name]

    def wait(self, name: str, timeout: float, count: int = 1) -> list[dict[str, Any]]:
        """Wait until there are ``count`` events of that name and return them."""
        def enough() -> list[dict[str, Any]] | None:
            events = self.events(name)
            return events if len(events) >= count else None

        found: list[dict[str, Any]] = wait_for(enough, timeout, f"{count} {name} in {self.path}")
        return found
