"""Files in a temporary folder, read in this process."""

import pytest

from engine.knowledge.reading.limits import Limits
from engine.knowledge.reading.onefile import read


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "documents"
    made.mkdir()
    return made


@pytest.fixture
def write(folder):
    def make(name, data):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return make


@pytest.fixture
def document(folder, write):
    def make(name, data, cut=None):
        return read(write(name, data), folder, Limits(cut=cut) if cut else None)

    return make
