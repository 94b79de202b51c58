"""The reference page of the HTTP API is made from the routes."""

from pathlib import Path

from engine.web.page import reference

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_page_is_current():
    """Made by ``python -m engine.web.page > docs/http-api.md``."""
    assert (ROOT / "docs/http-api.md").read_text() == reference()
