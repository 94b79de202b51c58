"""GET /sessions and below it, on a real engine with real calls of the stand-in, over HTTP."""

import http.client
import json
import wave

import pytest
from call_providers import providers
from call_world import QUICK, Caller, merged
from call_world import wait as wait_for
from hypothesis import given
from hypothesis import strategies as st
from store_world import whole

from engine import paths
from engine.config import Config, HttpOptions
from engine.service import Engine
from engine.standin.standin import StandIn
from engine.store.refiling import file_folder
from engine.web import sessions
from engine.web.app import Web
from engine.web.sessionmodels import Events, Items, SessionFull, SessionList, ToolCalls, Transcript
from engine.web.wavefile import ranged


class Api:
    """An engine, its HTTP server and a switch."""

    def __init__(self, engine, web, switch):
        self.engine, self.web, self.switch = engine, web, switch

    def raw(self, method, path, headers=None):
        connection = http.client.HTTPConnection(*self.web.address, timeout=10)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def get(self, path, status=200):
        got, body, _ = self.raw("GET", path)
        assert got == status, body
        return json.loads(body)

    def file(self, folder):
        self.engine.store.filing.check_schema()
        assert file_folder(self.engine.store.database, folder, paths.calls())


@pytest.fixture
def api(home):
    """``api(**options)`` of the configuration."""
    opened = []

    def make(**changes):
        config = Config.model_validate(merged(merged(QUICK, {"store": {"write_every_ms": 20}}), changes))
        engine = Engine(config, providers())
        engine.start()
        web = Web(HttpOptions(port=0), sessions.routes(engine))
        web.start()
        switch = StandIn()
        switch.__enter__()
        opened.append((engine, web, switch))
        return Api(engine, web, switch)

    yield make
    for engine, web, switch in opened:
        switch.__exit__(None, None, None)
        web.stop()
        engine.stop()


def test_a_real_call_from_its_first_second_to_its_files(api):
    """Live it is found, shown and hung up; over, its log, report, page and recording are found by its id."""
    world = api(record={"page": True})
    call = Caller(world.switch.place(world.engine.event_socket_address, dialplan=["playback sorry.wav"]))
    call.greeted()
    path = f"/sessions/{call.uuid}"
    live = world.get(path)
    assert SessionFull.model_validate(live)
    assert (live["live"], live["state"], live["direction"]) == (True, "talking", "inbound")
    assert world.get("/sessions?status=active")["data"][0]["session_id"] == call.uuid
    status, body, _ = world.raw("DELETE", path)
    assert (status, json.loads(body)["status"]) == (202, "ending")
    wait_for(lambda: not world.get(path)["live"] and world.get(path)["filed"], "the call did not end")
    over = world.get(path)
    assert (over["state"], over["hangup_by"], over["hangup_cause"]) == ("ended", "agent", "NORMAL_CLEARING")
    assert {one["role"] for one in over["participants"]} >= {"customer"}
    assert world.raw("DELETE", path)[0] == 409

    said = world.get(f"{path}/transcript")
    assert Transcript.model_validate(said)
    assert said["data"][0]["text"] == "Hello there."
    wait_for(lambda: world.get(f"{path}/events?limit=2000")["data"][-1]["event"] == "call_ended", "the log has no end")
    events = world.get(f"{path}/events?limit=2000")
    assert [events["data"][0]["event"], events["data"][-1]["event"]] == ["call_started", "call_ended"]
    assert any(event["event"] == "told_to_end" for event in events["data"])
    wait_for(lambda: world.raw("GET", f"{path}/page")[0] == 200, "no page", 20)
    assert world.get(f"{path}/report")["call"]["id"] == call.uuid
    status, page, headers = world.raw("GET", f"{path}/page")
    assert headers["Content-Type"].startswith("text/html")
    assert call.uuid.encode() in page
    status, audio, headers = world.raw("GET", f"{path}/recording")
    assert (status, headers["Content-Type"]) == (200, "audio/wav")
    assert audio == (paths.calls() / over["recording_uri"]).read_bytes()


def test_lists_and_their_pages(api, left):
    """Search by what was said and known; cursors; the same models as /openapi.json promises."""
    world = api()
    for number in range(3):
        world.file(left(f"2026-11-20/10000{number}-c{number}", *whole(
            "I want a refund", "for number three", name=f"c{number}", node="elsewhere:1",
            started=f"2026-11-20T10:0{number}:00+00:00")))
    first = world.get("/sessions?q=REFUND&limit=2&agent=clerk&error=false&after=2026-11-20T00:00:00")
    assert SessionList.model_validate(first)
    assert [row["session_id"] for row in first["data"]] == ["c2", "c1"]
    rest = world.get(f"/sessions?q=REFUND&limit=2&cursor={first['next']}")
    assert ([row["session_id"] for row in rest["data"]], rest["next"]) == (["c0"], None)
    page = world.get("/sessions/c1/transcript?limit=1")
    assert [one["text"] for one in page["data"]] == ["I want a refund"]
    assert isinstance(page["data"][0]["segment_id"], int)
    page = world.get(f"/sessions/c1/transcript?after={page['next']}")
    assert ([one["text"] for one in page["data"]], page["next"]) == (["for number three"], None)
    lines = world.get("/sessions/c1/events?limit=2")
    assert Events.model_validate(lines)
    assert [line["event"] for line in lines["data"]] == ["call_started", "answered"]
    assert world.get(f"/sessions/c1/events?after={lines['next']}")["data"][0]["event"] == "agent_picked"
    assert ToolCalls.model_validate(world.get("/sessions/c1/tools"))
    assert Items.model_validate(world.get("/sessions/c1/items"))


REFUSED = [
    ("GET", "/sessions/nobody", 404, "session_not_found"),
    ("DELETE", "/sessions/nobody", 404, "session_not_found"),
    ("GET", "/sessions/nobody/recording", 404, "session_not_found"),
    ("GET", "/sessions/nobody/transcript", 404, "session_not_found"),
    ("GET", "/sessions/there/recording", 404, "no_recording"),
    ("GET", "/sessions/there/report", 404, "no_report"),
    ("GET", "/sessions/there/page", 404, "no_page"),
    ("DELETE", "/sessions/there", 409, "session_over"),
    ("GET", "/sessions?cursor=x", 422, "invalid_value"),
    ("GET", "/sessions?q=%3F", 422, "invalid_value"),
    ("GET", "/sessions?limit=0", 422, None),
    ("GET", "/sessions?after=0001-01-01T00:00:00%2B14:00", 422, None),
    ("GET", "/sessions?caller=%00", 422, None),
    ("GET", "/sessions?slower_ms=nan", 422, None),
    ("GET", "/sessions/%00", 404, "session_not_found"),
    ("GET", "/sessions/%ff%fe/events", 404, "session_not_found"),
    ("GET", "/sessions?colour=red", 422, None),
]


def test_what_is_not_there_is_said_in_the_common_shape(api, left):
    """Every refusal has a code for programs and says what is wrong."""
    world = api()
    world.file(left("2026-11-20/100000-there", *whole(name="there")))
    for method, path, status, code in REFUSED:
        got, body, _ = world.raw(method, path)
        error = json.loads(body)["error"]
        assert (got, error["code"] if code else None) == (status, code), path
        assert error["request_id"]


def test_files_of_another_node_and_paths_out_of_the_folder(api, left):
    """The rows are everywhere, the files are where the call was. A row that points elsewhere opens nothing."""
    from sqlalchemy import update

    from engine.store.tables import call_sessions

    world = api()
    world.file(left("2026-11-20/100000-far", *whole(name="far", node="far:8084")))
    (paths.calls() / "2026-11-20/100000-far").rename(paths.calls().parent / "gone")
    assert "far:8084" in world.get("/sessions/far/events", 404)["error"]["message"]
    for folder in ("../gone", "/etc", "2026-11-20/../../gone"):
        world.engine.store.database.run(lambda connection, folder=folder: connection.execute(
            update(call_sessions).where(call_sessions.c.session_id == "far").values(folder=folder)), write=True)
        assert world.get("/sessions/far/events", 404)["error"]["code"] == "no_files"


def test_a_database_that_is_gone_takes_no_live_call_from_sight(api, home):
    """Finished sessions cannot be asked for then, and that is said; a live call is shown and hung up all the same."""
    (home / "store.sqlite").mkdir()
    world = api()
    call = Caller(world.switch.place(world.engine.event_socket_address, dialplan=["playback sorry.wav"]))
    call.greeted()
    shown = world.get(f"/sessions/{call.uuid}")
    assert SessionFull.model_validate(shown)
    assert shown["state"] == "talking"
    assert world.get("/sessions", 503)["error"]["code"] == "store_unavailable"
    assert world.get("/sessions/other", 503)["error"]["code"] == "store_unavailable"
    state = world.engine.snapshot()
    assert (state.status, state.components["db"].status) == ("degraded", "degraded")
    assert world.raw("DELETE", f"/sessions/{call.uuid}")[0] == 202
    wait_for(lambda: not world.engine.calls, "the call goes on")


def test_without_a_store(api):
    """``store.enabled: false``: no database is made, and the API says why it has nothing."""
    world = api(store={"enabled": False})
    assert world.get("/sessions", 503)["error"]["code"] == "store_off"
    assert not (paths.home() / "store.sqlite").exists()


def test_ranges_of_a_recording(api, left):
    """Players ask for pieces. Of a recording that a crash left, the header is mended on the way."""
    world = api()
    folder = left("2026-11-20/100000-there", *whole(name="there"))
    with wave.open(str(folder / "recording.wav"), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(range(256)) * 1000)
    world.file(folder)
    right = (folder / "recording.wav").read_bytes()
    (folder / "recording.wav").write_bytes(right[:4] + b"\0\0\0\0" + right[8:40] + b"\0\0\0\0" + right[44:])
    path = "/sessions/there/recording"
    assert world.raw("GET", path)[1] == right
    status, body, headers = world.raw("GET", path, {"Range": "bytes=40-139"})
    assert (status, body, headers["Content-Range"]) == (206, right[40:140], f"bytes 40-139/{len(right)}")
    assert world.raw("GET", path, {"Range": "bytes=-10"})[1] == right[-10:]
    assert world.raw("GET", path, {"Range": f"bytes={len(right) - 5}-"})[1] == right[-5:]
    status, _, headers = world.raw("GET", path, {"Range": f"bytes={len(right)}-"})
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(right)}")
    status, body, headers = world.raw("HEAD", path)
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(right)))


@given(st.one_of(st.text(max_size=20), st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True)),
       st.integers(44, 10**9))
def test_any_range_is_within_the_file_or_refused(wanted, size):
    """Whatever a client sends, nothing beyond the file is read, and no range is empty unless it is refused."""
    span = ranged(wanted, size)
    assert span is None or (0 <= span[0] < span[1] <= size) or span[0] >= size
