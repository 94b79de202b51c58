"""A browser calls FreeSWITCH: SIP over WebSocket and WebRTC in a real Chromium, through the shipped profile."""

import functools
import shutil
import threading
import wave
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from callers import speak
from conftest import NUMBER
from switchboard import HOST, ROOT, Engine, FreeSwitch, find_freeswitch, free_port

pytestmark = pytest.mark.switch

PHONE = ROOT / "engine/web/static/phone"
QUESTION = "how do I reset my password"

Place = tuple[FreeSwitch, Engine, str]

PAGE = """<!doctype html><meta charset="utf-8"><script type="module">
import { Call } from "./call.js";
window.states = [];
window.call = async (url, number) => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const call = window.current = new Call({ url, number, name: "Page" });
  const speaker = new Audio();
  speaker.srcObject = call.remote;
  speaker.play();
  call.addEventListener("state", ({ detail }) => window.states.push([detail.state, detail.reason]));
  try { await call.start(stream); } catch (fault) { return fault.message; }
  return "talking";
};
window.heard = async () => {
  const report = await window.current.peer.getStats();
  for (const one of report.values()) if (one.type === "inbound-rtp") return [one.packetsReceived, one.totalAudioEnergy];
  return [0, 0];
};
window.loaded = true;
</script>"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a web server with the page and the scripts that are shipped."""
    folder = tmp_path_factory.mktemp("pages")
    for script in PHONE.glob("*.js"):
        shutil.copy(script, folder)
    (folder / "index.html").write_text(PAGE)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer((HOST, 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://{HOST}:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """A page of Chromium whose microphone asks the question, with silence before and after."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.skip("no Chromium is installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    question = speak(QUESTION, tmp_path)
    quiet = np.zeros(8000, np.int16)
    track = np.concatenate([*[quiet] * 6, question, *[quiet] * 60])
    with wave.open(str(tmp_path / "microphone.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(track.tobytes())
    arguments = [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync",
        "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={tmp_path / 'microphone.wav'}",
        "--autoplay-policy=no-user-gesture-required",
    ]
    with sync_api.sync_playwright() as play:
        chrome = play.chromium.launch(executable_path=chromium, args=arguments)
        yield chrome.new_page()
        chrome.close()


@pytest.fixture
def place(tmp_path: Path, home: Path) -> Iterator[Place]:
    """FreeSWITCH with browser calls on, an engine, and where browsers connect."""
    port, sockets = free_port(), free_port()
    switch = FreeSwitch(
        find_freeswitch(), tmp_path, port, FREESWITCH_BROWSER_CALLS="on", FREESWITCH_BROWSER_WS_PORT=str(sockets),
        FREESWITCH_BROWSER_WSS_PORT=str(free_port()), FREESWITCH_BROWSER_SIP_PORT=str(free_port()),
    )
    engine = Engine(tmp_path, port, home)
    try:
        switch.start()
        engine.wait_ready()
        yield switch, engine, f"ws://{HOST}:{sockets}"
    finally:
        engine.child.end(10)
        switch.stop()


def test_a_browser_is_answered(place: Place, page: Any, pages: str) -> None:  # noqa: ANN401
    """A page calls the number, hears the greeting, asks, is answered and hangs up: as from any telephone."""
    switch, engine, url = place
    page.goto(pages)
    page.wait_for_function("window.loaded")
    told = page.evaluate("([url, number]) => window.call(url, number)", [url, NUMBER])
    assert told == "talking", switch.log()[-3000:]
    call = engine.call_of("browser")
    call.wait("media_attached", 10)
    asked = call.wait("user_said", 30)
    assert "password" in asked[0]["text"]
    call.wait("agent_said", 30, count=2)
    packets, energy = page.evaluate("window.heard()")
    assert packets > 100
    assert energy > 0.01
    page.evaluate("window.current.hangUp()")
    assert call.wait("hangup", 5)[0]["cause"] == "NORMAL_CLEARING"
    states = [state for state, _ in page.evaluate("window.states") if state != "ringing"]
    assert states == ["connecting", "talking", "ended"]


def test_a_number_that_nobody_has_is_told(place: Place, page: Any, pages: str) -> None:  # noqa: ANN401
    """A refusal of FreeSWITCH reaches the page in words, and nothing of the call is left."""
    switch, _, url = place
    page.goto(pages)
    page.wait_for_function("window.loaded")
    assert page.evaluate("([url]) => window.call(url, '*99#')", [url]) == "there is no such number"
    assert switch.channels() == []
