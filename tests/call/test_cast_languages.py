"""The language of a call as recognisers name it."""

import pytest

from engine.cast import _code


@pytest.mark.parametrize(("told", "code"), [
    ("ml", "ml"), ("ml-IN", "ml"), ("malayalam", "ml"), ("Tamil", "ta"), ("english", "en"), ("", "")])
def test_recognisers_name_languages_in_their_own_ways(told, code):
    """Deepgram says ``ml``, Azure ``ml-IN``, whisper ``malayalam``."""
    assert _code(told) == code
