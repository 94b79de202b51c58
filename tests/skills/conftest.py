"""Fixtures of the tests of skills."""

import pytest
from skill_world import World


@pytest.fixture
def world(tmp_path):
    """Makes worlds; at the end nothing of them runs any more."""
    made = []

    def make(*scripts, **options):
        options.setdefault("home", tmp_path)
        made.append(World(*scripts, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
