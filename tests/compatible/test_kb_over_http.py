"""The knowledge base over HTTP: search, ask, upload, follow, look at, delete, read again; and that calls see it."""

import json
from pathlib import Path
from types import SimpleNamespace

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.filling import uploads
from engine.knowledge.filling.jobs import AT_ONCE, Jobs
from engine.knowledge.filling.report import Progress, Report
from engine.knowledge.filling.uploads import checked_name
from engine.web import knowledge
from engine.web.route import Key

NEWS = "---\ntitle: Library\n---\nThe library lends books for two weeks.\n"


def followed(at, job):
    """The job when it is over, and the states that were told on the way."""
    status, text = at.ask("GET", f"/api/kb/jobs/{job['id']}/events")
    assert status == 200
    told = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    return told[-1], [each["state"] for each in told]


def upload(at, collection, **files):
    status, job = at.ask("POST", "/api/kb/documents", data={"collection": collection}, files=[
        ("file", (name.replace("_", "."), text.encode())) for name, text in files.items()])
    assert status == 202, job
    return followed(at, job)


def test_a_search_gives_a_context_and_what_it_is_made_of(world):
    """``{"query"}`` alone gives ``context``, as the original interface does; the rest is there for who wants it."""
    status, found = world().ask("POST", "/api/rag/search", {"query": "opening hours of the desk"})
    assert status == 200
    assert found["context"].startswith("[1] Opening hours\n")
    assert "nine to five" in found["context"]
    best = found["results"][0]
    assert (best["document"], best["title"], best["text"][:8]) == ("hours", "Opening hours", "The desk")
    assert set(best["features"]) == {"meaning", "words", "bm25", "fused"}
    assert [cited["chunk_id"] for cited in found["citations"]] == [hit["chunk_id"] for hit in found["results"]]
    assert (found["collection"], found["search"]) == ("desk", "keywords")


def test_visitors_of_a_page_are_not_told_where_files_lie(world):
    """An ephemeral secret is in the hands of everybody who opens the page."""
    (route,) = [one for one in knowledge.routes(world().engine) if one.path == "/api/rag/search"]
    for ephemeral in (False, True):
        key = Key("somebody", frozenset({"talk"}), ephemeral=ephemeral)
        found = route.handle(SimpleNamespace(body=knowledge.SearchBody(query="green tea", collection="desk"), key=key))
        assert found.results and found.citations
        assert all(("uri" in one) is not ephemeral for one in (*found.results, *found.citations))


def test_a_search_keeps_to_its_filters_and_its_number(world):
    at = world()
    _, found = at.ask("POST", "/api/rag/search", {"query": "tea or parking or hours", "filters": {"tags": ["menu"]}})
    assert {hit["document"] for hit in found["results"]} == {"tea"}
    _, found = at.ask("POST", "/api/rag/search", {"query": "tea or parking or desk", "top_k": 1})
    assert len(found["results"]) == 1


@pytest.mark.parametrize(("body", "status", "told"), [
    ({}, 422, "query"), ({"query": "x", "top_k": 0}, 422, "top_k"),
    ({"query": "x", "collection": "nowhere"}, 404, "nowhere"), ({"query": "x", "collection": "../x"}, 400, "cannot be"),
    ({"query": "x", "filters": {"tags": ["meny"]}}, 400, "there are: menu"),
    ({"query": "x", "filters": {"on": "tomorrow"}}, 400, "2026-05-31"),
    ({"query": "x", "filters": {"tag": ["menu"]}}, 422, "filters.tag"),
])
def test_a_search_that_cannot_be_is_refused(world, body, status, told):
    got, answer = world().ask("POST", "/api/rag/search", body)
    assert got == status, answer
    assert told in answer["error"]["message"]


def test_a_question_tells_its_decision_and_why_this_passage(world):
    at = world()
    status, answer = at.ask("POST", "/api/kb/ask", {"question": "how much is green tea"})
    assert (status, answer["decision"]) == (200, "answer")
    assert "two euros" in answer["text"]
    assert "is not below" in answer["why"]
    assert answer["passages"][0]["document"] == answer["citations"][0]["document"] == "tea"
    assert 0 < answer["passages"][0]["features"]["words"] <= 1
    _, unknown = at.ask("POST", "/api/kb/ask", {"question": "who won the cup final"})
    assert (unknown["decision"], unknown["citations"]) == ("unknown", [])


def test_an_uploaded_document_is_read_followed_and_found_by_the_next_question(world):
    """Also by whoever has the collection open: no restart."""
    at = world()
    job, states = upload(at, "news", library_md=NEWS)
    assert (job["state"], job["report"]["added"], job["error"]) == ("done", ["library"], "")
    assert states[-1] == "done"
    _, answer = at.ask("POST", "/api/kb/ask", {"question": "for how long does the library lend", "collection": "news"})
    assert "two weeks" in answer["text"]
    job, _ = upload(at, "news", tram_md="---\ntitle: Tram\n---\nThe tram leaves every ten minutes.\n")
    assert (job["report"]["added"], job["report"]["unchanged"]) == (["tram"], 1)
    _, answer = at.ask("POST", "/api/kb/ask", {"question": "when does the tram leave", "collection": "news"})
    assert "ten minutes" in answer["text"]
    _, listed = at.ask("GET", "/api/kb/documents?collection=news&limit=1")
    assert ([each["id"] for each in listed["documents"]], listed["next"]) == (["library"], "library")
    _, listed = at.ask("GET", "/api/kb/documents?collection=news&after=library")
    assert ([each["id"] for each in listed["documents"]], listed["next"]) == (["tram"], None)
    _, shown = at.ask("GET", "/api/kb/documents/tram?collection=news")
    assert shown["passages"][0]["text"] == "The tram leaves every ten minutes."
    _, stats = at.ask("GET", "/api/kb/collections/news")
    assert (stats["documents"], stats["passages"], stats["index"]) == (2, 2, "none")
    _, all_of = at.ask("GET", "/api/kb/collections")
    assert {"desk", "news"} <= {one["name"] for one in all_of["collections"]}


def test_a_deleted_document_is_gone_with_its_file_and_stays_gone(world):
    """Reading the folder again must not bring it back."""
    at = world()
    upload(at, "gone", library_md=NEWS, tram_md="---\ntitle: Tram\n---\nThe tram leaves every ten minutes.\n")
    status, answer = at.ask("DELETE", "/api/kb/documents/library?collection=gone")
    assert (status, answer["deleted"], answer["file_left"]) == (200, True, "")
    status, job = at.ask("POST", "/api/kb/reindex", {"collection": "gone"})
    assert status == 202
    done, _ = followed(at, job)
    assert (done["state"], done["report"]["documents"], done["report"]["added"]) == ("done", 1, [])
    status, answer = at.ask("GET", "/api/kb/documents/library?collection=gone")
    assert (status, answer["error"]["code"]) == (404, "document_not_found")


def test_a_document_from_elsewhere_is_deleted_and_its_file_is_named(world, desk_home):
    """What was ingested by the command line is the operator's: the answer says what would bring it back."""
    at = world()
    status, answer = at.ask("DELETE", "/api/kb/documents/parking?collection=desk")
    assert status == 200
    assert answer["file_left"] == str(desk_home / "given" / "parking.md")


def test_a_file_that_cannot_be_read_is_told_with_its_reason(world):
    job, _ = upload(world(), "mixed", good_md=NEWS, bad_docx="PK\x03\x04 and nothing more")
    assert job["state"] == "done"
    assert job["report"]["added"] == ["good"]
    assert "bad.docx" in job["report"]["failed"][0]
    job, _ = upload(world(), "broken", bad_docx="PK\x03\x04 and nothing more")
    assert job["state"] == "failed"
    assert "nothing was ingested" in job["error"]


@pytest.mark.parametrize(("name", "collection", "status", "told"), [
    ("x.exe", "up", 400, "cannot be read"), (".hidden.md", "up", 400, "cannot be the name"),
    ("a.md", "../up", 400, "cannot be the name of a collection"), ("", "up", 400, "send 1 to"),
])
def test_what_cannot_be_uploaded_is_refused_and_not_written(world, desk_home, name, collection, status, told):
    got, answer = world().ask("POST", "/api/kb/documents", data={"collection": collection},
                              files={"file": (name, b"x")})
    assert got == status, answer
    assert told in answer["error"]["message"]
    assert not (desk_home / "documents" / "up").exists()


def test_an_upload_leaves_room_for_calls(world, desk_home, monkeypatch):
    """A full disk loses logs and recordings. Refused before it is read, and whoever asks is told what to do."""
    full = SimpleNamespace(free=uploads.KEPT_FREE_BYTES + 100)
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda place: full)
    status, answer = world().ask("POST", "/api/kb/documents", data={"collection": "up"}, files={"file": ("a.md", b"x")})
    assert (status, answer["error"]["code"]) == (507, "disk_full")
    assert not (desk_home / "documents" / "up").exists()


def test_an_upload_keeps_to_its_folder(world, desk_home):
    """Whatever path a client gives, the file lies in the collection's folder, under its last name."""
    upload(world(), "safe", **{"../../../etc/passwd_md": NEWS})
    assert [path.name for path in (desk_home / "documents" / "safe").iterdir()] == ["passwd.md"]


@given(st.text(max_size=40))
def test_no_name_leads_out_of_the_folder(name):
    """Whatever a client calls a file: it is refused, or kept right in the folder under a name that can be shown."""
    try:
        kept = checked_name(name + ".md")
    except KnowledgeError:
        return
    assert (Path("/f") / kept).resolve().parent == Path("/f")
    assert kept.isprintable()
    assert not kept.startswith(".")


def test_jobs_of_a_collection_come_one_after_the_other_and_those_that_wait_are_one():
    """Three uploads while one is read make two runs."""
    running, most, runs, go = [], [0], [0], gevent.event.Event()

    def run(progress, stop):
        running.append(1)
        most[0], runs[0] = max(most[0], len(running)), runs[0] + 1
        progress(Progress(1, 2, 3, 0.5, None))
        go.wait(5)
        running.pop()
        return Report("c", None)

    jobs = Jobs()
    first = jobs.start("c", "upload", run)
    gevent.sleep(0)
    others = [jobs.start("c", "upload", run) for _ in range(3)]
    assert len({job.id for job in others}) == 1
    assert (first.state, others[0].state) == ("running", "waiting")
    go.set()
    states = [state["state"] for state in others[0].follow()]
    assert (states[0], states[-1], most[0], runs[0]) == ("waiting", "done", 1, 2)
    assert first.as_dict()["progress"]["rate"] == 6.0
    jobs.close()


def test_jobs_of_many_collections_leave_cores_to_calls():
    """A client may name any number of collections; each job has worker processes."""
    running, most, go = [], [0], gevent.event.Event()

    def run(progress, stop):
        running.append(1)
        most[0] = max(most[0], len(running))
        go.wait(5)
        running.pop()
        return Report("c", None)

    jobs = Jobs()
    started = [jobs.start(f"c{number}", "upload", run) for number in range(6)]
    gevent.sleep(0)
    assert [job.state for job in started].count("running") == AT_ONCE
    go.set()
    assert [list(job.follow())[-1]["state"] for job in started] == ["done"] * 6
    assert most[0] == AT_ONCE
    jobs.close()


def test_a_job_that_fails_says_why_and_lets_the_next_one_run():
    def fails(progress, stop):
        raise KnowledgeError("no room on the disk")

    jobs = Jobs()
    failed = jobs.start("c", "upload", fails)
    good = jobs.start("c", "reindex", lambda progress, stop: Report("c", None))
    assert [state["state"] for state in good.follow()][-1] == "done"
    assert (failed.state, failed.error) == ("failed", "no room on the disk")
    jobs.close()


def test_a_job_ends_when_the_engine_stops():
    """The run is asked to stop, and followers are told."""
    asked = []

    def runs(progress, stop):
        while not stop():
            asked.append(1)
            gevent.sleep(0.005)
        return Report("c", None, stopped=True)

    jobs = Jobs()
    job = jobs.start("c", "upload", runs)
    gevent.sleep(0.01)
    jobs.close()
    assert asked
    assert job.report.stopped


def test_gaps_are_what_calls_asked_in_vain(world):
    """Read from the logs of calls; none were taken here."""
    status, answer = world().ask("GET", "/api/kb/gaps?decision=unknown&top=3")
    assert (status, answer["calls"], answer["gaps"], answer["collection"]) == (200, 0, [], "desk")
