"""Where Trunkline keeps what outlives a call: models, collections, recordings, logs.

Everything lies below one folder, ``$TRUNKLINE_HOME``, or ``$XDG_DATA_HOME/trunkline`` (``~/.local/share/trunkline``)
when that is not set, so that an operator can mount, back up or delete one thing.
"""

import os
from pathlib import Path


def home() -> Path:
    """The data folder. It need not exist yet."""
    explicit = os.environ.get("TRUNKLINE_HOME")
    if explicit:
        return Path(explicit)
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "trunkline"


def models() -> Path:
    """Model data, one folder a model (``engine/modelstore.py`` fills it)."""
    return home() / "models"


def knowledge() -> Path:
    """Collections of the knowledge base, one folder a collection."""
    return home() / "knowledge"


def documents() -> Path:
    """Documents that were uploaded, one folder a collection."""
    return home() / "documents"


def calls() -> Path:
    """What calls leave behind, one folder a call: event log, recording, page, report."""
    return home() / "calls"


def cache() -> Path:
    """What can be made again: rendered phrases, language models of the recogniser."""
    return home() / "cache"
