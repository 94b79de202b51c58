"""An engine in a process of its own, on free ports: for the demo, for benchmarks and for tests."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import gevent

from engine.errors import TrunklineError

LOG_CHARS = 2000
"""As much of a log as one wants to see in an error."""

_READY = re.compile(r"^trunkline ready: event socket (\S+), health (\S+)$")


class EngineProcess:
    """``python -m engine serve`` with these options (``TRUNKLINE_*`` names without the prefix); use as a context.

    ``address`` is ``host:port`` of its event socket, ``health`` the URL of its health, ``pid`` its process. Raises
    ``TrunklineError`` with the end of its log when it does not start.
    """

    def __init__(
        self,
        options: Mapping[str, str] | None = None,
        *,
        log: Path | None = None,
        command: tuple[str, ...] = ("-m", "engine", "serve"),
        ready_s: float = 60.0,
    ) -> None:
        """Start it and wait for its ready line. ``log``: where its stderr goes."""
        ports = {"EVENT_SOCKET__PORT": "0", "HTTP__PORT": "0"}
        environ = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        environ.update({f"TRUNKLINE_{name}": value for name, value in (ports | dict(options or {})).items()})
        self._log = log
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
        with (log or Path(os.devnull)).open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, *command], env=environ, stdout=subprocess.PIPE, stderr=stderr, text=True
            )
        self.address, self.health = self._wait_ready(ready_s)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def __enter__(self) -> "EngineProcess":
        """Itself; it runs already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        """Stop it."""
        self.stop()

    def stop(self, patience_s: float = 10.0) -> int:
        """SIGTERM (it drains), SIGKILL after ``patience_s``; its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return int(self._process.returncode)

    def _wait_ready(self, ready_s: float) -> tuple[str, str]:
        assert self._process.stdout is not None
        with gevent.Timeout(ready_s, False):  # type: ignore[arg-type]  # the stubs do not know False
            for line in self._process.stdout:
                if match := _READY.match(line.strip()):
                    return match[1], match[2]
        ended = self._process.poll()
        self.stop(1.0)
        why = f"within {ready_s:g} s" if ended is None else f"and ended with exit code {ended}"
        raise TrunklineError(f"the engine did not start {why}; the end of its log:\n{self.log_end()}".rstrip())

    def log_end(self) -> str:
        """The last lines of its log; "" where it keeps none."""
        return self._log.read_text(errors="replace")[-LOG_CHARS:] if self._log is not None else ""
