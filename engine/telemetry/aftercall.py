"""After a call: report and page from what the call left in its folder.

    finish(folder)                 # now, here; also for the folder of a call that crashed
    AfterCall(disk).submit(folder) # in a process of its own, so that the calls going on do not feel it

Making a page is 20 to 100 ms of Python, during which a thread would keep the hub from the interpreter; hence a process.

    python -m engine.telemetry.aftercall FOLDER...
"""

import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gevent
import gevent.queue
from gevent import subprocess

from engine.disk import DiskWriter
from engine.telemetry.errors import TelemetryError

logger = logging.getLogger(__name__)

MODULE = "engine.telemetry.aftercall"
LOG, RECORDING, REPORT, PAGE = "events.jsonl", "recording.wav", "report.json", "call.html"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What ``finish`` made in ``folder``. ``problem`` says why something is missing, empty when nothing is."""

    folder: str
    report: bool = False
    page: bool = False
    problem: str = ""


Job = tuple[Path, Callable[[Outcome], None] | None] | None


def finish(folder: Path, page: bool = True) -> Outcome:
    """Write ``report.json`` and (if ``page``) ``call.html`` beside ``events.jsonl`` in ``folder``.

    Reads a log that was cut off as far as it goes, and does without a recording. Each file appears whole or not at
    all. Never raises for what it finds in the folder: the outcome says it.
    """
    from engine.telemetry import eventlog, report
    from engine.telemetry import page as call_page

    try:
        log = eventlog.read(folder / LOG)
    except TelemetryError as fault:
        return Outcome(str(folder), problem=str(fault))
    made = report.build(log.events, log.damaged).to_dict()
    try:
        _write(folder / REPORT, json.dumps(made, ensure_ascii=False, indent=1, default=str))
        if page:
            recording = folder / RECORDING
            _write(folder / PAGE, call_page.render(log.events, recording if recording.exists() else None, log.damaged))
    except OSError as fault:
        return Outcome(str(folder), (folder / REPORT).exists(), problem=f"{fault.filename}: {fault.strerror}")
    return Outcome(str(folder), True, page)


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(text.encode("utf-8", "replace"))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class AfterCall:
    """Finishes calls one after the other in a process of its own, started with it: to fork later would stop all calls
    for the time that it takes.

    ``limit`` calls may wait; what comes then is dropped, counted and logged (``finish`` can be run later by hand).
    """

    def __init__(self, disk: DiskWriter, page: bool = True, limit: int = 1000, timeout_s: float = 60.0) -> None:
        """``disk`` writes the logs; ``timeout_s``: how long one call may take before the process is replaced."""
        self.dropped = 0
        self._disk = disk
        self._page = page
        self._limit = limit
        self._timeout_s = timeout_s
        self._coming = 0
        self._waiting: gevent.queue.Queue[Job] = gevent.queue.Queue()
        self._process: subprocess.Popen[bytes] | None = None
        with contextlib.suppress(OSError):  # tried again, and told of, when the first call has ended
            self._running_process()
        self._greenlet = gevent.spawn(self._run)

    def submit(self, folder: Path, then: Callable[[Outcome], None] | None = None) -> None:
        """Finish ``folder`` once all that was given to the disk writer before is written. Returns at once.
        ``then`` is called in a greenlet of this object with the outcome."""
        if self._coming + self._waiting.qsize() >= self._limit:
            self.dropped += 1
            logger.error("too many ended calls wait; `python -m %s %s` makes its report", MODULE, folder)
            return
        loop = gevent.get_hub().loop
        self._coming += 1

        def written() -> None:
            loop.run_callback_threadsafe(self._put, folder, then)

        if not self._disk.submit(written, 0):
            self._put(folder, then)

    def close(self, timeout_s: float = 10.0) -> bool:
        """Finish what waits for up to ``timeout_s``, then end the process. False: there was more than that."""
        with gevent.Timeout(timeout_s, False):  # type: ignore[arg-type]  # the stubs do not know False
            while self._coming:
                gevent.sleep(0.01)
            self._waiting.put(None)
            self._greenlet.join()
        done = self._greenlet.ready()
        self._greenlet.kill()
        self._end_process()
        return done

    def _put(self, folder: Path, then: Callable[[Outcome], None] | None) -> None:
        self._coming -= 1
        self._waiting.put((folder, then))

    def _run(self) -> None:
        while (job := self._waiting.get()) is not None:
            folder, then = job
            outcome = self._finish(folder)
            if outcome.problem:
                logger.warning("call %s: %s", folder.name, outcome.problem)
            if then:
                then(outcome)

    def _finish(self, folder: Path) -> Outcome:
        """One exchange with the process: a folder there, an outcome back."""
        problem = f"it took longer than {self._timeout_s} s"
        with gevent.Timeout(self._timeout_s, False):  # type: ignore[arg-type]  # the stubs do not know False
            try:
                process = self._running_process()
                assert process.stdin and process.stdout
                process.stdin.write(json.dumps(str(folder)).encode() + b"\n")
                process.stdin.flush()
                line = process.stdout.readline()
                if line:
                    return Outcome(**json.loads(line))
                problem = f"its process ended with exit code {process.wait()}"
            except OSError as fault:
                problem = str(fault)
        self._end_process()
        return Outcome(str(folder), problem=f"no report or page: {problem}")

    def _running_process(self) -> "subprocess.Popen[bytes]":
        if self._process and self._process.poll() is None:
            return self._process
        self._end_process()
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-m", MODULE, "--serve", *([] if self._page else ["--no-page"])]
        # In a session of its own, so that Ctrl-C at a terminal leaves it to finish the last calls.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         env={**os.environ, "PYTHONPATH": path}, start_new_session=True)
        return self._process

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin and process.stdout
        with contextlib.suppress(OSError):  # what it had not read is lost with it
            process.stdin.close()
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def main(arguments: list[str]) -> int:
    """Finish the folders given; with ``--serve`` one a line of stdin (JSON text), an outcome a line of stdout."""
    page = "--no-page" not in arguments
    folders = [argument for argument in arguments if not argument.startswith("--")]
    if "--serve" not in arguments:
        if not folders:
            print("usage: python -m engine.telemetry.aftercall [--no-page] FOLDER...", file=sys.stderr)
            return 2
        outcomes = [finish(Path(folder), page) for folder in folders]
        for outcome in outcomes:
            print(outcome.problem or f"{outcome.folder}: {REPORT}{f', {PAGE}' if outcome.page else ''}")
        return 1 if any(outcome.problem for outcome in outcomes) else 0
    os.nice(10)
    for line in sys.stdin:
        outcome = finish(Path(json.loads(line)), page)
        print(json.dumps({name: getattr(outcome, name) for name in outcome.__slots__}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
