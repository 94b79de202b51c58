"""One FreeSWITCH with all flows of dialplans/ on, each for a number of its own, for all modules here."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from everything import everything
from listeningengine import ListeningEngine
from siphuman import SipHuman
from switchboard import FreeSwitch, find_freeswitch, free_port


@pytest.fixture(scope="package")
def engine_port() -> int:
    return free_port()


@pytest.fixture(scope="package")
def place(folder: Path) -> Path:
    """Where this switch keeps its files."""
    return folder / "flows"


@pytest.fixture(scope="package")
def switch(place: Path, engine_port: int) -> Iterator[FreeSwitch]:
    """FreeSWITCH with all flows on."""
    freeswitch = FreeSwitch(find_freeswitch(), place, engine_port, **everything(place, engine_port))
    try:
        freeswitch.start()
        yield freeswitch
    finally:
        freeswitch.stop()


@pytest.fixture(scope="package")
def green_port(switch: FreeSwitch) -> int:
    return int(switch.api("global_getvar engine_green").rpartition(":")[2])


@pytest.fixture
def engine(switch: FreeSwitch, engine_port: int) -> Iterator[ListeningEngine]:
    with ListeningEngine(engine_port) as listening:
        yield listening


@pytest.fixture
def human(switch: FreeSwitch) -> Iterator[Callable[..., SipHuman]]:
    """Makes people who can be called."""
    people: list[SipHuman] = []

    def make(**options: object) -> SipHuman:
        people.append(SipHuman(switch.sip, **options))
        return people[-1]

    yield make
    for each in people:
        each.__exit__()


@pytest.fixture
def setting(switch: FreeSwitch) -> Iterator[Callable[[str, str], None]]:
    """Changes a setting that the dialplan reads at each call, and changes it back."""
    before: dict[str, str] = {}

    def change(name: str, value: str) -> None:
        before.setdefault(name, switch.api(f"global_getvar {name}"))
        switch.api(f"global_setvar {name}={value}")

    yield change
    for name, value in before.items():
        switch.api(f"global_setvar {name}={value}")
