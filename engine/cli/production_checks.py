"""``trunkline doctor --production``: a checklist for the day before, as far as it can be seen from here.

What cannot be seen is a line of its own, so that nobody takes silence for a pass.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from engine.config import Config

Row = tuple[str, Literal["pass", "warn", "fail", "skip"], str, str]
"""What was looked at, status, text, what to do."""

SECRETS = re.compile(r"""^\s*(?:\w*(?:password|api_key|secret|token)|key):\s*["']?[^\s"'#]""", re.MULTILINE)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def look(config: Config, path: Path | None) -> Iterator[Row]:
    """One row and more for every point of the list."""
    yield from _secrets(config, path)
    yield from _database(config)
    yield "state", "pass", "no Redis and no other shared memory is needed: calls live in their engine", ""
    yield from _http(config)
    yield from _event_sockets(config)
    yield from _draining(config)
    yield from _retention(config)
    yield from _monitoring(config)
    yield from _not_to_be_seen()


def _secrets(config: Config, path: Path | None) -> Iterator[Row]:
    """Passwords come by the environment; a file that has one must be nobody else's."""
    if any(key.key for key in config.http.keys.values()):
        yield ("secrets", "warn", "http.keys holds a key itself",
               "sha256 instead, as `trunkline key new NAME` prints it: the file holds no secret then")
    if path is None or not path.is_file():
        yield "secrets", "pass", "no configuration file that could hold any", ""
        return
    mode = path.stat().st_mode & 0o777
    if SECRETS.search(path.read_text(errors="replace")):
        if mode & 0o077:
            yield ("secrets", "fail", f"{path} seems to hold secrets and is readable for others (mode {mode:03o})",
                   f"chmod 600 {path}; better: the environment, from a secrets manager or a file of mode 0600")
        else:
            yield "secrets", "warn", f"{path} seems to hold secrets", "the environment keeps them out of backups"
    else:
        yield "secrets", "pass", f"{path} holds none that can be recognised; the environment has them", ""


def _database(config: Config) -> Iterator[Row]:
    store = config.store
    if not store.enabled:
        yield "database", "warn", "off: past calls cannot be searched", "store.enabled"
    elif store.url.startswith("postgresql://"):
        yield "database", "pass", f"PostgreSQL, a pool of {store.max_connections}, {store.timeout_s:.0f} s a query", ""
    else:
        yield ("database", "warn", "SQLite: right for one node, and gone with its disk",
               "store.url: postgresql://…, where there is more than one node")


def _http(config: Config) -> Iterator[Row]:
    http = config.http
    outside = http.host not in LOOPBACK
    if http.certificate:
        yield "https", "pass", f"TLS with {http.certificate}", ""
    elif outside:
        yield ("https", "fail", f"http.host is {http.host}, without TLS: keys and transcripts go in clear",
               "http.certificate and private_key; or http.host 127.0.0.1 behind a proxy that ends TLS")
    else:
        yield "https", "pass", "on loopback: a proxy on this machine ends TLS, if anybody calls from outside", ""
    if not http.keys:
        yield ("keys", "warn", "no API key: every program on this machine, a proxy among them, may do everything",
               "trunkline key new NAME")
    else:
        yield "keys", "pass", f"{len(http.keys)} API keys", ""
    limits = http.requests_per_minute and http.requests_per_minute_per_ip
    yield ("rate limits", "pass", f"{http.requests_per_minute} requests a minute and key, "
           f"{http.requests_per_minute_per_ip} an address", "") if limits else \
          ("rate limits", "fail", "off", "http.requests_per_minute, http.requests_per_minute_per_ip")
    if "*" in http.allowed_origins:
        yield "origins", "fail", "pages of every server may use the API", "http.allowed_origins: only yours"


def _event_sockets(config: Config) -> Iterator[Row]:
    if config.event_socket.host not in LOOPBACK:
        yield ("event socket", "fail", f"event_socket.host is {config.event_socket.host}: whoever reaches it can give "
               "FreeSWITCH commands", "127.0.0.1")
    switch = config.switch
    if not switch.enabled:
        yield ("event socket", "warn", "no inbound event socket: orphans are not found, nobody can be handed over",
               "switch.enabled")
    elif switch.password in ("", "ClueCon"):
        yield "event socket", "fail", "the password of FreeSWITCH is none, or the one that everybody knows", \
            "FREESWITCH_ESL_PASSWORD and TRUNKLINE_SWITCH__PASSWORD: openssl rand -hex 24"
    elif not switch.user:
        yield ("event socket", "warn", "the engine logs in as somebody who may do anything",
               "switch.user: engine@event-socket (docs/engineer/freeswitch.md)")
    else:
        yield "event socket", "pass", f"login {switch.user}, with its own list of commands", ""


def _draining(config: Config) -> Iterator[Row]:
    if config.drain_s < 60:
        yield ("draining", "warn", f"drain_s is {config.drain_s:.0f} s: a restart ends most calls",
               "drain_s: 600, and more than that in TimeoutStopSec, stop_grace_period, terminationGracePeriodSeconds")
    else:
        yield "draining", "pass", (f"calls have {config.drain_s:.0f} s to end; whoever stops the engine must wait "
                                   "longer"), ""


def _retention(config: Config) -> Iterator[Row]:
    kept = config.store.retention
    audio = not config.record.audio or kept.recording_days or kept.folder_days
    if not (kept.session_days or kept.transcript_days) or not audio:
        yield ("retention", "warn", "what callers say is kept for ever",
               "store.retention: what your rules say, in days")
    else:
        yield "retention", "pass", "what callers say is deleted in time (store.retention)", ""


def _monitoring(config: Config) -> Iterator[Row]:
    if set(config.http.metrics_from) <= {"127.0.0.1", "::1"} and not config.http.keys:
        yield ("monitoring", "warn", "/metrics answers this machine only",
               "http.metrics_from, or a key with the scope read for Prometheus; alerts are in docs/operator/scaling.md")
    else:
        yield "monitoring", "pass", "/metrics can be read by Prometheus; whether somebody does cannot be seen", ""
    yield ("logs", "pass", "JSON lines on stderr, each with its call: journald or the container's log driver takes "
           "them on", "")


def _not_to_be_seen() -> Iterator[Row]:
    for check, todo in (
        ("error tracking", "lines of level error in the log, by a rule of your log store"),
        ("backup", "TRUNKLINE_HOME/knowledge and agents, the database; restore it once (docs/operator/deployment.md)"),
        ("load test", "trunkline load, on this machine, with the calls that you expect and half as many again"),
        ("security audit", "trunkline dialplan check; a port scan from outside; who may log in here"),
    ):
        yield check, "skip", "cannot be seen from here", todo
