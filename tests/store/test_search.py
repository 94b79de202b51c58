"""Search over past calls: by words in every script, by what is known of a call, page by page."""

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from store_world import whole

from engine import paths
from engine.store import search
from engine.store.errors import BadQuery
from engine.store.refiling import file_folder
from engine.store.search import Query, find
from engine.store.words import words

FIRST = datetime(2026, 11, 20, 10, tzinfo=timezone.utc)


@pytest.fixture
def filed(database, left):
    """``filed(*texts, **what is known)``: a session c0, c1, ... a minute after the one before."""
    names = []

    def file(*texts, extra=(), **known):
        number = len(names)
        names.append(f"c{number}")
        at = FIRST + timedelta(minutes=number)
        log = whole(*texts, name=names[-1], started=at.isoformat(), **known)
        folder = left(f"2026-11-20/{at:%H%M%S}-{names[-1]}", *log[:-2], *extra, *log[-2:])
        file_folder(database, folder, paths.calls())
        return names[-1]

    return file


def found(database, **query):
    page = database.run(lambda connection: find(connection, Query(**query)))
    return [row["session_id"] for row in page.rows]


def test_words_of_indian_languages_are_whole(database, filed):
    """Databases take them apart at vowel signs: ऑर्डर would be found by डर, which is another word. A word that begins
    with the one asked for is found, as endings are added in these languages."""
    hindi = filed("मेरा ऑर्डर कहाँ है")
    malayalam = filed("എന്റെ ഓർഡറിന്റെ വിവരം", language="ml")
    tamil = filed("எனது ஆர்டர் எங்கே", language="ta")
    assert found(database, text="ऑर्डर") == [hindi]
    assert found(database, text="डर") == []
    assert found(database, text="ഓർഡറ") == [malayalam]
    assert found(database, text="ഓര\u0d4d\u200dഡറിന്റെ") == [malayalam]  # an old keyboard's way to write it
    assert found(database, text="ஆர்டர்") == [tamil]
    assert found(database, text="டர்") == []


def test_all_words_in_any_order_over_the_whole_call(database, filed):
    """People remember two things of a call, not the sentence: case, accents and order do not matter."""
    both = filed("I want a refund", "for the Café bill")
    filed("I want a refund")
    assert found(database, text="cafe REFUND") == [both]
    assert found(database, text="ref caf") == [both]
    assert found(database, text="refund zebra") == []
    with pytest.raises(BadQuery, match="no word"):
        found(database, text="?!")


@pytest.mark.parametrize("asked", ['"', "a' OR 1=1 --", "x\" OR words:*", "(NEAR a)", "%", "\\", "a:* & !b", "'':*"])
def test_what_is_asked_is_never_syntax(database, filed, asked):
    """Words go to two query languages; signs of theirs in a question must neither fail nor widen it."""
    filed("something else")
    try:
        assert found(database, text=asked) == []
    except BadQuery:
        assert not words(asked)


def test_what_is_known_of_a_call(database, filed):
    """Each field narrows; together they narrow further."""
    plain = filed("hello", caller="+91 484 123")
    failed = filed("hello", agent="booker", language="ml", cause="left to the dialplan", by="engine",
                   extra=[{"event": "error", "where": "recogniser", "message": "gone"},
                          {"event": "on_wire", "gen": 1, "after_voice_ms": 1800.0}])
    ours = filed("hello", called="200", direction="outbound", node="two:8084")
    expected = {
        plain: [{"caller": "484"}, {"agent": "clerk", "before": FIRST + timedelta(minutes=1)}],
        failed: [{"agent": "booker"}, {"language": "ml"}, {"error": True}, {"slower_ms": 1500.0},
                 {"outcome": "let_go"}],
        ours: [{"called": "200"}, {"node": "two:8084"}, {"after": FIRST + timedelta(minutes=2)}],
    }
    for name, queries in expected.items():
        for query in queries:
            assert found(database, **query) == [name], query
    assert found(database, error=False) == [ours, plain]
    assert found(database, caller="%") == []
    assert found(database, agent="booker", text="hello", error=False) == []


def test_pages_follow_one_another_while_new_calls_come(database, filed):
    """A cursor is a place, not a number: nothing is shown twice or left out because a call came meanwhile."""
    names = [filed("hello") for _ in range(5)]
    shown, cursor = [], ""
    for _ in range(3):
        query = Query(text="hello", limit=2, cursor=cursor)
        page = database.run(lambda connection, query=query: find(connection, query))
        shown += [row["session_id"] for row in page.rows]
        cursor = page.following
        filed("hello")
    assert shown == names[::-1]
    assert cursor == ""
    with pytest.raises(BadQuery, match="no cursor"):
        found(database, cursor="bm9wZQ")


def test_postgres_has_an_index_for_words(shared):
    """The expression of the query must be that of the index, letter by letter, or every search reads every row."""
    asked = search._said(SimpleNamespace(dialect=SimpleNamespace(name="postgresql")), "word")

    def plan(connection):
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        query = asked.compile(connection)
        return "\n".join(connection.exec_driver_sql(f"EXPLAIN {query}", query.params).scalars())

    assert "ix_transcription_segments_words" in shared.run(plan)


@given(st.text())
def test_words_are_what_both_databases_keep_whole(said):
    """A word has letters, digits and signs of letters alone, and is not so long that PostgreSQL refuses it."""
    for word in words(said):
        assert word
        assert len(word) <= 64
        assert words(word) == [word]
        assert not set(word) & set(" '\"\\:*&|!()<>")
