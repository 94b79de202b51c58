"""``trunkline db``, and what the doctor says of the store."""

import json
import shutil

import pytest
from store_world import whole

from engine import paths
from engine.cli import store_checks
from engine.cli.main import main
from engine.config import Config, StoreOptions


def run(capsys, *arguments):
    code = main(["db", *map(str, arguments)])
    told = capsys.readouterr()
    return code, told.out + told.err


def statuses(**options):
    return [row[0] for row in store_checks.look(Config(store=StoreOptions(**options)))]


def test_a_database_from_its_making_to_a_search(home, left, capsys):
    """What an operator does by hand, in its order; each step says what it did."""
    folder = left("2026-11-20/100000-mine", *whole("my parcel is lost", name="mine"))
    assert run(capsys, "status")[0] == 1
    assert run(capsys, "init") == (0, f"sqlite:///{home}/store.sqlite: tables of version 0002\n")
    assert "are there already" in run(capsys, "init")[1]
    assert "nothing to do" in run(capsys, "upgrade")[1]
    code, told = run(capsys, "status", "--json")
    assert (code, json.loads(told)["not filed"]) == (0, 1)
    assert run(capsys, "file") == (0, "1 sessions filed\n")
    assert run(capsys, "file", folder) == (0, "1 sessions filed\n")
    assert "mine  15550100 → 1000  clerk" in run(capsys, "search", "PARCEL", "lost")[1]
    assert run(capsys, "search", "zebra") == (0, "")
    assert json.loads(run(capsys, "status", "--json")[1])["sessions"] == 1
    assert run(capsys, "sweep")[1].startswith("deleted: 0 sessions")


def test_wrong_folders_and_wrong_order_are_told(home, postgres_url, monkeypatch, capsys):
    """One line that says what to do, exit code 2."""
    code, told = run(capsys, "file", home)
    assert code == 2
    assert f"is not in {paths.calls()}" in told
    monkeypatch.setenv("TRUNKLINE_STORE__URL", postgres_url)
    for action in ("file", "sweep", "search"):
        code, told = run(capsys, action)
        assert (code, "trunkline db init" in told) == (2, True)
    assert run(capsys, "init")[0] == 0
    assert run(capsys, "file") == (0, "0 sessions filed\n")
    assert "local-only" not in run(capsys, "status")[1]


def test_ended_calls_of_an_engine_that_is_gone(home, left, capsys):
    """Without ``--ended`` a log without its end may be of a call that goes on in another process."""
    left("2026-11-20/100000-half", *whole("hello", name="half")[:5])
    run(capsys, "file")
    assert "talking" in run(capsys, "search")[1]
    run(capsys, "file", "--ended")
    assert "failed" in run(capsys, "search")[1]


def test_the_doctor_looks_and_makes_nothing(home, left, postgres_url, monkeypatch):
    """The store never costs a call, so what is wrong with it is a warning; an address that stops the engine is not."""
    assert statuses() == ["pass"]
    assert not (home / "store.sqlite").exists()
    assert statuses(enabled=False) == ["pass"]
    assert statuses(url=postgres_url) == ["warn"]
    assert statuses(url="postgresql://postgres@127.0.0.1:1/none") == ["warn"]
    assert statuses(url="postgresql://h:notaport/db") == ["fail"]
    assert main(["db", "init"]) == 0
    assert statuses() == ["pass"]
    monkeypatch.setattr(store_checks, "MANY", 0)
    left("2026-11-20/100000-a", *whole(name="a"))
    assert statuses() == ["warn"]


@pytest.mark.parametrize("damage", [b"not a database, a text file that somebody put there", b""])
def test_a_file_that_is_no_database(home, left, capsys, damage):
    """An empty file is filled; one that is something else is not touched, and the error says what to do."""
    (home / "store.sqlite").write_bytes(damage * 100)
    left("2026-11-20/100000-a", *whole(name="a"))
    code, told = run(capsys, "file")
    if damage:
        assert (code, "move the file away" in told) == (2, True)
        shutil.move(home / "store.sqlite", home / "away")
        code, told = run(capsys, "file")
    assert (code, told) == (0, "1 sessions filed\n")
