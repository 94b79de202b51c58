"""Fixtures of the real-call suite. It runs only when asked for by ``-m switch`` (``make test-switch``)."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from measured import Figures
from sipphone import SipPhone
from switchboard import ROOT, TRUNKLINE, Engine, FreeSwitch, find_freeswitch, free_port

from engine.paths import models

HERE = Path(__file__).parent
BUILD = ROOT / "build"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``-m switch`` these tests are not there: they need a switch and several minutes."""
    if config.option.markexpr == "switch":
        return
    ours = [item for item in items if HERE in item.path.parents]
    if ours:
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]


_figures = Figures()


@pytest.fixture(scope="session")
def figures() -> Figures:
    return _figures


def pytest_terminal_summary(terminalreporter: Any) -> None:  # noqa: ANN401
    if not _figures.rows:
        return
    BUILD.mkdir(exist_ok=True)
    (BUILD / "switch.json").write_text(json.dumps(_figures.rows, indent=2) + "\n")
    terminalreporter.section("real-call figures (build/switch.json)")
    for row in _figures.rows:
        terminalreporter.write_line(f"{row['figure']:<64} {row['value']:>9} {row['unit']}")


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where both programs keep their files, logs among them, until the next run."""
    place = BUILD / "switch"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return place


@pytest.fixture(scope="session")
def engine_port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def switch(folder: Path, engine_port: int) -> Iterator[FreeSwitch]:
    """The one FreeSWITCH of the run."""
    freeswitch = FreeSwitch(find_freeswitch(), folder / "freeswitch", engine_port)
    try:
        freeswitch.start()
        if os.environ.get("TRUNKLINE_MEDIA__BACKEND") == "websocket":
            assert "+OK" in freeswitch.api("load mod_audio_stream"), "FREESWITCH_MOD has no mod_audio_stream"
        yield freeswitch
    finally:
        freeswitch.stop()


@pytest.fixture(scope="session")
def home(folder: Path) -> Path:
    """TRUNKLINE_HOME of the run: the models that this machine has, the sample collection, and the calls."""
    place = folder / "home"
    place.mkdir()
    if models().exists():
        (place / "models").symlink_to(models().resolve())
    ingest = [*TRUNKLINE, "ingest", "engine/knowledge/sample", "--collection", "sample"]
    subprocess.run(ingest, check=True, cwd=ROOT, env={**os.environ, "TRUNKLINE_HOME": str(place)}, timeout=110)
    return place


@pytest.fixture(scope="module")
def engines(folder: Path, home: Path, engine_port: int) -> Iterator[Callable[..., Engine]]:
    """Starts engines, one at a time: each takes the port, and the place, of the one before."""
    started: list[Engine] = []

    def start(**options: dict[str, Any]) -> Engine:
        for engine in started:
            engine.child.end(10)
        started.append(Engine(folder, engine_port, home, **options))
        started[-1].wait_ready()
        return started[-1]

    yield start
    for engine in started:
        engine.child.end(10)


@pytest.fixture
def phone(switch: FreeSwitch) -> Iterator[Callable[..., SipPhone]]:
    """Makes phones that are hung up when the test ends."""
    phones: list[SipPhone] = []

    def make(**options: Any) -> SipPhone:  # noqa: ANN401
        phones.append(SipPhone(switch.sip, **options))
        return phones[-1]

    yield make
    for each in phones:
        each.__exit__()
