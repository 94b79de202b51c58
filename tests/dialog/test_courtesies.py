"""Courtesies are recognised only when they are all that was said."""

import pytest

from engine.dialog.courtesies import courtesy


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Thank you!", "thanks"),
        ("no thank you, goodbye", "goodbye"),
        ("Yes please.", "yes"),
        ("yeah", "yes"),
        ("Could you repeat that?", "repeat"),
        ("hello", "greeting"),
        ("no", "no"),
        ("that's all thanks bye", "goodbye"),
        ("yes how much does it cost", None),
        ("no how do I pay", None),
        ("hi what time do you open", None),
        ("yesterday", None),
        ("", None),
        ("?!", None),
    ],
)
def test_courtesy(said, kind):
    assert courtesy(said) == kind
