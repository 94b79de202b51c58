"""A browser calls FreeSWITCH: the page `/phone` in a real Chromium, SIP over WebSocket, WebRTC, the shipped profile."""

import re
import shutil
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from callers import speak
from measured import NUMBER
from switchboard import HOST, Engine, FreeSwitch, find_freeswitch, free_port

pytestmark = pytest.mark.switch

QUESTION = "how do I reset my password"

Place = tuple[FreeSwitch, Engine, str]


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
        yield chrome.new_page(locale="en-GB", viewport={"width": 390, "height": 760})
        chrome.close()


@pytest.fixture
def place(tmp_path: Path, home: Path) -> Iterator[Place]:
    """FreeSWITCH with browser calls on, an engine that serves the page, and the page's address."""
    port, sockets = free_port(), free_port()
    switch = FreeSwitch(
        find_freeswitch(), tmp_path, port, FREESWITCH_BROWSER_CALLS="on", FREESWITCH_BROWSER_WS_PORT=str(sockets),
        FREESWITCH_BROWSER_WSS_PORT=str(free_port()), FREESWITCH_BROWSER_SIP_PORT=str(free_port()),
    )
    engine = Engine(tmp_path, port, home, http={"port": 0, "phone": {"url": f"ws://{HOST}:{sockets}"}})
    try:
        switch.start()
        engine.wait_ready()
        served = re.search(r"http://[\d.:]+", engine.output())
        assert served, engine.output()
        yield switch, engine, f"{served[0]}/phone"
    finally:
        engine.child.end(10)
        switch.stop()


def test_a_browser_is_answered(place: Place, page: Any, folder: Path) -> None:  # noqa: ANN401
    """The page calls the number, hears the greeting, asks, is answered and hangs up: as from any telephone."""
    switch, engine, address = place
    page.goto(address)
    page.get_by_label("Number").fill(NUMBER)
    page.get_by_role("button", name="Call", exact=True).click()
    page.get_by_text("Connected").wait_for(timeout=15000)
    call = engine.call_of("browser")
    call.wait("media_attached", 10)
    asked = call.wait("user_said", 30)
    assert "password" in asked[0]["text"]
    page.wait_for_function("parseFloat(document.querySelector('.meter > i').style.transform.slice(7)) > 0.05")
    page.screenshot(path=str(folder / "phone.png"))
    page.get_by_role("button", name="5", exact=True).click()
    assert call.wait("dtmf", 5)[0]["digit"] == "5"
    page.get_by_role("button", name="Hang up").click()
    assert call.wait("hangup", 5)[0]["cause"] == "NORMAL_CLEARING"
    page.get_by_text("You hung up.").wait_for()
    assert page.get_by_role("button", name="Call", exact=True).is_visible()
    assert "ERR" not in "".join(line for line in switch.log().splitlines() if "sofia/browsers" in line)


def test_a_number_that_nobody_has_is_told(place: Place, page: Any) -> None:  # noqa: ANN401
    """A refusal of FreeSWITCH reaches the page in words, and nothing of the call is left."""
    switch, _, address = place
    page.goto(address)
    page.get_by_label("Number").fill("*99#")
    page.get_by_role("button", name="Call", exact=True).click()
    page.get_by_text("There is no such number.").wait_for(timeout=15000)
    assert switch.channels() == []
