"""Keys told by INFO: ``application/dtmf-relay`` (``Signal=5``, ``Duration=160``) and ``application/dtmf`` (``5``)."""

import re

DTMF_TYPES = ("application/dtmf-relay", "application/dtmf")

USUAL_MS = 250
"""The length of a key whose length is not told."""

_SIGNAL = re.compile(r"signal\s*=\s*(\S+)", re.IGNORECASE)
_DURATION = re.compile(r"duration\s*=\s*([0-9]{1,5})", re.IGNORECASE)
_NAMES = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
"""Some name a key by its event number of RFC 4733."""


def read_key(kind: str, body: bytes) -> tuple[str, int] | None:
    """The key (``0-9 * # A-D``) and how long it was held in ms; None where the body makes no sense."""
    text = body[:200].decode("ascii", "replace").strip()
    duration = USUAL_MS
    if kind == "application/dtmf-relay":
        signal, length = _SIGNAL.search(text), _DURATION.search(text)
        if not signal:
            return None
        text = signal.group(1)
        duration = int(length.group(1)) if length else duration
    key = _NAMES.get(text, text.upper())
    return (key, duration) if len(key) == 1 and key in "0123456789*#ABCD" else None
