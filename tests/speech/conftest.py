"""Fixtures of the tests of hearing and speaking."""

import pytest


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    return tmp_path
