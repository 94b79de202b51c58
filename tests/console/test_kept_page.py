"""The page of a call that can be kept, as the engine shows it."""

import pytest
from console_browser import CHROMIUM

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium")


def test_it_plays_and_follows_as_in_its_file(world, chromium, call):
    """Its own policy lets its own script and its own recording run; that of the server must not take them away."""
    chromium.page(f"{world.url}/sessions/{call.uuid}/page")
    chromium.until("document.querySelector('audio').duration > 1")
    chromium.press("ArrowRight")
    chromium.until("document.querySelector('audio').currentTime > 1")
    assert chromium.faults() == []


def test_nobody_else_shows_it(world, call):
    status, headers, _ = world.get(f"/sessions/{call.uuid}/page")
    assert status == 200 and "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
