"""What is too old goes, and nothing else; what is kept for a reason stays."""

from datetime import datetime, timezone

import pytest
from sqlalchemy import update
from store_world import whole

from engine import paths
from engine.config import RetentionOptions, StoreOptions
from engine.store import reading
from engine.store.refiling import file_folder, unfiled
from engine.store.retention import sweep
from engine.store.store import oldest_day
from engine.store.tables import call_sessions

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
SKILL = ({"event": "tool_call", "gen": 1, "id": "c", "skill": "order", "arguments": {}},
         {"event": "recording", "file": "recording.wav", "rate": 8000, "at": 0.0})


@pytest.fixture
def calls(database, left):
    """One call a day from the 10th to the 20th of November, filed, with all its files."""
    for day in range(10, 21):
        log = whole("hello", name=f"d{day}", started=f"2026-11-{day}T10:00:00+00:00")
        folder = left(f"2026-11-{day}/100000-d{day}", *log[:4], *SKILL, *log[4:])
        for name in ("recording.wav", "call.html", "report.json"):
            (folder / name).write_bytes(b"x")
        file_folder(database, folder, paths.calls())
    return paths.calls()


def of(database, day):
    return database.run(lambda connection: reading.session(connection, f"d{day}"))


def keep_until(database, day, until):
    database.run(lambda connection: connection.execute(update(call_sessions).where(
        call_sessions.c.session_id == f"d{day}").values(retention_until=until)), write=True)


def test_nothing_goes_by_default(database, calls):
    """Deleting is the operator's decision."""
    assert str(sweep(database, calls, RetentionOptions(), NOW)).startswith("0 sessions, 0 transcripts")
    assert len(list(calls.glob("*/*/*"))) == 11 * 4


def test_each_kind_has_its_own_time(database, calls):
    """Recordings go first, words later, the fact that there was a call last."""
    options = RetentionOptions(session_days=8, transcript_days=5, tool_call_days=3, recording_days=2, folder_days=7)
    swept = sweep(database, calls, options, NOW)
    assert (swept.sessions, swept.transcripts, swept.tool_calls) == (4, 3, 5)  # the four oldest are gone whole
    assert of(database, 13) is None
    assert of(database, 14).counters | {"turns": 0} == {"turns": 0, "interruptions": 0, "errors": 0, "segments": 0,
                                                        "items": 0, "tool_calls": 0}
    assert (of(database, 17).counters["segments"], of(database, 17).counters["tool_calls"]) == (1, 0)
    assert of(database, 17).row["recording_uri"] is None
    assert of(database, 20).row["recording_uri"] == "2026-11-20/100000-d20/recording.wav"
    assert not (calls / "2026-11-12").exists()
    assert {path.name for path in (calls / "2026-11-16/100000-d16").iterdir()} == {"events.jsonl", "report.json"}
    assert len(list((calls / "2026-11-20/100000-d20").iterdir())) == 4
    assert str(sweep(database, calls, options, NOW)).startswith("0 sessions, 0 transcripts, 0 tool calls, 0 recordings")


def test_what_was_deleted_is_not_filed_again(database, calls):
    """Folders may be kept for longer than rows: they must not bring sessions back."""
    options = RetentionOptions(session_days=5)
    sweep(database, calls, options, datetime.now(timezone.utc))
    oldest = oldest_day(StoreOptions(retention=options))
    assert all(folder.parent.name >= oldest for folder in unfiled(database, calls, oldest))


def test_a_time_of_its_own_goes_before_the_days(database, calls):
    """A complaint keeps a call whole; a caller who wants to be forgotten is, with the folder."""
    keep_until(database, 10, datetime(2027, 1, 1, tzinfo=timezone.utc))
    keep_until(database, 20, datetime(2026, 11, 21, tzinfo=timezone.utc))
    options = RetentionOptions(session_days=5, transcript_days=1, recording_days=1, folder_days=5)
    sweep(database, calls, options, NOW)
    assert of(database, 10).counters["segments"] == 1
    assert len(list((calls / "2026-11-10/100000-d10").iterdir())) == 4
    assert of(database, 20) is None
    assert not (calls / "2026-11-20/100000-d20").exists()


def test_links_and_strangers_are_left_alone(database, calls, tmp_path):
    """A sweep follows no link out of the folder of calls, and deletes nothing that is no call's."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "recording.wav").write_bytes(b"x")
    (calls / "2026-11-10" / "100001-link").symlink_to(outside)
    (calls / "notes").mkdir()
    sweep(database, calls, RetentionOptions(recording_days=1, folder_days=1), NOW)
    assert (outside / "recording.wav").exists()
    assert (calls / "notes").exists()
