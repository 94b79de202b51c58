"""The checks of ``trunkline doctor``. Each looks at one thing and changes nothing; waits end after a few seconds.

    for finding in examine(Path("trunkline.yaml"), os.environ): ...
"""

import importlib.metadata
import importlib.util
import ipaddress
import json
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import gevent

from engine import modelfolders, modelstore, paths
from engine.cli import handover_checks, knowledge_checks, provider_checks, routing_checks, store_checks, trunk_checks
from engine.config import Config, SwitchOptions
from engine.configfile import ConfigError, differences, load
from engine.esl import command
from engine.esl.errors import BadArgument
from engine.web.listening import bind_problem

WAIT_S = 3.0
"""How long anything may take to answer."""

PACKAGES = ("gevent", "greenswitch", "numpy", "faiss", "webrtcvad", "pocketsphinx", "soundfile", "yaml", "pydantic",
            "openai", "httpx2", "rich", "rule_engine", "wsproto", "sqlalchemy", "alembic")
PYTHONS = ((3, 10), (3, 13))

DATAGRAM_BYTES = 1280
"""What a frame of 20 ms takes of a socket buffer with the kernel's bookkeeping (measured: 168 frames in 212992)."""

STALL_MS = 100
"""A hub that stands still for so long must not lose audio."""

FILES_A_CALL = 4
CALL_HOUR_BYTES = 3600 * 8000 * 2 * 2
FREE_FAIL, FREE_WARN = 200 * 10**6, 2 * 10**9


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the result. ``todo`` is what to do about it; ``skip``: it cannot be seen from here."""

    check: str
    status: Literal["pass", "warn", "fail", "skip"]
    text: str
    todo: str = ""


def examine(path: Path | None, environ: Mapping[str, str]) -> list[Finding]:
    """All checks with the configuration at ``path`` and in ``environ``; with the defaults where it is wrong."""
    config, findings = configuration(path, environ)
    findings += [python(), *packages()]
    findings += ports(config)
    findings += [loopback(), receive_buffer(config), open_files(config)]
    findings += disk()
    findings += [*models(), *model_folders(), *voices(config), collection(config), skills(config)]
    findings += [Finding("embedding", *row) for row in knowledge_checks.embedding(config, environ, WAIT_S)]
    findings += [Finding("reranker", *row) for row in knowledge_checks.reranker(config, WAIT_S)]
    findings += [Finding("providers", *row) for row in provider_checks.look(config, environ, WAIT_S)]
    findings += [Finding("routing", *row) for row in routing_checks.look(config)]
    findings += [Finding("store", *row) for row in store_checks.look(config)]
    findings += [Finding("hand-over", *row) for row in handover_checks.look(config, WAIT_S)]
    findings += freeswitch(config, environ)
    findings += [Finding("trunk", *row) for row in trunk_checks.look(config, WAIT_S)]
    return findings


def configuration(path: Path | None, environ: Mapping[str, str]) -> tuple[Config, list[Finding]]:
    """The configuration, and whether it is right."""
    try:
        config = load(path, environ)
    except ConfigError as fault:
        todo = "docs/operator/configuration.md lists every option; the other checks use the defaults"
        return Config(), [Finding("config", "fail", str(problem), todo if problem is fault.problems[-1] else "")
                          for problem in fault.problems]
    changed = ", ".join(f"{name}={value}" for name, value in differences(config).items()) or "all defaults"
    findings = [Finding("config", "pass", f"{path or 'no file'}: {changed}")]
    if not _is_loopback(config.event_socket.host):
        findings.append(Finding(
            "config", "warn",
            f"event_socket.host is {config.event_socket.host}: whoever reaches it can give FreeSWITCH commands",
            "use 127.0.0.1 with FreeSWITCH on this machine, or let a firewall pass only FreeSWITCH"))
    return config, findings


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# ---------------------------------------------------------------- this Python


def python() -> Finding:
    """Whether this Python is one that the tests run with."""
    low, high = PYTHONS
    text = f"{platform.python_version()} at {sys.executable}"
    if low <= sys.version_info[:2] <= high:
        return Finding("python", "pass", text)
    wanted = f"{low[0]}.{low[1]} to {high[0]}.{high[1]}"
    return Finding("python", "fail", text, f"use Python {wanted}, for example: make setup PYTHON=python3.11")


def packages() -> Iterator[Finding]:
    """Whether the packages are there, and no two that fight for one name."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        yield Finding("packages", "fail", f"cannot be imported: {', '.join(missing)}",
                      f"{sys.executable} -m pip install -c constraints.txt -e .")
    else:
        yield Finding("packages", "pass", f"all {len(PACKAGES)} are there")
    if _installed("webrtcvad"):
        both = "webrtcvad and webrtcvad-wheels are installed and overwrite each other"
        old = "webrtcvad is the unmaintained build; it cannot be imported beside setuptools 82 and later"
        pip = f"{sys.executable} -m pip"
        yield Finding("packages", "warn", both if _installed("webrtcvad-wheels") else old,
                      f"{pip} uninstall -y webrtcvad webrtcvad-wheels && {pip} install webrtcvad-wheels")


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


# ---------------------------------------------------------------- network


def ports(config: Config) -> Iterator[Finding]:
    """Whether the engine can listen; a Trunkline that already does is fine."""
    calls = _running_engine(config)
    for group, options in (("event_socket", config.event_socket), ("http", config.http)):
        where = f"{group} {options.host}:{options.port}"
        try:
            with socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((options.host, options.port))
        except OSError as fault:
            if calls is not None:
                yield Finding("ports", "pass", f"{where} is held by a running Trunkline ({calls} calls)")
            else:
                yield Finding("ports", "fail", where, bind_problem(group, options.host, options.port, fault))
        else:
            yield Finding("ports", "pass", f"{where} is free")


def _running_engine(config: Config) -> int | None:
    """Calls of the Trunkline that answers on the configured HTTP port; None when none does."""
    url = f"http://{config.http.host}:{config.http.port}/health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=WAIT_S) as answer:
            body = json.loads(answer.read(65536))
    except (OSError, ValueError):
        return None
    if not isinstance(body, dict) or body.get("service") != "trunkline":
        return None
    calls = body.get("calls")
    return int(calls.get("active", 0)) if isinstance(calls, dict) else 0


def loopback() -> Finding:
    """Whether every call can have its own loopback address, which is how its audio is told apart."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.64.0.1", 0))
    except OSError as fault:
        return Finding("loopback", "fail", f"127.64.0.1 cannot be bound: {fault.strerror or fault}",
                       "Linux gives all of 127.0.0.0/8 to lo: ip addr show lo must say 127.0.0.1/8. "
                       "macOS does not; run the engine in a Linux container there")
    return Finding("loopback", "pass", "127.64.0.1 can be bound")


def receive_buffer(config: Config) -> Finding:
    """Whether the kernel holds the audio of all calls while the hub is busy."""
    try:
        largest = int(Path("/proc/sys/net/core/rmem_max").read_text())
    except (OSError, ValueError):
        return Finding("socket buffer", "warn", "net.core.rmem_max cannot be read",
                       "on Linux: sysctl net.core.rmem_max; see docs/operator/running.md")
    frames_a_ms = config.event_socket.max_calls / config.media.frame_ms
    held_ms = 2 * largest / DATAGRAM_BYTES / frames_a_ms  # the kernel doubles what a program asks for
    text = f"net.core.rmem_max {largest} holds {held_ms:.0f} ms of audio of {config.event_socket.max_calls} calls"
    if held_ms >= STALL_MS:
        return Finding("socket buffer", "pass", text)
    needed = 1 << int(STALL_MS * frames_a_ms * DATAGRAM_BYTES / 2 - 1).bit_length()
    return Finding("socket buffer", "warn", text + ": a busy moment loses frames",
                   f"sudo sysctl -w net.core.rmem_max={needed} (and a line in /etc/sysctl.d/), "
                   "or lower event_socket.max_calls")


def open_files(config: Config) -> Finding:
    """Whether this user may open what all calls need."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = FILES_A_CALL * config.event_socket.max_calls + 200
    text = f"{allowed} open files allowed, {config.event_socket.max_calls} calls need about {needed}"
    if allowed == resource.RLIM_INFINITY or allowed >= needed:
        return Finding("open files", "pass", text)
    return Finding("open files", "warn", text, f"ulimit -n {needed}, or LimitNOFILE={needed} in the systemd unit")


# ---------------------------------------------------------------- what lies on disk


def disk() -> Iterator[Finding]:
    """Whether calls can be written, and for how long."""
    home = paths.home()
    existing = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as fault:
        yield Finding("disk", "fail", f"{existing} cannot be written: {fault.strerror or fault}",
                      "set TRUNKLINE_HOME to a folder of this user, or change its owner")
        return
    free = shutil.disk_usage(existing).free
    text = f"{home}: {free / 1e9:.1f} GB free, {free / CALL_HOUR_BYTES:.0f} hours of recorded calls"
    if free >= FREE_WARN:
        yield Finding("disk", "pass", text)
    else:
        yield Finding("disk", "fail" if free < FREE_FAIL else "warn", text,
                      f"delete old calls below {paths.calls()}, give TRUNKLINE_HOME more, or set record.audio: false")


def models() -> Iterator[Finding]:
    """Whether the model data is there and whole."""
    for name, model in modelstore.MODELS.items():
        todo = f"trunkline models install {name}"
        if not modelstore.installed(name):
            yield Finding("models", "warn", f"{name} is not installed: {model.without}", todo)
        elif faults := modelstore.verify(name):
            yield Finding("models", "fail", "; ".join(faults), f"{todo} --force")
        else:
            yield Finding("models", "pass", f"{name}: {model.purpose}")


def model_folders() -> Iterator[Finding]:
    """Whether the folders that an operator filled hold what they must, and can be run."""
    try:
        known, found = modelfolders.kinds(), modelfolders.folders()
    except modelstore.ModelError as fault:
        yield Finding("models", "fail", str(fault), "correct it, or remove it to use Trunkline's own")
        return
    for folder in found:
        kind = known[folder.kind]
        if lacking := modelfolders.faults(folder):
            yield Finding("models", "fail", f"{folder.name}: {'; '.join(lacking)} ({folder.path})",
                          "put it there as models/README.md says, or remove the folder")
        elif not kind.installed:
            yield Finding("models", "warn", f"{folder.name}: the package {kind.package} is not installed",
                          kind.install)
        else:
            yield Finding("models", "pass", f"{folder.name}: {kind.purpose}")


def voices(config: Config) -> Iterator[Finding]:
    """Whether the agent has a voice: each one configured says a word."""
    names = {"speech.voice": config.speech.voice, "speech.fallback_voice": config.speech.fallback_voice}
    said = {option: _say_a_word(name) for option, name in names.items() if name}
    any_speaks = any(speaks for speaks, _ in said.values())
    for option, (speaks, text) in said.items():
        status: Literal["pass", "warn", "fail"] = "pass" if speaks else "warn" if any_speaks else "fail"
        program = names[option].partition(":")[0]
        yield Finding("voices", status, f"{option} {names[option]}: {text}",
                      "" if speaks else f"sudo apt-get install -y {program}, or choose another {option}")


def _say_a_word(name: str) -> tuple[bool, str]:
    """Whether the voice of this name speaks, and how it went."""
    from engine.speech import voices as speech
    from engine.speech.errors import SpeechError

    try:
        with gevent.Timeout(WAIT_S * 2):
            voice = speech.open_voice(name)
            try:
                began = time.monotonic()
                chunk = next(iter(voice.render("Hello.")), None)
                took_ms = (time.monotonic() - began) * 1000
            finally:
                voice.close()
    except SpeechError as fault:
        return False, str(fault)
    except gevent.Timeout:
        return False, f"no audio after {WAIT_S * 2:.0f} s"
    if chunk is None or not len(chunk.pcm):
        return False, "says nothing"
    return True, f"speaks, first audio after {took_ms:.0f} ms at {chunk.rate} Hz"


def collection(config: Config) -> Finding:
    """Whether the agent knows anything."""
    name = config.knowledge.collection
    folder = paths.knowledge() / name
    if folder.is_dir() and any(folder.iterdir()):
        return Finding("knowledge", "pass", f"collection '{name}' at {folder}")
    return Finding("knowledge", "warn", f"there is no collection '{name}': every question will be unknown",
                   f"trunkline ingest DOCUMENTS --collection {name}")


def skills(config: Config) -> Finding:
    """Whether the operator's skills and the file of MCP servers can be read. No server is asked."""
    from engine.dialog.skills.errors import SkillError
    from engine.dialog.skills.registry import folder_of
    from engine.dialog.skills.setup import Skills

    try:
        found = Skills.open(config.skills)
    except SkillError as fault:
        return Finding("skills", "fail", str(fault), "mend what is named; trunkline skills list tries again")
    folder, there = folder_of(config.skills), found.registry.skills().values()
    own = sum(skill.source.startswith(f"{folder}{os.sep}") for skill in there)
    text = f"{len(there)}, {own} of them from {folder}"
    if found.servers.names:
        text += f", and those of {', '.join(found.servers.names)} (trunkline skills list asks them)"
    found.close(0.0)
    return Finding("skills", "pass", text)


# ---------------------------------------------------------------- FreeSWITCH


def freeswitch(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """FreeSWITCH on this machine, and its event socket where the configuration uses it."""
    program = environ.get("FREESWITCH_BIN") or shutil.which("freeswitch")
    if not program:
        yield Finding("freeswitch", "pass", "no program on this machine; demo, call and load do without")
    elif not os.access(program, os.X_OK):
        yield Finding("freeswitch", "fail", f"FREESWITCH_BIN {program} is no program", "correct it, or unset it")
    else:
        yield Finding("freeswitch", "pass", f"{program} {_version(program)}")
    if config.switch.enabled:
        yield _event_socket(config.switch)


def _version(program: str) -> str:
    try:
        done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=WAIT_S, check=False,
                              stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return "(version unknown)"
    return (done.stdout.strip().splitlines() or ["(version unknown)"])[0][:100]


def _event_socket(options: SwitchOptions) -> Finding:
    """Log in to FreeSWITCH's inbound event socket, and out again."""
    host, port = options.host, options.port
    where = f"event socket {host}:{port}"
    conf = "autoload_configs/event_socket.conf.xml"
    try:
        login = command.userauth(options.user, options.password) if options.user else command.auth(options.password)
    except BadArgument:
        return Finding("freeswitch", "fail", f"{where}: the password has a line break, or the user is no name@domain",
                       "set switch.user and switch.password anew")
    try:
        with socket.create_connection((host, port), WAIT_S) as connection, connection.makefile("rb") as answers:
            connection.settimeout(WAIT_S)
            greeting = _headers(answers)
            if greeting.get("content-type") == "text/rude-rejection":
                return Finding("freeswitch", "fail", f"{where} refuses this machine's address",
                               f"add it to apply-inbound-acl in {conf}")
            if greeting.get("content-type") != "auth/request":
                return Finding("freeswitch", "fail", f"{where}: what listens there is no event socket",
                               "correct switch.host and switch.port")
            connection.sendall(bytes(login))
            reply = _headers(answers).get("reply-text", "")
            connection.sendall(b"exit\n\n")
    except OSError as fault:
        return Finding("freeswitch", "fail", f"{where}: {fault.strerror or fault}",
                       f"start FreeSWITCH with mod_event_socket; {conf} gives its address and port")
    if not reply.startswith("+OK"):
        given = f"esl-password of {options.user} in the directory" if options.user else f"password in {conf}"
        return Finding("freeswitch", "fail", f"{where} refuses the password",
                       f"set TRUNKLINE_SWITCH__PASSWORD to the {given}")
    if options.password == "ClueCon":
        return Finding("freeswitch", "warn", f"{where} answers, with the password that everybody knows",
                       f"change it in {conf} and in TRUNKLINE_SWITCH__PASSWORD")
    return Finding("freeswitch", "pass", f"{where} answers")


def _headers(answers: BinaryIO) -> dict[str, str]:
    """One block of headers, names in lower case."""
    found: dict[str, str] = {}
    for _ in range(50):
        line = answers.readline(4096).decode("utf-8", "replace").strip()
        if not line:
            break
        name, _, value = line.partition(":")
        found[name.strip().lower()] = value.strip()
    return found
