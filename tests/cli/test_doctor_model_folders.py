"""``trunkline doctor`` on model folders that an operator fills: complete, usable, or what to do."""

import importlib.util

import pytest

from engine import modelfolders
from engine.cli import checks


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def whisper(folder, megabytes):
    folder.mkdir()
    with (folder / "ggml-base.bin").open("wb") as file:
        file.truncate(megabytes * 1_000_000)


def pretend_installed(monkeypatch, *packages):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name in packages or real(name))


def test_no_folder_is_no_finding(models):
    """They are optional: an installation without them is whole."""
    assert list(checks.model_folders()) == []


def test_a_complete_folder_with_its_package_passes(models, monkeypatch):
    pretend_installed(monkeypatch, "pywhispercpp")
    whisper(models / "whisper-large", 100)
    (finding,) = checks.model_folders()
    assert (finding.status, finding.text[:15]) == ("pass", "whisper-large: ")


def test_a_folder_without_its_package_says_what_to_type(models):
    whisper(models / "whisper", 100)
    (finding,) = checks.model_folders()
    assert finding.status == "warn"
    assert finding.todo.endswith("-m pip install 'pywhispercpp>=1.5,<2'")


def test_a_file_that_was_not_copied_whole_fails(models):
    """An interrupted download is the commonest fault of all."""
    whisper(models / "whisper", 3)
    (finding,) = checks.model_folders()
    assert finding.status == "fail"
    assert "ggml-*.bin has 3.0 MB; whole ones have at least 20" in finding.text
    assert "models/README.md" in finding.todo


def test_what_the_manifest_does_not_know_is_left_alone(models):
    """minilm and silero are `trunkline models install`'s own; other folders are nobody's business."""
    for name in ("minilm", "silero", "voskhi", "notes"):
        (models / name).mkdir()
    assert modelfolders.folders() == []


def test_a_broken_manifest_is_a_finding(models):
    (models / "manifest.yaml").write_text("whisper: [")
    (finding,) = checks.model_folders()
    assert finding.status == "fail"
    assert "manifest.yaml" in finding.text
